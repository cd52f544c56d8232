//! Describing a server before it runs.

use std::fmt;
use std::net::UdpSocket;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::{Limits, Mode, OptionKind, Packet, Schedule, negotiate};
use ipnet::IpNet;

use super::admission::Budgets;
use super::error::ServerError;
#[cfg(feature = "testing")]
use super::observe::Observer;
use super::settings::Settings;
#[cfg(feature = "testing")]
use super::simulation;
use super::sockets;
use super::{OpenServer, ServerHandle, ServerStats};
use crate::router::App;
use crate::{Answer, Request, TransferRecord};

/// What an Ethernet carries in one piece, in bytes.
const ETHERNET_MTU: u16 = 1500;

/// A TFTP server being set up. Nothing is opened before [`Server::open`],
/// [`Server::start`] or [`Server::run`].
pub struct Server {
    settings: Settings,
    errors: Vec<ServerError>,
}

impl Server {
    /// The receive buffer that each of its sockets wants, in bytes: an ACK takes about 1 KiB of it, and
    /// thousands of clients acknowledge at once. Linux gives less to processes without `CAP_NET_ADMIN`
    /// if `net.core.rmem_max` is lower: see [`ServerHandle::receive_buffer`].
    pub const RECEIVE_BUFFER: usize = sockets::RECEIVE_BUFFER;

    /// Listens on `address`, such as `[::]:69` (IPv6 and IPv4) or `127.0.0.1:0` (any free port).
    /// May be repeated through [`Server::and_bind`].
    #[must_use]
    pub fn bind(address: impl AsRef<str>) -> Self {
        Self::new().and_bind(address)
    }

    /// Takes a bound UDP socket: from a test, or passed by systemd. One worker serves each such
    /// socket, whatever [`workers`](Self::workers) says. So for several workers pass several sockets
    /// of one address (`SO_REUSEPORT`): the kernel spreads clients over them.
    #[must_use]
    pub fn from_socket(socket: UdpSocket) -> Self {
        Self::new().and_socket(socket)
    }

    fn new() -> Self {
        let settings = Settings {
            listen: Vec::new(),
            sockets: Vec::new(),
            workers: None,
            single_port: false,
            ports: None,
            limits: Limits::default(),
            schedule: Schedule::default(),
            windowsize_first: 32,
            allow: None,
            transfers_max: 100_000,
            transfers_per_peer_max: 16_384,
            budgets: Budgets::default(),
            deadline: Duration::from_secs(10),
            fragment: false,
            traceparent: false,
            portable: false,
            spin: None,
            app: None,
            observers: Vec::new(),
            stats_observers: Vec::new(),
        };
        Self {
            settings,
            errors: Vec::new(),
        }
    }

    /// Listens on one more address. `0.0.0.0` and `[::]` may stand beside each other and beside single
    /// addresses of the same port.
    #[must_use]
    pub fn and_bind(mut self, address: impl AsRef<str>) -> Self {
        let text = address.as_ref();
        match text.parse() {
            Ok(address) => self.settings.listen.push(address),
            Err(_) => self.errors.push(ServerError::Address {
                address: text.to_owned(),
            }),
        }
        self
    }

    /// Takes one more bound socket.
    #[must_use]
    pub fn and_socket(mut self, socket: UdpSocket) -> Self {
        self.settings.sockets.push(socket);
        self
    }

