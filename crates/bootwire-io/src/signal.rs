//! Waking whoever waits, from any thread.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Ends the wait of a [`Poller`](crate::Poller), or of a [`Ring`](crate::Ring), from any thread: the
/// one that is going on, or the next one.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Signal>);

impl Waker {
    /// A handle on whatever waits for this signal.
    pub(crate) fn new(signal: &Arc<Signal>) -> Self {
        Self(Arc::clone(signal))
    }

    /// Wakes the poller. Calls until it has noticed are free of system calls.
    pub fn wake(&self) {
        self.0.set();
    }
}

/// A file descriptor that is readable once someone has called.
#[derive(Debug)]
pub(crate) struct Signal {
    /// Someone has called since the poller looked.
    called: AtomicBool,
    read: OwnedFd,
    /// The other end of a pair; an eventfd is both ends in one.
    write: Option<OwnedFd>,
}

impl Signal {
    #[cfg(target_os = "linux")]
    pub(crate) fn eventfd() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};

        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            called: AtomicBool::new(false),
            read: fd,
            write: None,
        })
    }

    pub(crate) fn pair() -> io::Result<Self> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Self {
            called: AtomicBool::new(false),
            read: read.into(),
            write: Some(write.into()),
        })
    }

    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    fn set(&self) {
        if !self.called.swap(true, Ordering::AcqRel) {
            // The count an eventfd takes; for a pair just some bytes. It fails only when it is
            // full, and then it is readable already.
            let one = 1_u64.to_ne_bytes();
            let _ = rustix::io::write(self.write.as_ref().unwrap_or(&self.read), &one);
        }
    }

    pub(crate) fn clear(&self) {
        let mut bytes = [0; 64];
        // Empty at worst, after a false alarm.
        let _ = rustix::io::read(&self.read, &mut bytes);
        // A swap, not a store: it takes over what was done before the calls it forgets. A call
        // after it writes again.
        self.called.swap(false, Ordering::AcqRel);
    }
}
