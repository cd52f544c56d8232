//! How a boot ended, in words, and what to do about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How good or bad the end of a boot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well, as far as the server sees.
    Good,
    /// Nothing went wrong here, and nothing shows that the machine is up.
    Open,
    /// The machine did not boot.
    Bad,
}

impl Level {
    /// `good`, `open`, `bad`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Open => "open",
            Self::Bad => "bad",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident $word:literal $level:ident $advice:literal;)*) => {
        /// What kind of end a boot came to. `docs/reference/verdicts.md` lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum VerdictKind {
            $($(#[doc = $doc])+ $kind,)*
        }

        impl VerdictKind {
            /// All of them, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The word that stands for it in JSON, in the database and in filters.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word,)* }
            }

            /// How bad it is.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$kind => Level::$level,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$kind => concat!($($doc),+).trim_start(),)* }
            }

            /// What to do about it in general; empty if there is nothing to do. A [`Verdict`]
            /// says it of the case at hand.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$kind => $advice,)* }
            }
        }
    };
}

kinds! {
    /// The machine has everything that its configuration names.
    Complete "complete" Good "";
    /// The machine goes on over another protocol, as its configuration says.
    Left "left" Good
        "What follows is not seen here. Look at the web server's log if it does not come up.";
    /// The configuration tells the machine to boot from its own disk.
    Local "local" Good "";
    /// Only the size of a file was asked for.
    Probe "probe" Open "";
    /// Nothing that was asked for is part of a boot.
    NoBoot "no_boot" Open "";
    /// The machine has its loader and asked for nothing more, and nobody knows what the loader does.
    Unknown "unknown" Open
        "A loader with a script of its own may go on over HTTP, which is not seen here. Otherwise look at \
         the machine's screen.";
    /// The server stopped while the machine booted.
    Interrupted "interrupted" Open "";
    /// The firmware's first file is not there.
    LoaderMissing "loader_missing" Bad
        "Put the file where the server looks, or correct the boot file name that DHCP gives.";
    /// The loader found no configuration under any of its names.
    ConfigMissing "config_missing" Bad
        "Make the last name of the search, for all machines, or one of the names before it.";
    /// The kernel is not there.
    KernelMissing "kernel_missing" Bad "Put the kernel there, or correct its name in the configuration.";
    /// The initrd is not there.
    InitrdMissing "initrd_missing" Bad "Put the initrd there, or correct its name in the configuration.";
    /// Another file that the boot needs is not there.
    FileMissing "file_missing" Bad "Put the file where the server looks, or correct who names it.";
    /// A route refuses the file to this machine.
    Denied "denied" Bad
        "See `bootwire explain` for the route that says so. Enrol the machine, or change the route.";
    /// The place the file comes from did not answer.
    OriginFailed "origin_failed" Bad
        "Look at the origin, inventory or hook: the machine asks again, and boots once it answers.";
    /// A template could not be rendered.
    TemplateFailed "template_failed" Bad
        "Correct the template. `bootwire check` renders all of them, `bootwire explain` this one.";
    /// The server failed.
    ServerFailed "server_failed" Bad "The log has the reason beside this request.";
    /// The server had no place for it.
    Busy "busy" Bad
        "Raise `transfers_max` or the budgets, or boot fewer machines at a time. The machine asks again.";
    /// Packets got lost until the machine or the server gave up.
    Lossy "lossy" Bad
        "Look at the network: cables, duplex, overloaded switches. A smaller window helps weak network \
         cards: `windowsize_max`.";
    /// The machine fell silent in the middle of a file.
    Silent "silent" Bad
        "Was it switched off, or did it crash? Look at its screen. If many machines do this, look at the \
         network.";
    /// Nothing that was sent brought an answer.
    Unheard "unheard" Bad
        "Answers do not arrive. Open the transfer ports in firewalls, or answer from port 69: \
         `single_port = true`.";
    /// The machine ended the transfer itself.
    Aborted "aborted" Bad "Its ERROR says why. Look at its screen, and at its memory.";
    /// The file changed while it was sent.
    Changed "changed" Bad "Replace served files by rename, never write into them.";
    /// The machine sent a file, and it could not be stored.
    UploadFailed "upload_failed" Bad "See the route's `size_max`, `keep_free` and `existing`.";
    /// It stopped after its loader.
    StoppedLoader "stopped_loader" Bad
        "The loader did not start, or found no network. Look at the machine's screen: Secure Boot, or a \
         loader for another firmware.";
    /// It stopped after its configuration.
    StoppedConfig "stopped_config" Bad
        "Look at the machine's screen: a menu may wait for a choice, or the loader cannot read the \
         configuration.";
    /// It stopped after its kernel, without the initrd that belongs to it.
    StoppedKernel "stopped_kernel" Bad
        "Look at the machine's screen: the loader may be out of memory, or refuse the kernel.";
    /// It stopped somewhere else.
    Stopped "stopped" Bad "Look at the machine's screen.";
    /// It began again from the start, without an error.
    StartedOver "started_over" Bad
        "The file arrives and does not run: a loader for another firmware or processor, or Secure Boot.";
    /// It began again in the middle of a file.
    Rebooted "rebooted" Bad "Somebody or something reset it: a person, a watchdog, the power.";
    /// It fetches its loader again and again.
    Loop "loop" Bad
        "DHCP gives iPXE the boot file of the firmware. Answer clients whose user class is \"iPXE\" with a \
         script instead.";
    /// The loader is for another processor or another firmware.
    WrongLoader "wrong_loader" Bad
        "Choose the boot file in DHCP by the client's architecture (option 93).";
}

impl VerdictKind {
    /// Whether the machine did not boot.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self.level(), Level::Bad)
    }
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no kind of verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such verdict")]
pub struct ParseVerdictError;

impl FromStr for VerdictKind {
    type Err = ParseVerdictError;

    fn from_str(text: &str) -> Result<Self, ParseVerdictError> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found.copied().ok_or(ParseVerdictError)
    }
}

impl Serialize for VerdictKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for VerdictKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// How a boot ended, and what to do about it.
///
/// All texts are one line, fit for a log, a terminal and a page: names that clients chose are
/// escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What kind of end it is.
    pub kind: VerdictKind,
    /// How bad that is.
    pub level: Level,
    /// What happened: "stopped after grub.cfg: never asked for the kernel it names
    /// (/images/12.7/vmlinuz)".
    pub words: String,
    /// What to do about it; empty if there is nothing to do.
    pub advice: String,
    /// The file it is about, if it is about one.
    pub path: Option<String>,
}

impl Verdict {
    /// A verdict with the usual advice.
    pub(crate) fn new(kind: VerdictKind, words: impl Into<String>) -> Self {
        Self {
            kind,
            level: kind.level(),
            words: words.into(),
            advice: kind.advice().to_owned(),
            path: None,
        }
    }

    /// With advice for the case at hand.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// About this file.
    pub(crate) fn about(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Whether the machine did not boot.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        self.kind.is_failure()
    }
}

/// What happened, without what to do.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own_and_bad_ones_say_what_to_do() {
        let words: HashSet<_> = VerdictKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), VerdictKind::ALL.len());
        for &kind in VerdictKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(kind.meaning().ends_with('.') && !kind.meaning().starts_with(' '));
            assert!(!kind.is_failure() || !kind.advice().is_empty(), "{kind}");
        }
    }
}
