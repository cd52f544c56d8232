//! Which boots and machines are asked for, and answers page by page.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::boot::Keys;
use crate::times::{self, millis, whole_millis, writable};
use crate::{Arch, Boot, Level, Verdict, VerdictKind};

/// Most that a page can have.
const PAGE_MAX: u32 = 1000;

/// Which boots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Those of this machine, by its name or any of its keys.
    pub machine: Option<String>,
    /// Those that failed.
    pub failed: bool,
    /// Those with a verdict of this kind.
    pub kind: Option<VerdictKind>,
    /// Those that are over, or those that are not.
    pub over: Option<bool>,
    /// Those that began then or later.
    pub since: Option<SystemTime>,
    /// Those that began before.
    pub until: Option<SystemTime>,
    /// Those with this text in the machine's name, an address or the verdict, without regard to case.
    pub text: Option<String>,
}

impl Filter {
    /// All.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that failed.
    #[must_use]
    pub fn failed() -> Self {
        Self {
            failed: true,
            ..Self::default()
        }
    }

    /// Those of one machine, by its name or any of its keys.
    #[must_use]
    pub fn machine(word: impl Into<String>) -> Self {
        Self {
            machine: Some(word.into()),
            ..Self::default()
        }
    }

    /// Whether a boot is one of them.
    pub(crate) fn takes(&self, boot: &Boot) -> bool {
        let kind = boot.verdict.as_ref().map(|verdict| verdict.kind);
        self.machine.as_ref().is_none_or(|word| {
            let word = canonical(word);
            words_of(boot).any(|key| key.eq_ignore_ascii_case(&word))
        }) && (!self.failed || boot.is_failure())
            && self.kind.is_none_or(|wanted| kind == Some(wanted))
            && self.over.is_none_or(|over| boot.over == over)
            && self.since.is_none_or(|since| boot.started >= since)
            && self.until.is_none_or(|until| boot.started < until)
            && self
                .text
                .as_ref()
                .is_none_or(|text| searched(boot).contains(&text.to_ascii_lowercase()))
    }
}

/// A key in the spelling in which machines have it.
pub(crate) fn canonical(word: &str) -> String {
    let word = word.trim();
    word.parse::<bootwire::MacAddr>()
        .map_or_else(|_| word.to_owned(), |mac| mac.to_string())
}

/// What a machine answers to.
fn words_of(boot: &Boot) -> impl Iterator<Item = Cow<'_, str>> {
    names(&boot.machine, &boot.keys)
}

pub(crate) fn names<'a>(machine: &'a str, keys: &'a Keys) -> impl Iterator<Item = Cow<'a, str>> {
    let texts = [
        &keys.name,
        &keys.mac,
        &keys.uuid,
        &keys.serial,
        &keys.hostname,
    ];
    let texts = texts
        .into_iter()
        .flatten()
        .map(|key| Cow::Borrowed(key.as_str()));
    let ip = keys.ip.map(|ip| Cow::Owned(ip.to_string()));
    std::iter::once(Cow::Borrowed(machine))
        .chain(texts)
        .chain(ip)
}

/// What a text is looked for in, in lower case.
pub(crate) fn searched(boot: &Boot) -> String {
    let mut text = String::new();
    for word in words_of(boot) {
        text.push_str(&word);
        text.push(' ');
    }
    text.push_str(&boot.peer.to_string());
    if let Some(verdict) = &boot.verdict {
        text.push(' ');
        text.push_str(&verdict.words);
    }
    text.to_ascii_lowercase().replace('\0', "")
}

/// Which machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machines {
    /// Those whose last boot failed.
    pub failed: bool,
    /// Those that were seen then or later.
    pub since: Option<SystemTime>,
    /// Those with this text in their name, a key, their address or the verdict.
    pub text: Option<String>,
    /// In which order.
    pub order: MachineOrder,
}

/// In which order machines are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MachineOrder {
    /// By their names. Pages miss none that is there all the time.
    #[default]
    Name,
    /// Those that were seen last come first. One that is seen again moves to the first page.
    LastSeen,
}

impl MachineOrder {
    /// Where a machine stands, as the end of a page.
    pub(crate) fn place(self, machine: &MachineSummary) -> String {
        match self {
            Self::Name => machine.machine.clone(),
            Self::LastSeen => format!("{}-{}", millis(machine.last_seen), machine.machine),
        }
    }

