//! Jobs, and the threads of Python that come for them.
//!
//! The GIL is what there is little of, so a job is not given to a thread: threads that have the GIL
//! take jobs, one after the other, and give it up only when there are none. At most one more thread
//! at a time, the *taker*, waits for the GIL to take jobs. While jobs are quick the taker gets it
//! every few milliseconds and finds little left to do; when a job sleeps, the taker has the GIL at
//! once, takes over, and wakes the next. So there are as many threads as jobs that wait for
//! something, and no guess is made about which these are. With several of them at it, the taker gives
//! those that wait for a moment only a moment to come back: else every read of a file would cost a
//! thread.
//!
//! Only who has the GIL can start a thread, so one thread more than needed always sleeps: whoever
//! sets out with the last idle one gone starts another first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::job::{CALL, Job, RECORD};

/// Records that may wait for the observer; beyond it they are dropped and counted.
const RECORDS_MAX: usize = 65_536;
/// Threads that run jobs before the next one has patience.
const EAGER: usize = 4;
/// How long it lets those come back that wait for a moment, as for a file, before it takes a job.
const PATIENCE: Duration = Duration::from_micros(200);
/// Urgent jobs that go before a record, at most.
const RECORD_TURN: u32 = 8;
/// How long a thread that is not the last idle one waits for work.
const IDLE: Duration = Duration::from_secs(10);

/// The queue of one server.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// Wakes a thread that waits for work.
    work: Condvar,
    /// Wakes who waits for the end of the work.
    rest: Condvar,
    threads_max: usize,
    records_dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    /// What a client waits for, and ends of things held.
    urgent: VecDeque<Job>,
    records: VecDeque<Job>,
    /// Urgent jobs that were taken since a record was, while one waited.
    passed_over: u32,
    /// Threads that run the observer.
    observing: usize,
    /// Threads there are, those that are being started too.
    threads: usize,
    /// Those that are being started.
    starting: usize,
    /// Threads that wait for work and have not been woken.
    idle: usize,
    /// Threads that have been woken and do not know it yet.
    woken: usize,
    /// Whether a thread is on its way to take a job.
    taker: bool,
    /// Threads that run a job.
    running: usize,
    closed: bool,
}

impl State {
    fn has_work(&self, threads_max: usize) -> bool {
        !self.urgent.is_empty() || self.has_record(threads_max)
    }

    /// Observers never get more than half of the threads: handlers need the others.
    fn has_record(&self, threads_max: usize) -> bool {
        !self.records.is_empty() && self.observing < threads_max.div_ceil(2)
    }

    /// The next job. Clients wait for the urgent ones; so that records are not left for ever while
    /// there are always some, now and then one goes first.
    fn take(&mut self, threads_max: usize, moot: &mut Vec<Job>) -> Option<Job> {
        self.passed_over += u32::from(!self.records.is_empty());
        if self.passed_over > RECORD_TURN
            && let Some(record) = self.take_record(threads_max)
        {
            return Some(record);
        }
        while let Some(job) = self.urgent.pop_front() {
            if !job.is_moot() {
                return Some(job);
            }
            moot.push(job);
        }
        self.take_record(threads_max)
    }

    fn take_record(&mut self, threads_max: usize) -> Option<Job> {
        if !self.has_record(threads_max) {
            return None;
        }
        self.passed_over = 0;
        let record = self.records.pop_front()?;
        self.observing += 1;
        Some(record)
    }
}

