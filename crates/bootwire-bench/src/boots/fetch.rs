//! One file, as a boot loader fetches it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use bootwire_proto::{Ack, Data, ErrorCode, Mode, Op, OptionKind, Options, Packet, encode};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::card::Card;
use super::image::Sum;
use super::manners::{Gaps, Manners};
use super::pace::Taking;
use super::{Got, Pace};

/// Bytes of a file that a machine can look into afterwards: all of a configuration, the header of a
/// program.
const KEPT: usize = 1 << 20;

/// What is asked, and how.
pub(super) struct Ask<'a> {
    pub(super) path: &'a str,
    /// In the order in which they are sent.
    pub(super) options: &'a [(OptionKind, u64)],
    pub(super) manners: Manners,
    /// When it has seen enough.
    pub(super) leave: Option<Leave>,
    /// When power goes off, or the machine starts over.
    pub(super) cut: Option<Cut>,
    /// The size it was told before.
    pub(super) size: Option<u64>,
}

/// An end that the client makes.
#[derive(Clone, Copy)]
pub(super) struct Leave {
    /// Behind this many blocks; 0: as soon as it knows the size.
    pub(super) after: u64,
    pub(super) code: ErrorCode,
    pub(super) text: &'static str,
}

/// An end in mid file.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) percent: u8,
    /// What the file is taken to have if its size is unknown.
    pub(super) unknown_size: u64,
    pub(super) ends: fn() -> Got,
}

/// What was fetched.
pub(super) struct Taken {
    pub(super) got: Got,
    pub(super) bytes: u64,
    pub(super) sum: Sum,
    /// Its beginning.
    pub(super) head: Vec<u8>,
}

/// Fetches it.
///
/// # Errors
/// If the system has no socket or no network for it.
pub(super) async fn fetch(
    socket: &UdpSocket,
    card: &mut Card,
    ask: &Ask<'_>,
    pace: Pace,
) -> io::Result<Taken> {
    let mut request = Vec::new();
    let (path, options) = (ask.path.as_bytes(), ask.options);
    encode::request(Op::Read, path, Mode::Octet, options, &mut request);
    let now = Instant::now();
    let asked = |wanted| {
        let mut found = options.iter().filter(|(kind, _)| *kind == wanted);
        found.next().map(|(_, value)| *value)
    };
    let mut fetch = Fetch {
        socket,
        card,
        ask,
        request,
        window_asked: asked(OptionKind::Windowsize).unwrap_or(1),
        taking: pace.begin(),
        peer: None,
        asked: 0,
        oack: false,
        resizes: false,
        blksize: 512,
        window: 1,
        size: ask.size,
        blocks: 0,
        unacked: 0,
        told: None,
        active: now,
        progress: now,
        taken: Taken {
            got: Got::NoAnswer,
            bytes: 0,
            sum: Sum::default(),
            head: Vec::new(),
        },
    };
    fetch.taken.got = fetch.run().await?;
    Ok(fetch.taken)
}

struct Fetch<'a> {
    socket: &'a UdpSocket,
    card: &'a mut Card,
    ask: &'a Ask<'a>,
    request: Vec<u8>,
    window_asked: u64,
    taking: Taking,
    /// The server's port for this transfer.
    peer: Option<SocketAddr>,
    asked: u32,
    oack: bool,
    resizes: bool,
    blksize: usize,
    window: u64,
    size: Option<u64>,
    /// Blocks taken, and those of them that it has not acknowledged.
    blocks: u64,
    unacked: u64,
    /// The count of blocks whose gap it told of.
    told: Option<u64>,
    /// Last packet sent, last new block taken.
    active: Instant,
    progress: Instant,
    taken: Taken,
}

