//! Clients with addresses of their own that share sockets. One call takes what has come for many of
//! them, none needs a descriptor, and while they are at work nobody waits to be woken by their
//! packets, for which a server on the same machine would pay.
//!
//! A client goes round the sockets, one transfer after the other, so that each has a port that
//! the one before did not have.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bootwire_io::{
    Destination, FailureKind, Kernel, Poller, Ready, ReceiveBatch, SendBatch, SendReport, Socket,
    SocketOptions, Waker,
};
use bootwire_proto::Op;

use super::super::line::{self, Line, window_room};
use super::super::plan::Plan;
use super::slot_len;

/// Fewest clients of a thread that share.
const CLIENTS_MIN: u32 = 32;

/// Longest window. Of a longer one, a call for each client takes as many datagrams.
const WINDOW_MAX: u16 = 8;

/// Longest datagram of which so many may wait in a socket.
const SLOT_MAX: usize = 2048;

/// Fewest sockets of a thread: so many transfers later a client has the same port again.
const SOCKETS_MIN: usize = 8;

/// Most of them.
const SOCKETS_MAX: usize = 4096;

/// Bytes wanted for the datagrams that wait in a socket.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Datagrams received by one call at most.
const BATCH: usize = 64;

/// The sockets of a thread and who uses them.
#[derive(Debug)]
pub(crate) struct Shared {
    plan: Arc<Plan>,
    thread: u32,
    ports: Vec<Port>,
    /// Each client's.
    endpoints: Vec<Endpoint>,
    poller: Poller,
    ready: Vec<Ready>,
    receive: ReceiveBatch,
    send: SendBatch,
    report: SendReport,
    failures: Vec<(usize, io::Error)>,
    /// The socket whose datagrams are in `receive`, and how many of them are behind us.
    at: usize,
    seen: usize,
    /// Sockets yet to be looked at before the next wait.
    unseen: usize,
    /// Something came since the last wait: there may be more.
    came: bool,
    /// The last wait was one. What it found may be for a socket without users, and is read all the
    /// same, or every wait would end at once.
    waited: bool,
}

/// Where a client sends from.
#[derive(Clone, Copy, Debug)]
struct Endpoint {
    ip: IpAddr,
    /// Which of the ports.
    port: u16,
}

/// A socket and what is to be sent from it.
#[derive(Debug)]
struct Port {
    socket: Socket,
    /// Clients that use it now.
    users: usize,
    /// Whose each packet is, where from, where to, and where it ends in `bytes`.
    packets: Vec<(usize, IpAddr, SocketAddr, usize)>,
    bytes: Vec<u8>,
    /// Datagrams lost for want of room.
    drops: u32,
}

/// Whether the clients of a plan can share sockets, and gain by it: the servers' packets come one by
/// one, each client is known by its address, and no server is left with a transfer that the same
/// address and port may soon ask for anew.
pub(crate) fn pays_off(plan: &Plan, kernel: Kernel) -> bool {
    plan.op == Op::Read
        && !plan.gro
        && kernel.batch_receive
        && kernel.batch_send
        && plan.offer.windowsize.unwrap_or(1) <= WINDOW_MAX
        && slot_len(plan) <= SLOT_MAX
        && plan.clients / plan.threads.max(1) >= CLIENTS_MIN
        && plan.has_address_each()
        && plan.faults.is_none()
        && plan.vanish.is_none()
}

/// How many sockets of `room` bytes so many clients need.
fn sockets(plan: &Plan, clients: usize, room: usize) -> usize {
    let needed = clients.saturating_mul(window_room(plan));
    needed.div_ceil(room.max(1)).clamp(SOCKETS_MIN, SOCKETS_MAX)
}

/// Most descriptors a thread opens for its clients.
pub(crate) fn descriptors(plan: &Plan) -> u64 {
    let clients = plan.clients.div_ceil(plan.threads.max(1)) as usize;
    sockets(plan, clients, line::RECEIVE_BUFFER) as u64
}

