//! The engine's hands: tokio for handlers, sources and sinks, a thread for observers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;

use super::engine::Host;
use super::inbox::{Inbox, Key, Message};
use super::observe::Event;
use super::prepared::{Prepared, prepare};
use super::pump::{self, PumpHandle};
use super::store::{self, StoreHandle};
use crate::file::OpenFile;
use crate::router::App;
use crate::{Answer, Mode, Reason, Refusal, Request, Sink, Source, TransferRecord};

/// What one worker asks of the rest of the process.
pub(super) struct TokioHost {
    pub(super) runtime: Handle,
    pub(super) app: App,
    pub(super) inbox: Arc<Inbox>,
    pub(super) ids: Arc<AtomicU64>,
    pub(super) deadline: Duration,
    pub(super) mapping: bool,
    pub(super) records: Option<SyncSender<Event>>,
}

impl Host for TokioHost {
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn next_id(&mut self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn at_hand(&mut self, request: &Request) -> Option<Result<Prepared, Refusal>> {
        if request.mode() == Mode::Netascii {
            return None;
        }
        let result = self.app.at_hand(request)?;
        Some(result.and_then(|answer| prepare(request, answer, self.mapping)))
    }

    fn call(&mut self, key: Key, request: Request) {
        let (app, inbox, deadline, mapping) = (
            self.app.clone(),
            Arc::clone(&self.inbox),
            self.deadline,
            self.mapping,
        );
        self.runtime.spawn(async move {
            let result = match tokio::time::timeout(deadline, app.call(request.clone())).await {
                Ok(result) => result.and_then(|answer: Answer| prepare(&request, answer, mapping)),
                Err(_) => Err(Refusal::new(Reason::Origin)
                    .text("Timed out, try again")
                    .because(format_args!("the handler took longer than {deadline:?}"))),
            };
            inbox.send(Message::Answered { key, result });
        });
    }

    fn pump(&mut self, key: Key, source: Box<dyn Source>) -> PumpHandle {
        pump::start(&self.runtime, Arc::clone(&self.inbox), key, source)
    }

    fn store(&mut self, key: Key, sink: Box<dyn Sink>, decode: bool) -> StoreHandle {
        store::start(&self.runtime, Arc::clone(&self.inbox), key, sink, decode)
    }

    fn populate(&mut self, key: Key, file: &Arc<OpenFile>, upto: u64) {
        let inbox = Arc::clone(&self.inbox);
        let done = move |result: std::io::Result<()>| {
            let result = result.map_err(|error| Refusal::origin().because(error));
            inbox.send(Message::Populated { key, result });
        };
        if let Some(work) = file.want(upto, Box::new(done)) {
            self.runtime.spawn_blocking(work);
        }
    }

    fn record(&mut self, record: TransferRecord) -> bool {
        self.records
            .as_ref()
            .is_none_or(|records| records.try_send(Event::Record(Box::new(record))).is_ok())
    }
}
