//! What lost packets cost: the time of a transfer for each loss, round trip and window, in virtual
//! time, kept in `loss_table/` and compared with what cannot be beaten.
//!
//! The oracle of a lockstep transfer knows which packets were lost, and sends each of them again one
//! measured round trip and its variance after it was sent.

use std::fmt::Write as _;
use std::time::Duration;

use bootwire_proto::{Agreed, Instant, Schedule};

use crate::common::ends::{Receiving, Sending};
use crate::common::peers::{Loader, Strange};
use crate::common::{
    End, Fate, Net, Passage, Step, To, Wire, compare, content, ms, secs, windowed,
};

/// Blocks of each transfer, the last one included.
const BLOCKS: u64 = 3000;
/// Bytes in a block; virtual time does not depend on it.
const BLKSIZE: u16 = 64;
/// Time a block of 1468 bytes takes on a link of 1 Gbit/s.
const ON_THE_LINK: Duration = Duration::from_micros(12);
/// Chances tried for each cell; the table has the mean time and the longest stall.
const SEEDS: u64 = 3;

/// Packets lost each way, of 100,000.
const LOSSES: [u64; 4] = [0, 100, 1000, 5000];
/// Round trips, in microseconds.
const ROUND_TRIPS: [u64; 4] = [200, 2000, 20_000, 100_000];
const WINDOWS: [u16; 3] = [1, 16, 64];

/// A link to the client that takes one block after the other, and a delay each way that varies by a
/// twentieth and never changes the order.
struct Network {
    /// Lost each way, of 100,000.
    loss: u64,
    round_trip: Duration,
    seed: u64,
    free_at: Instant,
    last_arrival: [Instant; 2],
}

impl Network {
    fn new(loss: u64, round_trip: Duration, seed: u64) -> Self {
        Self {
            loss,
            round_trip,
            seed,
            free_at: Instant::ZERO,
            last_arrival: [Instant::ZERO; 2],
        }
    }

    /// What becomes of the packet `index` of its direction; `None` if it is lost.
    fn pass(&mut self, now: Instant, to: To, index: u64, data: bool) -> Option<Duration> {
        let (way, salt) = match to {
            To::Client => (0, 0),
            To::Server => (1, 1 << 40),
        };
        let chance = mixed(self.seed << 48 ^ salt ^ index);
        if data {
            self.free_at = self.free_at.max(now) + ON_THE_LINK;
        }
        if chance % 100_000 < self.loss {
            return None;
        }
        let leaves = if data { self.free_at } else { now };
        let most = self.round_trip.as_micros() as u64 / 40;
        let late = Duration::from_micros((chance >> 32) % (most + 1));
        let arrival = (leaves + self.round_trip / 2 + late).max(self.last_arrival[way]);
        self.last_arrival[way] = arrival;
        Some(arrival.since(now))
    }

    /// As a function of the kind that [`Net`] wants. Requests always arrive: who repeats them is
    /// the client, and this is about the server.
    fn fate(mut self) -> impl FnMut(Passage<'_>) -> Fate {
        move |passage| {
            let data = matches!(passage.wire, Wire::Data { .. });
            let passed = self.pass(passage.now, passage.to, passage.index, data);
            if *passage.wire == Wire::Request {
                return vec![self.round_trip / 2];
            }
            passed.into_iter().collect()
        }
    }
}