impl Shared {
    pub(super) fn new(plan: &Arc<Plan>, kernel: Kernel, thread: u32) -> io::Result<Self> {
        let clients = (thread..plan.clients)
            .step_by(plan.threads as usize)
            .count();
        let mut net = Self {
            plan: Arc::clone(plan),
            thread,
            ports: Vec::new(),
            endpoints: Vec::with_capacity(clients),
            // It tells the sockets only for as long as it waits.
            poller: Poller::new(Kernel::portable())?,
            ready: Vec::new(),
            receive: ReceiveBatch::new(kernel, BATCH, slot_len(plan)),
            send: SendBatch::new(kernel),
            report: SendReport::new(),
            failures: Vec::new(),
            at: 0,
            seen: 0,
            unseen: 0,
            came: false,
            waited: true,
        };
        net.add()?;
        let room = net
            .ports
            .first()
            .map_or(0, |port| port.socket.receive_buffer());
        while net.ports.len() < sockets(plan, clients, room) {
            net.add()?;
        }
        Ok(net)
    }

    fn add(&mut self) -> io::Result<()> {
        let any = match self.plan.local(0) {
            SocketAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
            SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
        };
        let options = SocketOptions {
            receive_buffer: RECEIVE_BUFFER,
            packet_info: true,
            dont_fragment: true,
            count_drops: true,
            ..SocketOptions::default()
        };
        let socket = Socket::bind(any, &options)?;
        self.poller.add(&socket, self.ports.len())?;
        self.ports.push(Port {
            socket,
            users: 0,
            packets: Vec::new(),
            bytes: Vec::new(),
            drops: 0,
        });
        Ok(())
    }

    pub(super) fn waker(&self) -> Waker {
        self.poller.waker()
    }

    /// Datagrams lost for want of room.
    pub(super) fn drops(&self) -> u64 {
        self.ports.iter().map(|port| u64::from(port.drops)).sum()
    }

    /// Gives the next client its first port.
    pub(super) fn open(&mut self, number: u32) -> io::Result<Line> {
        let local = self.plan.local(number);
        // The address must be ours: that it is not would show only as silence.
        Socket::bind(local, &SocketOptions::default())?;
        let port = self.endpoints.len() % self.ports.len();
        self.ports[port].users += 1;
        let (ip, port) = (local.ip(), port as u16);
        self.endpoints.push(Endpoint { ip, port });
        Ok(Line::Shared(port))
    }

    /// Gives a client the next port.
    pub(super) fn renew(&mut self, index: usize) -> Line {
        let old = usize::from(self.endpoints[index].port);
        let new = (old + 1) % self.ports.len();
        self.endpoints[index].port = new as u16;
        self.ports[old].users -= 1;
        self.ports[new].users += 1;
        Line::Shared(new as u16)
    }

    /// Queues a packet of a client.
    pub(super) fn send(&mut self, index: usize, to: SocketAddr, packet: &[u8]) {
        let from = self.endpoints[index];
        let port = &mut self.ports[usize::from(from.port)];
        port.bytes.extend_from_slice(packet);
        port.packets.push((index, from.ip, to, port.bytes.len()));
    }