    /// Number of worker threads; the number of cores if not set. At least 1.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.settings.workers = Some(count);
        self
    }

    /// Answers from the listening port instead of a port of each worker's own: for NAT, containers
    /// and load balancers that do not follow TFTP.
    #[must_use]
    pub fn single_port(mut self, on: bool) -> Self {
        self.settings.single_port = on;
        self
    }

    /// Transfer ports are taken from this range: for firewalls. Each worker needs at least one for
    /// each local address.
    #[must_use]
    pub fn ports(mut self, range: RangeInclusive<u16>) -> Self {
        self.settings.ports = Some(range);
        self
    }

    /// Largest block granted, 8 to 65464 bytes. The interface's MTU caps it further, unless
    /// [`Server::fragment`] is on.
    #[must_use]
    pub fn blksize_max(mut self, bytes: u16) -> Self {
        self.settings.limits.blksize_max = bytes;
        self
    }

    /// Largest window granted, 1 to 32767 blocks. Default 64.
    #[must_use]
    pub fn windowsize_max(mut self, blocks: u16) -> Self {
        self.settings.limits.windowsize_max = blocks;
        self
    }

    /// Largest window granted to a client that has not acknowledged a whole one yet, 1 to 32767
    /// blocks. Default 32: some network cards have no more buffers (U-Boot's virtio-net is deaf for
    /// good after 33 blocks at once, so U-Boot never gets more than 32). A client that has
    /// acknowledged a whole window is granted twice as much in its next transfer, up to
    /// [`Server::windowsize_max`].
    #[must_use]
    pub fn windowsize_first(mut self, blocks: u16) -> Self {
        self.settings.windowsize_first = blocks;
        self
    }

    /// Takes a W3C trace context (`-00-TRACE-PARENT-FLAGS`) off the end of file names before anything
    /// else looks at them: DHCP servers that trace boots, such as Tinkerbell's smee, append it. The
    /// record has it, see [`crate::traceparent`]. Off by default.
    #[must_use]
    pub fn traceparent(mut self, on: bool) -> Self {
        self.settings.traceparent = on;
        self
    }

    /// Lets blocks larger than the interface's MTU go out in IP fragments.
    #[must_use]
    pub fn fragment(mut self, on: bool) -> Self {
        self.settings.fragment = on;
        self
    }

    /// Clients are served only if their address is in one of these networks; others get no answer.
    /// Default: everyone.
    #[must_use]
    pub fn allow(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.settings.allow.get_or_insert_default().extend(networks);
        self
    }

    /// Most transfers at a time, over all workers; further requests are told to try again.
    /// Default 100 000.
    #[must_use]
    pub fn transfers_max(mut self, count: usize) -> Self {
        self.settings.transfers_max = count;
        self
    }

    /// Most transfers at a time from one client address, on each worker. Default 16 384: behind NAT
    /// a whole site has one address.
    #[must_use]
    pub fn transfers_per_peer_max(mut self, count: usize) -> Self {
        self.settings.transfers_per_peer_max = count;
        self
    }

    /// Most unproven transfers at a time, over all workers. A transfer is unproven until its client
    /// has answered: its request may carry anybody's address. When there are as many, the oldest
    /// whose client has been silent for 250 ms makes room for a new one; if there is none, the
    /// request gets no answer. Default 32 768; 0 is no limit.
    #[must_use]
    pub fn unproven_max(mut self, count: u32) -> Self {
        self.settings.budgets.unproven = count;
        self
    }

    /// Most unproven transfers at a time of one client address, and of one network (a /24 of IPv4,
    /// a /64 of IPv6), over all workers; further requests get no answer. An address that proved
    /// itself within ten minutes may have as many as a network, whatever strangers do in its own.
    /// Default 8 and 64; 0 is no limit.
    #[must_use]
    pub fn unproven_per_source_max(mut self, address: u32, network: u32) -> Self {
        self.settings.budgets.unproven_per_address = address;
        self.settings.budgets.unproven_per_network = network;
        self
    }

    /// Most bytes of content held in memory for unproven transfers of strangers, over all workers,
    /// and as many for those of addresses that proved themselves within ten minutes: text made for
    /// one machine and the beginnings of streams, not files. When there is no room, the oldest
    /// whose client has been silent for 250 ms makes room; if there is none, the request gets no
    /// answer. Default 64 MiB; 0 is no limit.
    #[must_use]
    pub fn unproven_content_max(mut self, bytes: u64) -> Self {
        self.settings.budgets.unproven_content = bytes;
        self
    }

    /// Most requests a second of one client address, and of one network, over all workers, in
    /// bursts of as many; further ones get no answer. An address that proved itself within ten
    /// minutes has the rate of a network. Default 1 000 and 10 000; 0 is no limit.
    #[must_use]
    pub fn requests_per_second_max(mut self, address: u32, network: u32) -> Self {
        self.settings.budgets.requests_per_address = address;
        self.settings.budgets.requests_per_network = network;
        self
    }

    /// Networks whose addresses and networks have no budget of unproven transfers and requests:
    /// where nobody can forge them, and many machines share one address. Replaces the default,
    /// which is loopback.
    #[must_use]
    pub fn unlimited(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.settings.budgets.unlimited = networks.into_iter().collect();
        self
    }

    /// Gives requests from ports below 1024 no answer: what listens there (DNS, NTP) is what forgers
    /// like to have hit. Default off.
    #[must_use]
    pub fn refuse_low_ports(mut self, on: bool) -> Self {
        self.settings.budgets.refuse_low_ports = on;
        self
    }

    /// How long a handler may take to answer. Default 10 s.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = limit;
        self
    }

    /// Rules of retransmission.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.settings.schedule = schedule;
        self
    }

    /// Uses only what every Unix has: one datagram a call, no mappings, no segmentation offload.
    /// For doubt about a kernel or driver, and for tests.
    ///
    /// Without packet information a wildcard listener cannot tell which address was asked, and
    /// answers from the one the kernel picks: bind each address by itself.
    #[must_use]
    pub fn portable_io(mut self, on: bool) -> Self {
        self.settings.portable = on;
        self
    }

    /// Lets each worker look for packets for this long, after the last one came, before it sleeps:
    /// at most 10 ms; zero: never. A sleeping thread takes tens of microseconds to wake up, which
    /// is most of the time that one client alone waits for a block; but a worker that looks takes
    /// all of its core while anything moves. For hosts that boot one machine at a time.
    ///
    /// By default a worker decides by itself: it looks for up to 50 µs while it has at most
    /// four transfers, as long as that pays off.
    #[must_use]
    pub fn spin(mut self, limit: Duration) -> Self {
        self.settings.spin = Some(limit);
        self
    }

    /// What is served.
    #[must_use]
    pub fn serve(mut self, app: impl Into<App>) -> Self {
        self.settings.app = Some(app.into());
        self
    }

    /// The options of the OACK that `answer` to `request` would be sent with, empty if there would
    /// be none: for a look at what clients get without a network. Opens nothing. Blocks are taken to
    /// cross an Ethernet without fragments, except from loopback addresses.
    ///
    /// ```
    /// use bootwire::{Answer, Op, Reply, Request, Server};
    ///
    /// let peer = "192.0.2.7:4000".parse().unwrap();
    /// let options = [("blksize", "8192"), ("tsize", "0")];
    /// let request = Request::synthetic(Op::Read, "motd", peer, &options).unwrap();
    /// let granted = Server::bind("[::]:69").grants(&request, &Answer::Reply(Reply::text("hello")));
    /// assert_eq!(granted, [("blksize".to_owned(), 1468), ("tsize".to_owned(), 5)]);
    /// ```
    #[must_use]
    pub fn grants(&self, request: &Request, answer: &Answer) -> Vec<(String, u64)> {
        let size = match answer {
            // What netascii makes of it is not known before it is read.
            Answer::Reply(reply) if request.mode() == Mode::Octet || reply.as_is => {
                reply.size().or(reply.told_size)
            }
            Answer::Reply(reply) => reply.told_size,
            Answer::Accept(_) => None,
        };
        let crosses_ethernet =
            !self.settings.fragment && !request.peer_ip().to_canonical().is_loopback();
        let headers = if request.peer_ip().to_canonical().is_ipv4() {
            32
        } else {
            52
        };
        let cap = crosses_ethernet.then_some(ETHERNET_MTU - headers);
        let limits = answer.terms().limits(self.settings.limits, cap);
        let Ok(Packet::Request(parsed)) = Packet::parse(request.facts.datagram()) else {
            return Vec::new();
        };
        let agreed = negotiate(&parsed, size, &limits);
        let value = |kind: OptionKind| Some((kind.name().to_owned(), agreed.value(kind)?));
        agreed.granted().filter_map(value).collect()
    }

    /// Calls `observer` once for each transfer, when it has ended, on a thread of its own. A slow
    /// observer delays records, never transfers: where processors are short, its thread and those it
    /// starts let others go first (on Linux, by niceness 10).
    #[must_use]
    pub fn observe(self, observer: impl Fn(&TransferRecord) + Send + Sync + 'static) -> Self {
        self.observe_batches(move |records| {
            // A record that makes the observer panic must not take the others from it.
            records
                .iter()
                .for_each(|record| super::observe::guarded(|| observer(record)));
        })
    }

    /// As [`Server::observe`], but with the records of transfers that have ended since the last
    /// call, up to 64 at a time, in the order of their ends: for observers to which each call is
    /// dear, such as a write to a file. No record waits for another one to come.
    #[must_use]
    pub fn observe_batches(
        mut self,
        observer: impl Fn(&[TransferRecord]) + Send + Sync + 'static,
    ) -> Self {
        self.settings.observers.push(Arc::new(observer));
        self
    }

    /// Calls `observer` with fresh statistics every `period`, on the thread of the observers.
    #[must_use]
    pub fn stats_every(
        mut self,
        period: Duration,
        observer: impl Fn(&ServerStats) + Send + Sync + 'static,
    ) -> Self {
        self.settings
            .stats_observers
            .push((period, Arc::new(observer)));
        self
    }

    /// Opens the sockets and no more: for a process that gives up its rights before it starts to
    /// serve. Needs no tokio runtime.
    ///
    /// Sockets for transfers are opened as clients ask for this or that local address; some are
    /// made here already, so that their buffers may go beyond the system's limits
    /// (`CAP_NET_ADMIN`). A range of [`ports`](Self::ports) must not need a privilege later.
    ///
    /// # Errors
    /// [`ServerError`] says which setting or socket is the trouble.
    pub fn open(self) -> Result<OpenServer, ServerError> {
        Ok(self.open_sockets()?.set_aside())
    }

    /// Opens the sockets and starts the workers. Must be called within a tokio runtime: handlers
    /// run there.
    ///
    /// # Errors
    /// [`ServerError`] says which setting or socket is the trouble.
    pub fn start(self) -> Result<ServerHandle, ServerError> {
        self.open_sockets()?.start()
    }

    /// What a [`VirtualServer`](crate::testing::VirtualServer) needs of this.
    #[cfg(feature = "testing")]
    pub(crate) fn in_virtual_time(
        self,
    ) -> Result<(simulation::Settings, App, Vec<Observer>), ServerError> {
        if let Some(error) = self.errors.into_iter().next() {
            return Err(error);
        }
        let settings = self.settings;
        let app = settings
            .app
            .ok_or(ServerError::Incomplete("no application"))?;
        let port = settings
            .listen
            .first()
            .map_or(69, std::net::SocketAddr::port);
        let budgets = settings.budgets;
        let settings_there = simulation::Settings {
            local: std::net::SocketAddr::from(([10, 1, 0, 1], if port == 0 { 69 } else { port })),
            lanes: if settings.single_port { 0 } else { 4 },
            lane_ports: 30_000,
            mtu: ETHERNET_MTU.into(),
            limits: settings.limits,
            schedule: settings.schedule,
            windowsize_first: settings.windowsize_first,
            allow: settings.allow,
            transfers_max: settings.transfers_max,
            transfers_per_peer_max: settings.transfers_per_peer_max,
            unproven_max: [
                budgets.unproven,
                budgets.unproven_per_address,
                budgets.unproven_per_network,
            ],
            requests_per_second: [budgets.requests_per_address, budgets.requests_per_network],
            deadline: settings.deadline,
            stall: super::start::STALL,
            traceparent: settings.traceparent,
        };
        Ok((settings_there, app, settings.observers))
    }

    fn open_sockets(self) -> Result<OpenServer, ServerError> {
        match self.errors.into_iter().next() {
            Some(error) => Err(error),
            None => OpenServer::new(self.settings),
        }
    }

    /// Starts, and runs until the process ends.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn run(self) -> Result<(), ServerError> {
        self.run_until(std::future::pending()).await
    }

    /// Starts, runs until `shutdown` resolves, then drains: running transfers may finish for at
    /// most 30 s, new requests are not answered.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        ServerHandle::run_until(|| self.start(), shutdown).await
    }
}

/// Its settings.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .field("errors", &self.errors)
            .finish()
    }
}
