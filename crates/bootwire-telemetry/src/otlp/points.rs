//! Metrics as data points.

use std::time::SystemTime;

use super::spans::{Attributes, nanos};
use super::wire::{
    CUMULATIVE, Data, Gauge, Histogram, HistogramPoint, Metric, Number, NumberPoint, Sum,
};
use crate::metrics::{self, Family, Kind, Series, Snapshot, Unit, Value};

/// All of them, and how many data points they have. Metrics without series are left out.
pub(super) fn all(snapshot: &Snapshot) -> (Vec<Metric>, u64) {
    let families = snapshot.families.iter();
    let told = families.filter(|family| !family.series.is_empty());
    let metrics: Vec<_> = told
        .map(|family| metric(family, snapshot.started, snapshot.taken))
        .collect();
    (metrics, snapshot.len() as u64)
}

/// One metric. A collector that makes metrics of Prometheus from it adds unit and kind to the name, and
/// gets the name that a scrape has.
fn metric(family: &Family, started: SystemTime, taken: SystemTime) -> Metric {
    let Family { metric, series, .. } = family;
    let (started, taken) = (nanos(started), nanos(taken));
    let numbers = || {
        let points = series.iter();
        points
            .filter_map(|series| number(series, started, taken))
            .collect()
    };
    let (name, data) = match metric.kind {
        Kind::Counter => {
            let sum = Sum {
                data_points: numbers(),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: true,
            };
            (metric.name.to_owned(), Data::Sum(sum))
        }
        Kind::Histogram(_) => {
            let points = series.iter();
            let histogram = Histogram {
                data_points: points
                    .filter_map(|series| histogram(series, started, taken))
                    .collect(),
                aggregation_temporality: CUMULATIVE,
            };
            (metric.name.to_owned(), Data::Histogram(histogram))
        }
        Kind::Gauge | Kind::Info => {
            let name = match metric.kind {
                Kind::Info => metric.series().into_owned(),
                _ => metric.name.to_owned(),
            };
            let gauge = Gauge {
                data_points: numbers(),
            };
            (name, Data::Gauge(gauge))
        }
    };
    Metric {
        name,
        description: metric.help.to_owned(),
        unit: unit(metric.unit).to_owned(),
        data: Some(data),
    }
}

/// A unit in the words of UCUM.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::Ratio => "1",
    }
}

fn number(series: &Series, started: u64, taken: u64) -> Option<NumberPoint> {
    let value = match &series.value {
        Value::Count(count) => Number::Int(i64::try_from(*count).unwrap_or(i64::MAX)),
        Value::Number(number) => Number::Double(*number),
        Value::Info => Number::Int(1),
        Value::Histogram(_) => return None,
    };
    Some(NumberPoint {
        attributes: attributes(series),
        start_time_unix_nano: started,
        time_unix_nano: taken,
        value: Some(value),
    })
}

fn histogram(series: &Series, started: u64, taken: u64) -> Option<HistogramPoint> {
    let Value::Histogram(metrics::Histogram {
        bounds,
        counts,
        sum,
        ..
    }) = &series.value
    else {
        return None;
    };
    Some(HistogramPoint {
        attributes: attributes(series),
        start_time_unix_nano: started,
        time_unix_nano: taken,
        count: counts.iter().sum(),
        sum: Some(*sum),
        bucket_counts: counts.clone(),
        explicit_bounds: bounds.to_vec(),
    })
}

fn attributes(series: &Series) -> Vec<super::wire::KeyValue> {
    let mut attributes = Attributes::default();
    for (label, value) in &series.labels {
        attributes.text(label.as_str(), value);
    }
    attributes.0
}
