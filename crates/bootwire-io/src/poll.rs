//! Waiting for sockets, and being woken by other threads.

mod plain;

use std::{io, sync::Arc, time::Duration};

use rustix::event::Timespec;

use crate::{
    Kernel, Socket,
    signal::{Signal, Waker},
};

/// The longest wait asked from the kernel, which counts milliseconds in an `int`; a longer one
/// returns early, with nothing ready.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Waits for several sockets to become ready, and for other threads to call.
///
/// Level-triggered: what is left unread is told again. [`remove`](Poller::remove) a socket before
/// it is dropped.
#[derive(Debug)]
pub struct Poller {
    sockets: Sockets,
    signal: Arc<Signal>,
}

#[derive(Debug)]
enum Sockets {
    #[cfg(target_os = "linux")]
    Epoll(crate::linux::epoll::Epoll),
    Plain(plain::Poll),
}

/// A socket that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token given with the socket.
    pub token: usize,
    /// Datagrams wait, or an error does.
    pub readable: bool,
    /// There is room to send. Told only if asked for.
    pub writable: bool,
}

impl Poller {
    /// A poller without sockets.
    ///
    /// # Errors
    /// If the process has no file descriptors left.
    pub fn new(kernel: Kernel) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if kernel.epoll {
            let signal = Signal::eventfd()?;
            let sockets = Sockets::Epoll(crate::linux::epoll::Epoll::new(&signal)?);
            return Ok(Self {
                sockets,
                signal: Arc::new(signal),
            });
        }
        let _ = kernel;
        let sockets = Sockets::Plain(plain::Poll::default());
        Ok(Self {
            sockets,
            signal: Arc::new(Signal::pair()?),
        })
    }

    /// Watches a socket for datagrams. Its readiness is told under `token`, which should be its
    /// own.
    ///
    /// # Errors
    /// If it is watched already, or no more can be; `InvalidInput` for the token `usize::MAX`.
    pub fn add(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        match &mut self.sockets {
            #[cfg(target_os = "linux")]
            Sockets::Epoll(epoll) => epoll.add(socket, token),
            Sockets::Plain(poll) => poll.add(socket, token),
        }
    }

    /// Watches a socket no longer.
    ///
    /// # Errors
    /// If it is not watched.
    pub fn remove(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        match &mut self.sockets {
            #[cfg(target_os = "linux")]
            Sockets::Epoll(epoll) => epoll.remove(socket),
            Sockets::Plain(poll) => poll.remove(socket, token),
        }
    }

    /// Watches a socket for room to send as well, or no longer.
    ///
    /// # Errors
    /// If it is not watched.
    pub fn want_write(&mut self, socket: &Socket, token: usize, on: bool) -> io::Result<()> {
        match &mut self.sockets {
            #[cfg(target_os = "linux")]
            Sockets::Epoll(epoll) => epoll.want_write(socket, token, on),
            Sockets::Plain(poll) => poll.want_write(socket, token, on),
        }
    }

    /// A handle with which other threads end a wait.
    pub fn waker(&self) -> Waker {
        Waker::new(&self.signal)
    }

    /// Waits until a socket is ready, the waker is used or `timeout` is over (rounded up to whole
    /// milliseconds; `None`: for as long as it takes), and puts what is ready into `ready`,
    /// emptied first. It may also return early, with nothing.
    ///
    /// What other threads did before they called the waker is seen after this returns.
    ///
    /// # Errors
    /// None in practice: only for what is wrong with the poller itself.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let timeout = timeout.map(|timeout| {
            let timeout = timeout.min(MAX_WAIT);
            Timespec {
                tv_sec: timeout.as_secs() as _,
                tv_nsec: timeout.subsec_nanos() as _,
            }
        });
        let woken = match &mut self.sockets {
            #[cfg(target_os = "linux")]
            Sockets::Epoll(epoll) => epoll.wait(timeout.as_ref(), ready),
            Sockets::Plain(poll) => poll.wait(timeout.as_ref(), self.signal.readable(), ready),
        };
        match woken {
            Ok(true) => self.signal.clear(),
            Ok(false) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
