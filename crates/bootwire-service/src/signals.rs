//! Signals: the first SIGTERM or Ctrl-C asks, the second insists; SIGHUP reads the configuration again.
//! The end of standard input counts as one more SIGTERM, for whoever asks for that.

use std::pin::pin;
use std::{io, thread};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::ServiceError;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM or SIGINT.
    End,
    /// SIGHUP.
    Reload,
}

/// The signals a server listens to.
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    orphaned: mpsc::Receiver<()>,
}

impl Signals {
    /// With the end of standard input among them, or without.
    pub(crate) fn new(with_stdin: bool) -> Result<Self, ServiceError> {
        let listen = |kind| signal(kind).map_err(ServiceError::system("cannot wait for signals"));
        let (orphan, orphaned) = mpsc::channel(1);
        if with_stdin {
            let wait = move || {
                let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
                // Nobody listens if the server ends already.
                let _ = orphan.blocking_send(());
            };
            let waiting = thread::Builder::new().name("stdin".to_owned()).spawn(wait);
            waiting.map_err(ServiceError::system("cannot start a thread"))?;
        }
        Ok(Self {
            orphaned,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            Some(()) = self.orphaned.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Waits for `work`; `None` if a signal to end comes first, and drops it.
    pub(crate) async fn or_end<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let work = pin!(work);
        let (terminate, interrupt) = (&mut self.terminate, &mut self.interrupt);
        let orphaned = &mut self.orphaned;
        tokio::select! {
            done = work => Some(done),
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            Some(()) = orphaned.recv() => None,
        }
    }
}
