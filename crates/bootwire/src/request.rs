//! A request as a handler sees it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bootwire_proto::{Mode, Op, Options, Packet, Request as Rq};

use crate::path::normalise;
use crate::provenance::Said;
use crate::{Moment, RequestBuilder, traceparent};

/// A read or write request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) facts: Arc<Facts>,
    pub(crate) params: Params,
    pub(crate) moment: Option<Moment>,
}

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
    /// The machine, once somebody knows it.
    machine: Machine,
    /// What the answer said of itself.
    said: OnceLock<Said>,
}

/// Options looked at, at most.
const OPTIONS_MAX: usize = 32;

/// Bytes of a request that are kept: room for the longest name and more options than are looked at.
/// Real ones have less than 512; a forged one may have 64 KiB.
const KEPT_MAX: usize = 2048;

/// Longest path a request may be given in place of its own, in bytes.
const RENAMED_MAX: usize = 2048;

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
            machine: Machine::default(),
            said: OnceLock::new(),
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
            machine: Machine::default(),
            said: OnceLock::new(),
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

    /// The trace context at the end of the name.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        let trace = usize::from(self.trace_len).checked_sub(1)?;
        let name = self.filename();
        std::str::from_utf8(&name[name.len().checked_sub(trace)?..]).ok()
    }

    /// The machine: as the answer called it, or as whoever looked it up.
    pub(crate) fn machine(&self) -> Option<Arc<str>> {
        let said = self.said().and_then(|said| said.provenance.machine.clone());
        said.or_else(|| self.machine.get())
    }

    /// Notes what the answer says of itself. The first answer counts: there is no other.
    pub(crate) fn say(&self, said: Said) {
        let _ = self.said.set(said);
    }

    /// What the answer said of itself.
    pub(crate) fn said(&self) -> Option<&Said> {
        self.said.get()
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

/// Which machine a request is of, once somebody knows.
#[derive(Debug, Default)]
struct Machine(Mutex<Option<Arc<str>>>);

impl Machine {
    fn get(&self) -> Option<Arc<str>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, machine: Arc<str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(machine);
    }
}

impl Clone for Machine {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.get()))
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

/// The route that matched and its parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pub(crate) route: Option<Arc<str>>,
    pub(crate) values: Vec<(Arc<str>, String)>,
    /// Where the catch-all parameter begins in the path.
    pub(crate) rest: Option<usize>,
    /// Where the part of the path begins that parameters stand in.
    pub(crate) below: Option<usize>,
    /// The path, if it is not the one asked for any more.
    pub(crate) renamed: Option<Arc<[u8]>>,
}

