//! The engine's hands: tokio for handlers, sources and sinks, a thread for observers.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;

use super::engine::{Asked, Host};
use super::errand::Errand;
use super::feed;
use super::inbox::{Inbox, Key, Message};
use super::observe::Event;
use super::prepared::prepare;
use super::pump::{self, PumpHandle};
use super::store::{self, StoreHandle};
use crate::file::{OpenFile, PartialFile};
use crate::record::Ended;
use crate::router::App;
use crate::{Mode, Reason, Refusal, Request, Sink, Source};

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

    fn ask(&mut self, key: Key, request: &Request) -> Asked {
        let routed = self.app.route(request);
        let route = routed.request().params.route.clone();
        // Converting to netascii takes time that the worker does not have.
        if request.mode() == Mode::Octet
            && let Some(result) = routed.at_hand()
        {
            let answer = result.map(|answer| prepare(request, answer, self.mapping));
            return Asked {
                route,
                answer: Some(answer),
            };
        }
        let (inbox, deadline, mapping) = (Arc::clone(&self.inbox), self.deadline, self.mapping);
        let request = request.clone();
        self.runtime.spawn(async move {
            let result = match tokio::time::timeout(deadline, routed.call()).await {
                Ok(result) => result.map(|answer| prepare(&request, answer, mapping)),
                Err(_) => Err(Refusal::new(Reason::Origin)
                    .text("Timed out, try again")
                    .because(format_args!("the handler took longer than {deadline:?}"))),
            };
            inbox.send(Message::Answered { key, result });
        });
        Asked {
            route,
            answer: None,
        }
    }

    fn serve(&mut self, app: App) {
        self.app = app;
    }

    fn pump(&mut self, key: Key, source: Box<dyn Source>) -> PumpHandle {
        pump::start(&self.runtime, Arc::clone(&self.inbox), key, source)
    }

    fn store(&mut self, key: Key, sink: Box<dyn Sink>, decode: bool) -> StoreHandle {
        store::start(&self.runtime, Arc::clone(&self.inbox), key, sink, decode)
    }

    fn populate(&mut self, key: Key, file: &Arc<OpenFile>, upto: u64) {
        let inbox = Arc::clone(&self.inbox);
        let mapped = Arc::clone(file);
        let done = move |result: std::io::Result<()>| {
            // A mapping reaches no further than its file.
            let result = result.map_err(|error| match mapped.unchanged() {
                Ok(false) => feed::changed().because(error),
                _ => Refusal::from(error),
            });
            inbox.send(Message::Populated { key, result });
        };
        if let Some(work) = file.want(upto, Box::new(done)) {
            self.runtime.spawn_blocking(work);
        }
    }

    fn bring(&mut self, key: Key, file: Arc<PartialFile>, range: Range<u64>) -> Errand {
        let inbox = Arc::clone(&self.inbox);
        let task = self.runtime.spawn(async move {
            let result = file.bring(range).await;
            inbox.send(Message::Arrived { key, result });
        });
        Errand::new(task.abort_handle())
    }

    fn record(&mut self, ended: Ended) -> bool {
        self.records
            .as_ref()
            .is_none_or(|records| records.try_send(Event::Ended(Box::new(ended))).is_ok())
    }
}
