//! A dashboard for Grafana.

mod rows;

use serde_json::{Value, json};

use super::kind::Metric;
use super::list;
use rows::rows;

/// What the dashboard does not show, and why. Everything else of the list is shown.
pub static NOT_SHOWN: &[(&Metric, &str)] = &[(
    &list::PROCESS_START,
    "an alert and the panel of versions are for that: it is a point in time",
)];

/// Grafana's grid is so wide.
const WIDTH: u64 = 24;
const HEIGHT: u64 = 8;

struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

struct Panel {
    title: &'static str,
    /// What it shows and what to make of it.
    description: &'static str,
    kind: &'static str,
    unit: &'static str,
    width: u64,
    stacked: bool,
    /// Queries, each with what to call its series.
    queries: Vec<(String, &'static str)>,
}

impl Panel {
    fn new(title: &'static str, unit: &'static str, description: &'static str) -> Self {
        Self {
            title,
            description,
            kind: "timeseries",
            unit,
            width: 8,
            stacked: false,
            queries: Vec::new(),
        }
    }

    fn with(mut self, query: String, legend: &'static str) -> Self {
        self.queries.push((query, legend));
        self
    }

    fn wide(mut self) -> Self {
        self.width = 12;
        self
    }

    fn stacked(mut self) -> Self {
        self.stacked = true;
        self
    }

    /// One number instead of a chart.
    fn number(mut self) -> Self {
        self.kind = "stat";
        self.width = 4;
        self
    }
}

/// The dashboard as Grafana imports it.
#[must_use]
pub fn grafana() -> String {
    let mut panels = Vec::new();
    let (mut x, mut y) = (0, 0);
    for row in rows() {
        if x > 0 {
            (x, y) = (0, y + HEIGHT);
        }
        let at = json!({"h": 1, "w": WIDTH, "x": 0, "y": y});
        panels.push(json!({
            "type": "row", "title": row.title, "collapsed": false, "gridPos": at, "panels": [],
        }));
        y += 1;
        for panel in row.panels {
            if x + panel.width > WIDTH {
                (x, y) = (0, y + HEIGHT);
            }
            panels.push(panel.json(x, y));
            x += panel.width;
        }
    }
    for (number, panel) in (1_u64..).zip(&mut panels) {
        panel["id"] = number.into();
    }
    let dashboard = json!({
        "title": "Bootwire",
        "uid": "bootwire",
        "description": "A TFTP server: who asks, what they get, and what stands in their way. Made by \
                        `bootwire telemetry dashboards`.",
        "tags": ["bootwire", "tftp"],
        "schemaVersion": 39,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables()},
        "panels": panels,
    });
    let mut text = serde_json::to_string_pretty(&dashboard).unwrap_or_default();
    text.push('\n');
    text
}

fn variables() -> Value {
    let build = list::BUILD.series();
    let choice = |name: &str, query: String| {
        json!({
            "name": name, "label": name, "type": "query", "query": query, "definition": query,
            "datasource": source(), "refresh": 2, "multi": true, "includeAll": true,
            "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "sort": 1,
        })
    };
    json!([
        {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus"},
        choice("job", format!("label_values({build}, job)")),
        choice("instance", format!("label_values({build}{{job=~\"$job\"}}, instance)")),
    ])
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

impl Panel {
    fn json(&self, x: u64, y: u64) -> Value {
        let targets = self.queries.iter().zip('A'..).map(|((query, legend), id)| {
            json!({
                "refId": id.to_string(), "expr": query, "legendFormat": legend,
                "datasource": source(), "editorMode": "code", "range": true,
            })
        });
        let custom = if self.stacked {
            json!({"fillOpacity": 40, "stacking": {"mode": "normal"}, "showPoints": "never"})
        } else {
            json!({"fillOpacity": 10, "showPoints": "never"})
        };
        let options = if self.kind == "stat" {
            json!({"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none"})
        } else {
            json!({
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi", "sort": "desc"},
            })
        };
        json!({
            "type": self.kind, "title": self.title, "description": self.description,
            "datasource": source(),
            "gridPos": {"h": HEIGHT, "w": self.width, "x": x, "y": y},
            "fieldConfig": {
                "defaults": {"unit": self.unit, "min": 0, "custom": custom}, "overrides": [],
            },
            "options": options,
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

/// Where the dashboard shows `metric`: the titles of its panels.
#[must_use]
pub fn panels_of(metric: &Metric) -> Vec<&'static str> {
    let series = metric.series();
    let panels = rows().into_iter().flat_map(|row| row.panels);
    let shows = |panel: &Panel| {
        let mut queries = panel.queries.iter();
        queries.any(|(query, _)| asks_for(query, &series))
    };
    panels.filter(shows).map(|panel| panel.title).collect()
}

/// Whether a query has this name, or one of a histogram's, as a word.
pub(super) fn asks_for(query: &str, series: &str) -> bool {
    let words = query.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let mut own = words.filter_map(|word| word.strip_prefix(series));
    own.any(|rest| matches!(rest, "" | "_bucket" | "_count" | "_sum"))
}