impl Fetch<'_> {
    async fn run(&mut self) -> io::Result<Got> {
        // Blocks of 65464 bytes are the largest; nobody here asks for more than 1500.
        let mut buffer = vec![0; 2048];
        self.request().await?;
        loop {
            let received = match timeout_at(self.deadline(), self.receive(&mut buffer)).await {
                Ok(received) => received?,
                Err(_) => match self.on_silence().await? {
                    Some(ended) => return Ok(ended),
                    None => continue,
                },
            };
            let (len, from) = received;
            if self.card.loses() || self.peer.is_some_and(|peer| peer != from) {
                continue;
            }
            let ended = match Packet::parse(buffer.get(..len).unwrap_or_default()) {
                Ok(Packet::Oack(options)) => self.on_oack(from, options).await?,
                Ok(Packet::Data(data)) => self.on_data(from, data).await?,
                Ok(Packet::Error(error)) => Some(Got::Refused {
                    code: error.code,
                    text: String::from_utf8_lossy(error.text).into_owned(),
                }),
                Ok(Packet::Request(_) | Packet::Ack(_)) | Err(_) => None,
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            match self.socket.recv_from(buffer).await {
                // A server that is not there, as its host reports it. Firmware has no ears for that.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                    ) => {}
                received => return received,
            }
        }
    }

    async fn send(&mut self, packet: &[u8], to: SocketAddr) -> io::Result<()> {
        self.active = Instant::now();
        if self.card.loses() {
            return Ok(());
        }
        match self.socket.send_to(packet, to).await {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            sent => sent.map(|_| ()),
        }
    }

    async fn request(&mut self) -> io::Result<()> {
        self.asked += 1;
        let request = std::mem::take(&mut self.request);
        let sent = self.send(&request, self.card.server()).await;
        self.request = request;
        sent
    }

    async fn ack(&mut self) -> io::Result<()> {
        let Some(peer) = self.peer else {
            return Ok(());
        };
        self.unacked = 0;
        let ack = Ack {
            block: number(self.blocks),
            next_window: self.resizes.then(|| self.window.min(64) as u8),
        };
        let mut buffer = [0; 5];
        let packet = encode::ack(ack, &mut buffer).to_vec();
        self.send(&packet, peer).await
    }

    async fn leave(&mut self, leave: Leave) -> io::Result<Got> {
        let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
        let packet = encode::error(leave.code, leave.text, &mut buffer).to_vec();
        if let Some(peer) = self.peer {
            self.send(&packet, peer).await?;
        }
        Ok(Got::Left { size: self.size })
    }

    /// When it does something although nothing came.
    fn deadline(&self) -> Instant {
        let manners = &self.ask.manners;
        let gives_up = self.progress + manners.patience;
        match (self.peer, manners.repeat_ack) {
            (None, _) => self.active + manners.ask_every,
            (Some(_), Some(every)) => gives_up.min(self.active + every),
            (Some(_), None) => gives_up,
        }
    }

    async fn on_silence(&mut self) -> io::Result<Option<Got>> {
        let manners = self.ask.manners;
        if self.peer.is_none() {
            if self.asked >= manners.asks {
                return Ok(Some(Got::NoAnswer));
            }
            self.request().await?;
        } else if self.progress.elapsed() >= manners.patience {
            return Ok(Some(Got::NoAnswer));
        } else {
            self.ack().await?;
        }
        Ok(None)
    }

    async fn on_oack(&mut self, from: SocketAddr, options: Options<'_>) -> io::Result<Option<Got>> {
        if self.blocks > 0 {
            return Ok(None);
        }
        self.peer = Some(from);
        self.oack = true;
        for (name, value) in options.iter() {
            let value = std::str::from_utf8(value).ok();
            let Some(value) = value.and_then(|value| value.parse::<u64>().ok()) else {
                continue;
            };
            match OptionKind::from_name(name) {
                Some(OptionKind::Blksize) => self.blksize = value.clamp(8, 1468) as usize,
                Some(OptionKind::Windowsize) => {
                    self.window = value.clamp(1, self.window_asked.max(1));
                }
                Some(OptionKind::Tsize) => self.size = Some(value),
                Some(OptionKind::Msftwindow) => {
                    self.resizes = self.ask.manners.resizes && value == 27_182;
                }
                _ => {}
            }
        }
        self.progress = Instant::now();
        if let Some(leave) = self.ask.leave.filter(|leave| leave.after == 0) {
            return self.leave(leave).await.map(Some);
        }
        self.ack().await?;
        Ok(None)
    }

    async fn on_data(&mut self, from: SocketAddr, data: Data<'_>) -> io::Result<Option<Got>> {
        if !self.oack {
            if self.ask.manners.wants_oack && !self.ask.options.is_empty() {
                return Ok(None);
            }
            if self.blocks == 0 && data.block != 1 {
                return Ok(None);
            }
        }
        self.peer = Some(from);
        if data.block != number(self.blocks + 1) || data.payload.len() > self.blksize {
            return self.on_other_block(data.block).await.map(|()| None);
        }
        self.keep(data.payload);
        self.blocks += 1;
        self.unacked += 1;
        self.progress = Instant::now();
        let is_last = data.payload.len() < self.blksize;
        if let Some(cut) = self.ask.cut
            && (is_last || self.is_beyond(cut))
        {
            return Ok(Some((cut.ends)()));
        }
        let leave = self.ask.leave;
        if let Some(leave) = leave.filter(|leave| self.blocks >= leave.after && !is_last) {
            return self.leave(leave).await.map(Some);
        }
        if is_last || self.unacked >= self.window {
            let bytes = self.unacked * self.blksize as u64;
            self.taking.take(bytes).await;
            self.ack().await?;
        }
        if !is_last {
            return Ok(None);
        }
        let right = self.size.is_none_or(|size| size == self.taken.bytes);
        Ok(Some(if right { Got::Whole } else { Got::WrongSize }))
    }

    /// A block it has had, or one behind a gap.
    async fn on_other_block(&mut self, block: u16) -> io::Result<()> {
        let ahead = block.wrapping_sub(number(self.blocks));
        let is_old = ahead == 0 || ahead > u16::MAX / 2;
        let says = match self.ask.manners.gaps {
            _ if self.window == 1 => is_old,
            Gaps::Silent => false,
            Gaps::AckEach => true,
            Gaps::AckOnce => self.told.replace(self.blocks) != Some(self.blocks),
        };
        if says {
            self.ack().await?;
        }
        Ok(())
    }

    fn keep(&mut self, payload: &[u8]) {
        let taken = &mut self.taken;
        taken.bytes += payload.len() as u64;
        taken.sum.add(payload);
        let room = KEPT.saturating_sub(taken.head.len()).min(payload.len());
        taken.head.extend(payload.iter().take(room));
    }

    fn is_beyond(&self, cut: Cut) -> bool {
        let size = self.size.unwrap_or(cut.unknown_size);
        self.taken.bytes * 100 >= size * u64::from(cut.percent)
    }
}

/// The number of a block on the wire: 0 follows 65535.
const fn number(block: u64) -> u16 {
    (block & 0xffff) as u16
}
