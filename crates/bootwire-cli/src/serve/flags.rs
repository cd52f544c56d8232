//! The flags that set what a configuration can set, too: made of its table of settings.

use std::sync::LazyLock;

use bootwire_site::config::Flags;
use bootwire_site::config::model::SETTINGS;
use bootwire_site::config::setting::{Kind, Setting};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

/// The settings that have a flag, and how it is called.
static FLAGS: LazyLock<Vec<(&Setting, String)>> = LazyLock::new(|| {
    let flags = SETTINGS.iter().filter(|setting| setting.flag.is_some());
    flags
        .map(|setting| (setting, setting.flag_name()))
        .collect()
});

/// A flag for each setting that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingFlags(pub(super) Flags);

impl clap::Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(
            FLAGS
                .iter()
                .filter_map(|(setting, name)| arg(setting, name)),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Flags::default();
        for (setting, name) in FLAGS.iter() {
            if matches!(setting.kind, Kind::Switch) {
                if matches.get_flag(name) {
                    flags.set(setting, Vec::new());
                }
            } else if let Some(values) = matches.get_many::<String>(name) {
                flags.set(setting, values.cloned().collect());
            }
        }
        Ok(Self(flags))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(setting: &Setting, name: &'static str) -> Option<Arg> {
    let flag = setting.flag?;
    let mut help = setting.description();
    if setting.is_list {
        help.insert_str(setting.help.len(), "; may be repeated");
    }
    let arg = Arg::new(name)
        .long(name)
        .help(help)
        .help_heading(flag.heading);
    Some(match setting.kind {
        Kind::Switch => arg.action(ArgAction::SetTrue),
        _ if setting.is_list => arg.value_name(flag.value_name).action(ArgAction::Append),
        Kind::Word(given) => arg
            .value_name(flag.value_name)
            .value_parser(words(given.iter().copied())),
        Kind::Number(..) | Kind::Time(..) | Kind::Size | Kind::Text => {
            arg.value_name(flag.value_name)
        }
    })
}

/// One of these words; each with what it means.
pub(super) fn words(
    words: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> PossibleValuesParser {
    let words = words.into_iter();
    PossibleValuesParser::new(words.map(|(word, help)| PossibleValue::new(word).help(help)))
}

#[cfg(test)]
mod tests {
    use bootwire_site::Config;
    use clap::{Args, CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: SettingFlags,
    }

    /// Help, names and words are those of the table and stand nowhere else.
    #[test]
    fn every_flag_says_what_the_table_says() {
        let command = SettingFlags::augment_args(Command::new("serve"));
        let args: Vec<_> = command.get_arguments().collect();
        assert!(args.len() > 25);
        assert_eq!(args.len(), FLAGS.len());
        for ((setting, name), arg) in FLAGS.iter().zip(args) {
            assert_eq!(arg.get_long(), Some(name.as_str()));
            let help = arg
                .get_help()
                .unwrap()
                .to_string()
                .replace("; may be repeated", "");
            assert_eq!(help, setting.description());
            if let Kind::Word(words) = setting.kind {
                assert_eq!(arg.get_possible_values().len(), words.len());
            }
        }
        Line::command().debug_assert();
    }

    /// What the help says is the default is one that can be given.
    #[test]
    fn every_default_can_be_given() {
        for (setting, name) in FLAGS.iter() {
            let Some(value) = setting.default_value() else {
                continue;
            };
            if matches!(setting.kind, Kind::Switch) {
                continue;
            }
            let line = Line::try_parse_from(["serve", &format!("--{name}"), &value]).unwrap();
            let config = Config::of_flags(&line.flags.0).unwrap();
            let mut found = config.document.settings();
            let (_, given) = found.find(|(one, _)| one.path() == setting.path()).unwrap();
            assert_eq!(given.text(), Some(value), "{name}");
        }
    }
}
