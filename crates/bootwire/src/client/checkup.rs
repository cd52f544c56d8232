//! Whether a server is well, and what the way to it does to packets.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bootwire_proto::{ErrorCode, Packet};
use tokio::net::UdpSocket;

use super::ClientError;
use crate::checkup::Way;

/// When a question is sent again, counted from the last time; the last pause repeats.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(350),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// How long the second answer may take after the first: questions are sent again meanwhile.
const SECOND: Duration = Duration::from_millis(1500);
/// The same where the second tells little: only Bootwire answers it, and has answered the first.
const SECOND_LISTENER: Duration = Duration::from_millis(400);

/// What came of asking a server twice: to be answered from a transfer's port, as every client is,
/// and from the port that was asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checkup {
    /// Whom was asked.
    pub asked: SocketAddr,
    /// Where the first question left from: this host's address, and the port of the socket.
    pub own: SocketAddr,
    /// The answer from a transfer's port. Nobody boots without.
    pub transfer: Option<Heard>,
    /// The answer from the port that was asked. Only Bootwire gives it.
    pub listener: Option<Heard>,
    /// Whether the network reported that nobody listens there (ICMP).
    pub refused: bool,
    /// The first error of sending. `Operation not permitted` is how a firewall of this host says no.
    pub unsent: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Heard {
    /// Where it came from.
    pub from: SocketAddr,
    /// How long it took.
    pub after: Duration,
    /// The error in it; `None` for anything but an ERROR.
    pub error: Option<(ErrorCode, String)>,
    /// The address in a Bootwire server's answer. From a transfer's port: who it thinks we are. From
    /// the port that was asked: where the question arrived.
    pub says: Option<SocketAddr>,
}

impl Checkup {
    /// A checkup by hand, for tests of what is made of one: of each answer, where it came from and
    /// the address in it.
    #[must_use]
    pub fn made(
        asked: SocketAddr,
        own: SocketAddr,
        transfer: Option<(SocketAddr, Option<SocketAddr>)>,
        listener: Option<(SocketAddr, Option<SocketAddr>)>,
    ) -> Self {
        let heard = |(from, says)| Heard {
            from,
            after: Duration::ZERO,
            error: None,
            says,
        };
        Self {
            asked,
            own,
            transfer: transfer.map(heard),
            listener: listener.map(heard),
            refused: false,
            unsent: None,
        }
    }

    /// Whether the server and the way to it are well as far as every client needs them: a transfer's
    /// answer came from the address that was asked.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let heard = self.transfer.as_ref();
        heard.is_some_and(|heard| heard.from.ip() == self.asked.ip())
    }
}

/// A socket that asks in one way.
struct Question {
    way: Way,
    socket: UdpSocket,
    began: Instant,
}

impl Question {
    async fn ask(&self, server: SocketAddr, checkup: &mut Checkup) {
        let request = self.way.request();
        let sent = match self.way {
            Way::Transfer => self.socket.send_to(&request, server).await,
            Way::Listener => self.socket.send(&request).await,
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                checkup.refused = true;
            }
            Err(error) => {
                checkup.unsent.get_or_insert_with(|| error.to_string());
            }
            Ok(_) => {}
        }
    }

    /// Waits for an answer. `None` for what is none.
    async fn hear(&self) -> io::Result<Option<Heard>> {
        let mut buffer = [0; 2048];
        let (len, from) = self.socket.recv_from(&mut buffer).await?;
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let mut says = None;
        let error = match Packet::parse(&buffer[..len]) {
            Ok(Packet::Error(error)) => {
                let text = std::str::from_utf8(error.text);
                says = text.ok().and_then(|text| self.way.read(text));
                let text = crate::escape::escaped(error.text);
                Some((ErrorCode::from_wire(error.code), text))
            }
            Ok(Packet::Data(_) | Packet::Oack(_)) => {
                // It is another server and has such a file: it need not wait for us.
                let mut bye = [0; 5 + bootwire_proto::encode::MAX_ERROR_TEXT];
                let code = ErrorCode::NotDefined;
                let bye = bootwire_proto::encode::error(code, "Only asking", &mut bye);
                let _ = match self.way {
                    Way::Transfer => self.socket.send_to(bye, from).await,
                    Way::Listener => self.socket.send(bye).await,
                };
                None
            }
            _ => return Ok(None),
        };
        Ok(Some(Heard {
            from,
            after: self.began.elapsed(),
            error,
            says,
        }))
    }
}

pub(super) async fn run(
    server: SocketAddr,
    local: SocketAddr,
    within: Duration,
) -> Result<Checkup, ClientError> {
    let began = Instant::now();
    let open = async |way| {
        let socket = UdpSocket::bind(local).await?;
        io::Result::Ok(Question { way, socket, began })
    };
    let transfer = open(Way::Transfer).await.map_err(ClientError::Network)?;
    // Hears nobody but the port that was asked, and that nobody is there.
    let listener = open(Way::Listener).await.map_err(ClientError::Network)?;
    let connected = listener.socket.connect(server).await;
    connected.map_err(ClientError::Network)?;
    let address = |question: &Question| question.socket.local_addr().map_err(ClientError::Network);
    let mut checkup = Checkup {
        asked: server,
        own: SocketAddr::new(address(&listener)?.ip(), address(&transfer)?.port()),
        transfer: None,
        listener: None,
        refused: false,
        unsent: None,
    };
    let mut end = began + within;
    let mut pauses = PAUSES.into_iter();
    let mut next = began;
    loop {
        let now = Instant::now();
        if now >= end || (checkup.transfer.is_some() && checkup.listener.is_some()) {
            return Ok(checkup);
        }
        if now >= next {
            next = now + pauses.next().unwrap_or(PAUSES[PAUSES.len() - 1]);
            if checkup.transfer.is_none() {
                transfer.ask(server, &mut checkup).await;
            }
            if checkup.listener.is_none() {
                listener.ask(server, &mut checkup).await;
            }
        }
        let wait = next.min(end).saturating_duration_since(now);
        tokio::select! {
            heard = transfer.hear(), if checkup.transfer.is_none() => {
                if let Ok(Some(heard)) = heard {
                    checkup.transfer = Some(heard);
                    end = end.min(Instant::now() + SECOND_LISTENER);
                }
            }
            heard = listener.hear(), if checkup.listener.is_none() => match heard {
                Ok(Some(heard)) => {
                    checkup.listener = Some(heard);
                    end = end.min(Instant::now() + SECOND);
                }
                Ok(None) => {}
                Err(error) => {
                    checkup.refused |= error.kind() == io::ErrorKind::ConnectionRefused;
                    // A server that starts in this moment is there for the next question.
                    end = end.min(Instant::now() + SECOND);
                    tokio::time::sleep(wait.min(PAUSES[0])).await;
                }
            },
            () = tokio::time::sleep(wait) => {}
        }
    }
}
