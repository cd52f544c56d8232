//! A client that takes what other servers send, even where it is not quite right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long to wait for an answer before the request is sent again, as machines do: some servers lose
/// one now and then.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is sent.
const TIMES: usize = 5;

/// What uploads have in them.
pub(super) const UPLOADED: &[u8] = b"uploaded";

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    name: Vec<u8>,
    mode: &'static str,
    options: &'static [(&'static str, &'static str)],
    from: Ipv4Addr,
    /// The server's address that is asked.
    at: Ipv4Addr,
    /// What to write, for uploads.
    content: Option<&'static [u8]>,
    /// Which file of the root an upload changes.
    pub(super) stored: Option<&'static str>,
}

impl Ask {
    /// A file.
    pub(super) fn get(name: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            mode: "octet",
            options: &[],
            from: Ipv4Addr::LOCALHOST,
            at: Ipv4Addr::LOCALHOST,
            content: None,
            stored: None,
        }
    }

    /// An upload that would become this file.
    pub(super) fn put(name: &str, stored: &'static str) -> Self {
        Self {
            content: Some(UPLOADED),
            stored: Some(stored),
            ..Self::get(name)
        }
    }

    /// From this address.
    pub(super) fn from(self, last: u8) -> Self {
        let from = Ipv4Addr::new(127, 0, 0, last);
        Self { from, ..self }
    }

    /// Over a network of [`NETWORKS`](super::trial::NETWORKS).
    pub(super) fn over(self, network: u8) -> Self {
        let address = |last| Ipv4Addr::new(10, network, 0, last);
        Self {
            from: address(7),
            at: address(1),
            ..self
        }
    }

    pub(super) fn mode(self, mode: &'static str) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn with(self, options: &'static [(&'static str, &'static str)]) -> Self {
        Self { options, ..self }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The content, and the options that were granted.
    Content(Vec<u8>, Vec<String>),
    Stored,
    Error(u16, String),
    Silence,
}

impl Answer {
    /// Whether a client would not see a difference: the codes and texts of errors do not count.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Error(..), Self::Error(..)) => true,
            (one, other) => one == other,
        }
    }
}

/// Asks the server on this port.
pub(super) fn ask(port: u16, ask: &Ask) -> Answer {
    let server = SocketAddr::from((ask.at, port));
    let socket = UdpSocket::bind((IpAddr::from(ask.from), 0)).expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let opcode = if ask.content.is_some() { 2 } else { 1 };
    let mut request = [&[0, opcode], &ask.name[..], &[0], ask.mode.as_bytes(), &[0]].concat();
    for (name, value) in ask.options {
        request.extend([name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
    }
    let mut buffer = vec![0; 65_536];
    let (mut peer, mut times) = (None, 0);
    let mut receive = || {
        while times < TIMES {
            if peer.is_none() {
                socket.send_to(&request, server).expect("sent");
            }
            times += 1;
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                // A second answer to a request that was sent twice is not meant.
                if *peer.get_or_insert(from) == from {
                    times = 0;
                    return Some((buffer[..len].to_vec(), from));
                }
            }
        }
        None
    };
    let (mut content, mut granted, mut expected) = (Vec::new(), Vec::new(), 1_u16);
    let mut blksize = 512;
    while let Some((packet, from)) = receive() {
        // An OACK may have no options left.
        let number = packet
            .get(2..4)
            .map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
        let acknowledge = |number: u16| {
            let ack = [&[0, 4], number.to_be_bytes().as_slice()].concat();
            socket.send_to(&ack, from).expect("sent");
        };
        match (packet[1], ask.content) {
            (5, _) => {
                let text = String::from_utf8_lossy(&packet[4..]);
                return Answer::Error(number, text.trim_end_matches('\0').to_owned());
            }
            (6, None) => {
                let words = String::from_utf8_lossy(&packet[2..]).to_ascii_lowercase();
                let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
                granted = words.chunks_exact(2).map(|pair| pair.join("=")).collect();
                granted.sort();
                let of_block = granted
                    .iter()
                    .find_map(|option| option.strip_prefix("blksize="));
                blksize = of_block.map_or(512, |value| value.parse().expect("a number"));
                acknowledge(0);
            }
            (3, None) if number == expected => {
                content.extend_from_slice(&packet[4..]);
                acknowledge(number);
                expected += 1;
                if packet.len() < blksize + 4 {
                    return Answer::Content(content, granted);
                }
            }
            (3, None) => acknowledge(number),
            (4, Some(_)) if number == 1 => return Answer::Stored,
            (4 | 6, Some(upload)) => {
                let data = [&[0, 3, 0, 1], upload].concat();
                socket.send_to(&data, from).expect("sent");
            }
            other => panic!("{ask:?}: {other:?}"),
        }
    }
    Answer::Silence
}
