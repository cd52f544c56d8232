//! Readiness by `poll(2)`, for any system.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Ready;
use crate::Socket;

/// The sockets watched.
#[derive(Debug, Default)]
pub(super) struct Poll {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    token: usize,
    local: SocketAddr,
    /// A copy, so that it cannot be closed, and its number used for something else, while it is
    /// watched.
    fd: OwnedFd,
    write: bool,
}

impl Entry {
    /// Sockets may share an address, or by mistake a token, but hardly both.
    fn is(&self, socket: &Socket, token: usize) -> bool {
        self.token == token && self.local == socket.local_addr()
    }
}

impl Poll {
    pub(super) fn add(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        if token == usize::MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.entries.iter().any(|entry| entry.is(socket, token)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.entries.push(Entry {
            token,
            local: socket.local_addr(),
            fd: socket.as_fd().try_clone_to_owned()?,
            write: false,
        });
        Ok(())
    }

    pub(super) fn remove(&mut self, socket: &Socket, token: usize) -> io::Result<()> {
        let index = self
            .entries
            .iter()
            .position(|entry| entry.is(socket, token));
        self.entries
            .swap_remove(index.ok_or(io::ErrorKind::NotFound)?);
        Ok(())
    }

    pub(super) fn want_write(&mut self, socket: &Socket, token: usize, on: bool) -> io::Result<()> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.is(socket, token));
        entry.ok_or(io::ErrorKind::NotFound)?.write = on;
        Ok(())
    }

    /// Answers whether the waker was used.
    pub(super) fn wait(
        &self,
        timeout: Option<&Timespec>,
        waker: BorrowedFd<'_>,
        ready: &mut Vec<Ready>,
    ) -> rustix::io::Result<bool> {
        let mut fds = Vec::with_capacity(self.entries.len() + 1);
        fds.push(PollFd::from_borrowed_fd(waker, PollFlags::IN));
        fds.extend(self.entries.iter().map(|entry| {
            let write = if entry.write {
                PollFlags::OUT
            } else {
                PollFlags::empty()
            };
            PollFd::new(&entry.fd, PollFlags::IN | write)
        }));
        poll(&mut fds, timeout)?;
        let woken = !fds[0].revents().is_empty();
        let wrong = PollFlags::ERR | PollFlags::HUP;
        for (entry, fd) in self.entries.iter().zip(&fds[1..]) {
            let flags = fd.revents();
            if !flags.is_empty() {
                ready.push(Ready {
                    token: entry.token,
                    readable: flags.intersects(PollFlags::IN | wrong),
                    writable: flags.intersects(PollFlags::OUT),
                });
            }
        }
        Ok(woken)
    }
}
