//! A worker's sockets: where requests come in, and the transfer ports they are answered from.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootwire_io::{
    Datagram, Kernel, Poller, Ready, Socket, SocketOptions, UnboundSocket, interface_mtu,
    local_addresses,
};
use hashbrown::HashMap;

use super::admission::OwnAddresses;
use super::drops::Drops;
use super::lane::{Lane, Lanes};

/// Transfer sockets for each local address: enough that a peer's next transfer gets another port
/// than its last ones, few enough that ACKs come in full batches.
const LANES_PER_FRONT: usize = 4;
/// Local addresses that get transfer sockets of their own; the others (of a loopback range, or an
/// IPv6 prefix routed to this host, asked address by address) share one front for each listening
/// socket, and are answered from that.
const FRONTS_MAX: usize = 64;
/// Local addresses of each family for which transfer sockets are set aside where a listening
/// socket has all addresses.
const SITES_SET_ASIDE: usize = 4;
/// How long an interface's MTU is believed.
const MTU_MEMORY: Duration = Duration::from_secs(5);
/// How often the sockets are asked what the kernel dropped.
const DROPS_PERIOD: Duration = Duration::from_secs(1);
/// Receive buffer wanted, in bytes: see [`Server::RECEIVE_BUFFER`](super::Server::RECEIVE_BUFFER).
pub(super) const RECEIVE_BUFFER: usize = 8 << 20;
/// Send buffer wanted, in bytes.
pub(super) const SEND_BUFFER: usize = 4 << 20;

/// A socket and what it is for.
pub(super) struct Port {
    pub(super) socket: Socket,
    pub(super) role: Role,
    /// Transfers that wait until the socket takes more.
    pub(super) waiting: Vec<u32>,
    pub(super) drops: Drops,
    pub(super) bound: Bound,
}

/// The address of a listening socket that is bound to one alone, and the index of its interface:
/// its datagrams need not tell, which saves a tenth of each receive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound(Option<(IpAddr, u32)>);

impl Bound {
    /// Says of a datagram which address was asked.
    pub(super) fn place(self, datagram: &mut Datagram<'_>) {
        if let Some((ip, interface)) = self.0 {
            datagram.local = Some(ip);
            datagram.interface = interface;
        }
    }
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Requests come in here.
    Listener,
    /// A transfer port of the front with this number.
    Lane(u16),
}

/// A local address that clients ask: the front of the server that they see.
struct Front {
    listener: u16,
    asked: FrontAddress,
    lanes: Vec<u16>,
}

/// What fronts are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrontAddress {
    /// An address, with its interface if it means nothing without; `None` where the kernel does
    /// not tell which.
    Address(Option<IpAddr>, u32),
    /// One of the many beyond [`FRONTS_MAX`].
    Another,
}

/// The sockets of one worker.
pub(super) struct Sockets {
    poller: Poller,
    ports: Vec<Port>,
    fronts: Vec<Front>,
    single_port: bool,
    fragment: bool,
    /// Port numbers this worker may use; empty for any.
    range: Vec<u16>,
    /// Transfer sockets set aside, without an address yet.
    set_aside: Vec<UnboundSocket>,
    mtus: HashMap<u32, (Option<u32>, Instant), foldhash::quality::RandomState>,
    /// Where all workers' sockets are told of.
    own: Arc<OwnAddresses>,
    /// When the sockets are asked next what the kernel dropped.
    drops_due: bootwire_proto::Instant,
}

