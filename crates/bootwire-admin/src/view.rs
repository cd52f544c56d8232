//! The framework's server, as the API shows it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, LiveTransfer, Op, ServerStats, ServerView, WorkerLoad};

use crate::api::{self, Transfer};
use crate::sources::Live;

/// A load is told of so much time at least.
const LOAD_OVER: Duration = Duration::from_millis(500);

/// A server, and how busy it was when that was asked last.
pub(crate) struct Viewed {
    view: ServerView,
    load: Mutex<(Vec<WorkerLoad>, Vec<f64>)>,
}

impl Viewed {
    pub(crate) fn new(view: ServerView) -> Self {
        Self {
            view,
            load: Mutex::default(),
        }
    }
}

impl Live for Viewed {
    fn stats(&self) -> ServerStats {
        self.view.stats()
    }

    fn transfers(&self, max: usize) -> BoxFuture<'_, Vec<Transfer>> {
        Box::pin(async move {
            let live = self.view.transfers(max).await;
            live.into_iter().map(Transfer::from).collect()
        })
    }

    fn listen(&self) -> Vec<String> {
        self.view
            .local_addrs()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn workers(&self) -> usize {
        self.view.workers()
    }

    fn load(&self) -> Vec<f64> {
        let now = self.view.load();
        let mut known = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, told) = &mut *known;
        let elapsed =
            |load: &[WorkerLoad]| load.first().map_or(Duration::ZERO, |load| load.elapsed);
        if before.len() != now.len() {
            *before = vec![WorkerLoad::default(); now.len()];
        }
        if told.is_empty() || elapsed(&now).saturating_sub(elapsed(before)) >= LOAD_OVER {
            *told = now
                .iter()
                .zip(&*before)
                .map(|(now, before)| now.since(before))
                .collect();
            *before = now;
        }
        told.clone()
    }
}

impl From<LiveTransfer> for Transfer {
    fn from(live: LiveTransfer) -> Self {
        Self {
            id: live.id,
            started: api::time(live.started),
            op: match live.op {
                Op::Read => "read",
                Op::Write => "write",
            }
            .to_owned(),
            peer: live.peer.to_string(),
            local: live.local.to_string(),
            path: live.path,
            route: live.route,
            machine: live.machine,
            answer: live.answer.map(Into::into),
            phase: live.phase.as_str().to_owned(),
            blksize: live.blksize,
            windowsize: live.windowsize,
            size: live.size,
            bytes: live.bytes,
            rate: None,
            blocks_resent: live.blocks_resent,
            timeouts: live.timeouts,
            round_trip_us: live.round_trip.map(api::micros),
            duration_us: api::micros(live.duration),
            idle_us: api::micros(live.idle),
        }
    }
}
