//! The thread that feeds the tracker.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use bootwire::{Outcome, TransferRecord};

use super::layer::Look;
use super::{Listener, Shared};
use crate::Change;

/// How often time passes for the tracker.
const TICK: Duration = Duration::from_secs(1);
/// Contents that wait for the end of their transfer.
const LOOKS_MAX: usize = 4096;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Event {
    /// Transfers have ended.
    Records(Box<[TransferRecord]>),
    /// Something goes out that is to be looked at, by the number of its transfer.
    Served(u64, Look),
    /// These transfers run.
    Running(Vec<(SocketAddr, String, SystemTime)>),
    /// No more will come.
    Stop,
}

pub(super) struct Follow {
    shared: Arc<Shared>,
    events: Receiver<Event>,
    listeners: Vec<Listener>,
    looks: HashMap<u64, Look>,
    order: VecDeque<u64>,
}

impl Follow {
    pub(super) fn new(
        shared: Arc<Shared>,
        events: Receiver<Event>,
        listeners: Vec<Listener>,
    ) -> Self {
        Self {
            shared,
            events,
            listeners,
            looks: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn run(mut self) {
        let mut tick = Instant::now() + TICK;
        loop {
            let left = tick.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Records(records)) => {
                    for record in &records {
                        self.record(record);
                    }
                }
                Ok(Event::Served(id, look)) => self.keep(id, look),
                Ok(Event::Running(transfers)) => {
                    let now = SystemTime::now();
                    let mut tracker = self.shared.tracker();
                    for (peer, path, started) in &transfers {
                        tracker.running(*peer, path, *started, now);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    let changes = self.shared.tracker().finish();
                    return self.tell(&changes);
                }
            }
            if Instant::now() >= tick {
                tick = Instant::now() + TICK;
                let changes = self.shared.tracker().tick(SystemTime::now());
                self.tell(&changes);
            }
        }
    }

    fn keep(&mut self, id: u64, look: Look) {
        self.looks.insert(id, look);
        self.order.push_back(id);
        while self.order.len() > LOOKS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.looks.remove(&oldest);
            }
        }
    }

    fn record(&mut self, record: &TransferRecord) {
        let look = self.looks.remove(&record.id);
        if self.looks.is_empty() {
            self.order.clear();
        }
        let look = look.filter(|_| record.outcome == Outcome::Complete);
        // The disk may be slow: nobody waits for the tracker meanwhile.
        let content = look.and_then(|look| look.glimpse.read(look.most).ok());
        let changes = self.shared.tracker().record_of(record, content.as_deref());
        self.tell(&changes);
    }

    fn tell(&self, changes: &[Change]) {
        // Whoever hears of a change finds it in the next list.
        self.shared.pending.push(changes, &self.shared.counters);
        for change in changes {
            self.listeners.iter().for_each(|hear| hear(change));
            // Nobody may be listening.
            let _ = self.shared.changes.send(change.clone());
        }
    }
}
