//! The terms of one transfer.

use std::fmt;
use std::time::Duration;

use bootwire_proto::{Limits, OptionKind, OptionSet, Schedule};

use crate::{Accept, Answer, Reply, Rollover};

/// How one transfer is run: caps, options, block numbers, the labels of its record.
///
/// A [`Reply`] and an [`Accept`] carry the terms of their transfer. As a [`Layer`] it applies to all
/// routes added before:
///
/// ```
/// use bootwire::{Router, Terms};
///
/// let old_firmware = Terms::new().blksize_max(512).without_options().label("site", "lab");
/// let router: Router = Router::new().read("/motd", async || "Welcome\n").layer(old_firmware);
/// ```
///
/// Where several terms apply to one transfer, the tighter of each counts: [`Terms::and`]. The limits
/// of the [`Server`](crate::Server) hold besides.
///
/// [`Layer`]: crate::router::Layer
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// See [`Terms::blksize_max`].
    pub blksize_max: Option<u16>,
    /// See [`Terms::windowsize_max`].
    pub windowsize_max: Option<u16>,
    /// See [`Terms::resend_min`].
    pub resend_min: Option<Duration>,
    /// See [`Terms::rollover`].
    pub rollover: Option<Rollover>,
    /// See [`Terms::without_options`].
    pub without_options: bool,
    /// See [`Terms::without_option`].
    pub refused: OptionSet,
    /// See [`Terms::label`]. In the order in which they were added.
    pub labels: Vec<(String, String)>,
}

/// Writes the builder methods of `Terms` once more for what carries terms.
macro_rules! builders {
    ($($answer:ident),*) => {$(
        impl $answer {
            /// The terms of this transfer.
            #[must_use]
            pub const fn terms(&self) -> &Terms {
                &self.terms
            }

            /// Runs the transfer on these terms too: the tighter of each counts, and `terms` has the
            /// last word on what follows block 65535.
            #[must_use]
            pub fn on_terms(mut self, terms: &Terms) -> Self {
                self.terms.tighten(terms);
                self
            }

            /// See [`Terms::blksize_max`].
            #[must_use]
            pub fn blksize_max(mut self, bytes: u16) -> Self {
                self.terms = self.terms.blksize_max(bytes);
                self
            }

            /// See [`Terms::windowsize_max`].
            #[must_use]
            pub fn windowsize_max(mut self, blocks: u16) -> Self {
                self.terms = self.terms.windowsize_max(blocks);
                self
            }

            /// See [`Terms::resend_min`].
            #[must_use]
            pub fn resend_min(mut self, least: Duration) -> Self {
                self.terms = self.terms.resend_min(least);
                self
            }

            /// See [`Terms::rollover`].
            #[must_use]
            pub fn rollover(mut self, rollover: Rollover) -> Self {
                self.terms = self.terms.rollover(rollover);
                self
            }

            /// See [`Terms::without_options`].
            #[must_use]
            pub fn without_options(mut self) -> Self {
                self.terms = self.terms.without_options();
                self
            }

            /// See [`Terms::without_option`].
            #[must_use]
            pub fn without_option(mut self, kind: OptionKind) -> Self {
                self.terms = self.terms.without_option(kind);
                self
            }

            /// See [`Terms::label`].
            #[must_use]
            pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.terms = self.terms.label(name, value);
                self
            }
        }
    )*};
}

builders!(Reply, Accept);

impl Answer {
    /// The terms of this transfer.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        match self {
            Self::Reply(reply) => reply.terms(),
            Self::Accept(accept) => accept.terms(),
        }
    }

    /// See [`Reply::on_terms`].
    #[must_use]
    pub fn on_terms(self, terms: &Terms) -> Self {
        match self {
            Self::Reply(reply) => reply.on_terms(terms).into(),
            Self::Accept(accept) => accept.on_terms(terms).into(),
        }
    }
}

