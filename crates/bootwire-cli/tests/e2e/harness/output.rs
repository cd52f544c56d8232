//! What a running server prints, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Lines printed so far on both streams. Clones look at the same lines.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Output {
    /// Adds each line of `stream` as it comes, on a thread of its own.
    pub(crate) fn follow(&self, stream: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let Self(shared) = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned();
                shared.0.lock().expect("no panic while locked").push(text);
                shared.1.notify_all();
                line.clear();
            }
        })
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().expect("no panic while locked").clone()
    }

    /// Waits until `found` makes something of the lines, for `limit` at most.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        mut found: impl FnMut(&[String]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        let (lock, changed) = &*self.0;
        let mut lines = lock.lock().expect("no panic while locked");
        loop {
            if let Some(value) = found(&lines) {
                return Some(value);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = changed
                .wait_timeout(lines, left)
                .expect("no panic while locked")
                .0;
        }
    }
}