impl Sockets {
    /// Takes the listening sockets, which get the numbers from 0 on.
    pub(super) fn new(
        kernel: Kernel,
        listeners: Vec<Socket>,
        single_port: bool,
        fragment: bool,
        range: Vec<u16>,
        own: Arc<OwnAddresses>,
    ) -> io::Result<Self> {
        let poller = Poller::new(kernel)?;
        let mut sockets = Self {
            poller,
            ports: Vec::new(),
            fronts: Vec::new(),
            single_port,
            fragment,
            range,
            set_aside: Vec::new(),
            mtus: HashMap::default(),
            own,
            drops_due: bootwire_proto::Instant::ZERO,
        };
        // Without netlink nobody tells: then each datagram does.
        let addresses = local_addresses().ok();
        for socket in listeners {
            let ip = socket.local_addr().ip();
            if single_port {
                // Where that is not to be had, it is noticed later that a client is gone.
                let _ = bootwire_io::set_reports(&socket, ip.is_ipv6(), true);
            }
            let id = sockets.add(socket, Role::Listener)?;
            let Some(addresses) = addresses.as_ref().filter(|_| !ip.is_unspecified()) else {
                continue;
            };
            // Where it is not known which interface has the address, it counts as none.
            let interface = addresses.iter().find(|address| address.ip == ip);
            let known = (ip, interface.map_or(0, |address| address.interface));
            sockets.ports[usize::from(id)].bound = Bound(Some(known));
        }
        Ok(sockets)
    }

