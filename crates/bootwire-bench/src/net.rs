//! How a thread's packets come in, and where they wait: readiness and a call for each socket,
//! io_uring for all of them, or few sockets that all share.

mod shared;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootwire_io::{Kernel, Poller, Ready, ReceiveBatch, Ring, Socket, Waker};
use bootwire_proto::Op;

use super::line::Line;
use super::plan::Plan;
use shared::Shared;

/// Datagrams received by one call at most.
const RECEIVE_MAX: u16 = 64;

/// The same where each may be a whole run of blocks.
const GRO_SLOTS: usize = 8;

/// Most clients of a thread that looks for answers before it sleeps.
const FEW: u32 = 4;

/// How long it looks, as firmware does that polls its card. A wake-up takes longer than an answer
/// from near, and on a machine it shares with the server the server would pay for it.
const LOOKS: Duration = Duration::from_micros(50);

/// The sockets of a thread's clients, and the time spent looking at them in vain.
#[derive(Debug)]
pub(super) struct Net {
    way: Way,
    looks: bool,
    /// It has just looked and found nothing: the next wait is one.
    in_vain: bool,
    looked: Duration,
}

/// How packets come in, by the clients' indices.
#[derive(Debug)]
enum Way {
    Poll(Box<Poll>),
    Ring(Box<RingNet>),
    Shared(Box<Shared>),
}

/// By readiness.
#[derive(Debug)]
pub(super) struct Poll {
    poller: Poller,
    receive: ReceiveBatch,
    ready: Vec<Ready>,
    /// How many of these are behind us.
    seen: usize,
    gro: bool,
    name: &'static str,
}

/// By io_uring.
#[derive(Debug)]
pub(super) struct RingNet {
    ring: Ring,
    /// How many of its arrivals are behind us.
    seen: usize,
}

impl Net {
    pub(super) fn new(plan: &Arc<Plan>, kernel: Kernel, thread: u32) -> io::Result<Self> {
        Ok(Self {
            way: Way::new(plan, kernel, thread)?,
            looks: plan.clients.div_ceil(plan.threads.max(1)) <= FEW,
            in_vain: false,
            looked: Duration::ZERO,
        })
    }

