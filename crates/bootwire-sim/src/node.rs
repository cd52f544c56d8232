//! What is attached to the network besides the server.

use std::any::Any;
use std::net::SocketAddr;

use bootwire_proto::Instant;

/// A datagram on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Where it says it comes from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A machine on the network.
pub trait Node: Any {
    /// What it is, in one word.
    fn name(&self) -> &'static str;

    /// When [`Node::on_time`] wants to be called.
    fn deadline(&self) -> Option<Instant>;

    /// Time passed; early calls do nothing.
    fn on_time(&mut self, now: Instant, out: &mut Vec<Datagram>);

    /// A datagram arrived.
    fn receive(&mut self, now: Instant, datagram: &Datagram, out: &mut Vec<Datagram>);

    /// Whether it will do nothing more of its own accord.
    fn finished(&self) -> bool;
}
