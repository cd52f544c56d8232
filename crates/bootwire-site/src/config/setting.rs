//! What there is to know of a key of the server: everything that is told of it comes from here.
//!
//! The tables themselves are in [`model`](super::model): one entry makes the field the file is read
//! into, its default, the flag of `serve`, the text in `--help`, in the schema and in the reference,
//! its range, and whether a change of it takes a restart.

use std::path::PathBuf;
use std::time::Duration;

use super::value::{Many, Net, Size, Time, Unlimited};
use crate::ports::Ports;

/// A key of the server: what it is called, what it means, how it is written.
#[derive(Debug)]
pub struct Setting {
    /// The table it is in; empty for the top of the file.
    pub table: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// How its values are written.
    pub kind: Kind,
    /// Whether it takes a list.
    pub is_list: bool,
    /// How it is set on the command line, where it can be.
    pub flag: Option<Flag>,
    /// Whether a change is in force only after a restart.
    pub needs_restart: bool,
    /// What holds without it, where that is no value.
    pub(super) unset: &'static str,
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number, within bounds.
    Number(u64, u64),
    /// A time, within bounds.
    Time(Duration, Duration),
    /// A size in bytes.
    Size,
    /// A text with a form of its own.
    Text,
    /// One of these words; each with what it means.
    Word(&'static [(&'static str, &'static str)]),
}

/// A setting on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The heading in `--help`.
    pub heading: &'static str,
    /// What stands for its value.
    pub value_name: &'static str,
    /// Its name, where that is not the key's.
    name: &'static str,
}

/// Numbers without bounds of their own.
pub(super) const COUNT: Kind = Kind::Number(0, u32::MAX as u64);

/// A time of so many milliseconds at least and at most.
pub(super) const fn time(from: u64, to: u64) -> Kind {
    Kind::Time(Duration::from_millis(from), Duration::from_millis(to))
}

impl Setting {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            table: "",
            key: "",
            help: "",
            kind,
            is_list: false,
            flag: None,
            needs_restart: true,
            unset: "",
        }
    }

    /// A key of that name and kind elsewhere.
    pub(super) const fn of_route(key: &'static str, kind: Kind) -> Self {
        let mut setting = Self::new(kind);
        setting.key = key;
        setting
    }

    /// It takes a list.
    pub(super) const fn list(mut self) -> Self {
        self.is_list = true;
        self
    }

    /// There is a flag.
    pub(super) const fn flag(mut self, heading: &'static str, value_name: &'static str) -> Self {
        self.flag = Some(Flag {
            heading,
            value_name,
            name: "",
        });
        self
    }

    /// The flag is not called like the key.
    pub(super) const fn named(mut self, name: &'static str) -> Self {
        if let Some(flag) = &mut self.flag {
            flag.name = name;
        }
        self
    }

    /// What holds without it is no value.
    pub(super) const fn unset(mut self, words: &'static str) -> Self {
        self.unset = words;
        self
    }

    /// A change is in force at once.
    pub(super) const fn live(mut self) -> Self {
        self.needs_restart = false;
        self
    }

    /// Its name with that of its table: `budgets.unproven_max`.
    #[must_use]
    pub fn path(&self) -> String {
        match self.table {
            "" => self.key.to_owned(),
            table => format!("{table}.{}", self.key),
        }
    }

    /// The name of its flag, without the dashes.
    #[must_use]
    pub fn flag_name(&self) -> String {
        match self.flag {
            Some(Flag { name, .. }) if !name.is_empty() => name.to_owned(),
            _ => self.key.replace('_', "-"),
        }
    }

    /// Its bounds in words: `8 to 65464`.
    #[must_use]
    pub fn range(&self) -> Option<String> {
        match self.kind {
            Kind::Number(0, _) => None,
            Kind::Number(from, to) => Some(format!("{from} to {to}")),
            Kind::Time(from, to) => Some(format!("{} to {}", Time(from), Time(to))),
            Kind::Switch | Kind::Size | Kind::Text | Kind::Word(_) => None,
        }
    }

    /// What holds without it, in words or as a value; nothing for switches, which are off.
    #[must_use]
    pub fn default(&self) -> Option<String> {
        if !self.unset.is_empty() {
            return Some(self.unset.to_owned());
        }
        self.default_value()
            .filter(|_| !matches!(self.kind, Kind::Switch))
    }

    /// What it is for, its bounds and its default.
    #[must_use]
    pub fn description(&self) -> String {
        let default = self.default().map(|default| format!("default: {default}"));
        let more: Vec<_> = self.range().into_iter().chain(default).collect();
        match more.as_slice() {
            [] => self.help.to_owned(),
            more => format!("{} [{}]", self.help, more.join("; ")),
        }
    }

    /// What is wrong with a value that is out of bounds. Where it was written may name the key.
    pub(super) fn complaint(&self, value: &dyn SettingValue, is_named: bool) -> Option<String> {
        let amount = value.amount()?;
        let bounds = match self.kind {
            Kind::Number(from, to) => u128::from(from)..=u128::from(to),
            Kind::Time(from, to) => from.as_nanos()..=to.as_nanos(),
            Kind::Switch | Kind::Size | Kind::Text | Kind::Word(_) => return None,
        };
        let range = self.range().filter(|_| !bounds.contains(&amount))?;
        let text = value.text().unwrap_or_default();
        Some(match is_named {
            true => format!("{text} is out of range: write {range}"),
            false => format!("{} is {text}: write {range}", self.key),
        })
    }
}

