//! Readiness by `poll(2)`, for any system.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Ready;

/// The sockets watched.
#[derive(Debug, Default)]
pub(super) struct Poll {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    token: usize,
    /// A copy, so that it cannot be closed, and its number used for something else, while it is
    /// watched.
    fd: OwnedFd,
    write: bool,
}

impl Poll {
    pub(super) fn add(&mut self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
        if token == usize::MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.entries.iter().any(|entry| entry.token == token) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.entries.push(Entry {
            token,
            fd: fd.try_clone_to_owned()?,
            write: false,
        });
        Ok(())
    }

    pub(super) fn remove(&mut self, token: usize) -> io::Result<()> {
        let index = self.entries.iter().position(|entry| entry.token == token);
        self.entries
            .swap_remove(index.ok_or(io::ErrorKind::NotFound)?);
        Ok(())
    }

    pub(super) fn want_write(&mut self, token: usize, on: bool) -> io::Result<()> {
        let entry = self.entries.iter_mut().find(|entry| entry.token == token);
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
