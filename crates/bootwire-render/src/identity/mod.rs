//! Which client asks.
//!
//! TFTP has no login: all there is are names and addresses, and anyone can send either. What is
//! found here tells machines apart; it proves nothing.
//!
//! [`Identifier::identify`] looks, in this order, at
//!
//! 1. the parameters of the route: `{mac}`, `{uuid}`, `{serial}`, `{ip}` and `{ip:hex}`, `{hostname}`;
//! 2. the path, if it is one that boot loaders make up, see [`crate::dialect`];
//! 3. if neither names a machine: the client's address in the lease files of the DHCP server
//!    ([`Leases`]), then in the kernel's neighbour table ([`Identifier::neighbours`]).

mod hardware;
mod lease;
mod neighbours;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use bootwire::{MacAddr, Request};

pub use crate::dialect::Uuid;
pub use hardware::ClientMac;
pub use lease::{LeaseFormat, Leases};

use crate::dialect::{Ask, Key, Loader, asked};
use neighbours::Neighbours;

/// Where a piece of an identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evidence {
    /// A parameter of the route.
    Parameter,
    /// The shape of the path.
    Path,
    /// A DHCP server's lease of the client's address.
    Lease,
    /// The kernel's neighbour table.
    Neighbour,
    /// The client's address itself.
    Peer,
}

impl Evidence {
    /// One word for logs: `parameter`, `path`, `lease`, `neighbour`, `peer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Path => "path",
            Self::Lease => "lease",
            Self::Neighbour => "neighbour",
            Self::Peer => "peer",
        }
    }
}

/// A piece of an identity and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known<T> {
    /// The piece.
    pub value: T,
    /// Where it comes from.
    pub from: Evidence,
}

/// What is known of the machine that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// Its hardware address.
    pub mac: Option<Known<MacAddr>>,
    /// Its SMBIOS UUID.
    pub uuid: Option<Known<Uuid>>,
    /// Its serial number, as it was sent.
    pub serial: Option<Known<String>>,
    /// Its address; an IPv4 client of an IPv6 socket goes by its IPv4 address.
    pub ip: Option<Known<IpAddr>>,
    /// Its host name, in lower case.
    pub hostname: Option<Known<String>>,
    /// The boot loader, if the path is one of its names.
    pub loader: Option<Loader>,
    /// Whether the client has proven lately that it is at its address, see
    /// [`Request::is_proven`].
    pub proven: bool,
}