    /// Its name in reports.
    pub(super) const fn name(&self) -> &'static str {
        match &self.way {
            Way::Poll(poll) => poll.name,
            Way::Ring(_) => "io_uring",
            Way::Shared(_) => "shared sockets",
        }
    }

    /// Whether packets are queued with [`Net::send`], not sent by themselves.
    pub(super) const fn queues(&self) -> bool {
        matches!(self.way, Way::Ring(_) | Way::Shared(_))
    }

    /// Ends a wait.
    pub(super) fn waker(&self) -> Waker {
        match &self.way {
            Way::Poll(poll) => poll.poller.waker(),
            Way::Ring(net) => net.ring.waker(),
            Way::Shared(net) => net.waker(),
        }
    }

    /// Datagrams lost here for want of room, where that is counted.
    pub(super) fn drops(&self) -> Option<u64> {
        match &self.way {
            Way::Poll(_) | Way::Ring(_) => None,
            Way::Shared(net) => Some(net.drops()),
        }
    }

    /// The first line of client `number`, which has the next `index`.
    pub(super) fn open(&mut self, plan: &Plan, number: u32, index: usize) -> io::Result<Line> {
        if let Way::Shared(net) = &mut self.way {
            return net.open(number);
        }
        let line = Line::own(plan, number)?;
        self.way.add(&line, index)?;
        Ok(line)
    }

    /// Gives a client another port. What is queued goes out by the old one.
    pub(super) fn renew(
        &mut self,
        line: &mut Line,
        plan: &Plan,
        number: u32,
        index: usize,
    ) -> io::Result<()> {
        let new = match &mut self.way {
            Way::Shared(net) => net.renew(index),
            Way::Poll(_) | Way::Ring(_) => Line::own(plan, number)?,
        };
        let old = std::mem::replace(line, new);
        match (&mut self.way, old) {
            (Way::Poll(poll), Line::Own(socket)) => poll.poller.remove(&socket, index)?,
            (Way::Ring(net), Line::Own(_)) => net.ring.retire(index),
            (_, Line::Shared(_)) | (Way::Shared(_), _) => {}
        }
        self.way.add(line, index)
    }

    /// Binds a client's socket to its server, where that makes its packets cheaper.
    pub(super) fn connect(&mut self, index: usize, peer: SocketAddr) {
        if let Way::Ring(net) = &mut self.way {
            // Its packets find their way all the same.
            let _ = net.ring.connect(index, peer);
        }
    }

    /// Queues a packet. Only where packets are queued.
    pub(super) fn send(&mut self, index: usize, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        match &mut self.way {
            Way::Poll(_) => Err(io::ErrorKind::Unsupported.into()),
            Way::Ring(net) => net.ring.send(index, to, packet),
            Way::Shared(net) => {
                net.send(index, to, packet);
                Ok(())
            }
        }
    }

    /// Waits for datagrams, after sending what is queued. It may return early, with nothing.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.looks && !std::mem::take(&mut self.in_vain) {
            return self.look(timeout.map_or(LOOKS, |timeout| timeout.min(LOOKS)));
        }
        self.way.wait(timeout)
    }

    fn look(&mut self, limit: Duration) -> io::Result<()> {
        // The first look sends what is queued and the last takes what has come: that is work.
        self.way.wait(Some(Duration::ZERO))?;
        let began = Instant::now();
        let mut looked = Duration::ZERO;
        while !self.way.has_some() && looked < limit {
            looked = began.elapsed();
            self.way.wait(Some(Duration::ZERO))?;
        }
        self.looked += looked;
        // Not to sleep at once: the waker may have been used meanwhile.
        self.in_vain = !self.way.has_some();
        Ok(())
    }

    /// Time spent looking for what had not come yet: no work.
    pub(super) const fn looked(&self) -> Duration {
        self.looked
    }

    /// Takes the next datagrams that have come, all of one client, and says whose they are.
    pub(super) fn next<'s>(
        &mut self,
        socket: impl Fn(usize) -> Option<&'s Socket>,
    ) -> io::Result<Option<usize>> {
        match &mut self.way {
            Way::Poll(poll) => {
                while let Some(ready) = poll.ready.get(poll.seen) {
                    poll.seen += 1;
                    if let Some(socket) = socket(ready.token) {
                        // What is left is told again.
                        poll.receive.receive(socket)?;
                        return Ok(Some(ready.token));
                    }
                }
                Ok(None)
            }
            Way::Ring(net) => {
                while net.seen < net.ring.len() {
                    net.seen += 1;
                    if let Some(arrival) = net.ring.get(net.seen - 1) {
                        return Ok(Some(arrival.token));
                    }
                }
                Ok(None)
            }
            Way::Shared(net) => net.next(),
        }
    }

    /// How many datagrams [`Net::next`] has taken.
    pub(super) fn len(&self) -> usize {
        match &self.way {
            Way::Poll(poll) => poll.receive.len(),
            Way::Ring(_) | Way::Shared(_) => 1,
        }
    }

    /// Who sent one of them, and its payload; with GRO, the payloads that were joined.
    pub(super) fn get(&self, slot: usize) -> Option<(SocketAddr, impl Iterator<Item = &[u8]>)> {
        let (peer, payload, joined) = match &self.way {
            Way::Poll(poll) => {
                let joined = poll.gro.then(|| poll.receive.payloads(slot));
                let arrived = poll.receive.get(slot);
                (arrived.peer, arrived.payload, joined)
            }
            Way::Ring(net) => {
                // Gone if its socket was closed since.
                let arrived = net.ring.get(net.seen.checked_sub(1)?)?.datagram;
                (arrived.peer, arrived.payload, None)
            }
            Way::Shared(net) => {
                let (peer, payload) = net.current()?;
                (peer, payload, None)
            }
        };
        let single = joined.is_none().then_some(payload);
        let payloads = single.into_iter().chain(joined.into_iter().flatten());
        Some((peer, payloads))
    }

    /// A client whose socket cannot go on, and why. Only where packets are queued.
    pub(super) fn failure(&mut self) -> Option<(usize, io::Error)> {
        match &mut self.way {
            Way::Poll(_) => None,
            Way::Ring(net) => {
                let failure = net.ring.failure()?;
                Some((failure.token, failure.error))
            }
            Way::Shared(net) => net.failure(),
        }
    }
}

impl Way {
    fn new(plan: &Arc<Plan>, kernel: Kernel, thread: u32) -> io::Result<Self> {
        if shared::pays_off(plan, kernel) {
            let shared = Shared::new(plan, kernel, thread)?;
            return Ok(Self::Shared(Box::new(shared)));
        }
        if pays_off(plan)
            && kernel.epoll
            && let Ok(ring) = Ring::new(slot_len(plan))
        {
            return Ok(Self::Ring(Box::new(RingNet { ring, seen: 0 })));
        }
        Ok(Self::Poll(Box::new(Poll {
            poller: Poller::new(kernel)?,
            receive: receive_batch(plan, kernel),
            ready: Vec::new(),
            seen: 0,
            gro: plan.gro,
            name: if kernel.epoll { "epoll" } else { "poll" },
        })))
    }

    /// Begins to receive on a socket that nobody shares.
    fn add(&mut self, line: &Line, index: usize) -> io::Result<()> {
        match (self, line) {
            (Self::Poll(poll), Line::Own(socket)) => poll.poller.add(socket, index),
            (Self::Ring(net), Line::Own(socket)) => net.ring.add(Arc::clone(socket), index),
            (Self::Shared(_), _) | (_, Line::Shared(_)) => Ok(()),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Poll(poll) => {
                poll.seen = 0;
                poll.poller.wait(timeout, &mut poll.ready)
            }
            Self::Ring(net) => {
                net.seen = 0;
                net.ring.wait(timeout)
            }
            Self::Shared(net) => net.wait(timeout),
        }
    }