impl Terms {
    /// The server's own: no caps, options granted, no labels.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            blksize_max: None,
            windowsize_max: None,
            resend_min: None,
            rollover: None,
            without_options: false,
            refused: OptionSet::new(),
            labels: Vec::new(),
        }
    }

    /// Caps the block size, 8 to 65464 bytes. Of several caps the smallest counts.
    #[must_use]
    pub fn blksize_max(mut self, bytes: u16) -> Self {
        self.blksize_max = smaller(self.blksize_max, Some(bytes));
        self
    }

    /// Caps the window, 1 to 65535 blocks. Of several caps the smallest counts.
    #[must_use]
    pub fn windowsize_max(mut self, blocks: u16) -> Self {
        self.windowsize_max = smaller(self.windowsize_max, Some(blocks));
        self
    }

    /// Least time before anything is sent again. Of several the longest counts.
    ///
    /// By default a block in lockstep is not sent again before 1 s or the granted timeout, and a
    /// window not before 200 ms, until the network has proven lossy and the client tolerant; then the
    /// round trip sets the pace. A client that is given 1 s or more is taken for one that counts
    /// duplicates: its next transfers are never quick either.
    #[must_use]
    pub fn resend_min(mut self, least: Duration) -> Self {
        self.resend_min = self.resend_min.max(Some(least));
        self
    }

    /// What follows block 65535. By default 0, or what the client's `rollover` option says.
    #[must_use]
    pub const fn rollover(mut self, rollover: Rollover) -> Self {
        self.rollover = Some(rollover);
        self
    }

    /// Ignores the client's options, as a server from before RFC 2347 would.
    #[must_use]
    pub const fn without_options(mut self) -> Self {
        self.without_options = true;
        self
    }

    /// Does not grant this option, as if the client had not asked for it.
    #[must_use]
    pub const fn without_option(mut self, kind: OptionKind) -> Self {
        self.refused = self.refused.with(kind);
        self
    }

    /// Adds a label to the transfer's record.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// The tighter of each: the smaller caps, the longer wait, options only if both grant them; the
    /// labels of both. What follows block 65535 is what `self` says, if it says anything.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let own = self.rollover;
        self.tighten(other);
        self.rollover = own.or(other.rollover);
        self
    }

    /// As [`Terms::and`], but `by` has the last word on what follows block 65535.
    fn tighten(&mut self, by: &Self) {
        let Self {
            blksize_max,
            windowsize_max,
            resend_min,
            rollover,
            without_options,
            refused,
            labels,
        } = by;
        self.blksize_max = smaller(self.blksize_max, *blksize_max);
        self.windowsize_max = smaller(self.windowsize_max, *windowsize_max);
        self.resend_min = self.resend_min.max(*resend_min);
        self.rollover = rollover.or(self.rollover);
        self.without_options |= without_options;
        self.refused = self.refused.and(*refused);
        self.labels.extend_from_slice(labels);
    }

    /// Whether they ask for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::new()
    }

    /// The server's limits, tightened by these terms and by what the way to the client carries in
    /// one piece, in bytes of a block.
    pub(crate) fn limits(&self, base: Limits, mtu_cap: Option<u16>) -> Limits {
        let blksize_max = smaller(self.blksize_max, mtu_cap);
        let windowsize_max = self.windowsize_max;
        Limits {
            blksize_max: blksize_max
                .map_or(base.blksize_max, |max| max.min(base.blksize_max))
                .max(8),
            windowsize_max: windowsize_max
                .map_or(base.windowsize_max, |max| max.min(base.windowsize_max))
                .max(1),
            rollover: self.rollover.or(base.rollover),
            options: base.options && !self.without_options,
            refused: base.refused.and(self.refused),
            ..base
        }
    }

    /// The server's rules of retransmission, as these terms change them.
    pub(crate) fn schedule(&self, base: Schedule) -> Schedule {
        Schedule {
            resend_min: self.resend_min.or(base.resend_min),
            ..base
        }
    }

    /// Whether they say that the client counts duplicates: nothing is sent again as long as a polite
    /// server waits anyway.
    pub(crate) fn are_polite(&self, schedule: &Schedule) -> bool {
        self.resend_min.is_some_and(|least| least >= schedule.first)
    }
}

