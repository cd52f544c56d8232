//! What is played: everything a run depends on.
//!
//! [`Scenario::draw`] makes all of it from a seed and a [`Kind`]; [`Kind::of`] draws the kind.

mod crowd;
mod draw;
mod link;
mod masses;

pub use self::link::Link;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bootwire::server::simulation::Settings;
use bootwire_proto::{Limits, Schedule};

use crate::app::File;
use crate::check::Rules;
use crate::net::Path;
use crate::node::Node;
use crate::random::Random;

/// A machine and its way to the server.
pub struct Machine {
    /// What it does.
    pub node: Box<dyn Node>,
    /// The addresses it has; packets to others do not reach it.
    pub ips: Vec<IpAddr>,
    /// Its way to the server.
    pub path: Path,
}

/// The kernel below the server, and the speed of its worker.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Chance in a million that a socket takes no packet for a while.
    pub full: u32,
    /// Datagrams a socket's receive buffer holds.
    pub buffer: usize,
    /// Time the worker takes for each datagram received.
    pub receives: Duration,
    /// Time the worker takes for each datagram sent.
    pub sends: Duration,
}

/// A kernel without faults that takes its time.
impl Default for Kernel {
    fn default() -> Self {
        Self {
            full: 0,
            buffer: 4096,
            receives: Duration::from_micros(1),
            sends: Duration::from_micros(3),
        }
    }
}

/// Which faults a scenario may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// None: nothing may be sent twice.
    Calm,
    /// None, but clients that pause and must not be sent anything twice meanwhile.
    Pausing,
    /// Packets are lost, one by one or in bursts: each must be sent again in time.
    Lossy,
    /// Packets arrive twice: nothing may be sent again for that.
    Doubling,
    /// Everything a network, a kernel, a client and a source can do wrong.
    Harsh,
    /// Strangers who forge, flood and get in the way of clients on a good network.
    Hostile,
    /// So few places that most requests are turned away.
    Crush,
    /// A file of more than 65535 blocks.
    Wrap,
    /// 100,000 requests of 20,000 machines within seconds.
    Storm,
    /// Running transfers, and rubbish as fast as it comes.
    Flood,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Calm,
        Self::Pausing,
        Self::Lossy,
        Self::Doubling,
        Self::Harsh,
        Self::Hostile,
        Self::Crush,
        Self::Wrap,
        Self::Storm,
        Self::Flood,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Pausing => "pausing",
            Self::Lossy => "lossy",
            Self::Doubling => "doubling",
            Self::Harsh => "harsh",
            Self::Hostile => "hostile",
            Self::Crush => "crush",
            Self::Wrap => "wrap",
            Self::Storm => "storm",
            Self::Flood => "flood",
        }
    }

    /// The kind a seed stands for. The large ones are played by name only.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        match Random::new(!seed).below(400) {
            0..60 => Self::Calm,
            60..90 => Self::Pausing,
            90..190 => Self::Lossy,
            190..250 => Self::Doubling,
            250..340 => Self::Harsh,
            340..380 => Self::Hostile,
            380..399 => Self::Crush,
            _ => Self::Wrap,
        }
    }
}

/// Everything a run depends on.
pub struct Scenario {
    /// Draws what happens during the run.
    pub seed: u64,
    /// The server's settings.
    pub settings: Settings,
    /// What is served.
    pub files: Vec<File>,
    /// Who is there.
    pub machines: Vec<Machine>,
    /// The machine below the server.
    pub kernel: Kernel,
    /// What must hold.
    pub rules: Rules,
    /// Virtual time after which a run is taken for one that never ends.
    pub horizon: Duration,
}

/// The server's address.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 69);
/// The port below the first transfer socket's.
const LANE_PORTS: u16 = 40_000;

impl Scenario {
    /// Draws the scenario of this kind that `seed` stands for.
    #[must_use]
    pub fn draw(seed: u64, kind: Kind) -> Self {
        let mut random = Random::new(seed);
        let mut scenario = Self::empty(seed);
        match kind {
            Kind::Storm => masses::storm(&mut scenario, &mut random, masses::STORM),
            Kind::Flood => masses::flood(&mut scenario, &mut random, true),
            Kind::Crush => masses::crush(&mut scenario, &mut random),
            Kind::Wrap => crowd::wrap(&mut scenario, &mut random),
            Kind::Calm
            | Kind::Pausing
            | Kind::Lossy
            | Kind::Doubling
            | Kind::Harsh
            | Kind::Hostile => {
                draw::draw(&mut scenario, kind, &mut random);
            }
        }
        scenario.settled()
    }

    /// [`Kind::Flood`] without the flood: what to compare it with.
    #[must_use]
    pub fn without_flood(seed: u64) -> Self {
        let mut scenario = Self::empty(seed);
        masses::flood(&mut scenario, &mut Random::new(seed), false);
        scenario.settled()
    }

    /// With the rules that follow from the settings.
    fn settled(mut self) -> Self {
        self.rules.transfers_max = self.settings.transfers_max;
        self.rules.single_port = self.settings.lanes == 0;
        self
    }

    /// A server with default settings and nobody there.
    fn empty(seed: u64) -> Self {
        let settings = Settings {
            local: SERVER,
            lanes: 4,
            lane_ports: LANE_PORTS,
            mtu: 1500,
            limits: Limits::default(),
            schedule: Schedule::default(),
            windowsize_first: 32,
            allow: None,
            transfers_max: 1000,
            transfers_per_peer_max: 100,
            unproven_max: [32_768, 8, 64],
            requests_per_second: [1_000, 10_000],
            deadline: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            traceparent: false,
        };
        let rules = Rules {
            // A handler, a source and a silent client may follow each other.
            silence_max: settings.deadline
                + settings.stall
                + settings.schedule.give_up
                + settings.schedule.linger
                + Duration::from_secs(5),
            ..Rules::default()
        };
        Self {
            seed,
            settings,
            files: Vec::new(),
            machines: Vec::new(),
            kernel: Kernel::default(),
            rules,
            horizon: Duration::from_secs(4 * 3600),
        }
    }

    /// The address of the next machine.
    fn next_ip(&self) -> IpAddr {
        ip_of(self.machines.len())
    }

    fn add(&mut self, node: impl Node + 'static, path: Path) {
        let ips = vec![self.next_ip()];
        self.machines.push(Machine {
            node: Box::new(node),
            ips,
            path,
        });
    }

    /// The addresses of the server's sockets.
    fn sockets(&self) -> Vec<SocketAddr> {
        let lane = |number| SocketAddr::new(SERVER.ip(), LANE_PORTS + number);
        let lanes = (1..=self.settings.lanes).map(lane);
        std::iter::once(SERVER).chain(lanes).collect()
    }
}

/// The address of a machine.
fn ip_of(number: usize) -> IpAddr {
    let [_, b, c, d] = (number as u32 + (1 << 16)).to_be_bytes();
    IpAddr::from([10, b, c, d])
}