    /// Whether the last wait has found something, as far as that is known before it is read.
    fn has_some(&self) -> bool {
        match self {
            Self::Poll(poll) => !poll.ready.is_empty(),
            Self::Ring(net) => !net.ring.is_empty(),
            Self::Shared(_) => false,
        }
    }
}

/// Most descriptors that the clients of a run need.
pub(super) fn descriptors(plan: &Plan, kernel: Kernel) -> u64 {
    if shared::pays_off(plan, kernel) {
        u64::from(plan.threads) * shared::descriptors(plan)
    } else {
        plan.clients.into()
    }
}

/// Whether io_uring is cheaper, for both ends: one call takes what has come for all clients and sends
/// their answers, and the server, which pays for waking who waits for its packets, pays less than for
/// a poller. It is not where a lone client's windows are one call anyway, nor where more windows are
/// on their way than the ring has room for. GRO needs a call that tells of it, and the clients of
/// uploads mostly send.
fn pays_off(plan: &Plan) -> bool {
    if plan.op == Op::Write || plan.gro {
        return false;
    }
    let window = usize::from(plan.offer.windowsize.unwrap_or(1));
    let clients = plan.clients.div_ceil(plan.threads.max(1)) as usize;
    let on_their_way = clients
        .saturating_mul(window)
        .saturating_mul(slot_len(plan));
    window == 1 || (clients > 1 && on_their_way <= Ring::ROOM)
}

/// Bytes of the longest datagram. An ERROR or an OACK may be longer than a block; a longer DATA
/// shows as such.
fn slot_len(plan: &Plan) -> usize {
    let blksize = plan.offer.blksize.unwrap_or(512);
    usize::from(blksize.max(512)) + 5
}

/// Room for what one call receives. The blocks of an upload are answered one by one.
fn receive_batch(plan: &Plan, kernel: Kernel) -> ReceiveBatch {
    if plan.gro {
        return ReceiveBatch::new(kernel, GRO_SLOTS, 65_535);
    }
    let slots = match plan.op {
        Op::Read => plan.offer.windowsize.unwrap_or(1).min(RECEIVE_MAX),
        Op::Write => 1,
    };
    // For one datagram at a time the plainest call is the cheapest.
    let kernel = if slots == 1 {
        Kernel::portable()
    } else {
        kernel
    };
    ReceiveBatch::new(kernel, slots.into(), slot_len(plan))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::super::plan::tests::plan;
    use super::*;

    const LONG: Duration = Duration::from_millis(20);

    /// So many clients of one thread, the first of which has its line, by the best and by the
    /// portable way.
    fn nets(clients: u32) -> impl Iterator<Item = (Net, Line)> {
        [Kernel::probe(), Kernel::portable()]
            .into_iter()
            .map(move |kernel| {
                let mut plan = plan(&[1]);
                plan.clients = clients;
                let plan = Arc::new(plan);
                let mut net = Net::new(&plan, kernel, 0).unwrap();
                let line = net.open(&plan, 0, 0).unwrap();
                (net, line)
            })
    }

    #[test]
    fn few_clients_look_before_they_sleep() {
        for (mut net, line) in nets(FEW) {
            let began = Instant::now();
            net.wait(Some(LONG)).unwrap();
            let looked = net.looked();
            assert!(looked >= LOOKS && looked <= began.elapsed());
            net.wait(Some(LONG)).unwrap();
            assert!(began.elapsed() >= LONG, "the second time it sleeps");
            assert_eq!(net.looked(), looked);

            let server = UdpSocket::bind("127.0.0.1:0").unwrap();
            let to = (Ipv4Addr::LOCALHOST, line.port());
            server.send_to(b"answer", to).unwrap();
            let socket = line.socket();
            while net.next(|_| socket).unwrap().is_none() {
                net.wait(Some(LONG)).unwrap();
            }
            let (peer, mut payloads) = net.get(0).unwrap();
            assert_eq!(peer, server.local_addr().unwrap());
            assert_eq!(payloads.next(), Some(&b"answer"[..]));
        }
    }

    #[test]
    fn who_looks_hears_that_the_run_is_over() {
        for (mut net, _line) in nets(FEW) {
            net.waker().wake();
            let began = Instant::now();
            net.wait(None).unwrap();
            // The wake-up may have come and gone while it looked, and it must not sleep then.
            assert!(began.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn many_clients_do_not_look() {
        for (mut net, _line) in nets(FEW + 1) {
            net.wait(Some(LONG)).unwrap();
            assert_eq!(net.looked(), Duration::ZERO);
        }
    }
}