/// The tighter of two caps.
fn smaller(one: Option<u16>, other: Option<u16>) -> Option<u16> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// `blksize at most 1024, no options`; nothing where they ask for nothing.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            blksize_max,
            windowsize_max,
            resend_min,
            rollover,
            without_options,
            refused,
            labels,
        } = self;
        let mut parts = Vec::new();
        if let Some(bytes) = blksize_max {
            parts.push(format!("blksize at most {bytes}"));
        }
        if let Some(blocks) = windowsize_max {
            parts.push(format!("windowsize at most {blocks}"));
        }
        if let Some(least) = resend_min {
            parts.push(format!("nothing sent again before {least:?}"));
        }
        if *without_options {
            parts.push("no options".to_owned());
        }
        if !refused.is_empty() {
            let names: Vec<_> = refused.iter().map(OptionKind::name).collect();
            parts.push(format!("no {}", names.join(", no ")));
        }
        match rollover {
            Some(Rollover::Zero) => parts.push("block 0 after 65535".to_owned()),
            Some(Rollover::One) => parts.push("block 1 after 65535".to_owned()),
            Some(Rollover::Refuse) => parts.push("no block after 65535".to_owned()),
            None => {}
        }
        for (name, value) in labels {
            parts.push(format!("label {name}={value}"));
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Terms {
        Terms::new()
            .blksize_max(1024)
            .rollover(Rollover::One)
            .resend_min(Duration::from_millis(20))
            .label("site", "a")
    }

    fn other() -> Terms {
        Terms::new()
            .blksize_max(1468)
            .windowsize_max(4)
            .without_options()
            .resend_min(Duration::from_secs(1))
            .rollover(Rollover::Zero)
            .label("quirk", "b")
    }

    #[test]
    fn of_two_terms_the_tighter_of_each_counts() {
        let tighter = "blksize at most 1024, windowsize at most 4, nothing sent again before 1s, \
                       no options, block 1 after 65535, label site=a, label quirk=b";
        assert_eq!(one().and(&other()).to_string(), tighter);
        assert_eq!(other().and(&one()).rollover, Some(Rollover::Zero));
        let both = one().and(&Terms::new());
        assert_eq!(both, one());
    }

    #[test]
    fn what_an_answer_is_sent_on_later_has_the_last_word_on_block_numbers() {
        let reply = Reply::empty().on_terms(&one()).on_terms(&other());
        assert_eq!(reply.terms().rollover, Some(Rollover::Zero));
        assert_eq!(reply.terms().blksize_max, Some(1024));
        let labels: Vec<_> = reply.terms().labels.iter().map(|(name, _)| name).collect();
        assert_eq!(labels, ["site", "quirk"]);
        let answer = Answer::from(reply).on_terms(&Terms::new());
        assert_eq!(answer.terms().rollover, Some(Rollover::Zero));
    }

    #[test]
    fn a_builder_never_loosens_a_cap() {
        let terms = one().blksize_max(8192).resend_min(Duration::ZERO);
        assert_eq!(terms, one());
        assert!(Terms::new().is_empty() && !one().is_empty());
        assert_eq!(Terms::new().to_string(), "");
    }

    #[test]
    fn options_that_either_refuses_are_refused() {
        let one = Terms::new().without_option(OptionKind::Blksize);
        let both = one.and(&Terms::new().without_option(OptionKind::Tsize));
        assert_eq!(both.to_string(), "no blksize, no tsize");
        let limits = both.limits(Limits::default(), None);
        assert!(limits.refused.contains(OptionKind::Blksize));
        assert!(!limits.refused.contains(OptionKind::Windowsize));
        assert!(!both.is_empty());
    }

    #[test]
    fn the_server_s_limits_hold_besides() {
        let base = Limits {
            blksize_max: 1432,
            windowsize_max: 64,
            ..Limits::default()
        };
        let limits = Terms::new().limits(base, Some(1400));
        assert_eq!((limits.blksize_max, limits.windowsize_max), (1400, 64));
        assert!(limits.options);
        let limits = other().windowsize_max(0).blksize_max(0).limits(base, None);
        assert_eq!((limits.blksize_max, limits.windowsize_max), (8, 1));
        assert!(!limits.options);
    }
}
