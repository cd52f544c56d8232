//! What a run has shown, for people and for programs.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::Op;
use serde_json::{Map, Value, json};

use super::busy::Busy;
use super::content::Expected;
use super::histogram::Percentiles;
use super::plan::Plan;
use super::tally::Tally;
use bootwire::amount;

/// The counts of a run, and what they are to be read with.
#[derive(Debug)]
pub struct Report {
    pub(super) plan: Arc<Plan>,
    pub(super) tally: Tally,
    /// From the start to the end of the last transfer.
    pub(super) elapsed: Duration,
    /// Of each thread, where the system tells.
    pub(super) busy: Vec<Busy>,
    /// How packets came in.
    pub(super) net: &'static str,
    /// Datagrams lost here for want of room, where that is counted.
    pub(super) drops: Option<u64>,
}

pub(super) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl Report {
    fn per_second(&self, count: u64) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 {
            count as f64 / seconds
        } else {
            0.0
        }
    }

    fn goodput(&self) -> f64 {
        self.per_second(self.tally.bytes) / f64::from(1 << 20)
    }

    fn is_bottleneck(&self) -> bool {
        self.busy.iter().any(|busy| busy.is_bottleneck())
    }

    /// Whether every byte was compared.
    fn is_verified(&self) -> bool {
        let known = |expected: &Expected| expected.len().is_some();
        let mut files = self.plan.files.iter();
        self.plan.op == Op::Read && files.all(|file| known(&file.expected))
    }

    fn asked(&self) -> (u16, u16) {
        let offer = &self.plan.offer;
        (offer.blksize.unwrap_or(512), offer.windowsize.unwrap_or(1))
    }

    /// What is wrong with the run as a whole, for the last line and the exit code.
    pub fn complaint(&self) -> Option<String> {
        let tally = &self.tally;
        let failed = tally.failed();
        let ended = failed + tally.completed + tally.missing + tally.vanished;
        if failed > 0 {
            Some(format!("{failed} of {ended} transfers failed"))
        } else if tally.completed + tally.missing + tally.bytes == 0 {
            Some("nothing was transferred".to_owned())
        } else {
            None
        }
    }

    /// All of it, as one JSON object in one line.
    pub fn json(&self) -> String {
        let tally = &self.tally;
        let failures: Map<String, Value> = tally
            .failures()
            .map(|(kind, failures)| {
                let found = json!({ "count": failures.count, "example": failures.example });
                (kind.key().to_owned(), found)
            })
            .collect();
        let (blksize, windowsize) = self.asked();
        let sequences = self.plan.sequence.then(|| {
            json!({
                "completed": tally.sequences_completed,
                "failed": tally.sequences_failed,
                "total_us": times(tally.sequences.percentiles()),
            })
        });
        let shares = |share: fn(&Busy) -> f64| -> Vec<f64> {
            let rounded = |busy| (share(busy) * 1000.0).round() / 1000.0;
            self.busy.iter().map(rounded).collect()
        };
        json!({
            "operation": match self.plan.op { Op::Read => "read", Op::Write => "write" },
            "clients": self.plan.clients,
            "asked": { "blksize": blksize, "windowsize": windowsize },
            "granted": tally.granted.map(|(blksize, windowsize)| {
                json!({ "blksize": blksize, "windowsize": windowsize })
            }),
            "verified": self.is_verified(),
            "seed": self.plan.seed,
            "seconds": self.elapsed.as_secs_f64(),
            "completed": tally.completed,
            "failed": tally.failed(),
            "failures": failures,
            "missing": tally.missing,
            "vanished": tally.vanished,
            "unfinished": tally.unfinished,
            "bytes": tally.bytes,
            "blocks": tally.blocks,
            "goodput_mib_per_s": self.goodput(),
            "blocks_per_s": self.per_second(tally.blocks),
            "transfers_per_s": self.per_second(tally.completed),
            "first_byte_us": times(tally.first.percentiles()),
            "total_us": times(tally.total.percentiles()),
            "sequences": sequences,
            "sent_again": {
                "requests": tally.again.requests,
                "acks": tally.again.acks,
                "data": tally.again.data,
            },
            "received_again": {
                "data": tally.again.data_received,
                "acks": tally.again.acks_received,
            },
            "timeouts": tally.again.timeouts,
            "strangers": tally.strangers,
            "generator": {
                "threads": self.plan.threads,
                "io": self.net,
                "busy": shares(|busy| busy.running),
                "waiting": shares(|busy| busy.waiting),
                "bottleneck": self.is_bottleneck(),
                "drops": self.drops,
            },
        })
        .to_string()
    }

    /// The lines that people read.
    pub fn text(&self) -> String {
        let tally = &self.tally;
        let mut lines = Lines(String::new());
        lines.add("completed", &self.outcomes());
        for (kind, failures) in tally.failures() {
            let mut line = format!("{} {}", failures.count, kind.words());
            if let Some(example) = failures.example.as_ref().filter(|text| !text.is_empty()) {
                line = format!("{line} ({example})");
            }
            lines.add("failed", &line);
        }
        lines.add("goodput", &format!("{:.1} MiB/s", self.goodput()));
        let rate = |count| format!("{count} ({:.0}/s)", self.per_second(count));
        lines.add("blocks", &rate(tally.blocks));
        let transfers = self.per_second(tally.completed);
        lines.add("transfers", &format!("{transfers:.1}/s"));
        let first = match self.plan.op {
            Op::Read => "first byte",
            Op::Write => "first answer",
        };
        for (name, found) in [
            (first, tally.first.percentiles()),
            ("total", tally.total.percentiles()),
            ("sequence", tally.sequences.percentiles()),
        ] {
            if let Some(found) = found {
                lines.add(name, &spans(found));
            }
        }
        if self.plan.sequence {
            let (completed, failed) = (tally.sequences_completed, tally.sequences_failed);
            lines.add(
                "sequences",
                &format!("{completed} completed, {failed} failed"),
            );
        }
        lines.add("sent again", &self.sent_again());
        lines.add("came again", &self.came_again());
        lines.add("options", &self.options());
        if self.plan.op == Op::Read {
            let verified = if self.is_verified() {
                "every byte compared"
            } else {
                "not compared"
            };
            lines.add("content", verified);
        }
        self.generator(&mut lines);
        lines.0
    }

    fn outcomes(&self) -> String {
        let tally = &self.tally;
        let span = amount::span(self.elapsed);
        let mut line = format!(
            "{} in {span}, {} failed",
            amount::count(tally.completed, "transfer", "transfers"),
            tally.failed()
        );
        for (count, words) in [
            (tally.missing, "not found"),
            (tally.vanished, "left"),
            (tally.unfinished, "cut off at the end"),
        ] {
            if count > 0 {
                line = format!("{line}, {count} {words}");
            }
        }
        line
    }

    fn sent_again(&self) -> String {
        let again = &self.tally.again;
        let kinds = match self.plan.op {
            Op::Read => amount::count(again.acks, "ACK", "ACKs"),
            Op::Write => format!("{} DATA", again.data),
        };
        let requests = amount::count(again.requests, "request", "requests");
        let timeouts = amount::count(again.timeouts, "timeout", "timeouts");
        format!("{requests}, {kinds}; {timeouts}")
    }

    fn came_again(&self) -> String {
        let again = &self.tally.again;
        let kinds = match self.plan.op {
            Op::Read => format!("{} DATA", again.data_received),
            Op::Write => amount::count(again.acks_received, "ACK", "ACKs"),
        };
        let strangers = self.tally.strangers;
        if strangers == 0 {
            return kinds;
        }
        format!(
            "{kinds}; {} of no running transfer",
            amount::count(strangers, "packet", "packets")
        )
    }

    fn options(&self) -> String {
        let words = |(blksize, windowsize): (u16, u16)| {
            format!("blksize {blksize}, windowsize {windowsize}")
        };
        let asked = self.asked();
        match self.tally.granted {
            Some(granted) if granted != asked => {
                format!("{}; the server grants {}", words(asked), words(granted))
            }
            _ => words(asked),
        }
    }

    fn generator(&self, lines: &mut Lines) {
        if let Some(drops) = self.drops.filter(|&drops| drops > 0) {
            let drops = amount::count(drops, "packet", "packets");
            lines.add(
                "warning",
                &format!(
                    "{drops} came here and found no room: raise net.core.rmem_max, or use more \
                     --threads"
                ),
            );
        }
        if self.busy.is_empty() {
            return;
        }
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let shares: Vec<_> = self.busy.iter().map(|busy| percent(busy.running)).collect();
        lines.add("generator", &format!("busy {}", shares.join(", ")));
        if self.busy.iter().any(|busy| busy.is_starved()) {
            let most = self.busy.iter().map(|busy| busy.waiting);
            let most = percent(most.fold(0.0, f64::max));
            lines.add(
                "warning",
                &format!(
                    "the generator had no core for {most} of the time: these figures tell about \
                     it as much as about the server; give each thread a core of its own"
                ),
            );
        } else if self.is_bottleneck() {
            lines.add(
                "warning",
                "the generator was the bottleneck: the server can do more; use more --threads, \
                 or more machines",
            );
        }
    }
}

