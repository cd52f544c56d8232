//! The metrics as text for Prometheus, in both of its formats.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet, prometheus_text,
    text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as PrometheusUnit};

use super::kind::{Kind, Label, Metric, Unit};
use super::snapshot::{Histogram, Series, Value};
use super::{Family, Metrics, Snapshot};

/// The type of OpenMetrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a scrape gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scrape {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The metrics.
    pub text: String,
}

impl Metrics {
    /// All metrics in the Prometheus text format.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_text::encode(&mut out, &self.registry());
        out
    }

    /// All metrics in OpenMetrics 1.0.
    #[must_use]
    pub fn openmetrics(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry());
        out
    }

    /// What to answer a scrape: OpenMetrics if its `Accept` header names it, the Prometheus text format
    /// otherwise.
    #[must_use]
    pub fn scrape(&self, accept: Option<&str>) -> Scrape {
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            Scrape {
                content_type: OPENMETRICS,
                text: self.openmetrics(),
            }
        } else {
            Scrape {
                content_type: prometheus_text::CONTENT_TYPE,
                text: self.prometheus(),
            }
        }
    }

    /// The metrics for a program that has a registry of its own.
    ///
    /// ```
    /// use bootwire_telemetry::Telemetry;
    /// use prometheus_client::registry::Registry;
    ///
    /// let telemetry = Telemetry::builder().build();
    /// let mut registry = Registry::default();
    /// registry.register_collector(Box::new(telemetry.metrics().collector()));
    /// ```
    #[must_use]
    pub fn collector(&self) -> impl Collector + use<> {
        Live(self.clone())
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.collector()));
        registry
    }
}

/// Asks the metrics at each scrape.
#[derive(Debug)]
struct Live(Metrics);

impl Collector for Live {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode(&self.0.snapshot(), encoder)
    }
}

fn encode(snapshot: &Snapshot, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    for Family { metric, series } in &snapshot.families {
        // A metric without series would be a promise without numbers.
        if series.is_empty() {
            continue;
        }
        let unit = unit(metric);
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram(_) => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        let help = format!("{}.", metric.help);
        let mut of_metric = encoder.encode_descriptor(metric.name, &help, unit.as_ref(), kind)?;
        for one in series {
            let labels = Labels(&one.labels);
            match (&one.value, metric.kind) {
                (Value::Info, _) => of_metric.encode_info(&labels)?,
                _ if one.labels.is_empty() => write(&mut of_metric, one, metric)?,
                _ => write(&mut of_metric.encode_family(&labels)?, one, metric)?,
            }
        }
    }
    Ok(())
}

fn write(encoder: &mut MetricEncoder<'_>, series: &Series, metric: &Metric) -> fmt::Result {
    let no_exemplar = None::<&prometheus_client::metrics::exemplar::Exemplar<NoLabelSet, f64>>;
    match (&series.value, metric.kind) {
        (Value::Count(count), Kind::Counter) => encoder.encode_counter(count, no_exemplar),
        (Value::Number(number), Kind::Counter) => encoder.encode_counter(number, no_exemplar),
        (Value::Count(count), _) => encoder.encode_gauge(count),
        (Value::Number(number), _) => encoder.encode_gauge(number),
        (Value::Histogram(histogram), _) => {
            let buckets = buckets(histogram);
            encoder.encode_histogram::<NoLabelSet>(histogram.sum, histogram.count(), &buckets, None)
        }
        (Value::Info, _) => Ok(()),
    }
}

fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let bounds = histogram.bounds.iter().copied();
    let bounds = bounds.chain([f64::INFINITY]);
    bounds.zip(histogram.counts.iter().copied()).collect()
}

fn unit(metric: &Metric) -> Option<PrometheusUnit> {
    match metric.unit {
        Unit::None => None,
        Unit::Seconds => Some(PrometheusUnit::Seconds),
        Unit::Bytes => Some(PrometheusUnit::Bytes),
        Unit::Ratio => Some(PrometheusUnit::Other("ratio".to_owned())),
    }
}

/// Labels of a series; the encoder escapes their values.
struct Labels<'s>(&'s [(Label, Cow<'static, str>)]);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        use prometheus_client::encoding::EncodeLabel;
        for (label, value) in self.0 {
            (label.as_str(), value.as_ref()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
