//! A server that does what a test tells it, packet by packet, and fails the test if the client
//! does anything else.

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use bootwire_proto::{Ack, Data, Mode, Op, Packet};

/// Longest wait for a packet that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for a packet that must not come to show up.
const QUIET: Duration = Duration::from_millis(200);

/// Runs `script` on a thread of its own; joining it gives what it returned.
pub(crate) fn play<T: Send + 'static>(
    script: impl FnOnce(&mut Peer) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        script(&mut Peer {
            listener,
            transfer: None,
            seen: RefCell::default(),
        })
    });
    (address, thread)
}

/// A request as it was seen. Two are equal if they ask for the same, from whatever port.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) from: SocketAddr,
    pub(crate) op: Op,
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) options: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn read(name: &str, options: &[(&str, &str)]) -> Self {
        Self {
            from: SocketAddr::from(([0; 4], 0)),
            op: Op::Read,
            name: name.to_owned(),
            mode: Mode::Octet,
            options: options
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    pub(crate) fn write(name: &str, options: &[(&str, &str)]) -> Self {
        Self {
            op: Op::Write,
            ..Self::read(name, options)
        }
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.mode, &self.name, &self.options)
            == (other.op, other.mode, &other.name, &other.options)
    }
}

/// The server's end.
pub(crate) struct Peer {
    listener: UdpSocket,
    /// The socket of the transfer, connected to the client.
    transfer: Option<UdpSocket>,
    /// What the transfer has brought so far: on a busy machine the client's timer may run out while
    /// the script waits for its turn, and it says the same again.
    seen: RefCell<Vec<Vec<u8>>>,
}

impl Peer {
    /// Waits for a request and opens a transfer for it.
    pub(crate) fn request(&mut self) -> Asked {
        self.request_within(PATIENCE).expect("a request")
    }

    pub(crate) fn request_within(&mut self, limit: Duration) -> Option<Asked> {
        self.listener.set_read_timeout(Some(limit)).unwrap();
        let mut buffer = [0; 1024];
        let (len, from) = self.listener.recv_from(&mut buffer).ok()?;
        let Ok(Packet::Request(request)) = Packet::parse(&buffer[..len]) else {
            panic!("not a request: {:?}", &buffer[..len]);
        };
        let transfer = UdpSocket::bind("127.0.0.1:0").unwrap();
        transfer.connect(from).unwrap();
        self.transfer = Some(transfer);
        self.seen.borrow_mut().clear();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Some(Asked {
            from,
            op: request.op,
            name: text(request.filename),
            mode: request.mode,
            options: request
                .options
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        })
    }

    fn transfer(&self) -> &UdpSocket {
        self.transfer.as_ref().expect("a request came first")
    }

    pub(crate) fn send(&self, packet: &[u8]) {
        self.transfer().send(packet).unwrap();
    }

    pub(crate) fn data(&self, block: u16, payload: &[u8]) {
        self.send(&[&[0, 3], &block.to_be_bytes()[..], payload].concat());
    }

    pub(crate) fn ack(&self, block: u16) {
        self.send(&[&[0, 4], &block.to_be_bytes()[..]].concat());
    }

    pub(crate) fn error(&self, code: u16, text: &str) {
        self.send(&[&[0, 5], &code.to_be_bytes()[..], text.as_bytes(), &[0]].concat());
    }

    pub(crate) fn oack(&self, options: &[(&str, &str)]) {
        let mut packet = vec![0, 6];
        for (name, value) in options {
            for field in [name, value] {
                packet.extend_from_slice(field.as_bytes());
                packet.push(0);
            }
        }
        self.send(&packet);
    }

    /// The next packet that is wanted. What came before may come again.
    fn next(&self, is_wanted: impl Fn(&Packet<'_>) -> bool) -> Vec<u8> {
        loop {
            let packet = read(self.transfer());
            let known = self.seen.borrow().contains(&packet);
            let is_wanted = Packet::parse(&packet).is_ok_and(|packet| is_wanted(&packet));
            if !known || is_wanted {
                self.seen.borrow_mut().push(packet.clone());
                return packet;
            }
        }
    }

    pub(crate) fn expect_ack(&self, block: u16) {
        let wanted = Packet::Ack(Ack {
            block,
            next_window: None,
        });
        let packet = self.next(|packet| *packet == wanted);
        assert_eq!(Packet::parse(&packet), Ok(wanted));
    }

    /// Sends the blocks `first..=last` until the last is acknowledged. A client that had to wait,
    /// on a busy machine, tells by an early ACK how far it is, and gets the rest again.
    pub(crate) fn window<'p>(&self, first: u64, last: u64, payload: impl Fn(u64) -> &'p [u8]) {
        let mut next = first;
        while next <= last {
            for block in next..=last {
                self.data(block as u16, payload(block));
            }
            next = 1 + match Packet::parse(&read(self.transfer())) {
                Ok(Packet::Ack(ack)) => (first - 1..=last)
                    .find(|&block| block as u16 == ack.block)
                    .unwrap_or(next - 1),
                other => panic!("no ACK: {other:?}"),
            };
        }
    }

    pub(crate) fn expect_data(&self, block: u16) -> Vec<u8> {
        let packet =
            self.next(|packet| matches!(packet, Packet::Data(data) if data.block == block));
        match Packet::parse(&packet) {
            Ok(Packet::Data(Data {
                block: seen,
                payload,
            })) => {
                assert_eq!(seen, block);
                payload.to_vec()
            }
            other => panic!("DATA {block} expected, not {other:?}"),
        }
    }

    pub(crate) fn expect_error(&self, code: u16) {
        let packet = self.next(|packet| matches!(packet, Packet::Error(_)));
        match Packet::parse(&packet) {
            Ok(Packet::Error(error)) => assert_eq!(error.code, code),
            other => panic!("ERROR {code} expected, not {other:?}"),
        }
    }

    /// Waits for an ERROR behind any number of ACKs that the client's timer repeats.
    pub(crate) fn expect_error_at_last(&self, code: u16) {
        loop {
            let packet = read(self.transfer());
            match Packet::parse(&packet) {
                Ok(Packet::Ack(_)) => {}
                Ok(Packet::Error(error)) => return assert_eq!(error.code, code),
                other => panic!("ERROR {code} expected, not {other:?}"),
            }
        }
    }

    /// Whether the client keeps silent, on the transfer and on the listening port. What it said again
    /// before it heard of the end is on its way still.
    pub(crate) fn nothing_more(&mut self) -> bool {
        let transfer = self.transfer();
        transfer.set_read_timeout(Some(QUIET)).unwrap();
        let mut buffer = [0; 65_536];
        while let Ok(len) = transfer.recv(&mut buffer) {
            if !self.seen.borrow().iter().any(|seen| *seen == buffer[..len]) {
                return false;
            }
        }
        self.request_within(QUIET).is_none()
    }

    /// Another socket on the server's host that can reach the client's.
    pub(crate) fn stranger(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .connect(self.transfer().peer_addr().unwrap())
            .unwrap();
        socket
    }
}

/// The next packet, which must come.
pub(crate) fn read(socket: &UdpSocket) -> Vec<u8> {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 65_536];
    let len = socket.recv(&mut buffer).expect("a packet");
    buffer[..len].to_vec()
}

/// Whether nothing comes. A port that is closed by now is silent, too.
pub(crate) fn silent(socket: &UdpSocket) -> bool {
    socket.set_read_timeout(Some(QUIET)).unwrap();
    socket.recv(&mut [0; 16]).is_err()
}
