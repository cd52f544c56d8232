//! Where a test holds up what the cache does on the disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Whoever passes it waits while it is closed.
#[derive(Default)]
pub(super) struct Gate {
    closed: Mutex<bool>,
    waiting: AtomicU64,
    opened: Condvar,
}

impl Gate {
    /// Waits as long as it is closed.
    pub(super) fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        if *closed {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        }
    }

    /// Closes or opens it.
    pub(super) fn set(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }

    /// Waits until somebody stands at the closed gate.
    pub(super) fn met(&self) {
        let begun = Instant::now();
        while self.waiting.load(Ordering::SeqCst) == 0 {
            if begun.elapsed() > Duration::from_secs(60) {
                self.set(false);
                panic!("nobody came to the gate");
            }
            std::thread::yield_now();
        }
        self.waiting.store(0, Ordering::SeqCst);
    }
}