/// A value of a setting.
pub trait SettingValue {
    /// As it is written; `None` if it is not set.
    fn text(&self) -> Option<String>;

    /// As a number to compare: a time in nanoseconds.
    fn amount(&self) -> Option<u128> {
        None
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    fn text(&self) -> Option<String> {
        self.as_ref().and_then(T::text)
    }

    fn amount(&self) -> Option<u128> {
        self.as_ref().and_then(T::amount)
    }
}

impl<T: SettingValue> SettingValue for Many<T> {
    fn text(&self) -> Option<String> {
        let texts: Vec<_> = self.0.iter().filter_map(T::text).collect();
        Some(texts.join(", "))
    }
}

impl SettingValue for Time {
    fn text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn amount(&self) -> Option<u128> {
        Some(self.0.as_nanos())
    }
}

impl SettingValue for PathBuf {
    fn text(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

/// Values that are written as they are shown, and numbers among them.
macro_rules! shown {
    ($($text:ty),*; $($number:ty),*) => {
        $(impl SettingValue for $text {
            fn text(&self) -> Option<String> {
                Some(self.to_string())
            }
        })*
        $(impl SettingValue for $number {
            fn text(&self) -> Option<String> {
                Some(self.to_string())
            }

            fn amount(&self) -> Option<u128> {
                u128::try_from(*self).ok()
            }
        })*
    };
}

shown!(bool, String, Net, Unlimited, Ports, Size; u16, u32, usize);

/// Makes an enum of words: each with its name, how it is written, and what it means.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$attr:meta])* $variant:ident $word:literal $help:literal,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
        pub enum $name {
            $(
                $(#[$attr])*
                #[doc = $help]
                #[serde(rename = $word)]
                $variant,
            )*
        }

        impl $name {
            pub(in crate::config) const WORDS: &[(&str, &str)] = &[$(($word, $help)),*];
        }

        impl $crate::config::setting::SettingValue for $name {
            fn text(&self) -> Option<String> {
                Some(match self { $(Self::$variant => $word.to_owned(),)* })
            }
        }
    )*};
}

/// Makes the tables of the server: each key with its text, type, default and [`Setting`]; below `..`
/// what else is in the table.
macro_rules! tables {
    ($(
        $(#[$doc:meta])*
        $name:ident $table:literal {
            $($help:literal $key:ident: $type:ty = $default:expr => $setting:expr;)*
            $(.. $($(#[$other_doc:meta])* $vis:vis $other:ident: $other_type:ty,)*)?
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Deserialize, JsonSchema, PartialEq)]
            #[serde(deny_unknown_fields, default)]
            pub struct $name {
                $(#[doc = $help] pub $key: $type,)*
                $($($(#[$other_doc])* $vis $other: $other_type,)*)?
            }

            impl Default for $name {
                fn default() -> Self {
                    Self {
                        $($key: $default,)*
                        $($($other: <$other_type>::default(),)*)?
                    }
                }
            }

            impl $name {
                /// The keys of this table and their values.
                fn table(&self) -> impl Iterator<Item = (&'static Setting, &dyn SettingValue)> {
                    let values: Vec<&dyn SettingValue> = vec![$(&self.$key),*];
                    let settings = SETTINGS.iter().filter(|setting| setting.table == $table);
                    settings.zip(values)
                }
            }
        )*

        /// Every key of the server.
        pub static SETTINGS: &[Setting] = &[$($(
            Setting {
                table: $table,
                key: stringify!($key),
                help: $help,
                ..$setting
            },
        )*)*];
    };
}

pub(super) use {tables, words};
