//! What the kernel takes for the packets alone: the floor under every server on UDP sockets.
//!
//! The server's half of a round is timed: `sendmmsg` of one message to each of N sockets, whose
//! clients read on in a file, and `recvmmsg` of their N ACKs. The other half, the clients' reading
//! and answering, runs between, untimed: on the same core, and then once more on another, where
//! each packet has to come from the other core's cache, and what was read comes back to be freed.
//! There is no protocol, no table, no waiting.
//!
//! `perf-raw SECONDS CLIENTS-CORE [ROW...]` prints JSON: microseconds per block.
mod apart;
mod content;
mod sockets;

use std::io;
use std::time::{Duration, Instant};

use content::Content;
use sockets::{Batch, Clients, SegmentSize, Server};

/// A row of the comparison.
struct Shape {
    name: &'static str,
    clients: usize,
    /// The size of the file that clients read in it, in bytes.
    size: usize,
    blksize: usize,
    window: usize,
}

const fn shape(
    name: &'static str,
    clients: usize,
    mebibytes: usize,
    blksize: usize,
    window: usize,
) -> Shape {
    Shape {
        name,
        clients,
        size: mebibytes << 20,
        blksize,
        window,
    }
}

const SHAPES: [Shape; 12] = [
    shape("512x1", 1, 1, 512, 1),
    shape("512x4", 4, 1, 512, 1),
    shape("512x64", 64, 1, 512, 1),
    shape("512x1000", 1000, 1, 512, 1),
    shape("512x5000", 5000, 1, 512, 1),
    shape("1468x64", 64, 4, 1468, 1),
    shape("1468w16x1", 1, 16, 1468, 16),
    shape("1468w16x16", 16, 16, 1468, 16),
    shape("1468w64x1", 1, 16, 1468, 64),
    shape("1468w64x16", 16, 16, 1468, 64),
    shape("65464x16", 16, 64, 65464, 1),
    shape("storm", 5000, 2, 1468, 4),
];

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let seconds = args.next().map_or(Ok(1.0), |text| text.parse());
    let limit = Duration::from_secs_f64(seconds.map_err(io::Error::other)?);
    let core = args.next().map_or(Ok(1), |text| text.parse());
    let core = core.map_err(io::Error::other)?;
    let wanted: Vec<String> = args.collect();
    let mut rows = Vec::new();
    for shape in &SHAPES {
        if wanted.is_empty() || wanted.iter().any(|name| name == shape.name) {
            let together = together(shape, limit)?;
            let apart = apart::measured(shape, limit, core)?;
            rows.push(format!(
                "\"{}\": {{{}, {}}}",
                shape.name,
                together.json(""),
                apart.json("apart_")
            ));
        }
    }
    println!("{{{}}}", rows.join(", "));
    Ok(())
}

/// Microseconds per block.
struct Costs {
    /// To send it.
    send: f64,
    /// To read its share of an ACK.
    receive: f64,
    /// For which the server's core was interrupted while the clients read and answered. Not part of
    /// the limit: a busy server does that work along with its own, for less.
    interrupted: f64,
}

impl Costs {
    /// The members of a JSON object.
    fn json(&self, prefix: &str) -> String {
        let Self {
            send,
            receive,
            interrupted,
        } = self;
        format!(
            "\"{prefix}send_us\": {send:.4}, \"{prefix}receive_us\": {receive:.4}, \
             \"{prefix}interrupted_us\": {interrupted:.4}, \"{prefix}us\": {:.4}",
            send + receive,
        )
    }
}

/// With the clients on the server's own thread.
fn together(shape: &Shape, limit: Duration) -> io::Result<Costs> {
    let (server, clients) = (Server::new()?, Clients::new(shape.clients)?);
    measure(shape, limit, &server, &clients, |group| {
        clients.group(group).answer(&server)?;
        Ok(Duration::ZERO)
    })
}

/// `answer` has a group of clients read all that came for them, and answer. It says for how long
/// the server's core was interrupted by that.
fn measure(
    shape: &Shape,
    limit: Duration,
    server: &Server,
    clients: &Clients,
    mut answer: impl FnMut(usize) -> io::Result<Duration>,
) -> io::Result<Costs> {
    let mut content = Content::new(shape.size, shape.clients, shape.blksize, shape.window);
    let segment = SegmentSize::new(content.segment() as u16);
    let mut sending = Vec::new();
    let mut receiving = Vec::new();
    let mut interruptions = Vec::new();
    let start = Instant::now();
    while start.elapsed() < limit || sending.is_empty() {
        for number in 0..clients.groups() {
            let group = clients.group(number);
            let each = (group.len() * shape.window) as f64;
            let parts = content.windows(group.range());
            let mut batches: Vec<Batch<'_>> = parts
                .iter()
                .map(|messages| Batch::new(group.addresses(), messages, &segment))
                .collect();
            let before = Instant::now();
            for batch in &mut batches {
                server.send(batch)?;
            }
            let per_block = |time: Duration| time.as_secs_f64() * 1e6 / each;
            sending.push(per_block(before.elapsed()));
            interruptions.push(per_block(answer(number)?));
            let before = Instant::now();
            server.receive(group.len())?;
            receiving.push(per_block(before.elapsed()));
        }
    }
    Ok(Costs {
        send: undisturbed(sending),
        receive: undisturbed(receiving),
        interrupted: undisturbed(interruptions),
    })
}

/// The mean of the lower 95 %: in the rest something else had the processor.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.truncate((times.len() * 95).div_ceil(100));
    times.iter().sum::<f64>() / times.len() as f64
}
