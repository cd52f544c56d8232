//! Readiness.
use std::{io, time::Duration};

use crate::{Kernel, Socket};

/// Readiness of several sockets and a wake-up from other threads.
#[derive(Debug)]
pub struct Poller(());

/// A socket that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token given with the socket.
    pub token: usize,
    /// Datagrams wait, or an error.
    pub readable: bool,
    /// There is room to send.
    pub writable: bool,
}

/// Wakes a [`Poller`] from any thread.
#[derive(Clone, Debug)]
pub struct Waker(());

impl Waker {
    /// Wakes.
    pub fn wake(&self) {
        todo!()
    }
}

impl Poller {
    /// A poller without sockets.
    pub fn new(kernel: Kernel) -> io::Result<Self> {
        let _ = kernel;
        todo!()
    }
    /// Watches for datagrams.
    pub fn add(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        let _ = (socket, token);
        todo!()
    }
    /// Forgets a socket; call it before the socket is dropped.
    pub fn remove(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        let _ = (socket, token);
        todo!()
    }
    /// Watches for room to send as well, or no longer.
    pub fn want_write(&mut self, socket: &Socket, token: usize, on: bool) -> io::Result<()> {
        let _ = (socket, token, on);
        todo!()
    }
    /// A handle for other threads.
    pub fn waker(&self) -> Waker {
        todo!()
    }
    /// Waits.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let _ = (timeout, ready);
        todo!()
    }
}
