//! Requests made by hand.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use bootwire_proto::{Mode, Op, Packet};

use super::{Arrival, Facts, Request};
use crate::Moment;
use crate::params::Params;

/// The port a request made by hand comes from, if it does not say.
const PEER_PORT: u16 = 49152;

/// A request in the making, see [`Request::builder`].
///
/// What is not said is: the client is 192.0.2.1, has not proven its address, sent no options, asked for
/// octet mode, at port 69 of an address like its own.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequestBuilder {
    op: Op,
    filename: Vec<u8>,
    mode: Mode,
    options: Vec<(String, String)>,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    interface: u32,
    proven: bool,
    traceparent: bool,
    moment: Option<Moment>,
}

/// Why there can be no such request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The file name leads out of the root by `..`: servers refuse it before any handler.
    #[error("the file name leads out of the root")]
    Climbs,
    /// The file name is empty or longer than 500 bytes, or an option is empty, or something has a NUL
    /// byte in it: no such packet can be sent.
    #[error("no request can say this: the name is empty or too long, or something has a NUL byte")]
    Unspeakable,
}

impl RequestBuilder {
    pub(crate) fn new(op: Op, filename: &[u8]) -> Self {
        Self {
            op,
            filename: filename.to_vec(),
            mode: Mode::Octet,
            options: Vec::new(),
            peer: ([192, 0, 2, 1], PEER_PORT).into(),
            local: None,
            interface: 0,
            proven: false,
            traceparent: false,
            moment: None,
        }
    }

    /// The client's address and port.
    pub fn peer(mut self, peer: impl Into<SocketAddr>) -> Self {
        self.peer = peer.into();
        self
    }

    /// The client's address.
    pub fn peer_ip(mut self, ip: impl Into<IpAddr>) -> Self {
        self.peer.set_ip(ip.into());
        self
    }

    /// Adds an option, such as `blksize` and 1468.
    pub fn option(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.options.push((name.into(), value.to_string()));
        self
    }

    /// The transfer mode.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The address and port that were asked.
    pub fn local(mut self, local: impl Into<SocketAddr>) -> Self {
        self.local = Some(local.into());
        self
    }

    /// Index of the interface it came in on.
    pub fn interface(mut self, index: u32) -> Self {
        self.interface = index;
        self
    }

    /// Whether the client has proven its address lately, see [`Request::is_proven`].
    pub fn proven(mut self, proven: bool) -> Self {
        self.proven = proven;
        self
    }

    /// Whether a trace context at the end of the file name is taken off, as a server with
    /// [`Server::traceparent`](crate::Server::traceparent) does.
    pub fn traceparent(mut self, on: bool) -> Self {
        self.traceparent = on;
        self
    }

    /// When it was taken from the kernel, see [`Request::moment`].
    pub fn moment(mut self, moment: Moment) -> Self {
        self.moment = Some(moment);
        self
    }

    /// The request as it crosses the wire. `None` if it cannot be said.
    fn datagram(&self) -> Option<Vec<u8>> {
        let mut datagram = match self.op {
            Op::Read => vec![0, 1],
            Op::Write => vec![0, 2],
        };
        let options = self.options.iter();
        let options = options.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let texts = [self.filename.as_slice(), self.mode.name().as_bytes()];
        for text in texts.into_iter().chain(options) {
            if text.contains(&0) {
                return None;
            }
            datagram.extend_from_slice(text);
            datagram.push(0);
        }
        Some(datagram)
    }

    /// The request.
    ///
    /// # Errors
    /// If no client could send it, or no handler would see it.
    pub fn build(self) -> Result<Request, RequestError> {
        let datagram = self.datagram().ok_or(RequestError::Unspeakable)?;
        let Ok(Packet::Request(request)) = Packet::parse(&datagram) else {
            return Err(RequestError::Unspeakable);
        };
        let arrival = Arrival {
            id: 0,
            arrived: SystemTime::now(),
            peer: self.peer,
            local: self
                .local
                .unwrap_or_else(|| SocketAddr::new(self.peer.ip(), 69)),
            interface: self.interface,
            proven: self.proven,
            traced: self.traceparent,
        };
        let facts = Facts::new(arrival, &request, &datagram);
        if facts.climbs {
            return Err(RequestError::Climbs);
        }
        Ok(Request {
            facts: Arc::new(facts),
            params: Params::default(),
            moment: self.moment,
        })
    }
}

impl Request {
    /// A read request made by hand, see [`Request::builder`].
    pub fn read(filename: impl AsRef<[u8]>) -> RequestBuilder {
        Self::builder(Op::Read, filename)
    }

    /// A write request made by hand, see [`Request::builder`].
    pub fn write(filename: impl AsRef<[u8]>) -> RequestBuilder {
        Self::builder(Op::Write, filename)
    }

    /// A request made by hand, to call an [`App`](crate::router::App) or an
    /// [`Endpoint`](crate::Endpoint) without a server. `filename` is text or bytes, as a client would
    /// send it.
    ///
    /// ```
    /// use bootwire::{Op, Request};
    ///
    /// let request = Request::builder(Op::Read, "boot\\bcd")
    ///     .peer_ip([10, 0, 0, 7])
    ///     .option("blksize", 1468)
    ///     .build()?;
    /// assert_eq!(request.path(), "/boot/bcd");
    /// assert_eq!(request.option("blksize").as_deref(), Some("1468"));
    /// # Ok::<(), bootwire::RequestError>(())
    /// ```
    pub fn builder(op: Op, filename: impl AsRef<[u8]>) -> RequestBuilder {
        RequestBuilder::new(op, filename.as_ref())
    }

