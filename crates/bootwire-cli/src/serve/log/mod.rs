//! The log: one line a transfer, whatever became of it.

mod json;
mod text;

use std::sync::{Arc, PoisonError, RwLock};

use bootwire::{Outcome, TransferRecord};

use super::args::LogFormat;
use crate::site::Secrets;

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

    pub(super) fn line(&self, record: &TransferRecord) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let record = secrets.hidden(record);
        match self.format {
            LogFormat::Text => text::line(&record),
            LogFormat::Json => json::line(&record),
        }
    }
}

/// An outcome in plain words: its name without underscores, but for the probe, which needs an
/// explanation.
pub(super) fn words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Probe => "size probe".to_owned(),
        other => other.as_str().replace('_', " "),
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
