//! All numbers at one moment.

use std::borrow::Cow;
use std::time::SystemTime;

use super::kind::{Kind, Label, Metric};

/// The metrics at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// When counting began.
    pub started: SystemTime,
    /// When this was taken.
    pub taken: SystemTime,
    /// Every metric of the [list](super::list), in its order; some may have no series.
    pub families: Vec<Family>,
}

/// A metric and its series.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Family {
    /// What it is.
    pub metric: &'static Metric,
    /// Its series.
    pub series: Vec<Series>,
}

/// One number, or one histogram.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// What tells it from others of its metric: as many as the metric has labels, in that order.
    pub labels: Vec<(Label, Cow<'static, str>)>,
    /// How much.
    pub value: Value,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of a counter or a gauge in pieces or bytes.
    Count(u64),
    /// Of a counter or a gauge in seconds, or of a share.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
    /// Of an info.
    Info,
}

/// How often a value was how large.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The bounds.
    pub bounds: &'static [f64],
    /// How often a value was above the bound before and not above this one; the last is for those above
    /// all bounds.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: f64,
}

impl Histogram {
    /// An empty one for `metric`.
    pub(super) fn of(metric: &Metric) -> Self {
        let bounds = match metric.kind {
            Kind::Histogram(bounds) => bounds,
            Kind::Counter | Kind::Gauge | Kind::Info => &[],
        };
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        let at = self.bounds.partition_point(|&bound| bound < value);
        self.counts[at] += 1;
        self.sum += value;
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Snapshot {
    /// How many series there are; a histogram is one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.families.iter().map(|family| family.series.len()).sum()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The series of `metric`.
    #[must_use]
    pub fn of(&self, metric: &'static Metric) -> &[Series] {
        let mut families = self.families.iter();
        let found = families.find(|family| std::ptr::eq(family.metric, metric));
        found.map_or(&[], |family| &family.series)
    }
}

/// Puts a snapshot together.
#[derive(Default)]
pub(super) struct Sheet {
    series: Vec<(&'static Metric, Series)>,
}

impl Sheet {
    /// A series of `metric` with these values of its labels.
    pub(super) fn add<V: Into<Cow<'static, str>>>(
        &mut self,
        metric: &'static Metric,
        labels: impl IntoIterator<Item = V>,
        value: Value,
    ) {
        let names = metric.labels.iter().copied();
        let labels: Vec<_> = names.zip(labels.into_iter().map(Into::into)).collect();
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        self.series.push((metric, Series { labels, value }));
    }

    /// The only series of a metric without labels.
    pub(super) fn count(&mut self, metric: &'static Metric, count: u64) {
        self.add(metric, NO_LABELS, Value::Count(count));
    }

    /// The only series of a metric without labels.
    pub(super) fn number(&mut self, metric: &'static Metric, number: f64) {
        self.add(metric, NO_LABELS, Value::Number(number));
    }

    /// All of `list` with what there is of each.
    pub(super) fn families(self, list: &[&'static Metric]) -> Vec<Family> {
        let mut families: Vec<_> = list
            .iter()
            .map(|&metric| Family {
                metric,
                series: Vec::new(),
            })
            .collect();
        for (metric, series) in self.series {
            let mut there = families.iter_mut();
            if let Some(family) = there.find(|family| std::ptr::eq(family.metric, metric)) {
                family.series.push(series);
            }
        }
        families
    }
}

const NO_LABELS: [&str; 0] = [];
