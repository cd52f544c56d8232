//! What an answer says of its transfer besides content.

use std::time::Duration;

use bootwire::{Accept, OptionKind, Refusal, Reply, Rollover, Terms};
use pyo3::prelude::*;

/// A dictionary of Python: every key but `kind` may be missing.
#[derive(Default, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Said {
    #[pyo3(default)]
    blksize_max: Option<u16>,
    #[pyo3(default)]
    windowsize_max: Option<u16>,
    /// Seconds.
    #[pyo3(default)]
    resend_min: Option<f64>,
    /// The block behind 65535: 0 or 1.
    #[pyo3(default)]
    rollover: Option<u8>,
    #[pyo3(default)]
    without_options: bool,
    /// Options that are not granted.
    #[pyo3(default)]
    without: Vec<String>,
    #[pyo3(default)]
    labels: Vec<(String, String)>,
    #[pyo3(default)]
    machine: Option<String>,
    /// The size that is told, of content that does not know its own.
    #[pyo3(default)]
    told_size: Option<u64>,
    /// Whether netascii is done already.
    #[pyo3(default)]
    as_is: bool,
    /// The word for the kind of answer, of the record; `None` is `python`.
    kind: Option<String>,
}

impl Said {
    fn terms(&mut self) -> Terms {
        let mut terms = Terms::new();
        terms.blksize_max = self.blksize_max;
        terms.windowsize_max = self.windowsize_max;
        terms.resend_min = self.resend_min.and_then(seconds);
        terms.rollover = match self.rollover {
            Some(0) => Some(Rollover::Zero),
            Some(_) => Some(Rollover::One),
            None => None,
        };
        terms.without_options = self.without_options;
        for name in &self.without {
            // An option that is not known is never granted.
            if let Some(kind) = OptionKind::from_name(name.as_bytes()) {
                terms = terms.without_option(kind);
            }
        }
        terms.labels = std::mem::take(&mut self.labels);
        terms
    }

    fn kind(&mut self) -> String {
        self.kind.take().unwrap_or_else(|| "python".to_owned())
    }

    pub(crate) fn on_reply(mut self, reply: Reply) -> Reply {
        let mut reply = reply.on_terms(&self.terms()).answered_by(self.kind());
        if let Some(bytes) = self.told_size {
            reply = reply.told_size(bytes);
        }
        if self.as_is {
            reply = reply.as_is();
        }
        match self.machine {
            Some(machine) => reply.machine(machine),
            None => reply,
        }
    }

    pub(crate) fn on_accept(mut self, accept: Accept) -> Accept {
        let accept = accept.on_terms(&self.terms()).answered_by(self.kind());
        match self.machine {
            Some(machine) => accept.machine(machine),
            None => accept,
        }
    }

    pub(crate) fn on_refusal(mut self, refusal: Refusal) -> Refusal {
        let refusal = refusal.answered_by(self.kind());
        match self.machine {
            Some(machine) => refusal.machine(machine),
            None => refusal,
        }
    }
}

/// A time of Python's, if it is one: not negative, not for ever.
pub(crate) fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