    /// A request in octet mode made by hand. `None` where [`RequestBuilder::build`] would fail.
    #[must_use]
    pub fn synthetic(
        op: Op,
        filename: impl AsRef<[u8]>,
        peer: SocketAddr,
        options: &[(&str, &str)],
    ) -> Option<Self> {
        let builder = Self::builder(op, filename).peer(peer);
        let with = |builder: RequestBuilder, &(name, value)| builder.option(name, value);
        options.iter().fold(builder, with).build().ok()
    }

    /// The same request as if the client had asked `local`, and it had come in over the interface
    /// with this index (0 if unknown). For requests made by hand, which else ask an address like
    /// the client's own, over no interface.
    #[must_use]
    pub fn arrived_at(self, local: SocketAddr, interface: u32) -> Self {
        let mut facts = (*self.facts).clone();
        facts.local = local;
        facts.interface = interface;
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as if the client had proven its address lately, or not. For requests made by
    /// hand, whose clients have not.
    #[must_use]
    pub fn as_proven(self, proven: bool) -> Self {
        let mut facts = (*self.facts).clone();
        facts.proven = proven;
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as a server with [`Server::traceparent`](crate::Server::traceparent) has it: a
    /// trace context at the end of the file name is taken off. For requests made by hand; one that
    /// would climb out of the root then stays as it is.
    #[must_use]
    pub fn as_traced(self) -> Self {
        let Ok(Packet::Request(request)) = Packet::parse(self.facts.datagram()) else {
            return self;
        };
        let arrival = Arrival {
            id: self.facts.id,
            arrived: self.facts.arrived,
            peer: self.facts.peer,
            local: self.facts.local,
            interface: self.facts.interface,
            proven: self.facts.proven,
            traced: true,
        };
        let facts = Facts::new(arrival, &request, self.facts.datagram());
        if facts.climbs || facts.traceparent().is_none() {
            return self;
        }
        Self {
            facts: Arc::new(facts),
            ..self
        }
    }

    /// The same request as if it had been taken from the kernel at `moment`. For requests made by
    /// hand.
    #[must_use]
    pub fn taken_at(self, moment: Moment) -> Self {
        Self {
            moment: Some(moment),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_handler_sees_can_be_made() {
        let moment = Moment::now();
        let request = Request::write("up\\r1")
            .peer(([10, 0, 0, 7], 2070))
            .option("BlkSize", 1468)
            .option("tsize", "10")
            .mode(Mode::Netascii)
            .local(([10, 0, 0, 1], 6969))
            .interface(3)
            .proven(true)
            .moment(moment)
            .build()
            .unwrap();
        assert_eq!(request.op(), Op::Write);
        assert_eq!(request.path(), "/up/r1");
        assert_eq!(request.filename(), b"up\\r1");
        assert_eq!(request.peer().to_string(), "10.0.0.7:2070");
        assert_eq!(request.local().to_string(), "10.0.0.1:6969");
        let options: Vec<_> = request.options().collect();
        assert_eq!(options[0], ("blksize".into(), "1468".into()));
        assert_eq!(options[1], ("tsize".into(), "10".into()));
        assert_eq!(request.mode(), Mode::Netascii);
        assert_eq!((request.interface(), request.is_proven()), (3, true));
        assert_eq!(request.moment(), Some(moment));
    }

    #[test]
    fn a_trace_context_is_taken_off_where_a_server_would() {
        let name = "ipxe.efi-00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let whole = Request::read(name).build().unwrap();
        assert_eq!(
            (whole.path().len(), whole.traceparent()),
            (1 + name.len(), None)
        );
        let traced = Request::read(name).traceparent(true).build().unwrap();
        for traced in [traced, whole.as_traced()] {
            assert_eq!(traced.path(), "/ipxe.efi");
            assert_eq!(traced.filename(), name.as_bytes());
            assert_eq!(traced.traceparent(), name.strip_prefix("ipxe.efi-"));
        }
        let plain = Request::read("a").build().unwrap().as_traced();
        assert_eq!((&*plain.path(), plain.traceparent()), ("/a", None));
    }

    #[test]
    fn the_client_is_a_stranger_unless_told_otherwise() {
        let request = Request::read("x").peer_ip([10, 0, 0, 7]).build().unwrap();
        assert_eq!(request.peer().to_string(), "10.0.0.7:49152");
        assert_eq!(request.local().to_string(), "10.0.0.7:69");
        assert!(!request.is_proven());
        assert_eq!(
            (request.mode(), request.options().count()),
            (Mode::Octet, 0)
        );
    }

    #[test]
    fn what_no_handler_would_see_cannot_be_made() {
        let long = "x".repeat(501);
        for (builder, error) in [
            (Request::read(""), RequestError::Unspeakable),
            (Request::read(long), RequestError::Unspeakable),
            (Request::read("a\0b"), RequestError::Unspeakable),
            (
                Request::read("a").option("a\0", 1),
                RequestError::Unspeakable,
            ),
            (
                Request::read("a").option("a", "\0"),
                RequestError::Unspeakable,
            ),
            (Request::read("../a"), RequestError::Climbs),
        ] {
            assert_eq!(builder.clone().build().unwrap_err(), error, "{builder:?}");
        }
    }
}
