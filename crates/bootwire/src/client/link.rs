//! A socket, the server's TID, and the clock: what both directions need of the outside.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{ErrorCode, Malformed, Packet, encode};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::ClientError;

/// Longest datagram UDP can bring.
pub(super) const DATAGRAM_MAX: usize = 65_535;

/// ERRORs sent to strangers in one transfer; further ones are ignored in silence.
const STRANGERS_ANSWERED_MAX: u32 = 16;

/// One attempt at a transfer, from its own port.
pub(super) struct Link {
    socket: UdpSocket,
    server: SocketAddr,
    /// The server's TID, once its first valid answer has shown it.
    peer: Option<SocketAddr>,
    origin: Instant,
    strangers: u32,
    malformed: Option<Malformed>,
    finished: bool,
}

impl Link {
    pub(super) async fn open(server: SocketAddr, local: SocketAddr) -> Result<Self, ClientError> {
        let socket = UdpSocket::bind(local).await.map_err(ClientError::Network)?;
        Ok(Self {
            socket,
            server,
            peer: None,
            origin: Instant::now(),
            strangers: 0,
            malformed: None,
            finished: false,
        })
    }

    pub(super) fn now(&self) -> bootwire_proto::Instant {
        let micros = self.origin.elapsed().as_micros();
        bootwire_proto::Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Sends to the server's TID, or to its listening port while that is not known.
    pub(super) async fn send(&self, datagram: &[u8]) -> Result<(), ClientError> {
        let to = self.peer.unwrap_or(self.server);
        match self.socket.send_to(datagram, to).await {
            Ok(_) => Ok(()),
            Err(error) if is_passing(&error) => Ok(()),
            Err(error) => Err(ClientError::Network(error)),
        }
    }

    /// The next datagram the server may have sent: its length and where it came from. `None` at
    /// `deadline`, however many strangers keep talking.
    pub(super) async fn receive(
        &mut self,
        buffer: &mut [u8],
        deadline: Option<bootwire_proto::Instant>,
    ) -> Result<Option<(usize, SocketAddr)>, ClientError> {
        loop {
            if deadline.is_some_and(|deadline| self.now() >= deadline) {
                return Ok(None);
            }
            let received = match deadline {
                None => self.socket.recv_from(buffer).await,
                Some(deadline) => {
                    let at = self.origin + Duration::from_micros(deadline.as_micros());
                    match tokio::time::timeout_at(at, self.socket.recv_from(buffer)).await {
                        Ok(received) => received,
                        Err(_) => return Ok(None),
                    }
                }
            };
            let (len, from) = match received {
                Ok(received) => received,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(ClientError::Network(error)),
            };
            if self.is_server(from) {
                return Ok(Some((len, from)));
            }
            self.turn_away(buffer.get(..len).unwrap_or_default(), from);
        }
    }

    /// Fixes the server's TID: from now on every other sender is a stranger.
    pub(super) fn fix_peer(&mut self, from: SocketAddr) {
        self.peer.get_or_insert(from);
    }

    /// Remembers that the server sent something that is no TFTP packet.
    pub(super) fn note_malformed(&mut self, error: Malformed) {
        self.malformed = Some(error);
    }

    /// The error that says the server was silent, or talked nonsense only.
    pub(super) fn silence(&self, answered: bool) -> ClientError {
        match self.malformed {
            Some(error) if !answered => ClientError::Malformed(error),
            _ => ClientError::TimedOut { answered },
        }
    }

    /// Nothing needs to be said any more: the transfer is complete, or the server ended it.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Ends the transfer with an ERROR, if the server has begun it.
    pub(super) fn abort(&mut self, code: ErrorCode, text: &str) {
        if let Some(peer) = self.peer
            && !std::mem::replace(&mut self.finished, true)
        {
            self.try_send_error(code, text, peer);
        }
    }

    fn is_server(&self, from: SocketAddr) -> bool {
        match self.peer {
            Some(peer) => from == peer,
            None => from.ip().to_canonical() == self.server.ip().to_canonical(),
        }
    }

    fn turn_away(&mut self, datagram: &[u8], from: SocketAddr) {
        // spec: rfc1350-foreign-tid, error-never-answered
        let answerable = matches!(
            Packet::parse(datagram),
            Ok(Packet::Data(_) | Packet::Ack(_) | Packet::Oack(_))
        );
        if answerable && self.strangers < STRANGERS_ANSWERED_MAX {
            self.strangers += 1;
            self.try_send_error(ErrorCode::UnknownTid, "Unknown transfer ID", from);
        }
    }

    fn try_send_error(&self, code: ErrorCode, text: &str, to: SocketAddr) {
        let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
        // An ERROR is a courtesy: if it cannot leave now, the other side's timer does its work.
        let _ = self
            .socket
            .try_send_to(encode::error(code, text, &mut buffer), to);
    }
}

/// The caller lost interest, or an error left the transfer: the server should not wait.
impl Drop for Link {
    fn drop(&mut self) {
        self.abort(ErrorCode::NotDefined, "Transfer aborted by the client");
    }
}

/// Whether the kernel's complaint is about one packet, so that the retransmission timer is the
/// remedy: a full queue, or an ICMP error that an earlier packet brought back.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    ) || error.raw_os_error() == Some(ENOBUFS)
}

/// "No buffer space available" on Linux; the standard library has no name for it.
const ENOBUFS: i32 = 105;

/// Randomness for jitter: nothing secret hangs on it.
pub(super) fn seed() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    random as u32
}
