//! A client that does exactly what a test says, one datagram at a time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// A datagram from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Data { block: u16, payload: Vec<u8> },
    Ack(u16),
    Error { code: u16, text: String },
    Oack(Vec<(String, String)>),
}

/// How long an answer may take before a test calls it missing. Far above any timer of the server's
/// that a test waits for, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// One client port.
pub(crate) struct Wire {
    socket: UdpSocket,
    server: SocketAddr,
    tid: Option<SocketAddr>,
}

impl Wire {
    /// A client on a port of its own, for the server at `server`.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        Self::from(any, server)
    }

    /// The same, on another address of the client's.
    pub(crate) fn from(client: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((client, 0)).expect("a client port");
        // A window of 64 must not be lost to a small default.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
        Self {
            socket,
            server,
            tid: None,
        }
    }

    /// The client's own address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    /// Where the transfer's packets come from, once the first has come.
    pub(crate) fn tid(&self) -> SocketAddr {
        self.tid.expect("an answer before")
    }

    /// Forgets the transfer: the next answer may come from any port of the server.
    pub(crate) fn forget(&mut self) {
        self.tid = None;
    }

    /// The transfer goes on with this port of the server's.
    pub(crate) fn use_port(&mut self, tid: SocketAddr) {
        self.tid = Some(tid);
    }

    /// Sends bytes to the server's listening port.
    pub(crate) fn to_listener(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).expect("sent");
    }

    /// Sends bytes to the transfer.
    pub(crate) fn to_transfer(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.tid()).expect("sent");
    }

    /// Asks for a file, octet.
    pub(crate) fn read(&mut self, name: &str, options: &[(&str, &str)]) {
        self.forget();
        self.to_listener(&rrq(name, "octet", options));
    }

    /// Asks to write a file, octet.
    pub(crate) fn write(&mut self, name: &str, options: &[(&str, &str)]) {
        self.forget();
        self.to_listener(&wrq(name, "octet", options));
    }

    /// Sends a request until something comes, as machines do whose request was lost, and returns
    /// that.
    pub(crate) fn insist(&mut self, request: &[u8]) -> Packet {
        self.forget();
        for _ in 0..60 {
            self.to_listener(request);
            if let Some(packet) = self.receive_within(Duration::from_secs(1)) {
                return packet;
            }
        }
        panic!("no answer for a minute");
    }

    pub(crate) fn ack(&self, block: u16) {
        self.to_transfer(&[&[0, 4], block.to_be_bytes().as_slice()].concat());
    }

    /// An ACK as Windows sends it: with the size of the next window.
    pub(crate) fn ack_with_window(&self, block: u16, next_window: u8) {
        self.to_transfer(&[&[0, 4], block.to_be_bytes().as_slice(), &[next_window]].concat());
    }

    pub(crate) fn data(&self, block: u16, payload: &[u8]) {
        self.to_transfer(&[&[0, 3], block.to_be_bytes().as_slice(), payload].concat());
    }

    pub(crate) fn error(&self, code: u16, text: &str) {
        self.to_transfer(&error(code, text));
    }

    /// The next packet of this transfer, or `None` after `limit`. A packet from another port or
    /// address than the first fails the test.
    pub(crate) fn receive_within(&mut self, limit: Duration) -> Option<Packet> {
        let (packet, from) = self.receive_from(limit)?;
        assert_eq!(
            *self.tid.get_or_insert(from),
            from,
            "a transfer never changes its port: {packet:?}"
        );
        Some(packet)
    }

    /// The next packet from anywhere.
    pub(crate) fn receive_from(&self, limit: Duration) -> Option<(Packet, SocketAddr)> {
        self.socket
            .set_read_timeout(Some(limit.max(Duration::from_millis(1))))
            .expect("a timeout");
        let mut buffer = vec![0; 65_536];
        let (len, from) = match self.socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                return None;
            }
            Err(error) => panic!("receive: {error}"),
        };
        Some((Packet::parse(&buffer[..len]), from))
    }

    /// The next packet.
    pub(crate) fn receive(&mut self) -> Packet {
        self.receive_within(PATIENCE).expect("an answer")
    }

    /// The next packet must be this block; returns its payload. Copies of the one before, or of an
    /// OACK, do not count: a busy machine makes this client slow, and then the server sends again.
    pub(crate) fn expect_data(&mut self, expected: u16) -> Vec<u8> {
        loop {
            match self.receive() {
                Packet::Data { block, payload } if block == expected => return payload,
                Packet::Data { block, .. } if block == expected.wrapping_sub(1) => {}
                Packet::Oack(_) if expected == 1 => {}
                other => panic!("DATA {expected} was due: {other:?}"),
            }
        }
    }

    /// Waits for this block and ignores earlier ones that were sent again.
    pub(crate) fn await_data(&mut self, expected: u16) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.receive() {
                Packet::Data { block, payload } if block == expected => return payload,
                Packet::Data { .. } => {}
                Packet::Oack(_) if expected == 1 => {}
                other => panic!("DATA {expected} was due: {other:?}"),
            }
        }
        panic!("DATA {expected} never came");
    }

    /// The next packet must be an OACK; returns its options in order.
    pub(crate) fn expect_oack(&mut self) -> Vec<(String, String)> {
        match self.receive() {
            Packet::Oack(options) => options,
            other => panic!("an OACK was due: {other:?}"),
        }
    }

    /// The next packet must be this ACK; copies of the one before do not count.
    pub(crate) fn expect_ack(&mut self, expected: u16) {
        loop {
            match self.receive() {
                Packet::Ack(block) if block == expected => return,
                Packet::Ack(block) if block == expected.wrapping_sub(1) => {}
                other => panic!("ACK {expected} was due: {other:?}"),
            }
        }
    }

    /// The next packet must be an ERROR with a text fit for a boot screen; returns code and text.
    pub(crate) fn expect_error(&mut self) -> (u16, String) {
        match self.receive() {
            Packet::Error { code, text } => {
                assert!(text.len() <= 60, "too long for a boot screen: {text:?}");
                assert!(
                    !text.is_empty() && !text.contains(char::is_control),
                    "not for a screen: {text:?}"
                );
                (code, text)
            }
            other => panic!("an ERROR was due: {other:?}"),
        }
    }

    /// The next packet must be an ERROR with this code.
    pub(crate) fn expect_error_code(&mut self, expected: u16) {
        let (code, text) = self.expect_error();
        assert_eq!(code, expected, "{text}");
    }

    /// Nothing may come for `time`.
    pub(crate) fn expect_silence(&self, time: Duration) {
        if let Some((packet, from)) = self.receive_from(time) {
            panic!("silence was due: {packet:?} from {from}");
        }
    }

    /// All packets that come until none has come for `quiet`, or until `limit`.
    pub(crate) fn drain(&mut self, quiet: Duration, limit: Duration) -> Vec<Packet> {
        let deadline = Instant::now() + limit;
        let mut packets = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.receive_within(quiet.min(left)) {
                Some(packet) => packets.push(packet),
                None => break,
            }
        }
        packets
    }

    /// Reads the rest of a file in lockstep, from block `next` on, with the ACK of each block.
    pub(crate) fn read_rest(&mut self, blksize: usize, next: u64) -> Vec<u8> {
        self.read_windows(blksize, 1, next)
    }

    /// Reads the rest of a file, from block `next` on: ACKs when a window is full, at the end, and
    /// where a gap shows.
    pub(crate) fn read_windows(
        &mut self,
        blksize: usize,
        windowsize: u64,
        mut next: u64,
    ) -> Vec<u8> {
        let mut content = Vec::new();
        let mut in_window = 0;
        loop {
            match self.receive() {
                Packet::Data { block, payload } if block == wire_number(next) => {
                    content.extend_from_slice(&payload);
                    in_window += 1;
                    let last = payload.len() < blksize;
                    if last || in_window == windowsize {
                        self.ack(wire_number(next));
                        in_window = 0;
                    }
                    if last {
                        return content;
                    }
                    next += 1;
                }
                Packet::Data { .. } => {
                    self.ack(wire_number(next - 1));
                    in_window = 0;
                }
                Packet::Oack(_) if next == 1 => {}
                other => panic!("DATA was due: {other:?}"),
            }
        }
    }

    /// Asks for a file without options and reads it.
    pub(crate) fn fetch(&mut self, name: &str) -> Vec<u8> {
        self.read(name, &[]);
        self.read_rest(512, 1)
    }

    /// Sends content in lockstep after the opening was answered, from block 1 on.
    pub(crate) fn send_all(&mut self, content: &[u8], blksize: usize) {
        let blocks = content.len() / blksize + 1;
        for block in 1..=blocks {
            let start = (block - 1) * blksize;
            let payload = &content[start..content.len().min(start + blksize)];
            let number = wire_number(block as u64);
            self.data(number, payload);
            self.expect_ack(number);
        }
    }
}