impl Request {
    /// Number of the transfer since the server started, as in its record.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.facts.id
    }

    /// When it arrived.
    #[must_use]
    pub fn arrived(&self) -> SystemTime {
        self.facts.arrived
    }

    /// When it was taken from the kernel: the same for all requests that were taken together.
    /// What is looked up for one of them is as fresh for the others. `None` for one that came
    /// alone.
    #[must_use]
    pub const fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Says for the record which machine this is: its name in the inventory, or what it is known by, a
    /// MAC address, UUID or serial number. For whoever finds out on the way to an answer, or to a
    /// refusal: a condition of a route, a layer, a handler. Whoever says it last is heard, unless the
    /// answer itself says something else.
    ///
    /// ```
    /// let request = bootwire::Request::read("/grub/grub.cfg").build()?;
    /// request.known_as("web1");
    /// assert_eq!(request.machine().as_deref(), Some("web1"));
    /// # Ok::<(), bootwire::RequestError>(())
    /// ```
    pub fn known_as(&self, machine: impl Into<Arc<str>>) {
        self.facts.machine.set(machine.into());
    }

    /// The machine, if somebody has said which it is.
    #[must_use]
    pub fn machine(&self) -> Option<Arc<str>> {
        self.facts.machine()
    }

    /// The W3C trace context that was taken off the end of the file name, see
    /// [`Server::traceparent`](crate::Server::traceparent).
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.facts.traceparent()
    }

    /// The client's address and port.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.facts.peer
    }

    /// The client's address.
    #[must_use]
    pub fn peer_ip(&self) -> IpAddr {
        self.facts.peer.ip()
    }

    /// Whether the client has proven that it is at its address: it has answered a packet sent there
    /// within the last ten minutes, or is exempt from the budgets for strangers. Anybody else may be
    /// a forgery, as every machine is that asks for the first time; so what takes more than a moment
    /// keeps some of its places for clients that are proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.facts.proven
    }

    /// The address and port the client asked.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.facts.local
    }

    /// Index of the network interface it came in on; 0 if unknown.
    #[must_use]
    pub fn interface(&self) -> u32 {
        self.facts.interface
    }

    /// Read or write.
    #[must_use]
    pub fn op(&self) -> Op {
        self.facts.op
    }

    /// The transfer mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.facts.mode
    }

    /// The path: begins with `/`, `\` read as `/`, repeated slashes made one, `.` and `..`
    /// resolved (requests that climb out of the root never reach a handler). Bytes that are not
    /// UTF-8 are replaced; [`Request::path_bytes`] has them. Behind a
    /// [`Router::rewrite`](crate::Router::rewrite) it is the new one.
    #[must_use]
    pub fn path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.path_bytes())
    }

    /// The path as bytes.
    #[must_use]
    pub fn path_bytes(&self) -> &[u8] {
        self.params
            .renamed
            .as_deref()
            .unwrap_or_else(|| self.facts.path())
    }

    /// The same request for another path, which is normalised like a client's. Its parameters stay;
    /// [`Request::rest_bytes`] is the whole new path. `None` if `path` climbs out of the root, or
    /// is longer than 2048 bytes.
    ///
    /// Records and logs show the path the client asked for.
    #[must_use]
    pub fn renamed(&self, path: &[u8]) -> Option<Self> {
        if path.len() > RENAMED_MAX {
            return None;
        }
        let mut normal = Vec::with_capacity(path.len() + 1);
        normalise(path, &mut normal).ok()?;
        Some(Self {
            facts: Arc::clone(&self.facts),
            params: Params {
                rest: None,
                below: None,
                renamed: Some(normal.into()),
                ..self.params.clone()
            },
            moment: self.moment,
        })
    }

    /// The same request with other values of the route's parameters: what `change` answers for a name
    /// and a value takes the value's place, `None` keeps it. With [`Request::renamed`] it hides a part
    /// of the name, such as a secret, from whoever is told of the request.
    #[must_use]
    pub fn map_params(mut self, mut change: impl FnMut(&str, &str) -> Option<String>) -> Self {
        for (name, value) in &mut self.params.values {
            if let Some(other) = change(name, value) {
                *value = other;
            }
        }
        self
    }

    /// The file name exactly as sent. Untrusted: for logs, escaped, and nothing else.
    #[must_use]
    pub fn filename(&self) -> &[u8] {
        self.facts.filename()
    }

    /// The options as sent, in order, names in lower case.
    pub fn options(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.facts.options()
    }

    /// The value of an option, by its lower-case name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut options = self.options();
        options.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// A parameter of the route that matched, such as `mac` of `/grub/grub.cfg-01-{mac}`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .values
            .iter()
            .find(|(known, _)| &**known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter as the bytes that were sent, where they can be anything.
    pub(crate) fn param_bytes(&self, name: &str) -> Option<&[u8]> {
        let index = self
            .params
            .values
            .iter()
            .position(|(known, _)| &**known == name)?;
        let is_last = index + 1 == self.params.values.len();
        if is_last && self.params.rest.is_some() {
            return Some(self.rest_bytes());
        }
        Some(self.params.values[index].1.as_bytes())
    }

    /// All parameters of the route that matched, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .values
            .iter()
            .map(|(name, value)| (&**name, value.as_str()))
    }

    /// The pattern of the route that matched.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.params.route.as_deref()
    }

    /// What the route leaves of the path: the name that directories, uploads and origins look for,
    /// without the route's own directories in front of it. Bytes, as names need not be UTF-8.
    ///
    /// | pattern | path | this is |
    /// |---|---|---|
    /// | `/images/{*path}` | `/images/12.7/vmlinuz` | `12.7/vmlinuz`: what `{*path}` took |
    /// | `/{site}/boot/{*path}` | `/lab/boot/vmlinuz` | `vmlinuz`: what `{*path}` took |
    /// | `/configs/{name}` | `/configs/router1` | `router1` |
    /// | `/configs/{site}/{name}.cfg` | `/configs/lab/router1.cfg` | `lab/router1.cfg` |
    /// | `/grub/grub.cfg-01-{mac}` | `/grub/grub.cfg-01-52-54-…` | `grub.cfg-01-52-54-…` |
    /// | `/boot/pxelinux.0`, or a fallback | `/boot/pxelinux.0` | `boot/pxelinux.0`: the whole path |
    ///
    /// In words: what `{*rest}` took; without it, the path from the first directory or file whose
    /// name has a parameter in it; without parameters, or under a [new name](Request::renamed), the
    /// whole path without its first slash.
    #[must_use]
    pub fn rest_bytes(&self) -> &[u8] {
        let start = self.params.below.unwrap_or(1);
        self.path_bytes().get(start..).unwrap_or_default()
    }

    /// A read request made by hand, see [`Request::builder`].
    pub fn read(filename: impl AsRef<[u8]>) -> RequestBuilder {
        Self::builder(Op::Read, filename)
    }

    /// A write request made by hand, see [`Request::builder`].
    pub fn write(filename: impl AsRef<[u8]>) -> RequestBuilder {
        Self::builder(Op::Write, filename)
    }

    /// A request made by hand, to call an [`App`](crate::router::App) or an
    /// [`Endpoint`](crate::Endpoint) without a server. `filename` is text or bytes, as a client would
    /// send it.
    ///
    /// ```
    /// use bootwire::{Op, Request};
    ///
    /// let request = Request::builder(Op::Read, "boot\\bcd")
    ///     .peer_ip([10, 0, 0, 7])
    ///     .option("blksize", 1468)
    ///     .build()?;
    /// assert_eq!(request.path(), "/boot/bcd");
    /// assert_eq!(request.option("blksize").as_deref(), Some("1468"));
    /// # Ok::<(), bootwire::RequestError>(())
    /// ```
    pub fn builder(op: Op, filename: impl AsRef<[u8]>) -> RequestBuilder {
        RequestBuilder::new(op, filename.as_ref())
    }

    /// A request in octet mode made by hand. `None` where [`RequestBuilder::build`] would fail.
    #[must_use]
    pub fn synthetic(
        op: Op,
        filename: impl AsRef<[u8]>,
        peer: SocketAddr,
        options: &[(&str, &str)],
    ) -> Option<Self> {
        let builder = Self::builder(op, filename).peer(peer);
        let with = |builder: RequestBuilder, &(name, value)| builder.option(name, value);
        options.iter().fold(builder, with).build().ok()
    }

    /// The same request as if the client had asked `local`, and it had come in over the interface
    /// with this index (0 if unknown). For requests made by hand, which else ask an address like
    /// the client's own, over no interface.
    #[must_use]
    pub fn arrived_at(self, local: SocketAddr, interface: u32) -> Self {
        let facts = Facts {
            local,
            interface,
            ..(*self.facts).clone()
        };
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as if the client had proven its address lately, or not. For requests made by
    /// hand, whose clients have not.
    #[must_use]
    pub fn as_proven(self, proven: bool) -> Self {
        let facts = Facts {
            proven,
            ..(*self.facts).clone()
        };
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as a server with [`Server::traceparent`](crate::Server::traceparent) has it: a
    /// trace context at the end of the file name is taken off. For requests made by hand; one that
    /// would climb out of the root then stays as it is.
    #[must_use]
    pub fn as_traced(self) -> Self {
        let Ok(Packet::Request(request)) = Packet::parse(self.facts.datagram()) else {
            return self;
        };
        let arrival = Arrival {
            id: self.facts.id,
            arrived: self.facts.arrived,
            peer: self.facts.peer,
            local: self.facts.local,
            interface: self.facts.interface,
            proven: self.facts.proven,
            traced: true,
        };
        let facts = Facts::new(arrival, &request, self.facts.datagram());
        if facts.climbs || facts.traceparent().is_none() {
            return self;
        }
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as if it had been taken from the kernel at `moment`. For requests made by
    /// hand.
    #[must_use]
    pub fn taken_at(self, moment: Moment) -> Self {
        Self {
            moment: Some(moment),
            ..self
        }
    }
}
