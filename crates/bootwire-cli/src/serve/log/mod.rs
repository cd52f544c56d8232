//! The log: one line a transfer, whatever became of it.

mod json;
mod text;

use std::sync::{Arc, PoisonError, RwLock};

use bootwire::{Outcome, TransferRecord};

use super::args::LogFormat;
use crate::site::Secrets;

/// Bytes written at once, if they are more than one line: what a pipe takes whole, so that no line
/// of another writer gets into one of ours.
const WRITE_MAX: usize = 4096;

/// Writes records as lines.
#[derive(Clone)]
pub(super) struct Log {
    format: LogFormat,
    secrets: Arc<RwLock<Secrets>>,
}

impl Log {
    pub(super) fn new(format: LogFormat) -> Self {
        Self {
            format,
            secrets: Arc::default(),
        }
    }

    /// Keeps these out of the lines from now on.
    pub(super) fn hide(&self, secrets: Secrets) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// Writes a line for each record, several at a time.
    pub(super) fn lines(&self, records: &[TransferRecord], mut write: impl FnMut(&[u8])) {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for record in records {
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
    use bootwire::{Mode, Op, Outcome, Router, Server, TransferRecord};

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
        record.mode = Mode::Octet;
        record.options = vec![("blksize".to_owned(), "1468".to_owned())];
        record.route = None;
        record.labels = Vec::new();
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
        record.timeouts = 0;
        record.duplicate_acks = 0;
        record.round_trip = Some(Duration::from_micros(250));
        record.last_ack_missing = false;
        record.handler_time = Duration::from_micros(40);
        record.first_data = Some(Duration::from_micros(600));
        record.duration = Duration::from_millis(500);
        record
    }
}