    /// Sends what is queued, and waits, unless more may have come already.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.transmit();
        self.unseen = self.ports.len();
        self.waited = !std::mem::take(&mut self.came);
        if self.waited {
            self.poller.wait(timeout, &mut self.ready)?;
        }
        Ok(())
    }

    fn transmit(&mut self) {
        for port in &mut self.ports {
            if port.packets.is_empty() {
                continue;
            }
            let (mut start, mut round) = (0, self.send.round());
            for (index, from, to, end) in port.packets.drain(..) {
                let bytes = port.bytes.get(start..end).unwrap_or_default();
                start = end;
                let to = Destination {
                    peer: to,
                    from: Some((from, 0)),
                };
                if round.packet(to, index as u32, bytes).is_err() {
                    round.send(&port.socket, &mut self.report);
                    gather(&mut self.report, &mut self.failures);
                    // One packet always fits.
                    let _ = round.packet(to, index as u32, bytes);
                }
            }
            round.send(&port.socket, &mut self.report);
            gather(&mut self.report, &mut self.failures);
            port.bytes.clear();
        }
    }

    /// The client of the next datagram that has come.
    pub(super) fn next(&mut self) -> io::Result<Option<usize>> {
        loop {
            while self.seen < self.receive.len() {
                self.seen += 1;
                let datagram = self.receive.get(self.seen - 1);
                if let Some(drops) = datagram.drops {
                    self.ports[self.at].drops = drops;
                }
                let index = datagram.local.and_then(|local| self.index(local));
                // What comes to a port a client had before comes to nobody.
                if let Some(index) = index
                    && self
                        .endpoints
                        .get(index)
                        .is_some_and(|known| usize::from(known.port) == self.at)
                {
                    return Ok(Some(index));
                }
            }
            if self.unseen == 0 {
                return Ok(None);
            }
            self.unseen -= 1;
            self.at = (self.at + 1) % self.ports.len();
            let port = &self.ports[self.at];
            if port.users > 0 || self.waited {
                self.seen = 0;
                self.came |= self.receive.receive(&port.socket)? > 0;
            }
        }
    }

    /// Where the client with this address is.
    fn index(&self, local: IpAddr) -> Option<usize> {
        let number = self.plan.client_at(local)?.checked_sub(self.thread)?;
        (number % self.plan.threads == 0).then_some((number / self.plan.threads) as usize)
    }

    /// Who sent the datagram [`Shared::next`] has taken, and its payload.
    pub(super) fn current(&self) -> Option<(SocketAddr, &[u8])> {
        let datagram = self.receive.get(self.seen.checked_sub(1)?);
        Some((datagram.peer, datagram.payload))
    }

    /// A client whose packet was refused, and why.
    pub(super) fn failure(&mut self) -> Option<(usize, io::Error)> {
        self.failures.pop()
    }
}

