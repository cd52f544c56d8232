//! What a run is to do, shared by its threads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bootwire_proto::{Instant, Mode, Offer, Op, Schedule};
use ipnet::IpNet;

use super::content::{Expected, Pattern};
use super::faults::{Faults, Random, Share};
use super::names::Template;

/// Longest back-off of a request that nobody answers.
const CEILING: Duration = Duration::from_secs(5);

/// A run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) op: Op,
    pub(super) files: Vec<File>,
    pub(super) sequence: bool,
    pub(super) upload: Pattern,
    pub(super) offer: Offer,
    pub(super) schedule: Schedule,
    pub(super) clients: u32,
    pub(super) threads: u32,
    pub(super) rounds: Option<u64>,
    pub(super) time_limit: Option<Duration>,
    pub(super) ramp: Duration,
    pub(super) think: Duration,
    pub(super) keep_ports: bool,
    pub(super) gro: bool,
    pub(super) source: Option<IpNet>,
    pub(super) missing_ok: bool,
    pub(super) faults: Faults,
    pub(super) vanish: Share,
    pub(super) seed: u64,
    /// Transfers that may still begin.
    pub(super) tickets: Option<AtomicU64>,
    pub(super) stop: AtomicBool,
}

/// A file on a server.
#[derive(Debug)]
pub(super) struct File {
    pub(super) server: SocketAddr,
    pub(super) name: Template,
    pub(super) expected: Expected,
    pub(super) weight: u32,
    /// The request, where it is the same for everyone.
    request: Option<Vec<u8>>,
}

impl File {
    pub(super) fn new(
        server: SocketAddr,
        name: &[u8],
        expected: Expected,
        weight: u32,
        op: Op,
        offer: &Offer,
    ) -> Self {
        let name = Template::new(name);
        let request = name.is_fixed().then(|| {
            let mut request = Vec::new();
            offer.encode_request(op, &name.fill(0, 0), Mode::Octet, &mut request);
            request
        });
        Self {
            server,
            name,
            expected,
            weight,
            request,
        }
    }
}

impl Plan {
    /// Takes a place among the transfers wanted; `false` if there is none left.
    pub(super) fn take_ticket(&self) -> bool {
        let take = |tickets: &AtomicU64| {
            let less = |left: u64| left.checked_sub(1);
            tickets
                .try_update(Ordering::Relaxed, Ordering::Relaxed, less)
                .is_ok()
        };
        self.tickets.as_ref().is_none_or(take)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// When client `number` begins.
    pub(super) fn begins(&self, number: u32) -> Instant {
        let share = f64::from(number) / f64::from(self.clients.saturating_sub(1).max(1));
        Instant::ZERO.after(self.ramp.mul_f64(share))
    }

    /// The file of a mix whose turn it is.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        if self.files.len() == 1 {
            return 0;
        }
        let weight = |file: &File| u64::from(file.weight);
        let mut ball = random.below(self.files.iter().map(weight).sum());
        let drawn = self.files.iter().position(|file| {
            let before = ball;
            ball = ball.saturating_sub(weight(file));
            before < weight(file)
        });
        drawn.unwrap_or(0)
    }

    /// Writes the request for a file.
    pub(super) fn request(&self, file: &File, client: u32, transfer: u64, out: &mut Vec<u8>) {
        out.clear();
        match &file.request {
            Some(request) => out.extend_from_slice(request),
            None => {
                let name = file.name.fill(client, transfer);
                self.offer.encode_request(self.op, &name, Mode::Octet, out);
            }
        }
    }

    /// Where client `number` sends from.
    pub(super) fn local(&self, number: u32) -> SocketAddr {
        let ip = match self.source {
            Some(network) => address(network, number),
            None if self.files.iter().all(|file| file.server.is_ipv4()) => {
                Ipv4Addr::UNSPECIFIED.into()
            }
            None => Ipv6Addr::UNSPECIFIED.into(),
        };
        SocketAddr::new(ip, 0)
    }

    /// Whether each client has an address that no other has.
    pub(super) fn has_address_each(&self) -> bool {
        self.source
            .is_some_and(|network| addresses(network).0 >= u128::from(self.clients))
    }

    /// The client at an address, where each has its own.
    pub(super) fn client_at(&self, ip: IpAddr) -> Option<u32> {
        let network = self.source?;
        let step = match (ip, network.network()) {
            (IpAddr::V4(ip), IpAddr::V4(first)) => {
                u128::from(ip.to_bits().checked_sub(first.to_bits())?)
            }
            (IpAddr::V6(ip), IpAddr::V6(first)) => ip.to_bits().checked_sub(first.to_bits())?,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let number = u32::try_from(step.checked_sub(addresses(network).1)?).ok()?;
        (number < self.clients).then_some(number)
    }
}

/// How many addresses of a network clients may take, and how many come before the first of them:
/// the first and last of an IPv4 network are nobody's.
fn addresses(network: IpNet) -> (u128, u128) {
    let bits = network.max_prefix_len() - network.prefix_len();
    let spare = u128::from(bits >= 2 && network.addr().is_ipv4());
    let all = 1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX);
    (all.saturating_sub(2 * spare).max(1), spare)
}

/// The address of a network that client `number` takes: one after the other, and again from the
/// first.
fn address(network: IpNet, number: u32) -> IpAddr {
    let (addresses, spare) = addresses(network);
    let step = spare + u128::from(number) % addresses;
    // One address is meant as it is.
    match (network.addr(), network.network()) {
        (addr, _) if network.prefix_len() == network.max_prefix_len() => addr,
        (_, IpAddr::V4(first)) => {
            let step = u32::try_from(step).unwrap_or(0);
            Ipv4Addr::from_bits(first.to_bits().wrapping_add(step)).into()
        }
        (_, IpAddr::V6(first)) => Ipv6Addr::from_bits(first.to_bits().wrapping_add(step)).into(),
    }
}

