//! The log as one of a server's exporters.

use std::sync::Arc;

use bootwire::TransferRecord;
use tokio::time::{Instant, sleep_until};

use super::Log;
use crate::exporters::InFlight;
use crate::{Inbox, TelemetryBuilder};

/// Records that may wait for a log that is slow.
const QUEUE: usize = 65_536;
/// Records that are written together, at most.
const BATCH: usize = 1024;

/// What there is to do.
enum Event {
    Records(Vec<Arc<TransferRecord>>),
    Due,
    Reopen,
    End,
}

impl TelemetryBuilder {
    /// Logs each transfer.
    pub fn log(self, log: &Log) -> Self {
        self.export("log", QUEUE, |inbox| log.clone().run(inbox))
    }
}

impl Log {
    /// Writes what comes until no more will come.
    async fn run(self, mut inbox: Inbox<Arc<TransferRecord>>) {
        let is_open = self.lock().is_some();
        if !is_open && let Err(why) = self.open() {
            (self.notes)(&format!("warning: nothing is logged: {why}"));
        }
        let writer = self.lock().take();
        let Some(mut writer) = writer else {
            // Where there is no log, records fail one by one.
            while inbox.next().await.is_some() {
                inbox.account().failed(1);
            }
            return;
        };
        loop {
            let event = self.event(&mut inbox, writer.due()).await;
            let is_end = matches!(event, Event::End);
            let count = match &event {
                Event::Records(records) => records.len() as u64,
                _ => 0,
            };
            let mut in_flight = InFlight::new(inbox.account(), count);
            // A pipe that nobody reads, a dead disk: not on a thread that others need.
            let written = tokio::task::spawn_blocking(move || {
                let failed = match event {
                    Event::Records(records) => writer.records(&records),
                    Event::Due => {
                        writer.sum_up();
                        0
                    }
                    Event::Reopen => {
                        writer.reopen();
                        0
                    }
                    Event::End => {
                        writer.end();
                        0
                    }
                };
                (writer, failed)
            });
            // Who panicked has said so; and the runtime ends.
            let Ok((back, failed)) = written.await else {
                return;
            };
            in_flight.arrived(count.saturating_sub(failed));
            writer = back;
            if is_end {
                return;
            }
        }
    }

    async fn event(
        &self,
        inbox: &mut Inbox<Arc<TransferRecord>>,
        due: Option<std::time::Instant>,
    ) -> Event {
        let due = async {
            match due {
                Some(due) => sleep_until(Instant::from_std(due)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.shared.reopen.notified() => Event::Reopen,
            first = inbox.next() => match first {
                Some(first) => {
                    let mut records = vec![first];
                    records.extend(inbox.take(BATCH - 1));
                    Event::Records(records)
                }
                None => Event::End,
            },
            () = due => Event::Due,
        }
    }
}
