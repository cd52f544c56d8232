//! How many series there are, and how they are written.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bootwire::{CacheUse, Limit, Op, Outcome};
use bootwire_boots::VerdictKind;

use super::*;

/// What one machine does when it boots.
fn boot(sample: &TransferRecord, machine: u32) -> Vec<TransferRecord> {
    let address = Ipv4Addr::from(0x0a00_0000 + machine);
    let steps = [
        ("/{*path}", Outcome::Probe),
        ("/{*path}", Outcome::Complete),
        ("/grub/grub.cfg-{mac}", Outcome::NotFound),
        ("/grub/{*path}", Outcome::Complete),
        ("/images/{*path}", Outcome::Timeout),
    ];
    let steps = steps.into_iter().map(|(route, outcome)| {
        let mut record = sample.clone();
        record.peer = SocketAddr::new(IpAddr::V4(address), 1024 + (machine % 60_000) as u16);
        record.path = format!("/images/{machine}/vmlinuz");
        record.labels = vec![("machine".to_owned(), format!("node{machine}"))];
        record.route = Some(route.to_owned());
        record.outcome = outcome;
        record.round_trip = Some(Duration::from_micros(100 + u64::from(machine)));
        record.duration = Duration::from_millis(u64::from(machine));
        record
    });
    steps.collect()
}

#[tokio::test]
async fn fifty_thousand_machines_make_as_many_series_as_one() {
    let sample = record().await;
    let (one, many) = (counting(), counting());
    one.observe(&boot(&sample, 1));
    for machine in 0..50_000 {
        many.observe(&boot(&sample, machine));
    }
    assert_eq!(one.snapshot().len(), many.snapshot().len());
    let lines = |metrics: &Metrics| metrics.prometheus().lines().count();
    assert_eq!(lines(&one), lines(&many));
    let text = many.prometheus();
    for told in ["node7", "/images/7", "10.0.0."] {
        assert!(!text.contains(told), "{told}");
    }
}

#[tokio::test]
async fn routes_beyond_the_bound_are_counted_together() {
    let metrics = counting();
    let mut record = record().await;
    for number in 0..1000 {
        record.route = Some(format!("/reloaded/{number}/{{*path}}"));
        metrics.observe(std::slice::from_ref(&record));
    }
    let snapshot = metrics.snapshot();
    let series = snapshot.of(&list::HANDLER);
    assert_eq!(series.len(), 65);
    let other = series
        .iter()
        .find(|one| one.labels[0].1 == "other")
        .unwrap();
    let Value::Histogram(times) = &other.value else {
        panic!("{other:?}")
    };
    assert_eq!(times.count(), 1000 - 64);
}

#[tokio::test]
async fn what_no_route_matched_has_a_series_too() {
    let metrics = counting();
    let mut record = record().await;
    record.route = None;
    record.op = Op::Write;
    record.outcome = Outcome::Denied;
    record.peer = "[2001:db8::7]:4000".parse().unwrap();
    metrics.observe(&[record]);
    let line = "bootwire_route_transfers_total{route=\"none\",op=\"write\",outcome=\"denied\",\
                family=\"ipv6\",transport=\"tftp\"} 1\n";
    let text = metrics.prometheus();
    assert!(text.contains(line), "{text}");
}