/// How patient a client is that waits `give_up` for a server.
pub(super) fn schedule(give_up: Duration) -> Schedule {
    let schedule = Schedule {
        ceiling: CEILING,
        give_up,
        ..Schedule::default()
    };
    // As many requests as fit, with the time between them doubling up to the ceiling.
    let mut interval = schedule.first;
    let mut waited = interval;
    let mut resends = 0_u8;
    while waited < give_up && resends < u8::MAX {
        interval = interval.saturating_mul(2).min(CEILING);
        waited += interval;
        resends += 1;
    }
    Schedule {
        first: schedule.first.min(give_up),
        quick_opening: false,
        unproven_resends: resends,
        ..schedule
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plan of files with these weights.
    pub(crate) fn plan(weights: &[u32]) -> Plan {
        let server = SocketAddr::from(([127, 0, 0, 1], 69));
        let offer = Offer::default();
        let file = |&weight| {
            File::new(
                server,
                b"f{client}",
                Expected::Anything,
                weight,
                Op::Read,
                &offer,
            )
        };
        Plan {
            op: Op::Read,
            files: weights.iter().map(file).collect(),
            sequence: false,
            upload: Pattern::new(0),
            offer,
            schedule: Schedule::default(),
            clients: 5,
            threads: 1,
            rounds: None,
            time_limit: None,
            ramp: Duration::from_secs(8),
            think: Duration::ZERO,
            keep_ports: false,
            gro: false,
            source: None,
            missing_ok: false,
            faults: Faults::default(),
            vanish: Share::default(),
            seed: 0,
            tickets: None,
            stop: AtomicBool::new(false),
        }
    }

    #[test]
    fn a_mix_follows_the_weights() {
        let plan = plan(&[8, 1, 1]);
        let mut random = Random::new(1, 0);
        let mut drawn = [0; 3];
        (0..100_000).for_each(|_| drawn[plan.draw(&mut random)] += 1);
        assert!((79_000..81_000).contains(&drawn[0]), "{drawn:?}");
        assert!((9_500..10_500).contains(&drawn[1]), "{drawn:?}");
    }

    #[test]
    fn tickets_run_out() {
        let mut plan = plan(&[1]);
        assert!(plan.take_ticket(), "no end wanted");
        plan.tickets = Some(AtomicU64::new(2));
        let taken: Vec<_> = (0..4).map(|_| plan.take_ticket()).collect();
        assert_eq!(taken, [true, true, false, false]);
    }

    #[test]
    fn clients_begin_over_the_ramp() {
        let plan = plan(&[1]);
        let begins: Vec<_> = (0..5)
            .map(|number| plan.begins(number).as_micros() / 1_000_000)
            .collect();
        assert_eq!(begins, [0, 2, 4, 6, 8]);
    }

    #[test]
    fn each_client_asks_for_its_own_file() {
        let plan = plan(&[1]);
        let mut request = Vec::new();
        plan.request(&plan.files[0], 42, 0, &mut request);
        assert_eq!(request, b"\0\x01f42\0octet\0");
    }

    #[test]
    fn sources_go_round_a_network() {
        let taken = |network: &str, number| address(network.parse().unwrap(), number).to_string();
        assert_eq!(taken("127.1.0.0/30", 0), "127.1.0.1");
        assert_eq!(taken("127.1.0.0/30", 1), "127.1.0.2");
        assert_eq!(taken("127.1.0.0/30", 2), "127.1.0.1");
        assert_eq!(taken("127.1.0.7/32", 9), "127.1.0.7");
        assert_eq!(taken("fd00::/64", 258), "fd00::102");
        assert_eq!(taken("0.0.0.0/0", 0), "0.0.0.1");
        assert_eq!(taken("::/0", 0), "::");
    }

    #[test]
    fn a_client_is_found_by_its_address() {
        let mut plan = plan(&[1]);
        for network in ["127.1.0.0/16", "10.9.8.0/29", "fd00::/64", "fd00::/125"] {
            plan.source = Some(network.parse().unwrap());
            assert!(plan.has_address_each(), "{network}");
            for number in 0..plan.clients {
                let ip = plan.local(number).ip();
                assert_eq!(plan.client_at(ip), Some(number), "{network}");
            }
            for ip in [
                "127.1.0.0",
                "127.1.0.6",
                "127.0.0.1",
                "10.9.8.6",
                "fd00::5",
                "::1",
            ] {
                assert_eq!(plan.client_at(ip.parse().unwrap()), None, "{network} {ip}");
            }
        }
        for network in ["10.9.8.0/30", "127.0.0.1/32", "fd00::/126"] {
            plan.source = Some(network.parse().unwrap());
            assert!(!plan.has_address_each(), "{network}");
        }
        plan.source = None;
        assert!(!plan.has_address_each());
    }

    #[test]
    fn requests_are_repeated_until_patience_ends() {
        let resends = |seconds| schedule(Duration::from_secs(seconds)).unproven_resends;
        assert_eq!(resends(1), 0);
        assert_eq!(resends(3), 1);
        assert_eq!(resends(30), 7, "1 + 2 + 4 + 5 + 5 + 5 + 5 + 5 seconds");
        let hasty = schedule(Duration::from_millis(200));
        assert_eq!(hasty.first, Duration::from_millis(200));
    }
}
