//! The log: one line a transfer, whatever became of it.

mod json;
mod text;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_render::dialect;

use bootwire_site::Secrets;
use bootwire_site::config::model::Log as LogFormat;
use bootwire_site::unanswered::Allowance;

/// Bytes written at once, if they are more than one line: what a pipe takes whole, so that no line
/// of another writer gets into one of ours.
const WRITE_MAX: usize = 4096;

/// Lines about requests that cannot be read: anyone can send those.
const MALFORMED_LINES: u32 = 20;
/// In this time.
const MALFORMED_PERIOD: Duration = Duration::from_secs(10);

/// Writes records as lines.
#[derive(Clone)]
pub(super) struct Log {
    format: LogFormat,
    /// Whether text has lines for names that boot loaders try and do without.
    searches: bool,
    malformed: Arc<Allowance>,
    secrets: Arc<RwLock<Secrets>>,
}

impl Log {
    pub(super) fn new(format: LogFormat, searches: bool) -> Self {
        Self {
            format,
            searches,
            malformed: Arc::new(Allowance::new(MALFORMED_LINES, MALFORMED_PERIOD)),
            secrets: Arc::default(),
        }
    }

    /// Keeps these out of the lines from now on.
    pub(super) fn hide(&self, secrets: Secrets) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// Requests that could not be read and got no line, since this was asked last.
    pub(super) fn withheld(&self) -> u64 {
        self.malformed.withheld()
    }

    fn shows(&self, record: &TransferRecord) -> bool {
        match record.outcome {
            Outcome::Malformed => self.malformed.take(Instant::now()),
            Outcome::NotFound if self.format == LogFormat::Text && !self.searches => {
                !is_search(record)
            }
            _ => true,
        }
    }

    /// Writes a line for each record that is shown, several at a time.
    pub(super) fn lines(&self, records: &[TransferRecord], mut write: impl FnMut(&[u8])) {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for record in records.iter().filter(|record| self.shows(record)) {
            let whole = lines.len();
            let record = secrets.hidden(record);
            match self.format {
                LogFormat::Text => text::line(&record, &mut lines),
                LogFormat::Json => lines.push_str(&json::line(&record)),
            }
            lines.push('\n');
            if lines.len() > WRITE_MAX && whole > 0 {
                write(&lines.as_bytes()[..whole]);
                lines.drain(..whole);
            }
        }
        if !lines.is_empty() {
            write(lines.as_bytes());
        }
    }
}

/// Whether a boot loader asked for what it does without, and it was not there.
pub(super) fn is_search(record: &TransferRecord) -> bool {
    record.outcome == Outcome::NotFound
        && record.op == Op::Read
        && dialect::goes_on_without(&record.path)
}

/// An outcome in plain words: its name without underscores, but for the probe, which needs an
/// explanation.
pub(super) fn words(outcome: Outcome) -> String {
    let mut out = String::new();
    write_words(&mut out, outcome);
    out
}

/// Writes an outcome in plain [`words`].
fn write_words(out: &mut String, outcome: Outcome) {
    match outcome {
        Outcome::Probe => out.push_str("size probe"),
        other => out.extend(
            other
                .as_str()
                .split('_')
                .enumerate()
                .flat_map(|(at, word)| {
                    let space = if at > 0 { " " } else { "" };
                    [space, word]
                }),
        ),
    }
}

#[cfg(test)]
mod sample {
    use std::time::{Duration, SystemTime};

    use bootwire::client::Client;
    use bootwire::{CacheUse, Limit, Mode, Op, Outcome, Router, Server, TransferRecord};

    /// A record with everything set: only the engine makes records, so a real one is dressed up.
    pub(super) async fn record() -> TransferRecord {
        let (sender, receiver) = std::sync::mpsc::channel();
        let server = Server::bind("127.0.0.1:0")
            .serve(Router::new().read("/{*path}", async || "text"))
            .observe(move |record| {
                let _ = sender.send(record.clone());
            })
            .start()
            .unwrap();
        let mut content = Vec::new();
        Client::new(server.local_addrs()[0])
            .get("file", &mut content)
            .await
            .unwrap();
        assert_eq!(content, b"text");
        server.drain(Duration::from_secs(5)).await;

        let mut record = receiver.recv().unwrap();
        record.id = 7;
        record.started = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456);
        record.op = Op::Read;
        record.peer = "10.0.0.7:49152".parse().unwrap();
        record.local = "10.0.0.1:30001".parse().unwrap();
        record.path = "/boot/vmlinuz".to_owned();
        record.filename = b"boot/vmlinuz".to_vec();
        record.mode = Some(Mode::Octet);
        record.options = vec![("blksize".to_owned(), "1468".to_owned())];
        record.granted = record.options.clone();
        record.machine = Some("web1".to_owned());
        record.traceparent = None;
        record.route = None;
        record.labels = Vec::new();
        record.answer = Some("dir".into());
        record.cache = Some(CacheUse::Hit);
        record.version = Some("\"v1\"".to_owned());
        record.outcome = Outcome::Complete;
        record.error = None;
        record.detail = None;
        record.blksize = 1468;
        record.windowsize = 4;
        record.timeout = None;
        record.size = Some(10_000_000);
        record.bytes = 10_000_000;
        record.blocks = 6813;
        record.blocks_resent = 0;
        record.gaps = 0;
        record.timeouts = 0;
        record.duplicate_acks = 0;
        record.round_trip = Some(Duration::from_micros(250));
        record.round_trip_min = Some(Duration::from_micros(180));
        record.last_ack_missing = false;
        record.handler_time = Duration::from_micros(40);
        record.first_data = Some(Duration::from_micros(600));
        record.waits.client = Duration::from_micros(470_000);
        record.waits.network = Duration::ZERO;
        record.waits.content = Duration::from_micros(40);
        record.waits.server = Duration::from_micros(29_960);
        record.limited_by = Some(Limit::Client);
        record.duration = Duration::from_millis(500);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn missing(path: &str) -> TransferRecord {
        let mut record = sample::record().await;
        record.outcome = Outcome::NotFound;
        record.path = path.to_owned();
        record
    }

    fn lines(log: &Log, records: &[TransferRecord]) -> usize {
        let mut text = Vec::new();
        log.lines(records, |bytes| text.extend_from_slice(bytes));
        text.iter().filter(|&&byte| byte == b'\n').count()
    }

    #[tokio::test]
    async fn text_shows_misses_that_matter_and_json_shows_all() {
        let records = [
            missing("/pxelinux.cfg/C0A802").await,
            missing("/grub/x86_64-efi/command.lst").await,
            missing("/pxelinux.cfg/default").await,
        ];
        assert_eq!(lines(&Log::new(LogFormat::Text, false), &records), 1);
        assert_eq!(lines(&Log::new(LogFormat::Text, true), &records), 3);
        assert_eq!(lines(&Log::new(LogFormat::Json, false), &records), 3);
    }

    #[tokio::test]
    async fn what_cannot_be_read_does_not_fill_the_log() {
        let mut record = sample::record().await;
        record.outcome = Outcome::Malformed;
        let log = Log::new(LogFormat::Json, false);
        assert_eq!(lines(&log, &vec![record; 100]), 20);
        assert_eq!(log.withheld(), 80);
    }
}
