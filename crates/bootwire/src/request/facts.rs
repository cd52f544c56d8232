//! A request as it came, and what is learnt of it on the way to its answer.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bootwire_proto::{Mode, Op, Options, Packet, Request as Rq};

use crate::path::normalise;
use crate::provenance::Said;
use crate::traceparent;

/// A request as it came, and what is known of it before anybody looked at it.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: u64,
    pub(crate) arrived: SystemTime,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) interface: u32,
    /// Whether the client has proven lately that it is at its address.
    pub(crate) proven: bool,
    pub(crate) op: Op,
    pub(crate) mode: Mode,
    /// The request as it came, behind it the path.
    text: Box<[u8]>,
    datagram_len: u16,
    filename_len: u16,
    /// Whether the file name leads out of the root: no handler may see it.
    pub(crate) climbs: bool,
    /// Whether it is a request at all; else only the name is what it seems.
    pub(crate) readable: bool,
    /// Bytes at the end of the file name that are a trace context, the dash before it included.
    trace_len: u16,
    learnt: Learnt,
}

/// Options looked at, at most.
const OPTIONS_MAX: usize = 32;

/// Bytes of a request that are kept: room for the longest name and more options than are looked at.
/// Real ones have less than 512; a forged one may have 64 KiB.
const KEPT_MAX: usize = 2048;

/// Where a file name begins in a request.
const FILENAME_AT: usize = 2;

impl Facts {
    /// What there is to know of the request read from `datagram`.
    pub(crate) fn new(arrival: Arrival, request: &Rq<'_>, datagram: &[u8]) -> Self {
        let Arrival {
            id,
            arrived,
            peer,
            local,
            interface,
            proven,
            traced,
        } = arrival;
        let datagram = kept(datagram);
        let traced = traced
            .then(|| traceparent::split(request.filename))
            .flatten();
        let name = traced.map_or(request.filename, |(name, _)| name);
        let mut text = Vec::with_capacity(datagram.len() + name.len() + 1);
        text.extend_from_slice(datagram);
        let climbs = normalise(name, &mut text).is_err();
        if climbs {
            text.extend_from_slice(name);
        }
        Self {
            id,
            arrived,
            peer,
            local,
            interface,
            proven,
            op: request.op,
            mode: request.mode,
            text: text.into(),
            datagram_len: datagram.len() as u16,
            filename_len: request.filename.len() as u16,
            climbs,
            readable: true,
            trace_len: (request.filename.len() - name.len()) as u16,
            learnt: Learnt::default(),
        }
    }

    /// What there is to know of a request that cannot be read. No handler may see it.
    pub(crate) fn unreadable(arrival: Arrival, unreadable: &Unreadable<'_>) -> Self {
        let name = unreadable.name;
        Self {
            id: arrival.id,
            arrived: arrival.arrived,
            peer: arrival.peer,
            local: arrival.local,
            interface: arrival.interface,
            proven: arrival.proven,
            op: unreadable.op,
            mode: Mode::Octet,
            text: [&[0; FILENAME_AT], name, name].concat().into(),
            datagram_len: (FILENAME_AT + name.len()) as u16,
            filename_len: name.len() as u16,
            climbs: false,
            readable: false,
            trace_len: 0,
            learnt: Learnt::default(),
        }
    }

    /// Whether `datagram` is this request again.
    pub(crate) fn is(&self, datagram: &[u8]) -> bool {
        self.datagram() == kept(datagram)
    }

    /// The request as it came, its first 2048 bytes.
    pub(crate) fn datagram(&self) -> &[u8] {
        &self.text[..self.datagram_len.into()]
    }

    /// Normalised, still bytes: file names need not be UTF-8. The name as sent, if that climbs
    /// out of the root.
    pub(crate) fn path(&self) -> &[u8] {
        &self.text[self.datagram_len.into()..]
    }

    /// Puts another path behind the request.
    #[cfg(test)]
    pub(crate) fn set_path(&mut self, path: &[u8]) {
        self.text = [self.datagram(), path].concat().into();
    }