impl Pool {
    pub(crate) fn new(threads_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            work: Condvar::new(),
            rest: Condvar::new(),
            threads_max: threads_max.max(2),
            records_dropped: AtomicU64::new(0),
        })
    }

    /// Nobody waits for anything while they hold it, least of all for the GIL.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread of Python do this, soon. Needs no GIL and waits for nothing.
    pub(crate) fn submit(&self, job: Job) {
        let mut state = self.lock();
        if state.closed {
            // Dropped without the lock: its end may be a job.
            drop(state);
            drop(job);
            return;
        }
        if job.is_record() {
            if state.records.len() >= RECORDS_MAX {
                self.records_dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            state.records.push_back(job);
        } else {
            state.urgent.push_back(job);
        }
        self.wake(&mut state);
    }

    /// Sends a taker, if there is none and somebody can go.
    fn wake(&self, state: &mut State) {
        if !state.taker && state.idle > 0 && state.has_work(self.threads_max) {
            state.taker = true;
            state.idle -= 1;
            state.woken += 1;
            self.work.notify_one();
        }
    }

    pub(crate) fn records_dropped(&self) -> u64 {
        self.records_dropped.load(Ordering::Relaxed)
    }

    /// Waits until there is nothing to do and nobody at it but `except` threads, at most until `end`.
    pub(crate) fn settle(&self, except: usize, end: Instant) -> bool {
        let mut state = self.lock();
        loop {
            let busy =
                state.running > except || !state.urgent.is_empty() || !state.records.is_empty();
            if !busy {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || state.threads == 0 {
                return false;
            }
            state = self.rested(state, left);
        }
    }

    /// Sends the threads home. What is still to be done is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = (
            std::mem::take(&mut state.urgent),
            std::mem::take(&mut state.records),
        );
        self.work.notify_all();
        self.rest.notify_all();
        drop(state);
        drop(left);
    }

    /// Waits until no thread is left but `except`, at most until `end`.
    pub(crate) fn emptied(&self, except: usize, end: Instant) -> bool {
        let mut state = self.lock();
        while state.threads > except {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.rested(state, left);
        }
        true
    }

    /// Lets others work, for at most `time`.
    fn rested<'a>(&'a self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let rested = self.rest.wait_timeout(state, time);
        rested.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until it is this thread's turn to look for work. Without the GIL. `false` if it is to go
    /// home.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.woken > 0 {
                state.woken -= 1;
                if state.running >= EAGER && !state.closed {
                    drop(state);
                    std::thread::sleep(PATIENCE);
                    state = self.lock();
                }
                if state.closed || state.has_work(self.threads_max) {
                    return true;
                }
                // Others have done it.
                state.taker = false;
                state.idle += 1;
                continue;
            }
            if state.closed {
                return true;
            }
            let (next, timeout) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.woken == 0 && !state.closed && state.idle > 1 {
                state.idle -= 1;
                state.threads -= 1;
                self.rest.notify_all();
                return false;
            }
        }
    }
}

/// The jobs of one server, as its threads of Python see them.
#[pyclass(frozen, module = "bootwire._bootwire")]
pub(crate) struct Jobs {
    pool: Arc<Pool>,
}

impl Jobs {
    pub(crate) const fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }
}

#[pymethods]
impl Jobs {
    /// Notes that a thread is started: what it does is `take`, from its first job to the last.
    fn enlist(&self) {
        let mut state = self.pool.lock();
        state.threads += 1;
        state.starting += 1;
    }

    /// Notes that a thread could not be started after all.
    fn discharge(&self) {
        let mut state = self.pool.lock();
        state.threads -= 1;
        state.starting -= 1;
    }

    /// Waits for the next job: a tuple, its first member the kind. `None`: the thread is to end.
    ///
    /// `last` is the kind of job the thread comes from, 0 at first. The second value is whether to
    /// start another thread before doing anything else; it is enlisted already.
    fn take<'py>(
        &self,
        py: Python<'py>,
        last: u8,
    ) -> PyResult<(Option<Bound<'py, PyTuple>>, bool)> {
        let pool = &self.pool;
        let mut came = last;
        if last == 0 {
            pool.lock().starting -= 1;
        }
        loop {
            let mut moot = Vec::new();
            let mut state = pool.lock();
            if came >= CALL {
                state.running -= 1;
                if came == RECORD {
                    state.observing -= 1;
                }
                came = 0;
            }
            if state.closed {
                state.threads -= 1;
                pool.rest.notify_all();
                return Ok((None, false));
            }
            if let Some(job) = state.take(pool.threads_max, &mut moot) {
                state.running += 1;
                pool.wake(&mut state);
                let spare = state.idle == 0
                    && !state.taker
                    && state.starting == 0
                    && state.threads < pool.threads_max;
                if spare {
                    state.threads += 1;
                    state.starting += 1;
                }
                drop(state);
                drop(moot);
                return Ok((Some(job.into_tuple(py, pool)?), spare));
            }
            if !moot.is_empty() {
                // Their ends may be jobs.
                drop(state);
                continue;
            }
            state.idle += 1;
            pool.rest.notify_all();
            drop(state);
            let stays = py.detach(|| pool.wait());
            if !stays {
                return Ok((None, false));
            }
            let mut state = pool.lock();
            if !state.closed {
                // It was the taker.
                state.taker = false;
            }
        }
    }

    /// Records that the observer never saw, since it fell too far behind.
    #[getter]
    fn records_dropped(&self) -> u64 {
        self.pool.records_dropped()
    }
}
