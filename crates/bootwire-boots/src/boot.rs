//! A boot as it is told, kept and drawn.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire::Outcome;
use bootwire_render::identity::{Evidence, Identity, Known};
use serde::{Deserialize, Serialize};

use crate::times::{self, between};
use crate::{Arch, Stage, Verdict};

/// The transfers of one machine that belong together: from the firmware's first file to what the
/// running system asks for.
///
/// As JSON it has these members: times are RFC 3339 in UTC, durations whole microseconds in members
/// that end in `_us`. Names and units stay; members may be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Boot {
    /// Tells it from all others, of this server and of those that share its database. Later boots
    /// have greater ones.
    pub id: String,
    /// Which machine: by its name in the inventory, else its host name, hardware address, UUID, serial
    /// number, address: the first of these that is known.
    pub machine: String,
    /// By what else it is known.
    pub keys: Keys,
    /// Where its last request came from.
    pub peer: IpAddr,
    /// Its boot loader, by the names that it asks for: `grub`, `pxelinux`, `ipxe` and so on.
    pub loader: Option<Cow<'static, str>>,
    /// Its processor, if something shows it.
    pub arch: Option<Arch>,
    /// When its first request came.
    #[serde(with = "times::rfc3339")]
    pub started: SystemTime,
    /// When its last transfer ended.
    #[serde(with = "times::rfc3339")]
    pub last: SystemTime,
    /// Whether it is over. It goes on if the machine asks for something that belongs to it.
    pub over: bool,
    /// Transfers that belong to it, folded ones too.
    pub transfers: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// What was asked for, in order.
    pub steps: Vec<Step>,
    /// Transfers beyond the steps that are kept.
    pub more: u64,
    /// Files that a configuration names and that were not asked for yet.
    pub expected: Vec<Expected>,
    /// How it ended, once it is over; while it runs, what is wrong so far.
    pub verdict: Option<Verdict>,
    /// The trace it belongs to, if a name had one (`traceparent`).
    pub traceparent: Option<String>,
}

/// By what a machine is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    /// Its name in the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its hardware address: `52:54:00:12:34:56`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its SMBIOS UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Its serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
}

impl Keys {
    /// The one it goes by.
    #[must_use]
    pub fn best(&self) -> String {
        let texts = [
            &self.name,
            &self.hostname,
            &self.mac,
            &self.uuid,
            &self.serial,
        ];
        let text = texts.into_iter().flatten().next().cloned();
        text.or_else(|| self.ip.map(|ip| ip.to_string()))
            .unwrap_or_default()
    }

    /// As an inventory is asked for it. The address counts only where there is nothing better: DHCP may
    /// give it to another machine tomorrow.
    #[must_use]
    pub fn identity(&self) -> Identity {
        fn known<T>(value: T) -> Known<T> {
            let from = Evidence::Path;
            Known { value, from }
        }
        let mut who = Identity::default();
        who.mac = self
            .mac
            .as_ref()
            .and_then(|mac| mac.parse().ok())
            .map(known);
        who.uuid = self
            .uuid
            .as_ref()
            .and_then(|uuid| uuid.parse().ok())
            .map(known);
        who.serial = self.serial.clone().map(known);
        let name = self.hostname.as_ref().or(self.name.as_ref());
        who.hostname = name.cloned().map(known);
        who.ip = self.ip.filter(|_| self.is_address_only()).map(known);
        who
    }

    /// Whether it is known by nothing but its address.
    #[must_use]
    pub const fn is_address_only(&self) -> bool {
        self.name.is_none()
            && self.mac.is_none()
            && self.uuid.is_none()
            && self.serial.is_none()
            && self.hostname.is_none()
    }
}

