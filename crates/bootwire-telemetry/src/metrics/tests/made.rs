//! What is made of the list: it names nothing else, and the copies in the repository are fresh. Renew
//! them by `RENEW=1 cargo test -p bootwire-telemetry renewed`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::{alerts, dashboards, page, promql};
use super::*;

/// Names in queries, without what histograms add.
fn asked_for(text: &str) -> BTreeSet<String> {
    let histogram = |name: &str| {
        let mut suffixes = ["_bucket", "_count", "_sum"].into_iter();
        let cut = suffixes.find_map(|suffix| name.strip_suffix(suffix));
        cut.unwrap_or(name).to_owned()
    };
    promql::names(text).map(histogram).collect()
}

#[test]
fn dashboards_and_alerts_ask_for_all_of_the_list_and_nothing_else() {
    let known: BTreeSet<_> = list::ALL
        .iter()
        .map(|metric| metric.series().into_owned())
        .collect();
    let dashboard = asked_for(&dashboards::grafana());
    let rules = asked_for(&alerts::prometheus(alerts::JOB));
    assert!(rules.len() > 10 && rules.is_subset(&known), "{rules:?}");
    assert!(dashboard.is_subset(&known), "{dashboard:?}");
    let hidden = dashboards::NOT_SHOWN.iter();
    let hidden: BTreeSet<_> = hidden
        .map(|(metric, _)| metric.series().into_owned())
        .collect();
    let shown: BTreeSet<_> = dashboard.union(&hidden).cloned().collect();
    assert_eq!(
        shown, known,
        "show it in the dashboard, or say why not in NOT_SHOWN"
    );
    assert!(dashboard.is_disjoint(&hidden), "{hidden:?}");
}

#[test]
fn the_dashboard_is_sound() {
    let dashboard: serde_json::Value = serde_json::from_str(&dashboards::grafana()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()));
        let at = &panel["gridPos"];
        let number = |key: &str| at[key].as_u64().unwrap();
        assert!(number("x") + number("w") <= 24, "{panel}");
        for x in number("x")..number("x") + number("w") {
            for y in number("y")..number("y") + number("h") {
                assert!(taken.insert((x, y)), "two panels at {x}, {y}: {panel}");
            }
        }
        if panel["type"] != "row" {
            assert!(!panel["description"].as_str().unwrap().is_empty());
            assert!(!panel["targets"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn an_alert_says_what_to_do() {
    let mut names = BTreeSet::new();
    for alert in alerts::alerts("x\"y") {
        assert!(names.insert(alert.name), "{} is there twice", alert.name);
        assert!(alert.description.len() > 100, "{}", alert.name);
        assert!(!alert.description.contains("  "), "{}", alert.description);
        assert!(
            ["critical", "warning"].contains(&alert.severity),
            "{}",
            alert.name
        );
    }
    assert!(alerts::prometheus("x\"y").contains("job=\\\"x\\\\\\\"y\\\""));
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file with what it should be, or makes it so.
fn expect_renewed(path: &Path, text: &str) {
    if std::env::var_os("RENEW").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap_or_default() == text,
        "{} is stale: run RENEW=1 cargo test -p bootwire-telemetry renewed",
        path.display()
    );
}

#[test]
fn the_dashboard_in_packaging_is_renewed() {
    let path = top().join("packaging/grafana/bootwire.json");
    expect_renewed(&path, &dashboards::grafana());
}

#[test]
fn the_rules_in_packaging_are_renewed() {
    let path = top().join("packaging/prometheus/bootwire.rules.yml");
    expect_renewed(&path, &alerts::prometheus(alerts::JOB));
}

#[test]
fn the_reference_is_renewed() {
    let path = top().join("docs/reference/metrics.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (name, table) in [
        ("metrics", page::metrics()),
        ("labels", page::labels()),
        ("buckets", page::buckets()),
        ("alerts", page::alerts()),
    ] {
        let begin = format!("<!-- {name} -->\n");
        let (before, rest) = text.split_once(&begin).expect(&begin);
        let (_, after) = rest.split_once("<!-- end -->").expect("an end");
        text = format!("{before}{begin}{table}<!-- end -->{after}");
    }
    expect_renewed(&path, &text);
}