/// splitmix64.
fn mixed(seed: u64) -> u64 {
    let word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// An end that gets the file, whose progress can be seen.
trait Reads: End {
    fn bytes(&self) -> &[u8];
}

impl Reads for Receiving {
    fn bytes(&self) -> &[u8] {
        &self.stored
    }
}

impl Reads for Loader {
    fn bytes(&self) -> &[u8] {
        &self.stored
    }
}

/// What the first loss may cost: until then nobody knows that packets get lost, and firmware that
/// pauses must not be sent anything twice. A second, and its jitter.
const FIRST_LOSS: Duration = ms(1100);
/// A wait that is felt.
const LONG: Duration = ms(300);

/// One transfer: how long the client waited for the whole file, and longest for one more byte.
#[derive(Clone, Copy, Default)]
struct Outcome {
    time: Duration,
    stall: Duration,
    /// Waits longer than [`LONG`].
    long_stalls: u32,
    resent: u64,
}

fn transfer(client: impl Reads, agreed: Agreed, network: Network) -> Outcome {
    let file = content((BLOCKS as usize - 1) * usize::from(BLKSIZE) + 1);
    let server = Sending::server(file, agreed, Schedule::default());
    let mut net = Net::new(client, server, network.fate());
    let mut outcome = Outcome::default();
    let mut came = 0;
    while net.step(secs(1200)) == Step::Moved {
        let bytes = net.client.bytes().len();
        if bytes > came {
            came = bytes;
            let now = net.elapsed();
            let stall = now - outcome.time;
            outcome.stall = outcome.stall.max(stall);
            outcome.long_stalls += u32::from(stall > LONG);
            outcome.time = now;
        }
    }
    assert!(
        net.client.bytes() == net.server.content,
        "{} bytes of {}, after {:?}: {:?}",
        net.client.bytes().len(),
        net.server.content.len(),
        net.elapsed(),
        net.server.machine()
    );
    outcome.resent = net.server.machine().counts().blocks_resent;
    outcome
}

/// The time of a lockstep transfer that repeats what was lost, and only that, one round trip and
/// its variance after it was sent.
fn oracle(mut network: Network) -> Duration {
    let late = network.round_trip / 20 + network.round_trip / 60;
    let wait = network.round_trip + late + ON_THE_LINK;
    let mut now = Instant::ZERO + network.round_trip / 2;
    let (mut to_client, mut to_server) = (0, 1);
    for exchange in 0..=BLOCKS {
        loop {
            let there = network.pass(now, To::Client, to_client, exchange > 0);
            to_client += 1;
            let Some(there) = there else {
                now = now + wait;
                continue;
            };
            if exchange == BLOCKS {
                return now.since(Instant::ZERO) + there;
            }
            let back = network.pass(now + there, To::Server, to_server, false);
            to_server += 1;
            if let Some(back) = back {
                now = now + there + back;
                break;
            }
            now = now + wait;
        }
    }
    now.since(Instant::ZERO)
}

/// Both kinds of clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    /// Our own, with its timers.
    Ours,
    /// One that only ever answers, and tells of each block behind a gap (EDK2).
    Silent,
    /// One that tells of a gap once (U-Boot): where that ACK is lost, nobody speaks
    /// before its own timer of 5 s, or the server's.
    Terse,
}

fn run(client: Client, agreed: Agreed, network: Network) -> Outcome {
    match client {
        Client::Ours => {
            let ours = Receiving::client(agreed, Schedule::default());
            transfer(ours, agreed, network)
        }
        Client::Silent | Client::Terse => {
            let mut loader = Loader::new(agreed);
            loader.strange = Strange::AckEach;
            if client == Client::Terse {
                loader.repeats = Some(secs(5));
                if agreed.windowsize > 1 {
                    loader.strange = Strange::AckOnce;
                }
            }
            transfer(loader, agreed, network)
        }
    }
}

/// Mean time and longest stall over all seeds, and the oracle's mean time.
fn cell(client: Client, loss: u64, round_trip: Duration, window: u16) -> (Outcome, Duration) {
    let agreed = windowed(BLKSIZE, window);
    let mut sum = Outcome::default();
    let mut perfect = Duration::ZERO;
    for seed in 0..SEEDS {
        let network = || Network::new(loss, round_trip, seed);
        let outcome = run(client, agreed, network());
        sum.time += outcome.time;
        sum.stall = sum.stall.max(outcome.stall);
        sum.long_stalls = sum.long_stalls.max(outcome.long_stalls);
        sum.resent += outcome.resent;
        perfect += oracle(network());
    }
    sum.time /= SEEDS as u32;
    (sum, perfect / SEEDS as u32)
}