/// The number on the wire of the block at `position`, with rollover to 0.
fn wire_number(position: u64) -> u16 {
    (position & 0xffff) as u16
}

/// A read request.
pub(crate) fn rrq(name: impl AsRef<[u8]>, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, name.as_ref(), mode, options)
}

/// A write request.
pub(crate) fn wrq(name: impl AsRef<[u8]>, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(2, name.as_ref(), mode, options)
}

fn request(opcode: u8, name: &[u8], mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = [&[0, opcode], name, &[0], mode.as_bytes(), &[0]].concat();
    for (option, value) in options {
        bytes.extend_from_slice(option.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn error(code: u16, text: &str) -> Vec<u8> {
    [
        &[0, 5],
        code.to_be_bytes().as_slice(),
        text.as_bytes(),
        &[0],
    ]
    .concat()
}

impl Packet {
    /// Reads what a correct server sends; anything else fails the test.
    fn parse(bytes: &[u8]) -> Self {
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        assert!(
            bytes.len() >= 4,
            "a server's packet has 4 bytes at least: {bytes:?}"
        );
        match number(0) {
            3 => Self::Data {
                block: number(2),
                payload: bytes[4..].to_vec(),
            },
            4 => {
                assert_eq!(bytes.len(), 4, "an ACK has 4 bytes: {bytes:?}");
                Self::Ack(number(2))
            }
            5 => {
                assert_eq!(bytes.last(), Some(&0), "an ERROR ends with NUL: {bytes:?}");
                let text = std::str::from_utf8(&bytes[4..bytes.len() - 1]).expect("text");
                assert!(!text.contains('\0'), "one NUL only: {bytes:?}");
                Self::Error {
                    code: number(2),
                    text: text.to_owned(),
                }
            }
            6 => {
                assert_eq!(bytes.last(), Some(&0), "an OACK ends with NUL: {bytes:?}");
                let text = std::str::from_utf8(&bytes[2..bytes.len() - 1]).expect("text");
                let words: Vec<_> = text.split('\0').collect();
                assert!(words.len().is_multiple_of(2), "names and values: {words:?}");
                Self::Oack(
                    words
                        .chunks(2)
                        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
                        .collect(),
                )
            }
            _ => panic!("no packet of a server: {bytes:?}"),
        }
    }
}