    /// Makes transfer sockets now, for a process that is about to give up the right to make ones
    /// with large buffers. They get their addresses as clients ask for them; addresses for which
    /// none is left get sockets with the buffers that anyone may have.
    pub(super) fn set_aside(&mut self) {
        if self.single_port {
            return;
        }
        let options = self.lane_options();
        let (mut v4, mut v6) = (0, 0);
        for port in &self.ports {
            match port.socket.local_addr().ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => v4 += SITES_SET_ASIDE,
                IpAddr::V4(_) => v4 += 1,
                // It has IPv4 clients as well, answered from sockets of their own kind.
                IpAddr::V6(ip) if ip.is_unspecified() => {
                    v4 += SITES_SET_ASIDE;
                    v6 += SITES_SET_ASIDE;
                }
                IpAddr::V6(_) => v6 += 1,
            }
        }
        for (ipv6, fronts) in [(false, v4), (true, v6)] {
            let count = fronts.min(FRONTS_MAX) * LANES_PER_FRONT;
            // What cannot be made now is made when it is needed.
            let made = (0..count).map_while(|_| UnboundSocket::new(ipv6, &options).ok());
            self.set_aside.extend(made);
        }
    }

    pub(super) fn waker(&self) -> bootwire_io::Waker {
        self.poller.waker()
    }

    pub(super) fn port(&self, id: u16) -> Option<&Port> {
        self.ports.get(usize::from(id))
    }

    /// Has the sockets tell what the kernel dropped, if it is time. Answers whether it was.
    pub(super) fn ask_drops(&mut self, now: bootwire_proto::Instant) -> bool {
        let due = now >= self.drops_due;
        if due {
            self.drops_due = now + DROPS_PERIOD;
            for port in &mut self.ports {
                port.drops.ask(&port.socket);
            }
        }
        due
    }

    /// How many listening sockets there are: they have the first numbers.
    pub(super) fn listeners(&self) -> u16 {
        let listeners = self
            .ports
            .iter()
            .take_while(|port| port.role == Role::Listener);
        listeners.count() as u16
    }

    /// Whether requests come in on socket `id`.
    pub(super) fn is_listener(&self, id: u16) -> bool {
        self.port(id)
            .is_some_and(|port| port.role == Role::Listener)
    }

    /// Whether DATA leaves from socket `id`: with a single port, from where requests come in.
    pub(super) fn sends_data(&self, id: u16) -> bool {
        self.single_port || !self.is_listener(id)
    }

    /// The numbers of all fronts.
    pub(super) fn fronts(&self) -> Range<u16> {
        0..self.fronts.len() as u16
    }

    pub(super) fn port_mut(&mut self, id: u16) -> Option<&mut Port> {
        self.ports.get_mut(usize::from(id))
    }

    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        self.poller.wait(timeout, ready)
    }

    /// Takes socket `id` from the poller; it is to be read without being told. `false` if it must
    /// stay there, as transfers wait until it takes more.
    pub(super) fn unwatch(&mut self, id: u16) -> bool {
        let Some(port) = self.ports.get(usize::from(id)) else {
            return false;
        };
        port.waiting.is_empty() && self.poller.remove(&port.socket, usize::from(id)).is_ok()
    }

    /// Gives socket `id` back to the poller, which tells at once if something has come meanwhile.
    /// `false` if it does not take it now.
    pub(super) fn watch(&mut self, id: u16) -> bool {
        let Some(port) = self.ports.get(usize::from(id)) else {
            return false;
        };
        self.poller.add(&port.socket, usize::from(id)).is_ok()
    }

    /// Makes the transfer `index` wait until socket `id` takes more.
    pub(super) fn block(&mut self, id: u16, index: u32) {
        let Some(port) = self.ports.get_mut(usize::from(id)) else {
            return;
        };
        if port.waiting.is_empty() {
            // If the kernel will not tell, the transfer's own timer brings it back.
            let _ = self.poller.want_write(&port.socket, usize::from(id), true);
        }
        port.waiting.push(index);
    }

    /// Socket `id` takes more: who waited for it.
    pub(super) fn unblock(&mut self, id: u16) -> Vec<u32> {
        let Some(port) = self.ports.get_mut(usize::from(id)) else {
            return Vec::new();
        };
        let _ = self.poller.want_write(&port.socket, usize::from(id), false);
        std::mem::take(&mut port.waiting)
    }

    /// Stops to receive on the listening sockets, which transfers do not need.
    pub(super) fn deafen(&mut self) {
        if self.single_port || self.fronts.iter().any(|front| front.lanes.is_empty()) {
            return;
        }
        for (id, port) in self
            .ports
            .iter()
            .enumerate()
            .filter(|(_, port)| port.role == Role::Listener)
        {
            let _ = self.poller.remove(&port.socket, id);
        }
    }

    fn add(&mut self, socket: Socket, role: Role) -> io::Result<u16> {
        let id = u16::try_from(self.ports.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.poller.add(&socket, usize::from(id))?;
        self.own.add(socket.local_addr());
        self.ports.push(Port {
            socket,
            role,
            waiting: Vec::new(),
            drops: Drops::default(),
            bound: Bound::default(),
        });
        Ok(id)
    }

    /// The front of an address. Once there are [`FRONTS_MAX`], addresses that have none belong to the
    /// one of the others.
    fn find(&self, listener: u16, address: Option<IpAddr>, interface: u32) -> Option<usize> {
        let asked = FrontAddress::Address(address, scope_of(address, interface));
        self.position(listener, asked).or_else(|| {
            let full = self.fronts.len() >= FRONTS_MAX;
            full.then(|| self.position(listener, FrontAddress::Another))?
        })
    }

    fn position(&self, listener: u16, asked: FrontAddress) -> Option<usize> {
        self.fronts.iter().position(|front| {
            let everywhere = !self.single_port && asked != FrontAddress::Another;
            front.asked == asked && (everywhere || front.listener == listener)
        })
    }

    fn make(&mut self, listener: u16, address: Option<IpAddr>, interface: u32) -> Option<usize> {
        let number = u16::try_from(self.fronts.len()).ok()?;
        let scope = scope_of(address, interface);
        let (asked, lanes) = if self.fronts.len() >= FRONTS_MAX {
            (FrontAddress::Another, Vec::new())
        } else if self.single_port {
            (FrontAddress::Address(address, scope), Vec::new())
        } else {
            let local = address.unwrap_or(self.port(listener)?.socket.local_addr().ip());
            let lanes = self.make_lanes(number, local, scope);
            (FrontAddress::Address(address, scope), lanes)
        };
        self.fronts.push(Front {
            listener,
            asked,
            lanes,
        });
        Some(usize::from(number))
    }

    /// Opens the transfer sockets of a front. If there are none, the listening socket answers.
    fn make_lanes(&mut self, front: u16, local: IpAddr, scope: u32) -> Vec<u16> {
        let wanted = if self.range.is_empty() {
            vec![0; LANES_PER_FRONT]
        } else {
            self.range.clone()
        };
        let mut lanes = Vec::new();
        for port in wanted {
            let at = match local {
                IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
                IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            };
            // A port of the range may be taken by somebody else: the next one will do.
            let Ok(socket) = self.lane_socket(at) else {
                continue;
            };
            // Where that is not to be had, it is noticed later that a client is gone.
            let _ = bootwire_io::set_reports(&socket, at.is_ipv6(), true);
            if let Ok(id) = self.add(socket, Role::Lane(front)) {
                lanes.push(id);
            }
            if lanes.len() == LANES_PER_FRONT {
                break;
            }
        }
        lanes
    }

    /// A transfer socket at an address: one that was set aside, or a new one.
    fn lane_socket(&mut self, at: SocketAddr) -> io::Result<Socket> {
        let of_its_kind = |socket: &UnboundSocket| socket.is_ipv6() == at.is_ipv6();
        match self.set_aside.iter().position(of_its_kind) {
            Some(found) => self.set_aside.swap_remove(found).bind(at),
            None => Socket::bind(at, &self.lane_options()),
        }
    }

    fn lane_options(&self) -> SocketOptions {
        SocketOptions {
            receive_buffer: RECEIVE_BUFFER,
            send_buffer: SEND_BUFFER,
            dont_fragment: !self.fragment,
            ..SocketOptions::default()
        }
    }

    /// Socket `id` as a lane of `front` that answers from the address `local`.
    fn at(&self, id: u16, front: u16, local: Option<IpAddr>, interface: u32) -> Option<Lane> {
        let bound = self.port(id)?.socket.local_addr();
        let address = local.unwrap_or_else(|| bound.ip());
        let from = local
            .filter(|_| bound.ip().is_unspecified())
            .map(|_| interface);
        let local = match bound {
            SocketAddr::V6(bound) if !bound.ip().is_unspecified() => SocketAddr::V6(bound),
            bound => SocketAddr::new(address, bound.port()),
        };
        Some(Lane {
            id,
            front,
            local,
            from,
            mtu: None,
        })
    }

    fn mtu(&mut self, interface: u32, local: IpAddr) -> Option<u32> {
        if interface == 0 {
            // Not told where it came in: Ethernet is the careful guess.
            return Some(if local.is_loopback() { 65_536 } else { 1500 });
        }
        let now = Instant::now();
        if let Some((mtu, known)) = self.mtus.get(&interface)
            && now.duration_since(*known) < MTU_MEMORY
        {
            return *mtu;
        }
        let mtu = interface_mtu(interface);
        self.mtus.insert(interface, (mtu, now));
        mtu
    }
}

