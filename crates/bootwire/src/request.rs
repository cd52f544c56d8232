//! A request as a handler sees it.

mod by_hand;
mod facts;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use bootwire_proto::{Mode, Op};

pub use self::by_hand::{RequestBuilder, RequestError};
pub(crate) use self::facts::{Arrival, Facts, Unreadable};
use crate::Moment;
use crate::params::Params;

/// A read or write request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) facts: Arc<Facts>,
    pub(crate) params: Params,
    pub(crate) moment: Option<Moment>,
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
        self.facts.known_as(machine.into());
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
}
