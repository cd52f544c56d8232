//! One client: a socket of its own for each transfer, every byte compared as it comes.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::sys::{Batch, Epoll};

/// Totals of a run.
#[derive(Default)]
pub struct Tally {
    pub transfers: u64,
    failures: BTreeMap<&'static str, u64>,
    /// Blocks that came in order, those of failed and unfinished transfers too.
    blocks: u64,
    bytes: u64,
    /// DATA that was not the next block.
    out_of_order: u64,
    timeouts: u64,
    granted: Option<(usize, usize)>,
    pub elapsed: Duration,
}

impl Tally {
    pub fn fail(&mut self, reason: &'static str) {
        *self.failures.entry(reason).or_default() += 1;
    }

    pub fn json(&self) -> String {
        let reasons: Vec<String> = self
            .failures
            .iter()
            .map(|(reason, count)| format!("\"{reason}\": {count}"))
            .collect();
        let (blksize, windowsize) = self.granted.unwrap_or((0, 0));
        format!(
            "{{\"seconds\": {:.6}, \"transfers\": {}, \"failed\": {}, \"failures\": {{{}}}, \
             \"blocks\": {}, \"bytes\": {}, \"out_of_order\": {}, \"timeouts\": {}, \
             \"blksize\": {blksize}, \"windowsize\": {windowsize}}}",
            self.elapsed.as_secs_f64(),
            self.transfers,
            self.failures.values().sum::<u64>(),
            reasons.join(", "),
            self.blocks,
            self.bytes,
            self.out_of_order,
            self.timeouts,
        )
    }
}

/// How a transfer ended.
pub enum Ended {
    Complete,
    Failed(&'static str),
}

pub struct Client {
    index: usize,
    socket: Option<UdpSocket>,
    /// Where the transfer is answered from, once known.
    peer: Option<SocketAddrV4>,
    last_sent: Vec<u8>,
    sent_at: Instant,
    tries: u32,
    blksize: usize,
    windowsize: usize,
    /// Blocks had in order.
    had: usize,
    /// `had` when the last ACK was sent.
    acked: usize,
}

impl Client {
    pub fn new(index: usize) -> Self {
        Self {
            index,
            socket: None,
            peer: None,
            last_sent: Vec::new(),
            sent_at: Instant::now(),
            tries: 0,
            blksize: 512,
            windowsize: 1,
            had: 0,
            acked: 0,
        }
    }

    /// Starts a transfer from a new port.
    pub fn request(&mut self, options: &Options, epoll: &Epoll) -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        epoll.add(socket.as_raw_fd(), self.index)?;
        let request = options.request();
        socket.send_to(&request, options.server)?;
        *self = Self {
            socket: Some(socket),
            last_sent: request,
            ..Self::new(self.index)
        };
        Ok(())
    }

    pub fn readable(
        &mut self,
        options: &Options,
        batch: &mut Batch,
        tally: &mut Tally,
    ) -> Option<Ended> {
        let socket = self.socket.as_ref()?;
        // As many as a window at most: more would only be a poll in vain.
        let count = batch.receive(socket.as_raw_fd(), self.windowsize);
        let mut answer = false;
        for slot in 0..count {
            let (from, datagram) = batch.datagram(slot);
            let &[0, opcode, ..] = datagram else {
                return Some(Ended::Failed("malformed"));
            };
            match self.peer {
                None => self.peer = Some(from),
                Some(peer) if peer != from => continue,
                Some(_) => {}
            }
            match opcode {
                3 if datagram.len() >= 4 => {
                    let number = u16::from_be_bytes([datagram[2], datagram[3]]);
                    if tally.granted.is_none() {
                        tally.granted = Some((self.blksize, self.windowsize));
                    }
                    if number != (self.had + 1) as u16 {
                        tally.out_of_order += 1;
                        answer = true;
                        continue;
                    }
                    let data = &datagram[4..];
                    let from = self.had * self.blksize;
                    if options.content.get(from..from + data.len()) != Some(data) {
                        return Some(Ended::Failed("content"));
                    }
                    self.had += 1;
                    self.tries = 0;
                    tally.blocks += 1;
                    tally.bytes += data.len() as u64;
                    if data.len() < self.blksize {
                        self.ack(options);
                        let whole = from + data.len() == options.content.len();
                        return Some(if whole {
                            Ended::Complete
                        } else {
                            Ended::Failed("size")
                        });
                    }
                    if self.had - self.acked >= self.windowsize {
                        self.ack(options);
                    }
                }
                6 if self.had == 0 => {
                    self.agree(&datagram[2..]);
                    tally.granted = Some((self.blksize, self.windowsize));
                    answer = true;
                }
                5 => return Some(Ended::Failed("error")),
                _ => return Some(Ended::Failed("malformed")),
            }
        }
        if answer {
            self.ack(options);
        }
        None
    }

    /// Resends what was sent last if the server is silent.
    pub fn timer(&mut self, now: Instant, options: &Options, tally: &mut Tally) -> Option<Ended> {
        let socket = self.socket.as_ref()?;
        if now.saturating_duration_since(self.sent_at) < options.timeout {
            return None;
        }
        if self.tries == options.tries {
            return Some(Ended::Failed("timeout"));
        }
        self.tries += 1;
        tally.timeouts += 1;
        self.sent_at = now;
        if self.had == self.acked {
            let to = self.peer.unwrap_or(options.server);
            let _ = socket.send_to(&self.last_sent, to);
        } else {
            self.ack(options);
        }
        None
    }

    pub fn close(&mut self) {
        self.socket = None;
    }

    /// Tells the server that nobody listens any more; true if a transfer was running.
    pub fn abort(&mut self) -> bool {
        let Some(socket) = self.socket.take() else {
            return false;
        };
        if let Some(peer) = self.peer {
            let _ = socket.send_to(b"\0\x05\0\0end of test\0", peer);
        }
        true
    }

    fn ack(&mut self, options: &Options) {
        let [high, low] = (self.had as u16).to_be_bytes();
        self.last_sent.clear();
        self.last_sent.extend_from_slice(&[0, 4, high, low]);
        self.acked = self.had;
        self.sent_at = Instant::now();
        if let Some(socket) = &self.socket {
            // A full buffer is a lost packet: the timer sends it again.
            let _ = socket.send_to(&self.last_sent, self.peer.unwrap_or(options.server));
        }
    }

    fn agree(&mut self, options: &[u8]) {
        let mut fields = options.split(|byte| *byte == 0);
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            let value = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            match (name.to_ascii_lowercase().as_slice(), value) {
                (b"blksize", Some(value)) => self.blksize = value,
                (b"windowsize", Some(value)) => self.windowsize = value,
                _ => {}
            }
        }
    }
}
