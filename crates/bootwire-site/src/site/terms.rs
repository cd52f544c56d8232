//! How content is sent: caps, options, block numbers, labels.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bootwire::{Accept, BoxFuture, Endpoint, Refusal, Reply, Request, Rollover};

use super::quirks::Quirks;
use crate::config::model;

/// What a route or a quirk says about the transfers it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) blksize_max: Option<u16>,
    pub(crate) windowsize_max: Option<u16>,
    pub(crate) resend_min: Option<Duration>,
    /// Whether options are granted; they are unless this says no.
    pub(crate) options: Option<bool>,
    pub(crate) rollover: Option<Rollover>,
    pub(crate) labels: Vec<(String, String)>,
}

impl Terms {
    pub(super) fn of_route(route: &model::Route) -> Self {
        let labels = route.labels.iter();
        Self {
            blksize_max: route.blksize_max,
            windowsize_max: route.windowsize_max,
            resend_min: route.resend_min.map(|time| time.0),
            options: route.options,
            rollover: rollover(route.rollover),
            labels: labels
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        }
    }

    pub(super) fn of_quirk(quirk: &model::Quirk) -> Self {
        let name = quirk.name.iter();
        Self {
            blksize_max: quirk.blksize_max,
            windowsize_max: quirk.windowsize_max,
            resend_min: quirk.resend_min.map(|time| time.0),
            options: quirk.options,
            rollover: rollover(quirk.rollover),
            labels: name
                .map(|name| ("quirk".to_owned(), name.clone()))
                .collect(),
        }
    }

    /// The tighter of both. What follows block 65535 is what `self` says, if it says anything.
    pub(super) fn and(mut self, other: &Self) -> Self {
        let tighter = |one: Option<u16>, other: Option<u16>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.blksize_max = tighter(self.blksize_max, other.blksize_max);
        self.windowsize_max = tighter(self.windowsize_max, other.windowsize_max);
        self.resend_min = self.resend_min.max(other.resend_min);
        self.options = match (self.options, other.options) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        };
        self.rollover = self.rollover.or(other.rollover);
        self.labels.extend_from_slice(&other.labels);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply<A: Adjustable>(&self, mut answer: A) -> A {
        if let Some(bytes) = self.blksize_max {
            answer = answer.cap_blksize(bytes);
        }
        if let Some(blocks) = self.windowsize_max {
            answer = answer.cap_windowsize(blocks);
        }
        if let Some(least) = self.resend_min {
            answer = answer.resend_after(least);
        }
        if self.options == Some(false) {
            answer = answer.ignore_options();
        }
        if let Some(rollover) = self.rollover {
            answer = answer.roll_over(rollover);
        }
        for (name, value) in &self.labels {
            answer = answer.labelled(name, value);
        }
        answer
    }
}

const fn rollover(number: Option<u8>) -> Option<Rollover> {
    match number {
        None => None,
        Some(0) => Some(Rollover::Zero),
        Some(_) => Some(Rollover::One),
    }
}

/// `blocks of 1024 bytes at most, no options`.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(bytes) = self.blksize_max {
            parts.push(format!("blksize at most {bytes}"));
        }
        if let Some(blocks) = self.windowsize_max {
            parts.push(format!("windowsize at most {blocks}"));
        }
        if let Some(least) = self.resend_min {
            let least = humantime::format_duration(least);
            parts.push(format!("nothing sent again before {least}"));
        }
        if self.options == Some(false) {
            parts.push("no options".to_owned());
        }
        match self.rollover {
            Some(Rollover::Zero) => parts.push("block 0 after 65535".to_owned()),
            Some(Rollover::One) => parts.push("block 1 after 65535".to_owned()),
            Some(Rollover::Refuse) | None => {}
        }
        for (name, value) in &self.labels {
            parts.push(format!("label {name}={value}"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// What [`Terms`] can be applied to.
pub(crate) trait Adjustable: Send + Sized + 'static {
    fn cap_blksize(self, bytes: u16) -> Self;
    fn cap_windowsize(self, blocks: u16) -> Self;
    fn resend_after(self, least: Duration) -> Self;
    fn ignore_options(self) -> Self;
    fn roll_over(self, rollover: Rollover) -> Self;
    fn labelled(self, name: &str, value: &str) -> Self;
}

macro_rules! adjustable {
    ($($answer:ident),*) => {$(
        impl Adjustable for $answer {
            fn cap_blksize(self, bytes: u16) -> Self {
                self.blksize_max(bytes)
            }

            fn cap_windowsize(self, blocks: u16) -> Self {
                self.windowsize_max(blocks)
            }

            fn resend_after(self, least: Duration) -> Self {
                self.resend_min(least)
            }

            fn ignore_options(self) -> Self {
                self.without_options()
            }

            fn roll_over(self, rollover: Rollover) -> Self {
                self.rollover(rollover)
            }

            fn labelled(self, name: &str, value: &str) -> Self {
                self.label(name, value)
            }
        }
    )*};
}

adjustable!(Reply, Accept);

/// Sends what `inner` answers on these terms, and those of the quirks the request matches.
pub(super) struct OnTerms<A> {
    pub(super) terms: Terms,
    pub(super) quirks: Arc<Quirks>,
    pub(super) inner: Arc<dyn Endpoint<A>>,
}

impl<A: Adjustable> OnTerms<A> {
    fn apply(&self, quirks: Option<&Terms>, answer: A) -> A {
        match quirks {
            None => self.terms.apply(answer),
            // A quirk is about what the client can do, so it has the last word.
            Some(quirks) => quirks.apply(self.terms.apply(answer)),
        }
    }
}

impl<A: Adjustable> Endpoint<A> for OnTerms<A> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        let quirks = self.quirks.terms(&request);
        Box::pin(async move {
            let answer = self.inner.call(request).await?;
            Ok(self.apply(quirks.as_ref(), answer))
        })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        let answer = self.inner.at_hand(request)?;
        Some(answer.map(|answer| self.apply(self.quirks.terms(request).as_ref(), answer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(route: &str) -> Terms {
        Terms::of_route(&toml::from_str(route).unwrap())
    }

    #[test]
    fn of_two_terms_the_tighter_count() {
        let one =
            terms("blksize_max = 1024\noptions = true\nrollover = 1\nlabels = { site = 'a' }");
        let other = terms("blksize_max = 1468\nwindowsize_max = 4\noptions = false\nrollover = 0");
        let both = one.clone().and(&other);
        assert_eq!(
            both.to_string(),
            "blksize at most 1024, windowsize at most 4, no options, block 1 after 65535, label site=a"
        );
        assert_eq!(other.and(&one).rollover, Some(Rollover::Zero));
    }

    #[test]
    fn no_terms_are_empty() {
        assert!(terms("dir = '/srv'").is_empty());
        assert_eq!(terms("").to_string(), "");
        assert!(!terms("labels = { a = 'b' }").is_empty());
    }
}
