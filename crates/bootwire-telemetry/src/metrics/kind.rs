//! What there is to say of a metric.

use std::borrow::Cow;

/// One metric: its name and its meaning.
#[derive(Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The name without unit and without what its kind adds.
    pub name: &'static str,
    /// How it counts.
    pub kind: Kind,
    /// In what.
    pub unit: Unit,
    /// The labels that tell its series apart, in the order in which they are shown.
    pub labels: &'static [Label],
    /// What it means.
    pub help: &'static str,
}

/// How a metric counts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A number that only grows, until the server starts again.
    Counter,
    /// A number as it is now.
    Gauge,
    /// How often a value was at most so large: for these bounds, and without one.
    Histogram(&'static [f64]),
    /// Always 1; its labels say what is so.
    Info,
}

/// What a metric is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Pieces.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, from 0 to 1.
    Ratio,
}

/// What tells the series of a metric apart. None of them grows with machines, files or peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Label {
    /// The pattern of the route that answered.
    Route,
    /// Read or write.
    Op,
    /// How a transfer ended.
    Outcome,
    /// IPv4 or IPv6.
    Family,
    /// The protocol.
    Transport,
    /// Why a request got no answer.
    Reason,
    /// What the cache had.
    Result,
    /// How much of it the cache had.
    Use,
    /// Who held a transfer up.
    By,
    /// How a boot ended.
    Verdict,
    /// How good or bad that is.
    Level,
    /// The name of an exporter.
    Exporter,
    /// What became of an exporter's item.
    Delivery,
    /// The number of a worker thread.
    Worker,
    /// A version.
    Version,
    /// An operating system.
    Os,
    /// A processor's architecture.
    Arch,
}

impl Metric {
    /// The name with its unit, as `# TYPE` of OpenMetrics has it: `bootwire_content_sent_bytes`.
    #[must_use]
    pub fn family(&self) -> Cow<'static, str> {
        match self.unit.suffix() {
            "" => self.name.into(),
            unit => format!("{}_{unit}", self.name).into(),
        }
    }

    /// The name of its series, as queries have it: `bootwire_content_sent_bytes_total`. A histogram has
    /// three, which begin so.
    #[must_use]
    pub fn series(&self) -> Cow<'static, str> {
        let family = self.family();
        match self.kind {
            Kind::Counter => format!("{family}_total").into(),
            Kind::Info => format!("{family}_info").into(),
            Kind::Gauge | Kind::Histogram(_) => family,
        }
    }
}

impl Kind {
    /// Its name in Prometheus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
            Self::Info => "info",
        }
    }
}

impl Unit {
    /// What it adds to names.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Route,
        Self::Op,
        Self::Outcome,
        Self::Family,
        Self::Transport,
        Self::Reason,
        Self::Result,
        Self::Use,
        Self::By,
        Self::Verdict,
        Self::Level,
        Self::Exporter,
        Self::Delivery,
        Self::Worker,
        Self::Version,
        Self::Os,
        Self::Arch,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Op => "op",
            Self::Outcome => "outcome",
            Self::Family => "family",
            Self::Transport => "transport",
            Self::Reason => "reason",
            Self::Result => "result",
            Self::Use => "use",
            Self::By => "by",
            Self::Verdict => "verdict",
            Self::Level => "level",
            Self::Exporter => "exporter",
            Self::Delivery => "delivery",
            Self::Worker => "worker",
            Self::Version => "version",
            Self::Os => "os",
            Self::Arch => "arch",
        }
    }

    /// Its values, and what bounds their number.
    #[must_use]
    pub const fn values(self) -> &'static str {
        match self {
            Self::Route => {
                "the route's pattern, as the configuration has it; `none` where no route matched; `other` \
                 beyond the first 64 patterns"
            }
            Self::Op => "`read`, `write`",
            Self::Outcome => "the outcomes of [the record](record.md#outcomes)",
            Self::Family => "`ipv4`, `ipv6`",
            Self::Transport => "`tftp`",
            Self::Reason => {
                "`not_allowed`, `own_address`, `low_port`, `rate_limited`, `unproven_dropped`, `broadcast`"
            }
            Self::Result => "`hit`, `miss`, `stale`",
            Self::Use => "`hit`, `miss`, `partial`, `bypass`, as in [the record](record.md)",
            Self::By => "`client`, `network`, `content`, `server`, as in [the record](record.md)",
            Self::Verdict => "the kinds of [verdicts](verdicts.md)",
            Self::Level => "`good`, `open`, `bad`: that of the verdict",
            Self::Exporter => "the names of exporters, as the configuration makes them",
            Self::Delivery => "`sent`, `dropped`, `failed`",
            Self::Worker => "the number of the worker thread, from 0",
            Self::Version => "of Bootwire",
            Self::Os => "such as `linux`",
            Self::Arch => "such as `x86_64`",
        }
    }
}