/// A name and a value on each line.
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{name:<12} {value}");
    }
}

fn spans(found: Percentiles) -> String {
    let Percentiles { p50, p90, p99, max } = found;
    [("p50", p50), ("p90", p90), ("p99", p99), ("max", max)]
        .map(|(name, time)| format!("{name} {}", amount::span(time)))
        .join(", ")
}

fn times(found: Option<Percentiles>) -> Value {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    found.map_or(Value::Null, |Percentiles { p50, p90, p99, max }| {
        json!({
            "p50": micros(p50), "p90": micros(p90), "p99": micros(p99), "max": micros(max),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::plan;
    use super::super::tally::Failing;
    use super::*;

    fn report() -> Report {
        let mut tally = Tally::new();
        tally.completed = 4;
        tally.bytes = 3 << 20;
        tally.blocks = 6000;
        tally.granted = Some((1428, 1));
        tally.total.add(Duration::from_millis(1));
        Report {
            plan: Arc::new(plan(&[1])),
            tally,
            elapsed: Duration::from_secs(2),
            net: "epoll",
            drops: None,
            busy: vec![Busy {
                running: 0.42,
                waiting: 0.01,
            }],
        }
    }

    #[track_caller]
    fn says(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{text}");
    }

    #[test]
    fn a_report_for_people() {
        let text = report().text();
        says(&text, "completed    4 transfers in 2.00 s, 0 failed");
        says(&text, "goodput      1.5 MiB/s");
        says(&text, "blocks       6000 (3000/s)");
        says(&text, "transfers    2.0/s");
        says(
            &text,
            "total        p50 1.0 ms, p90 1.0 ms, p99 1.0 ms, max 1.0 ms",
        );
        says(
            &text,
            "options      blksize 512, windowsize 1; the server grants blksize 1428, windowsize 1",
        );
        says(&text, "content      not compared");
        says(&text, "generator    busy 42 %");
        assert!(!text.contains("warning"), "{text}");
        assert_eq!(report().complaint(), None);
    }

    #[test]
    fn failures_are_told_with_an_example() {
        let mut report = report();
        report
            .tally
            .fail(Failing::Remote, || "error 0: busy".to_owned());
        says(
            &report.text(),
            "failed       1 the server reported an error (error 0: busy)",
        );
        assert_eq!(
            report.complaint().as_deref(),
            Some("1 of 5 transfers failed")
        );
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["failures"]["remote_error"]["count"], 1);
        assert_eq!(json["failures"]["remote_error"]["example"], "error 0: busy");
    }

    #[test]
    fn a_generator_that_was_the_bottleneck_says_so() {
        for (running, waiting, part) in [
            (0.97, 0.0, "the generator was the bottleneck"),
            (0.60, 0.38, "had no core for 38 % of the time"),
        ] {
            let mut report = report();
            report.busy = vec![Busy { running, waiting }];
            assert!(report.text().contains(part), "{}", report.text());
            let json: Value = serde_json::from_str(&report.json()).unwrap();
            assert_eq!(json["generator"]["bottleneck"], true);
        }
    }

    #[test]
    fn packets_lost_here_are_told() {
        for (drops, told) in [(None, false), (Some(0), false), (Some(7), true)] {
            let report = Report { drops, ..report() };
            let text = report.text();
            assert_eq!(text.contains("7 packets came here and found no room"), told);
            let json: Value = serde_json::from_str(&report.json()).unwrap();
            assert_eq!(json["generator"]["drops"].as_u64(), drops);
        }
    }

    #[test]
    fn a_run_that_moved_nothing_is_no_success() {
        let report = Report {
            tally: Tally::new(),
            elapsed: Duration::ZERO,
            ..report()
        };
        assert_eq!(
            report.complaint().as_deref(),
            Some("nothing was transferred")
        );
        says(&report.text(), "transfers    0.0/s");
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["total_us"], Value::Null);
    }
}
