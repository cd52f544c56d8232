//! Queries, made of metrics of the list and their labels.

use std::fmt::Write;

use super::kind::{Kind, Label, Metric};

/// Over which servers and what time a query looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// What narrows each selector down.
    selector: &'static str,
    /// What rates are taken over.
    window: &'static str,
    /// Whether each server is looked at by itself.
    each: bool,
}

/// What a dashboard's variables choose, together.
pub(super) const DASHBOARD: Scope = Scope {
    selector: "job=~\"$job\",instance=~\"$instance\"",
    window: "$__rate_interval",
    each: false,
};

/// Each server by itself, over some time.
pub(super) const fn each_over(window: &'static str) -> Scope {
    Scope {
        selector: "",
        window,
        each: true,
    }
}

/// A condition on a label: `="x"`, `!="x"`, `=~"x|y"`.
pub(super) type Where<'a> = (Label, &'a str);

impl Scope {
    /// What is counted a second, summed but for labels `by`.
    pub(super) fn rate(self, metric: &Metric, by: &[Label], conditions: &[Where<'_>]) -> String {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        let range = self.range(&metric.series(), metric, conditions);
        format!("sum{} (rate({range}))", self.by(metric, by, &[]))
    }

    /// How much there is now.
    pub(super) fn now(self, metric: &Metric, by: &[Label]) -> String {
        self.aggregate("sum", metric, by)
    }

    /// The most there is now.
    pub(super) fn most(self, metric: &Metric, by: &[Label]) -> String {
        self.aggregate("max", metric, by)
    }

    /// The time that the share `quantile` of all stay below.
    pub(super) fn quantile(self, quantile: f64, metric: &Metric, by: &[Label]) -> String {
        debug_assert!(matches!(metric.kind, Kind::Histogram(_)), "{}", metric.name);
        let range = self.range(&format!("{}_bucket", metric.series()), metric, &[]);
        let by = self.by(metric, by, &["le"]);
        format!("histogram_quantile({quantile}, sum{by} (rate({range})))")
    }

    /// How many values a histogram got a second.
    pub(super) fn rate_of_values(self, metric: &Metric, by: &[Label]) -> String {
        let range = self.range(&format!("{}_count", metric.series()), metric, &[]);
        format!("sum{} (rate({range}))", self.by(metric, by, &[]))
    }

    fn aggregate(self, how: &str, metric: &Metric, by: &[Label]) -> String {
        let selector = self.selector(&metric.series(), metric, &[]);
        format!("{how}{} ({selector})", self.by(metric, by, &[]))
    }

    fn selector(self, name: &str, metric: &Metric, conditions: &[Where<'_>]) -> String {
        let mut all = self.selector.to_owned();
        for (label, condition) in conditions {
            debug_assert!(metric.labels.contains(label), "{} {label:?}", metric.name);
            let comma = if all.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(all, "{comma}{}{condition}", label.as_str());
        }
        match all.as_str() {
            "" => name.to_owned(),
            all => format!("{name}{{{all}}}"),
        }
    }

    fn range(self, name: &str, metric: &Metric, conditions: &[Where<'_>]) -> String {
        format!(
            "{}[{}]",
            self.selector(name, metric, conditions),
            self.window
        )
    }

    fn by(self, metric: &Metric, by: &[Label], more: &[&str]) -> String {
        debug_assert!(by.iter().all(|label| metric.labels.contains(label)));
        let own = by.iter().map(|label| label.as_str());
        let each = self.each.then_some("instance");
        let all: Vec<_> = each
            .into_iter()
            .chain(own)
            .chain(more.iter().copied())
            .collect();
        match all.as_slice() {
            [] => String::new(),
            all => format!(" by ({})", all.join(", ")),
        }
    }
}

/// The names of metrics that a query asks for, as far as they begin like ours.
#[cfg(test)]
pub(super) fn names(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("bootwire_") || word.starts_with("process_"))
}
