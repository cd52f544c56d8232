//! The engine's hands: tokio for handlers, sources and sinks, a thread for observers.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;

use super::engine::{Asked, Host};
use super::inbox::{Inbox, Message, TransferKey};
use super::observe::Event;
use super::store::{self, StoreHandle};
use crate::content::{Content, Errand, Outlet};
use crate::record::Ended;
use crate::router::App;
use crate::{Answer, Mode, Reason, Refusal, Request, Sink};

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

    fn ask(&mut self, key: TransferKey, request: &Request) -> Asked {
        let routed = self.app.route(request);
        let route = routed.request().params.route.clone();
        // Converting to netascii takes time that the worker does not have.
        if request.mode() == Mode::Octet
            && let Some(result) = routed.at_hand()
        {
            let answer = result.map(|answer| sendable(request, answer, self.mapping));
            return Asked {
                route,
                answer: Some(answer),
            };
        }
        let (inbox, deadline, mapping) = (Arc::clone(&self.inbox), self.deadline, self.mapping);
        let request = request.clone();
        self.runtime.spawn(async move {
            let result = match tokio::time::timeout(deadline, routed.call()).await {
                Ok(result) => result.map(|answer| sendable(&request, answer, mapping)),
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

    fn bring(&mut self, key: TransferKey, content: &mut Content, range: Range<u64>) -> Errand {
        let Some(bringing) = content.bringing(range) else {
            return Errand::idle();
        };
        let inbox = Arc::clone(&self.inbox);
        let outlet = Outlet::new(move |result| inbox.send(Message::Arrived { key, result }));
        Errand::new(self.runtime.spawn(bringing.run(outlet)).abort_handle())
    }

    fn store(&mut self, key: TransferKey, sink: Box<dyn Sink>, decode: bool) -> StoreHandle {
        store::start(&self.runtime, Arc::clone(&self.inbox), key, sink, decode)
    }

    fn record(&mut self, ended: Ended) -> bool {
        match &self.records {
            Some(records) => records.try_send(Event::Ended(Box::new(ended))).is_ok(),
            // Nobody observes.
            None => true,
        }
    }
}

/// The answer with its content as the engine can send it.
fn sendable(request: &Request, answer: Answer, mapping: bool) -> Answer {
    match answer {
        Answer::Reply(mut reply) => {
            let mode = if reply.as_is {
                Mode::Octet
            } else {
                request.mode()
            };
            reply.content = reply.content.sendable(mode, mapping);
            Answer::Reply(reply)
        }
        accept @ Answer::Accept(_) => accept,
    }
}