// spec: rfc1350-own-tid, rfc1123-source-address
impl Lanes for Sockets {
    fn lane(
        &mut self,
        listener: u16,
        local: Option<IpAddr>,
        interface: u32,
        turn: u16,
    ) -> Option<Lane> {
        let number = match self.find(listener, local, interface) {
            Some(number) => number,
            None => self.make(listener, local, interface)?,
        };
        let front = self.fronts.get(number)?;
        let id = match front.lanes.len() {
            0 => listener,
            count => front.lanes[usize::from(turn) % count],
        };
        let lane = self.at(id, number as u16, local, interface)?;
        let mtu = self.mtu(interface, lane.local.ip());
        Some(Lane { mtu, ..lane })
    }

    fn listening(&self, listener: u16, local: Option<IpAddr>, interface: u32) -> Option<Lane> {
        self.at(listener, 0, local, interface)
    }

    fn front(&self, listener: u16, local: Option<IpAddr>, interface: u32) -> Option<u16> {
        self.find(listener, local, interface)
            .map(|number| number as u16)
    }
}

/// The interface, for addresses that mean nothing without it.
fn scope_of(address: Option<IpAddr>, interface: u32) -> u32 {
    match address {
        Some(IpAddr::V6(ip)) if ip.is_unicast_link_local() => interface,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