/// Collects what will never be sent. What there is no room for now is lost, as on any network.
fn gather(report: &mut SendReport, failures: &mut Vec<(usize, io::Error)>) {
    failures.extend(report.failures.drain(..).filter_map(|failure| {
        let error = match failure.kind {
            FailureKind::Peer(error) => error,
            FailureKind::TooBig => io::Error::other("a packet is larger than the network takes"),
            FailureKind::Unsent | FailureKind::Fault | FailureKind::GsoRefused => return None,
        };
        Some((failure.tag as usize, error))
    }));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::UdpSocket;

    use super::super::super::plan::tests::plan;
    use super::*;

    /// Five clients of two threads, this one's being 1 and 3, and a server.
    fn start() -> (Shared, UdpSocket) {
        let mut plan = plan(&[1]);
        plan.source = Some("127.1.0.0/16".parse().unwrap());
        plan.threads = 2;
        let mut net = Shared::new(&Arc::new(plan), Kernel::probe(), 1).unwrap();
        for number in [1, 3] {
            net.open(number).unwrap();
        }
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        (net, server)
    }

    /// Has a client say something; where the server heard it from.
    fn say(net: &mut Shared, index: usize, server: &UdpSocket) -> SocketAddr {
        net.send(index, server.local_addr().unwrap(), b"hello");
        net.came = true;
        net.wait(None).unwrap();
        assert_eq!(net.next().unwrap(), None);
        let mut buffer = [0; 9];
        let (len, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"hello");
        from
    }

    /// Who hears what was sent, waiting for it.
    fn hears(net: &mut Shared) -> Vec<(usize, Vec<u8>)> {
        net.wait(Some(Duration::from_secs(5))).unwrap();
        let mut heard = Vec::new();
        while let Some(index) = net.next().unwrap() {
            heard.push((index, net.current().unwrap().1.to_vec()));
        }
        heard
    }

    #[test]
    fn each_client_sends_from_its_address_and_hears_what_comes_there() {
        let (mut net, server) = start();
        let first = say(&mut net, 0, &server);
        let second = say(&mut net, 1, &server);
        assert_eq!(first.ip().to_string(), "127.1.0.2");
        assert_eq!(second.ip().to_string(), "127.1.0.4");
        server.send_to(b"to the second", second).unwrap();
        assert_eq!(hears(&mut net), [(1, b"to the second".to_vec())]);
        // Looks again before it sleeps, and then sleeps.
        assert_eq!(hears(&mut net), []);
        server.send_to(b"to the first", first).unwrap();
        assert_eq!(hears(&mut net), [(0, b"to the first".to_vec())]);
        let (peer, _) = net.current().unwrap();
        assert_eq!(peer, server.local_addr().unwrap());
    }

    #[test]
    fn a_port_of_the_past_and_addresses_of_nobody_hear_nothing() {
        let (mut net, server) = start();
        let before = say(&mut net, 0, &server);
        let line = net.renew(0);
        let now = say(&mut net, 0, &server);
        assert_eq!(line.port(), 1, "the second socket");
        assert!(before.ip() == now.ip() && before.port() != now.port());
        for to in [
            before,
            // A client of the other thread, and none.
            SocketAddr::new("127.1.0.3".parse().unwrap(), now.port()),
            SocketAddr::new("127.1.9.9".parse().unwrap(), now.port()),
            SocketAddr::new("127.0.0.1".parse().unwrap(), now.port()),
        ] {
            server.send_to(b"stray", to).unwrap();
            net.came = false;
            assert_eq!(hears(&mut net), [], "{to}");
        }
        server.send_to(b"here", now).unwrap();
        assert_eq!(hears(&mut net), [(0, b"here".to_vec())]);
    }

    #[test]
    fn ports_come_round() {
        let (mut net, server) = start();
        let first = say(&mut net, 0, &server);
        let mut ports = vec![first.port()];
        for _ in 1..SOCKETS_MIN {
            net.renew(0);
            let from = say(&mut net, 0, &server);
            assert!(!ports.contains(&from.port()));
            ports.push(from.port());
        }
        net.renew(0);
        assert_eq!(say(&mut net, 0, &server), first);
    }

    #[test]
    fn many_packets_go_out_in_order() {
        let (mut net, _server) = start();
        let options = SocketOptions {
            receive_buffer: 1 << 20,
            ..SocketOptions::default()
        };
        let server = Socket::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
        // More than one call sends, and no more than fit the least buffer that is given.
        let count = 270_u32;
        for number in 0..count {
            net.send(1, server.local_addr(), &number.to_be_bytes());
        }
        net.came = true;
        net.wait(None).unwrap();
        let mut batch = ReceiveBatch::new(Kernel::probe(), 300, 9);
        batch.receive(&server).unwrap();
        let came = (0..batch.len()).map(|slot| batch.get(slot).payload.to_vec());
        let sent = (0..count).map(|number| number.to_be_bytes().to_vec());
        assert!(came.eq(sent), "{} of {count}", batch.len());
        assert!(net.failure().is_none());
    }

    #[test]
    fn who_shares_needs_few_descriptors() {
        let mut plan = plan(&[1]);
        let kernel = Kernel::probe();
        plan.clients = 5000;
        assert!(!pays_off(&plan, kernel), "one address for all");
        assert_eq!(super::super::descriptors(&plan, kernel), 5000);
        plan.source = Some("10.0.0.0/16".parse().unwrap());
        assert!(pays_off(&plan, kernel));
        let needed = super::super::descriptors(&plan, kernel);
        assert!((8..100).contains(&needed), "{needed}");
        assert!(!pays_off(&plan, Kernel::portable()));
        plan.offer.windowsize = Some(16);
        assert!(!pays_off(&plan, kernel));
        plan.offer.windowsize = Some(4);
        plan.faults.loss = "1".parse().unwrap();
        assert!(!pays_off(&plan, kernel));
    }
}
