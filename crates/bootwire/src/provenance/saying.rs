//! How answers say it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{CacheUse, Provenance};
use crate::{Accept, Answer, Refusal, Reply};

/// Writes the builder methods once for each kind of answer.
macro_rules! builders {
    ($($answer:ident),*) => {$(
        impl $answer {
            /// Where the answer comes from.
            #[must_use]
            pub const fn provenance(&self) -> &Provenance {
                self.provenance.get()
            }

            /// Says for the record what kind of answer this is, in one word such as `menu`. Whoever
            /// says it last is heard.
            #[must_use]
            pub fn answered_by(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
                self.provenance.get_mut().answer = Some(kind.into());
                self
            }

            /// Says for the record which machine asked. What only learns it on the way uses
            /// [`Request::known_as`](crate::Request::known_as).
            #[must_use]
            pub fn machine(mut self, machine: impl Into<Arc<str>>) -> Self {
                self.provenance.get_mut().machine = Some(machine.into());
                self
            }

            /// Says for the record how a cache served this.
            #[must_use]
            pub fn cache(mut self, cache: CacheUse) -> Self {
                self.provenance.get_mut().cache = Some(cache);
                self
            }
        }
    )*};
}

builders!(Reply, Accept, Refusal);

impl Reply {
    /// Says for the record which version of the content this is, such as an ETag.
    #[must_use]
    pub fn version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.provenance.get_mut().version = Some(version.into());
        self
    }
}

impl Answer {
    /// Where the answer comes from.
    #[must_use]
    pub const fn provenance(&self) -> &Provenance {
        match self {
            Self::Reply(reply) => reply.provenance(),
            Self::Accept(accept) => accept.provenance(),
        }
    }

    /// See [`Reply::answered_by`].
    #[must_use]
    pub fn answered_by(self, kind: impl Into<Cow<'static, str>>) -> Self {
        match self {
            Self::Reply(reply) => reply.answered_by(kind).into(),
            Self::Accept(accept) => accept.answered_by(kind).into(),
        }
    }

    /// See [`Reply::machine`].
    #[must_use]
    pub fn machine(self, machine: impl Into<Arc<str>>) -> Self {
        match self {
            Self::Reply(reply) => reply.machine(machine).into(),
            Self::Accept(accept) => accept.machine(machine).into(),
        }
    }
}
