//! The metrics for StatsD and DogStatsD: datagrams, every ten seconds.
//!
//! Counters go as what was added since the last time, gauges as they are, histograms as timings in
//! milliseconds: one line for each bound that something was counted at, with a sample rate that says how
//! often. So what is sent does not grow with what is served.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::kind::{Label, Metric};
use super::snapshot::{Histogram, Series, Value};
use super::{Metrics, Snapshot};
use crate::exporters::{Account, Exporters};

/// Bytes of a datagram: what crosses an Ethernet in one piece, with room for a tunnel.
const DATAGRAM: usize = 1400;
/// Bytes of a label's value that are sent.
const VALUE_MAX: usize = 120;
/// How often numbers are sent.
const EVERY: Duration = Duration::from_secs(10);
/// Datagrams in a row; between them the other side gets a moment.
const BURST: usize = 16;
const PAUSE: Duration = Duration::from_millis(5);

/// How labels are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tags {
    /// As parts of the name: `bootwire.transfers_ended.complete`.
    None,
    /// As DogStatsD's tags: `bootwire.transfers_ended` with `outcome:complete`.
    Dogstatsd,
}

/// Sends metrics to a StatsD server, over UDP.
///
/// ```no_run
/// use bootwire_telemetry::Telemetry;
/// use bootwire_telemetry::metrics::{Statsd, Tags};
///
/// # fn example(telemetry: Telemetry) -> std::io::Result<()> {
/// let statsd = Statsd::open("127.0.0.1:8125", "bootwire", Tags::Dogstatsd)?;
/// tokio::spawn(statsd.run(telemetry.metrics().clone(), telemetry.exporters()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Statsd {
    socket: UdpSocket,
    prefix: String,
    tags: Tags,
    every: Duration,
}