/// One thing that was asked for: a file, or several that are told as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Which part of the boot it is.
    pub stage: Stage,
    /// The file: of several, the last.
    pub path: String,
    /// How the last transfer ended.
    #[serde(with = "outcome")]
    pub outcome: Outcome,
    /// When it was asked for first.
    #[serde(with = "times::rfc3339")]
    pub started: SystemTime,
    /// From then until the last transfer ended.
    #[serde(with = "times::micros", rename = "duration_us")]
    pub duration: Duration,
    /// Files: names of a search, modules of a loader.
    pub files: u32,
    /// Transfers of it, size probes and repeated ones too.
    pub transfers: u32,
    /// How often the file was asked for in vain before, or again after it had come.
    pub repeats: u32,
    /// Size of the file, if known; of several, of all together.
    pub size: Option<u64>,
    /// Bytes that arrived in the last transfer; of several files, in all.
    pub bytes: u64,
    /// Blocks sent.
    pub blocks: u64,
    /// Blocks sent again.
    pub resent: u64,
    /// Blocks that got lost on the way, as far as resends show it; without those that were sent to a
    /// client that was gone.
    pub lost: u64,
    /// What kind of answer it was, in the words of the record.
    pub answer: Option<Cow<'static, str>>,
    /// Who was the bottleneck, in the words of the record.
    pub limited_by: Option<Cow<'static, str>>,
    /// The ERROR that ended it: its code and text, or what only the operator is told.
    pub error: Option<String>,
    /// Number of the last transfer, as in the log.
    pub transfer: u64,
}

/// A file that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Which part of the boot it is.
    pub stage: Stage,
    /// Its path here, or its URL elsewhere.
    pub path: String,
    /// The configuration that names it.
    pub named_by: String,
}

impl Step {
    /// When the last transfer of it ended.
    #[must_use]
    pub fn ended(&self) -> SystemTime {
        times::after(self.started, self.duration)
    }

    /// Whether all of it arrived.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.outcome, Outcome::Complete)
    }

    /// How much of the file arrived, in percent, if its size is known.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        let size = self.size.filter(|size| *size > 0)?;
        let half = u128::from(size) / 2;
        let percent = (u128::from(self.bytes) * 100 + half) / u128::from(size);
        // What lacks a byte is not all of it.
        let most = if self.bytes < size { 99 } else { 100 };
        Some(u8::try_from(percent).unwrap_or(most).min(most))
    }

    /// Which share of the packets got lost on the way, in percent, as far as resends show it.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let sent = self.blocks + self.lost;
        if sent == 0 {
            return 0.0;
        }
        self.lost as f64 * 100.0 / sent as f64
    }
}

impl Boot {
    /// From the first request to the end of the last transfer.
    #[must_use]
    pub fn duration(&self) -> Duration {
        between(self.started, self.last)
    }

    /// Whether it is over and the machine did not boot.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.over && self.verdict.as_ref().is_some_and(Verdict::is_failure)
    }

    /// Times in which nothing was fetched for longer than `least`: from, and how long.
    pub fn gaps(&self, least: Duration) -> impl Iterator<Item = (SystemTime, Duration)> + '_ {
        let mut until = self.started;
        self.steps.iter().filter_map(move |step| {
            let (from, gap) = (until, between(until, step.started));
            until = until.max(step.ended());
            (gap > least).then_some((from, gap))
        })
    }
}

/// What became of a boot.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It began.
    Began(Arc<Boot>),
    /// Something more was asked for, or more is known.
    Progress(Arc<Boot>),
    /// It is over, and has its verdict. It comes again for a boot if what happened later gives it
    /// a verdict of another kind.
    Ended(Arc<Boot>),
    /// It turned out to be part of another one, which has its transfers now.
    Joined {
        /// The boot that there is no more.
        id: String,
        /// The one it is part of.
        into: Arc<Boot>,
    },
}

impl Change {
    /// The boot as it is now.
    #[must_use]
    pub const fn boot(&self) -> &Arc<Boot> {
        match self {
            Self::Began(boot) | Self::Progress(boot) | Self::Ended(boot) => boot,
            Self::Joined { into, .. } => into,
        }
    }
}

/// Outcomes as their words.
mod outcome {
    use std::borrow::Cow;

    use bootwire::Outcome;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(
        outcome: &Outcome,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(outcome.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Outcome, D::Error> {
        let word = Cow::<'de, str>::deserialize(deserializer)?;
        let found = Outcome::ALL.into_iter().find(|one| one.as_str() == word);
        found.ok_or_else(|| serde::de::Error::custom("no such outcome"))
    }
}