fn table(client: Client) -> String {
    let mut broken = Vec::new();
    let mut text = format!(
        "{BLOCKS} blocks, times in ms: transfer, longest stall; lockstep also what it takes\n\
         beyond the first loss, against the oracle\n\n\
         loss    RTT    oracle   window 1                   window 16          window 64\n"
    );
    for loss in LOSSES {
        for micros in ROUND_TRIPS {
            let round_trip = Duration::from_micros(micros);
            let mut line = String::new();
            for window in WINDOWS {
                let (outcome, perfect) = cell(client, loss, round_trip, window);
                let case = format!("loss {loss}, round trip {round_trip:?}, window {window}");
                let after_first_loss = if outcome.resent > 0 {
                    outcome.time.saturating_sub(FIRST_LOSS)
                } else {
                    outcome.time
                };
                let share = after_first_loss.as_secs_f64() / perfect.as_secs_f64();
                if window == 1 {
                    write!(line, "{:>9.1}", perfect.as_secs_f64() * 1e3).unwrap();
                }
                write!(line, "{:>11.1}", outcome.time.as_secs_f64() * 1e3).unwrap();
                write!(line, "{:>8.1}", outcome.stall.as_secs_f64() * 1e3).unwrap();
                if window == 1 {
                    write!(line, "  x{share:.3}").unwrap();
                    if share > 1.3 {
                        broken.push(format!("{case}: {share:.2} times the oracle's time"));
                    }
                }
                if round_trip <= ms(2) && outcome.long_stalls > 1 {
                    let Outcome {
                        stall, long_stalls, ..
                    } = outcome;
                    broken.push(format!(
                        "{case}: stands still {long_stalls} times, {stall:?}"
                    ));
                }
                if loss == 0 && outcome.resent > 0 {
                    broken.push(format!("{case}: {} needless resends", outcome.resent));
                }
            }
            let percent = loss as f64 / 1000.0;
            let millis = micros as f64 / 1000.0;
            writeln!(text, "{percent:>3} % {millis:>6}{line}").unwrap();
        }
    }
    assert!(broken.is_empty(), "{broken:#?}\n{text}");
    text
}

// spec: earned-haste, rfc1123-adaptive-timeout
#[test]
fn our_own_client_gets_a_file_nearly_as_fast_as_can_be() {
    compare(
        "loss_table/ours.txt",
        &table(Client::Ours),
        include_str!("loss_table/ours.txt"),
    );
}

// spec: earned-haste, rfc1350-resend
#[test]
fn a_client_that_never_asks_again_gets_it_as_fast() {
    compare(
        "loss_table/silent.txt",
        &table(Client::Silent),
        include_str!("loss_table/silent.txt"),
    );
}

/// What makes real clients slower than those that tell of everything.
// spec: window-probe
#[test]
fn a_client_that_tells_of_a_gap_once_gets_it_in_time() {
    compare(
        "loss_table/terse.txt",
        &table(Client::Terse),
        include_str!("loss_table/terse.txt"),
    );
}

/// The same sender serves the client that writes.
#[test]
fn a_write_costs_no_more_than_a_read() {
    let agreed = windowed(BLKSIZE, 1);
    let file = content((BLOCKS as usize - 1) * usize::from(BLKSIZE) + 1);
    for loss in LOSSES {
        let network = || Network::new(loss, ms(2), 1);
        let client = Sending::client(file.clone(), agreed, Schedule::default());
        let server = Receiving::server(agreed, Schedule::default());
        // The network is told apart by what flows, so its ends change places.
        let mut turned = network().fate();
        let mut net = Net::new(client, server, move |passage: Passage<'_>| {
            let to = match passage.to {
                To::Client => To::Server,
                To::Server => To::Client,
            };
            turned(Passage { to, ..passage })
        });
        while net.server.stored.len() < file.len() {
            assert_eq!(net.step(secs(60)), Step::Moved);
        }
        let perfect = oracle(network());
        let after_first_loss = net.elapsed().saturating_sub(FIRST_LOSS);
        let share = after_first_loss.as_secs_f64() / perfect.as_secs_f64();
        assert!(share <= 1.3, "loss {loss}: {share} times the oracle's time");
    }
}