impl Statsd {
    /// Opens a socket to `address`, a host and a port. Names begin with `prefix` and a dot. The host's name
    /// is looked up now and never again.
    ///
    /// # Errors
    /// If there is no such host or no socket.
    pub fn open(address: impl ToSocketAddrs, prefix: &str, tags: Tags) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in address.to_socket_addrs()? {
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let opened = UdpSocket::bind(any).and_then(|socket| {
                socket.connect(address)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            match opened {
                Ok(socket) => {
                    return Ok(Self {
                        socket,
                        prefix: part(prefix, true),
                        tags,
                        every: EVERY,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends every `period` instead of every 10 s.
    #[must_use]
    pub const fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    /// Sends until it is dropped. Counts datagrams as the exporter `statsd`.
    pub fn run(
        self,
        metrics: Metrics,
        exporters: &Exporters,
    ) -> impl Future<Output = ()> + Send + use<> {
        let account = exporters.account("statsd");
        async move {
            let mut before = Before::of(&metrics.snapshot());
            let mut ticks = tokio::time::interval(self.every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // The first comes at once.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let now = metrics.snapshot();
                let datagrams = self.datagrams(&now, &before);
                before = Before::of(&now);
                for burst in datagrams.chunks(BURST) {
                    burst.iter().for_each(|one| self.send(one, &account));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn send(&self, datagram: &str, account: &Account) {
        match self.socket.send(datagram.as_bytes()) {
            Ok(_) => account.sent(1),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => account.dropped(1),
            // Nobody listens; the next one may arrive.
            Err(_) => account.failed(1),
        }
    }

    fn datagrams(&self, now: &Snapshot, before: &Before) -> Vec<String> {
        let mut datagrams = vec![String::new()];
        for family in &now.families {
            for series in &family.series {
                let key = key(family.metric, series);
                for line in self.lines(family.metric, series, before.series.get(&key)) {
                    let is_full = datagrams
                        .last()
                        .is_some_and(|last| last.len() + 1 + line.len() > DATAGRAM);
                    if is_full {
                        datagrams.push(String::new());
                    }
                    if let Some(last) = datagrams.last_mut() {
                        let separator = if last.is_empty() { "" } else { "\n" };
                        last.push_str(separator);
                        last.push_str(&line);
                    }
                }
            }
        }
        datagrams.retain(|datagram| !datagram.is_empty());
        datagrams
    }

    fn lines(&self, metric: &Metric, series: &Series, before: Option<&Value>) -> Vec<String> {
        let (name, tags) = self.name(metric, &series.labels);
        let is_counter = matches!(metric.kind, super::Kind::Counter);
        match (&series.value, before) {
            (Value::Count(now), Some(Value::Count(then))) if is_counter => {
                let added = now.saturating_sub(*then);
                let line = (added > 0).then(|| format!("{name}:{added}|c{tags}"));
                line.into_iter().collect()
            }
            (Value::Count(now), _) if is_counter => vec![format!("{name}:{now}|c{tags}")],
            (Value::Number(now), then) if is_counter => {
                let then = match then {
                    Some(Value::Number(then)) => *then,
                    _ => 0.0,
                };
                let added = (now - then).max(0.0);
                vec![format!("{name}:{added:.6}|c{tags}")]
            }
            (Value::Count(now), _) => vec![format!("{name}:{now}|g{tags}")],
            (Value::Number(now), _) => vec![format!("{name}:{now}|g{tags}")],
            (Value::Histogram(now), then) => {
                let then = match then {
                    Some(Value::Histogram(then)) => Some(then),
                    _ => None,
                };
                timings(now, then)
                    .map(|(millis, rate)| format!("{name}:{millis}|ms{rate}{tags}"))
                    .collect()
            }
            (Value::Info, _) => Vec::new(),
        }
    }

    fn name(
        &self,
        metric: &Metric,
        labels: &[(Label, std::borrow::Cow<'static, str>)],
    ) -> (String, String) {
        let own = metric.name.trim_start_matches("bootwire_");
        let mut name = format!("{}.{own}", self.prefix);
        let mut tags = String::new();
        for (at, (label, value)) in labels.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = match self.tags {
                Tags::None => write!(name, ".{}", part(value, false)),
                Tags::Dogstatsd => {
                    let begin = if at == 0 { "|#" } else { "," };
                    write!(tags, "{begin}{}:{}", label.as_str(), tag(value))
                }
            };
        }
        (name, tags)
    }
}

/// What was added to each bound since `then`: a value in milliseconds in the middle of what was counted
/// there, and the sample rate that makes it as many.
fn timings(now: &Histogram, then: Option<&Histogram>) -> impl Iterator<Item = (f64, String)> {
    let lower = std::iter::once(0.0).chain(now.bounds.iter().copied());
    let upper = now.bounds.iter().copied().map(Some).chain([None]);
    let counts = now.counts.iter().enumerate().map(move |(at, &count)| {
        let before = then.and_then(|then| then.counts.get(at)).copied();
        count.saturating_sub(before.unwrap_or(0))
    });
    let buckets = lower.zip(upper).zip(counts);
    buckets
        .filter(|(_, added)| *added > 0)
        .map(|((lower, upper), added)| {
            let middle = upper.map_or(lower, |upper| f64::midpoint(lower, upper));
            let rate = match added {
                1 => String::new(),
                _ => format!("|@{:.9}", 1.0 / added as f64),
            };
            ((middle * 1e6).round() / 1e3, rate)
        })
}

/// What was sent before.
struct Before {
    series: HashMap<String, Value>,
}

impl Before {
    fn of(snapshot: &Snapshot) -> Self {
        let families = snapshot.families.iter();
        let series = families.flat_map(|family| {
            let series = family.series.iter();
            series.map(|series| (key(family.metric, series), series.value.clone()))
        });
        Self {
            series: series.collect(),
        }
    }
}

/// What tells a series from all others.
fn key(metric: &Metric, series: &Series) -> String {
    let labels = series.labels.iter();
    let labels = labels.flat_map(|(_, value)| ["\0", value.as_ref()]);
    std::iter::once(metric.name).chain(labels).collect()
}

/// A part of a name: letters, digits, `-` and `_`; where it is a `path`, dots too.
fn part(text: &str, path: bool) -> String {
    let letters = text.chars().take(VALUE_MAX);
    letters
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
            '.' if path => letter,
            _ => '_',
        })
        .collect()
}

/// The value of a tag: nothing that means something in a datagram.
fn tag(text: &str) -> String {
    let letters = text.chars().take(VALUE_MAX);
    letters
        .map(|letter| match letter {
            '|' | ',' | '#' | '@' | ':' => '_',
            letter if letter.is_control() || letter.is_whitespace() => '_',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use super::*;
    use crate::Telemetry;
    use bootwire::{Outcome, ServerStats};

    fn statsd(tags: Tags) -> (Statsd, UdpSocket) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let address = server.local_addr().unwrap();
        (Statsd::open(address, "boot.wire", tags).unwrap(), server)
    }

    fn stats(reads: u64, timeouts: u64) -> ServerStats {
        let mut stats = ServerStats::default();
        (stats.reads, stats.active) = (reads, 7);
        let at = Outcome::ALL.iter().position(|one| *one == Outcome::Timeout);
        stats.outcomes[at.unwrap()] = timeouts;
        stats
    }

    #[tokio::test]
    async fn what_was_added_is_sent_in_datagrams_that_fit() {
        let telemetry = Telemetry::builder().build();
        let metrics = telemetry.metrics();
        metrics.heard(&stats(5, 0));
        let before = Before::of(&metrics.snapshot());
        metrics.heard(&stats(12, 3));
        let now = metrics.snapshot();
        for (tags, expected) in [
            (Tags::None, "boot.wire.transfers_ended.timeout:3|c"),
            (
                Tags::Dogstatsd,
                "boot.wire.transfers_ended:3|c|#outcome:timeout",
            ),
        ] {
            let (statsd, _server) = statsd(tags);
            let datagrams = statsd.datagrams(&now, &before);
            assert!(datagrams.iter().all(|one| one.len() <= DATAGRAM));
            let all = datagrams.join("\n");
            let lines: Vec<_> = all.lines().collect();
            assert!(lines.contains(&expected), "{all}");
            assert!(lines.contains(&"boot.wire.transfers_active:7|g"), "{all}");
            let reads = lines
                .iter()
                .filter(|line| line.contains("requests_accepted"));
            assert_eq!(reads.count(), 1, "what did not change is not sent: {all}");
            assert!(all.contains(":7|c"), "{all}");
        }
    }

    #[tokio::test]
    async fn datagrams_arrive_and_are_counted() {
        let telemetry = Telemetry::builder().build();
        let (statsd, server) = statsd(Tags::Dogstatsd);
        let statsd = statsd.every(Duration::from_millis(10));
        tokio::spawn(statsd.run(telemetry.metrics().clone(), telemetry.exporters()));
        let heard = tokio::task::spawn_blocking(move || {
            let mut datagram = [0; 2000];
            let length = server.recv(&mut datagram).unwrap();
            String::from_utf8(datagram[..length].to_vec()).unwrap()
        });
        let heard = heard.await.unwrap();
        assert!(heard.starts_with("boot.wire."), "{heard}");
        assert_eq!(telemetry.drops()[0].name, "statsd");
        assert!(telemetry.drops()[0].sent > 0);
    }

    #[test]
    fn a_histogram_is_sent_as_what_was_added_to_each_bound() {
        let mut histogram = Histogram::of(&list::TRANSFER_DURATION);
        histogram.add(0.003);
        let before = histogram.clone();
        for value in [0.003, 0.004, 0.3, 7000.0] {
            histogram.add(value);
        }
        let sent: Vec<_> = timings(&histogram, Some(&before)).collect();
        let rate = |rate: &str| rate.to_owned();
        assert_eq!(
            sent,
            [
                (2.5, rate("|@0.500000000")),
                (375.0, rate("")),
                (600_000.0, rate("")),
            ]
        );
    }

    #[test]
    fn nothing_in_a_label_ends_a_line() {
        assert_eq!(tag("a|b,c#d@e:f\ng h/{mac}"), "a_b_c_d_e_f_g_h/{mac}");
        assert_eq!(part("/grub/{mac}.cfg\n:1|c", false), "_grub__mac__cfg__1_c");
        assert_eq!(tag(&"x".repeat(500)).len(), VALUE_MAX);
    }
}
