//! A socket, the server's TID, and the clock: what both directions need of the outside.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use bootwire_io::{Socket, SocketOptions};
use bootwire_proto::{ErrorCode, Malformed, Offer, Packet, encode};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::ClientError;

/// Longest datagram UDP can bring.
pub(super) const DATAGRAM_MAX: usize = 65_535;

/// Receive buffer wanted, in bytes; the kernel gives what its limit allows.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What the kernel charges for a waiting datagram beside its bytes, which it keeps in buffers of up
/// to twice their size.
const DATAGRAM_OVERHEAD: usize = 768;

/// ERRORs sent to strangers in one transfer; further ones are ignored in silence.
const STRANGERS_ANSWERED_MAX: u32 = 16;

/// One attempt at a transfer, from its own port.
pub(super) struct Link {
    socket: UdpSocket,
    /// Bytes for datagrams that wait to be read, with the kernel's overhead.
    receive_buffer: usize,
    server: SocketAddr,
    /// The server's TID, once its first valid answer has shown it.
    peer: Option<SocketAddr>,
    origin: Instant,
    /// Whether ICMP errors fail our calls: until the server has answered.
    reports: bool,
    strangers: u32,
    malformed: Option<Malformed>,
    finished: bool,
}

impl Link {
    pub(super) fn open(server: SocketAddr, local: SocketAddr) -> Result<Self, ClientError> {
        let (socket, receive_buffer) = bind(local).map_err(ClientError::Network)?;
        // Without them a server that is not there only costs more time.
        let reports = bootwire_io::set_reports(&socket, server.is_ipv6(), true).is_ok();
        Ok(Self {
            socket,
            reports,
            receive_buffer,
            server,
            peer: None,
            origin: Instant::now(),
            strangers: 0,
            malformed: None,
            finished: false,
        })
    }

    /// `offer` with a window that the socket can hold: what does not fit would be dropped by our
    /// own kernel, window after window.
    pub(super) fn fitting(&self, offer: &Offer) -> Offer {
        let blksize = usize::from(offer.blksize.unwrap_or(512));
        let fits = self.receive_buffer / (2 * blksize + DATAGRAM_OVERHEAD);
        let fits = u16::try_from(fits).unwrap_or(u16::MAX);
        Offer {
            windowsize: offer
                .windowsize
                .map(|asked| asked.min(fits))
                .filter(|&blocks| blocks > 1),
            ..*offer
        }
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
            Err(error) => self.complaint(error),
        }
    }

    /// What a failed call means: the end, or nothing that the retransmission timer does not mend.
    fn complaint(&self, error: io::Error) -> Result<(), ClientError> {
        let places = match self.reports {
            true => bootwire_io::reported(&self.socket),
            false => Vec::new(),
        };
        let of_server = places
            .iter()
            .any(|place| place.port() == self.server.port() && same_host(place, &self.server));
        match error.kind() {
            io::ErrorKind::ConnectionRefused if of_server => Err(ClientError::Refused),
            // About a packet for somebody else.
            _ if !places.is_empty() && !of_server => Ok(()),
            // The kernel knows now how much the way takes.
            _ if of_server && error.raw_os_error() == Some(EMSGSIZE) => Ok(()),
            _ if is_passing(&error) => Ok(()),
            _ => Err(ClientError::Network(error)),
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
            // A datagram that is there already needs no timer.
            let received = match self.socket.try_recv_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.wait(buffer, deadline).await {
                        Some(received) => received,
                        None => return Ok(None),
                    }
                }
                received => received,
            };
            let (len, from) = match received {
                Ok(received) => received,
                Err(error) => {
                    self.complaint(error)?;
                    continue;
                }
            };
            if self.is_server(from) {
                return Ok(Some((len, from)));
            }
            self.turn_away(buffer.get(..len).unwrap_or_default(), from);
            // Strangers may keep this loop busy, but not the thread it runs on.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// The next datagram from anyone; `None` at `deadline`.
    async fn wait(
        &self,
        buffer: &mut [u8],
        deadline: Option<bootwire_proto::Instant>,
    ) -> Option<io::Result<(usize, SocketAddr)>> {
        let receive = self.socket.recv_from(buffer);
        match deadline {
            None => Some(receive.await),
            Some(deadline) => {
                let at = self.origin + Duration::from_micros(deadline.as_micros());
                tokio::time::timeout_at(at, receive).await.ok()
            }
        }
    }

    /// Fixes the server's TID: from now on every other sender is a stranger.
    pub(super) fn fix_peer(&mut self, from: SocketAddr) {
        self.peer.get_or_insert(from);
        // What the network has to say from now on passes: the timers know better.
        if std::mem::take(&mut self.reports) {
            let _ = bootwire_io::set_reports(&self.socket, self.server.is_ipv6(), false);
            let _ = self.socket.take_error();
        }
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
            None => same_host(&from, &self.server),
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

fn same_host(one: &SocketAddr, other: &SocketAddr) -> bool {
    one.ip().to_canonical() == other.ip().to_canonical()
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

/// "Message too long" on Linux.
const EMSGSIZE: i32 = 90;

/// A socket, and the size of its receive buffer.
fn bind(local: SocketAddr) -> io::Result<(UdpSocket, usize)> {
    let options = SocketOptions {
        receive_buffer: RECEIVE_BUFFER,
        ..SocketOptions::default()
    };
    let socket = Socket::bind(local, &options)?;
    let receive_buffer = socket.receive_buffer();
    let socket = std::net::UdpSocket::from(socket.as_fd().try_clone_to_owned()?);
    Ok((UdpSocket::from_std(socket)?, receive_buffer))
}

/// Randomness for jitter: nothing secret hangs on it.
pub(super) fn seed() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    random as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_window_is_asked_for_only_as_far_as_the_socket_can_hold_it() {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut link = Link::open(local, local).unwrap();
        let window = |link: &Link, blksize, windowsize| {
            link.fitting(&Offer {
                blksize: Some(blksize),
                windowsize: Some(windowsize),
                ..Offer::default()
            })
            .windowsize
        };
        // Linux's default limit, doubled as the kernel does.
        link.receive_buffer = 425_984;
        assert_eq!(window(&link, 1428, 16), Some(16));
        assert_eq!(window(&link, 1428, 500), Some(117));
        assert_eq!(window(&link, 65_464, 16), Some(3));
        link.receive_buffer = 4608;
        assert_eq!(window(&link, 1428, 16), None);
    }
}
