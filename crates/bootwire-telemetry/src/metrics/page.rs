//! The list of metrics as tables of the documentation.

use std::fmt::Write;

use super::kind::{Kind, Label};
use super::{alerts, dashboards, list};

/// A row for each metric.
#[must_use]
pub fn metrics() -> String {
    let mut out =
        "| metric | kind | labels | what it is | shown in |\n|---|---|---|---|---|\n".to_owned();
    for metric in list::ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| label.as_str()).collect();
        let panels = dashboards::panels_of(metric).into_iter().map(str::to_owned);
        let alerts = alerts::alerts_of(metric).into_iter();
        let shown: Vec<_> = panels
            .chain(alerts.map(|name| format!("`{name}`")))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            metric.series(),
            metric.kind.as_str(),
            labels.join(", "),
            metric.help,
            shown.join(", "),
        );
    }
    out
}

/// A row for each label.
#[must_use]
pub fn labels() -> String {
    let mut out = "| label | values |\n|---|---|\n".to_owned();
    for label in Label::ALL {
        let _ = writeln!(out, "| `{}` | {} |", label.as_str(), label.values());
    }
    out
}

/// A row for each histogram.
#[must_use]
pub fn buckets() -> String {
    let mut out = "| histogram | bounds in seconds |\n|---|---|\n".to_owned();
    for metric in list::ALL {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "| `{}` | {} |", metric.series(), bounds.join(", "));
        }
    }
    out
}

/// A row for each alert.
#[must_use]
pub fn alerts() -> String {
    let mut out = "| alert | when | what to do |\n|---|---|---|\n".to_owned();
    for alert in alerts::alerts(alerts::JOB) {
        let when = alert.when.replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{}` ({}, after {}) | `{when}` | {} |",
            alert.name,
            alert.severity,
            alert.lasting,
            without_placeholders(alert.description),
        );
    }
    out
}

/// A text of an alert without what Prometheus fills in.
fn without_placeholders(text: &str) -> String {
    let mut parts = text.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (placeholder, rest) = part.split_once("}}").unwrap_or(("", part));
        out.push_str(if placeholder.contains("Percentage") {
            "N %"
        } else {
            "N"
        });
        out.push_str(rest);
    }
    out
}