impl Identity {
    /// What the request alone says, without lease files and neighbours.
    ///
    /// ```
    /// use bootwire::{Op, Request};
    /// use bootwire_render::identity::{Evidence, Identity};
    ///
    /// let peer = "192.0.2.7:2070".parse().expect("an address");
    /// let request = Request::synthetic(Op::Read, "pxelinux.cfg/01-52-54-00-12-34-56", peer, &[]);
    /// let who = Identity::of(&request.expect("a request"));
    /// let mac = who.mac.expect("the name has it");
    /// assert_eq!((mac.value.to_string().as_str(), mac.from), ("52:54:00:12:34:56", Evidence::Path));
    /// assert_eq!(who.ip.map(|ip| ip.from), Some(Evidence::Peer));
    /// ```
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let mut who = Self {
            proven: request.is_proven(),
            ..Self::default()
        };
        for (name, value) in request.params() {
            who.note_parameter(name, value);
        }
        if let Some(found) = asked(&request.path()) {
            who.loader = Some(found.loader);
            if let Ask::Machine(key) = found.ask {
                who.note(key, Evidence::Path);
            }
        }
        who.note(Key::Ip(request.peer_ip().to_canonical()), Evidence::Peer);
        who
    }

    /// Takes a parameter that has one of the names known, under any type.
    fn note_parameter(&mut self, name: &str, value: &str) {
        let key = match name {
            "mac" => value.parse().ok().map(Key::Mac),
            "uuid" => value.parse().ok().map(Key::Uuid),
            "serial" => Some(Key::Serial(value.to_owned())),
            "ip" => value.parse().ok().map(Key::Ip),
            "hostname" => Some(Key::Hostname(value.to_ascii_lowercase())),
            _ => None,
        };
        if let Some(key) = key {
            self.note(key, Evidence::Parameter);
        }
    }

    /// Takes a piece, unless better evidence gave it already.
    fn note(&mut self, key: Key, from: Evidence) {
        match key {
            Key::Mac(value) => _ = self.mac.get_or_insert(Known { value, from }),
            Key::Uuid(value) => _ = self.uuid.get_or_insert(Known { value, from }),
            Key::Serial(value) => _ = self.serial.get_or_insert(Known { value, from }),
            Key::Ip(value) => _ = self.ip.get_or_insert(Known { value, from }),
            Key::Hostname(value) => _ = self.hostname.get_or_insert(Known { value, from }),
        }
    }

    /// Whether the request itself names a machine; its address alone does not.
    fn is_named(&self) -> bool {
        let by_address = |ip: &Known<IpAddr>| ip.from == Evidence::Peer;
        self.mac.is_some()
            || self.uuid.is_some()
            || self.serial.is_some()
            || self.hostname.is_some()
            || self.ip.as_ref().is_some_and(|ip| !by_address(ip))
    }

    /// What the machine is known by: its hardware address, else its UUID, serial number or host name.
    /// `None` if all that is known is its address.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let mac = self.mac.map(|known| known.value.to_string());
        let uuid = || self.uuid.map(|known| known.value.to_string());
        let serial = || self.serial.as_ref().map(|known| known.value.clone());
        let hostname = || self.hostname.as_ref().map(|known| known.value.clone());
        mac.or_else(uuid).or_else(serial).or_else(hostname)
    }

    /// One line for a log: `mac=52:54:00:12:34:56 (lease) ip=192.0.2.7 (peer)`.
    #[must_use]
    pub fn describe(&self) -> String {
        fn piece<T: std::fmt::Display>(name: &str, known: Option<&Known<T>>) -> Option<String> {
            known.map(|known| format!("{name}={} ({})", known.value, known.from.name()))
        }
        let serial = self.serial.as_ref().map(|known| Known {
            value: known.value.escape_debug().to_string(),
            from: known.from,
        });
        let hostname = self.hostname.as_ref().map(|known| Known {
            value: known.value.escape_debug().to_string(),
            from: known.from,
        });
        let pieces = [
            piece("mac", self.mac.as_ref()),
            piece("uuid", self.uuid.as_ref()),
            piece("serial", serial.as_ref()),
            piece("ip", self.ip.as_ref()),
            piece("hostname", hostname.as_ref()),
        ];
        pieces.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Finds out which client asks. Cheap to clone.
///
/// ```no_run
/// use bootwire_render::identity::{Identifier, Leases};
///
/// let identifier = Identifier::new()
///     .leases(Leases::dnsmasq("/var/lib/misc/dnsmasq.leases"))
///     .neighbours();
/// ```
#[derive(Clone, Default)]
pub struct Identifier {
    leases: Vec<Arc<Leases>>,
    neighbours: Option<Arc<Neighbours>>,
}

impl Identifier {
    /// Looks at requests alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for clients in these leases too; those added first go first.
    #[must_use]
    pub fn leases(mut self, leases: Leases) -> Self {
        self.leases.push(Arc::new(leases));
        self
    }

    /// Looks for clients in the kernel's neighbour table too, which knows machines on networks this
    /// host is in itself. Answers are kept for 5 s.
    #[must_use]
    pub fn neighbours(mut self) -> Self {
        self.neighbours = Some(Arc::default());
        self
    }

    /// Who asks, if that can be told without looking at a file or asking the kernel.
    #[must_use]
    pub fn at_hand(&self, request: &Request) -> Option<Identity> {
        let mut who = Identity::of(request);
        let ip = request.peer_ip().to_canonical();
        if who.is_named() {
            return Some(who);
        }
        for leases in &self.leases {
            if leases.tell(ip, &mut who, &*leases.at_hand()?) {
                return Some(who);
            }
        }
        if let Some(neighbours) = &self.neighbours
            && let Some(mac) = neighbours.at_hand(ip)?
        {
            who.note(Key::Mac(mac), Evidence::Neighbour);
        }
        Some(who)
    }

    /// Who asks. Never fails: a lease file that cannot be read is a problem of [`Leases`], and the
    /// machine is then known by what is left.
    pub async fn identify(&self, request: &Request) -> Identity {
        let mut who = Identity::of(request);
        let ip = request.peer_ip().to_canonical();
        if who.is_named() {
            return who;
        }
        for leases in &self.leases {
            let now = leases.fresh().await;
            if leases.tell(ip, &mut who, &now) {
                return who;
            }
        }
        if let Some(neighbours) = &self.neighbours
            && let Some(mac) = neighbours.find(ip).await
        {
            who.note(Key::Mac(mac), Evidence::Neighbour);
        }
        who
    }

    /// The hardware address of the machine at `ip`, if that can be told without looking at a file or
    /// asking the kernel; `Some(None)` if nobody knows it.
    pub(crate) fn client_mac_at_hand(&self, ip: IpAddr) -> Option<Option<MacAddr>> {
        let ip = ip.to_canonical();
        for leases in &self.leases {
            if let Some(mac) = leases.at_hand()?.mac_of(ip) {
                return Some(Some(mac));
            }
        }
        match &self.neighbours {
            Some(neighbours) => neighbours.at_hand(ip),
            None => Some(None),
        }
    }

    /// The hardware address of the machine at `ip`: by leases, then by the neighbour table. Nothing
    /// that a request says counts. `None` if nobody knows it.
    pub async fn client_mac(&self, ip: IpAddr) -> Option<MacAddr> {
        let ip = ip.to_canonical();
        for leases in &self.leases {
            if let Some(mac) = leases.fresh().await.mac_of(ip) {
                return Some(mac);
            }
        }
        match &self.neighbours {
            Some(neighbours) => neighbours.find(ip).await,
            None => None,
        }
    }

    /// The address at which the leases in memory have a machine with this hardware address, else with
    /// this host name: from there it would ask.
    #[must_use]
    pub fn address_of(&self, mac: Option<MacAddr>, hostname: Option<&str>) -> Option<IpAddr> {
        let mut leases = self.leases.iter();
        leases.find_map(|leases| leases.address_of(mac, hostname))
    }

    /// Looks at every lease file now. Blocks on the disk.
    pub fn reload(&self) {
        for leases in &self.leases {
            leases.reload();
        }
    }
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identifier")
            .field("leases", &self.leases)
            .field("neighbours", &self.neighbours.is_some())
            .finish()
    }
}