    pub(crate) fn filename(&self) -> &[u8] {
        let end = FILENAME_AT + usize::from(self.filename_len);
        self.datagram().get(FILENAME_AT..end).unwrap_or_default()
    }

    /// The file name as it was sent, without the trace context.
    pub(crate) fn name(&self) -> &[u8] {
        let name = self.filename();
        let end = name.len().saturating_sub(self.trace_len.into());
        &name[..end]
    }

    /// The trace context at the end of the name.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        let trace = usize::from(self.trace_len).checked_sub(1)?;
        let name = self.filename();
        std::str::from_utf8(&name[name.len().checked_sub(trace)?..]).ok()
    }

    /// The machine: as the answer called it, or as whoever looked it up.
    pub(crate) fn machine(&self) -> Option<Arc<str>> {
        let learnt = self.learnt.lock();
        let said = learnt.said.as_ref();
        said.and_then(|said| said.provenance.get().machine.clone())
            .or_else(|| learnt.machine.clone())
    }

    /// Notes the machine. Whoever says it last is heard.
    pub(crate) fn known_as(&self, machine: Arc<str>) {
        self.learnt.lock().machine = Some(machine);
    }

    /// Notes what the answer says of itself. The first answer counts: there is no other.
    pub(crate) fn say(&self, said: Said) {
        self.learnt.lock().said.get_or_insert(said);
    }

    /// What `look` finds in what the answer said of itself, if it said anything.
    pub(crate) fn said<T>(&self, look: impl FnOnce(&Said) -> T) -> Option<T> {
        self.learnt.lock().said.as_ref().map(look)
    }

    /// Names in lower case, and values; bytes that are not UTF-8 replaced.
    pub(crate) fn options(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let options = match Packet::parse(self.datagram()) {
            Ok(Packet::Request(request)) => request.options,
            _ => Options::default(),
        };
        options.iter().take(OPTIONS_MAX).map(|(name, value)| {
            let mut name = String::from_utf8_lossy(name);
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                name.to_mut().make_ascii_lowercase();
            }
            (name, String::from_utf8_lossy(value))
        })
    }
}

/// What is learnt of a request after it came. One lock for all of it: that costs the worker less than
/// cells that are set once.
#[derive(Debug, Default)]
struct Learnt(Mutex<Lessons>);

#[derive(Clone, Debug, Default)]
struct Lessons {
    /// The machine, as whoever looked it up calls it.
    machine: Option<Arc<str>>,
    /// What the answer said of itself.
    said: Option<Said>,
}

impl Learnt {
    fn lock(&self) -> MutexGuard<'_, Lessons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Learnt {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }
}

/// What is kept of a request.
fn kept(datagram: &[u8]) -> &[u8] {
    &datagram[..datagram.len().min(KEPT_MAX)]
}

/// What can be seen of a request that cannot be read.
pub(crate) struct Unreadable<'a> {
    pub(crate) op: Op,
    /// The beginning of the name.
    pub(crate) name: &'a [u8],
    /// Bytes of the whole name.
    pub(crate) name_len: usize,
    /// The beginning of the mode.
    pub(crate) mode: &'a [u8],
}

/// Bytes of a name that are kept of a request that cannot be read.
const NAME_SEEN: usize = 128;
/// The same of a mode.
const MODE_SEEN: usize = 32;

impl<'a> Unreadable<'a> {
    /// `datagram` begins with the opcode of a request.
    pub(crate) fn read(datagram: &'a [u8]) -> Self {
        let op = match datagram.get(1) {
            Some(2) => Op::Write,
            _ => Op::Read,
        };
        let mut texts = datagram
            .get(FILENAME_AT..)
            .unwrap_or_default()
            .split(|&byte| byte == 0);
        let name = texts.next().unwrap_or_default();
        let mode = texts.next().unwrap_or_default();
        Self {
            op,
            name: &name[..name.len().min(NAME_SEEN)],
            name_len: name.len(),
            mode: &mode[..mode.len().min(MODE_SEEN)],
        }
    }
}

/// How a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: u64,
    pub(crate) arrived: SystemTime,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) interface: u32,
    pub(crate) proven: bool,
    /// Whether a trace context at the end of the name is taken off.
    pub(crate) traced: bool,
}
