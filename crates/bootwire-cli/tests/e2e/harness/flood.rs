//! Datagrams without end, from addresses nobody is at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bootwire_io::{Destination, Kernel, SendBatch, SendReport, Socket, SocketOptions};

/// Datagrams sent by one call.
const BATCH: u64 = 64;

/// Sends datagrams at a steady pace, each from another address of 127/8. Answers are thrown away
/// unread.
pub(crate) struct Flood {
    /// Datagrams a second.
    rate: u64,
    target: Box<dyn Fn(u64) -> SocketAddr + Send + Sync>,
    payload: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
}

impl Flood {
    /// `rate` datagrams a second to `target`; both say what the one with a number is.
    pub(crate) fn new(
        rate: u64,
        target: impl Fn(u64) -> SocketAddr + Send + Sync + 'static,
        payload: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self {
            rate,
            target: Box::new(target),
            payload: Box::new(payload),
        }
    }

    /// Sends `count` datagrams, or until `stop` is set.
    fn run(&self, count: u64, stop: &AtomicBool) {
        let socket = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into(), &SocketOptions::default())
            .expect("a port");
        let mut batch = SendBatch::new(Kernel::probe());
        let mut report = SendReport::new();
        let start = Instant::now();
        let mut sent = 0;
        while sent < count && !stop.load(Ordering::Relaxed) {
            let mut round = batch.round();
            for number in sent..count.min(sent + BATCH) {
                let to = Destination {
                    peer: (self.target)(number),
                    from: Some((forged(number), 0)),
                };
                round
                    .packet(to, 0, &(self.payload)(number))
                    .expect("small packets");
            }
            sent = count.min(sent + BATCH);
            round.send(&socket, &mut report);
            let due = start + Duration::from_secs_f64(sent as f64 / self.rate as f64);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    /// Sends `count` datagrams.
    pub(crate) fn send(&self, count: u64) {
        self.run(count, &AtomicBool::new(false));
    }

    /// Sends datagrams while `action` runs.
    pub(crate) fn during<T>(&self, action: impl FnOnce() -> T) -> T {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.run(u64::MAX, &stop));
            // Also when the action fails: the scope waits for the flood.
            let _end = End(&stop);
            action()
        })
    }
}

/// Ends a flood.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An address of 127/8 beyond those the tests' clients have: all over it, and no two numbers below
/// eight million the same.
fn forged(number: u64) -> IpAddr {
    let spread = (number.wrapping_mul(2_654_435_761) & 0x007f_ffff) as u32;
    Ipv4Addr::from(0x7f80_0000 | spread).into()
}

/// Sends one datagram that claims to come from `source`, which may be somebody else's socket. Takes
/// root.
pub(crate) fn send_as(source: SocketAddr, to: SocketAddr, payload: &[u8]) {
    let socket = socket2::Socket::new(
        socket2::Domain::IPV4,
        socket2::Type::RAW,
        Some(socket2::Protocol::UDP),
    )
    .expect("a raw socket");
    let address = SocketAddr::new(source.ip(), 0);
    socket.bind(&address.into()).expect("an address of ours");
    let len = u16::try_from(8 + payload.len()).expect("a datagram");
    // No checksum: IPv4 allows that.
    let header = [source.port(), to.port(), len, 0].map(u16::to_be_bytes);
    let datagram = [header.as_flattened(), payload].concat();
    let to = SocketAddr::new(to.ip(), 0);
    socket.send_to(&datagram, &to.into()).expect("sent");
}