/// A program may have any pattern; none of them ends a line or a label.
#[tokio::test]
async fn patterns_are_escaped_in_both_formats() {
    let metrics = counting();
    let mut record = record().await;
    record.route = Some("/a\"} 1\nforged_total 7 \\".to_owned());
    metrics.observe(&[record]);
    for text in [metrics.prometheus(), metrics.openmetrics()] {
        assert!(
            text.contains(r#"route="/a\"} 1\nforged_total 7 \\""#),
            "{text}"
        );
        assert!(
            !text.lines().any(|line| line.starts_with("forged")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn histograms_are_cumulative_and_end_with_infinity() {
    let metrics = counting();
    let mut record = record().await;
    record.route = Some("/x".to_owned());
    for millis in [3, 50, 700_000] {
        record.duration = Duration::from_millis(millis);
        metrics.observe(std::slice::from_ref(&record));
    }
    for text in [metrics.prometheus(), metrics.openmetrics()] {
        let bucket = |le: &str| {
            // The formats put this label at different places.
            let le = format!("le=\"{le}\"");
            let mut lines = text.lines();
            let found = lines.find(|line| {
                line.starts_with("bootwire_transfer_duration_seconds_bucket{") && line.contains(&le)
            });
            let line = found.unwrap_or_else(|| panic!("{le}: {text}"));
            line.rsplit_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(bucket("0.005"), "1");
        assert_eq!(bucket("0.1"), "2");
        assert_eq!(bucket("+Inf"), "3");
        let count = "bootwire_transfer_duration_seconds_count{route=\"/x\",op=\"read\"} 3\n";
        assert!(text.contains(count), "{text}");
    }
}

#[test]
fn a_server_and_a_cache_are_asked_at_each_scrape() {
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Asked(AtomicU64);
    impl Source for Asked {
        fn stats(&self) -> ServerStats {
            let mut stats = ServerStats::default();
            stats.packets_in = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            stats
        }

        fn worker_load(&self) -> Vec<f64> {
            vec![0.25, 0.5]
        }
    }

    let metrics = counting();
    assert!(!metrics.prometheus().contains("bootwire_cache_requests"));
    metrics.watch_source(Asked(AtomicU64::new(0)));
    metrics.cache(|| {
        let mut figures = CacheFigures::default();
        figures.stats.hits = 9;
        Some(figures)
    });
    for expected in ["1", "2"] {
        let text = metrics.prometheus();
        let line = format!("bootwire_packets_received_total {expected}\n");
        assert!(text.contains(&line), "{text}");
        assert!(
            text.contains("bootwire_cache_requests_total{result=\"hit\"} 9\n"),
            "{text}"
        );
        assert!(
            text.contains("bootwire_worker_load_ratio{worker=\"1\"} 0.5\n"),
            "{text}"
        );
    }
}

#[test]
fn metrics_have_names_of_their_own_and_say_what_they_are() {
    let mut names = HashSet::new();
    for metric in list::ALL {
        assert!(names.insert(metric.series()), "{}", metric.name);
        assert!(!metric.name.ends_with("_total"), "{}", metric.name);
        let unit = metric.unit.suffix();
        assert!(
            unit.is_empty() || !metric.name.ends_with(unit),
            "{}",
            metric.name
        );
        assert!(
            !metric.help.is_empty() && !metric.help.ends_with('.'),
            "{}",
            metric.name
        );
        assert!(!metric.help.contains("  "), "{}", metric.help);
    }
    let labels: HashSet<_> = Label::ALL.iter().collect();
    assert_eq!(labels.len(), Label::ALL.len());
    for label in list::ALL.iter().flat_map(|metric| metric.labels) {
        assert!(labels.contains(label), "{label:?}");
    }
}

#[test]
fn it_is_counted_who_held_transfers_up_what_the_cache_had_and_how_boots_ended() {
    let metrics = counting();
    let peer = "10.0.0.7:4000".parse().unwrap();
    let mut record = TransferRecord::new(Op::Read, peer, "/images/kernel");
    record.limited_by = Some(Limit::Content);
    record.waits.content = Duration::from_secs(3);
    record.waits.client = Duration::from_millis(500);
    record.cache = Some(CacheUse::Partial);
    record.gaps = 2;
    metrics.observe(&[record.clone()]);
    record.cache = Some(CacheUse::Hit);
    record.limited_by = Some(Limit::Client);
    metrics.observe(&[record]);
    metrics.boot_ended(VerdictKind::KernelMissing);
    let text = metrics.prometheus();
    for line in [
        "bootwire_boots_total{verdict=\"kernel_missing\",level=\"bad\"} 1\n",
        "bootwire_boots_total{verdict=\"complete\",level=\"good\"} 0\n",
        "bootwire_transfers_limited_total{by=\"content\"} 1\n",
        "bootwire_transfers_limited_total{by=\"network\"} 0\n",
        "bootwire_transfers_waiting_seconds_total{by=\"content\"} 6.0\n",
        "bootwire_transfers_waiting_seconds_total{by=\"client\"} 1.0\n",
        "bootwire_cache_answers_total{use=\"partial\"} 1\n",
        "bootwire_cache_answers_total{use=\"hit\"} 1\n",
        "bootwire_gaps_total 4\n",
        "bootwire_origin_seconds_count 1\n",
        "bootwire_origin_seconds_sum 3.0\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