    /// A place, taken apart: when a machine was seen, and its name. What is no place comes before all.
    pub(crate) fn seen(place: &str) -> (i64, &str) {
        let parts = place.split_once('-');
        let seen = parts.and_then(|(seen, name)| Some((seen.parse().ok()?, name)));
        seen.unwrap_or((i64::MAX, ""))
    }

    /// Whether a machine comes after the place where a page ended.
    pub(crate) fn is_after(self, machine: &MachineSummary, place: &str) -> bool {
        match self {
            Self::Name => machine.machine.as_str() > place,
            Self::LastSeen => {
                let place = Self::seen(place);
                (millis(machine.last_seen), machine.machine.as_str()) < place
            }
        }
    }

    pub(crate) fn compare(self, one: &MachineSummary, other: &MachineSummary) -> Ordering {
        let by_name = one.machine.cmp(&other.machine);
        match self {
            Self::Name => by_name,
            Self::LastSeen => {
                let by_time = millis(one.last_seen).cmp(&millis(other.last_seen));
                by_time.then(by_name).reverse()
            }
        }
    }
}

impl Machines {
    pub(crate) fn takes(&self, machine: &MachineSummary) -> bool {
        (!self.failed || machine.level == Some(Level::Bad))
            && self.since.is_none_or(|since| machine.last_seen >= since)
            && self.text.as_ref().is_none_or(|text| {
                let wanted = text.to_ascii_lowercase();
                let words = machine.words.as_deref().unwrap_or_default();
                let mut names = names(&machine.machine, &machine.keys);
                names.any(|name| name.to_ascii_lowercase().contains(&wanted))
                    || words.to_ascii_lowercase().contains(&wanted)
            })
    }
}

/// Which part of a long answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many, 1 to 1000.
    pub limit: u32,
    /// Where the page before ended: its [`Listed::next`].
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 100,
            after: None,
        }
    }
}

impl Page {
    /// The first so many.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    pub(crate) fn size(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX) as usize
    }
}

/// A page of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<String>,
}

/// A machine and its last boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MachineSummary {
    /// Its name, as boots have it.
    pub machine: String,
    /// By what else it is known.
    pub keys: Keys,
    /// Its processor, if something showed it.
    pub arch: Option<Arch>,
    /// Its boot loader.
    pub loader: Option<Cow<'static, str>>,
    /// When it was seen first, as far as that is kept.
    #[serde(with = "times::rfc3339")]
    pub first_seen: SystemTime,
    /// When its last transfer ended.
    #[serde(with = "times::rfc3339")]
    pub last_seen: SystemTime,
    /// How many boots of it are kept.
    #[serde(default)]
    pub boots: u64,
    /// Its last boot.
    pub boot: String,
    /// When that began.
    #[serde(with = "times::rfc3339")]
    pub started: SystemTime,
    /// Whether that is over.
    pub over: bool,
    /// The kind of its verdict.
    pub kind: Option<VerdictKind>,
    /// How bad that is.
    pub level: Option<Level>,
    /// The verdict in words.
    pub words: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
}

impl MachineSummary {
    /// The machine of a boot that is its last.
    pub(crate) fn of(boot: &Boot, first_seen: SystemTime) -> Self {
        let verdict = boot.verdict.as_ref();
        Self {
            machine: boot.machine.clone(),
            keys: boot.keys.clone(),
            arch: boot.arch,
            loader: boot.loader.clone(),
            // As a database keeps it, so that what waits and what is written say the same.
            first_seen: whole_millis(writable(first_seen.min(boot.started))),
            last_seen: writable(boot.last),
            boots: 1,
            boot: boot.id.clone(),
            started: writable(boot.started),
            over: boot.over,
            kind: verdict.map(|verdict| verdict.kind),
            level: verdict.map(|verdict| verdict.level),
            words: verdict.map(|verdict| verdict.words.clone()),
            advice: verdict.map(|verdict| verdict.advice.clone()),
        }
    }
}

/// A boot that a server left behind, as it is told.
pub(crate) fn left_behind(boot: &mut Boot) {
    boot.over = true;
    boot.verdict = Some(Verdict::new(
        VerdictKind::Interrupted,
        "the server stopped while it booted",
    ));
}
