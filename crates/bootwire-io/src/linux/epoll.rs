//! Readiness by epoll.

use std::{
    fmt, io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
};

use crate::{Ready, signal::Signal};

/// Events taken by one call; the rest come with the next.
const EVENTS: usize = 64;

/// Marks the waker's events.
const WAKE: u64 = u64::MAX;

pub(crate) struct Epoll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

// SAFETY: the only thing that is not `Send` is the data word of the events, a union that could
// hold a pointer; only integers are ever put into it.
unsafe impl Send for Epoll {}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

impl Epoll {
    pub(crate) fn new(signal: &Signal) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            signal.readable(),
            EventData::new_u64(WAKE),
            EventFlags::IN,
        )?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS),
        })
    }

    pub(crate) fn add(&self, fd: impl AsFd, token: usize) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, data(token)?, EventFlags::IN)?)
    }

    pub(crate) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    pub(crate) fn want_write(&self, fd: impl AsFd, token: usize, on: bool) -> io::Result<()> {
        let flags = if on {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        Ok(epoll::modify(&self.epoll, fd, data(token)?, flags)?)
    }

    /// Answers whether the waker was used.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<&Timespec>,
        ready: &mut Vec<Ready>,
    ) -> rustix::io::Result<bool> {
        self.events.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout)?;
        let mut woken = false;
        for event in &self.events {
            let (flags, token) = (event.flags, event.data.u64());
            let Ok(token) = usize::try_from(token) else {
                continue;
            };
            if token as u64 == WAKE {
                woken = true;
                continue;
            }
            let wrong = EventFlags::ERR | EventFlags::HUP;
            ready.push(Ready {
                token,
                readable: flags.intersects(EventFlags::IN | wrong),
                writable: flags.intersects(EventFlags::OUT),
            });
        }
        Ok(woken)
    }
}

fn data(token: usize) -> io::Result<EventData> {
    let token = token as u64;
    if token == WAKE {
        Err(io::ErrorKind::InvalidInput.into())
    } else {
        Ok(EventData::new_u64(token))
    }
}
