//! Nobody gets packets who did not ask, and who has not answered gets few.

use std::collections::HashMap;
use std::net::SocketAddr;

use bootwire::server::simulation::LISTENER;

use crate::packet;

/// Bytes of a packet, at most, before the peer has answered.
const UNPROVEN_BYTES: usize = 516;
/// Packets and bytes sent for each packet or byte received, at most, before the peer has answered.
const FACTOR: u64 = 3;

/// What one peer sent and got.
#[derive(Debug, Default)]
struct Peer {
    requests: u64,
    /// Bytes of requests with options.
    asked_bytes: u64,
    /// Packets that were no requests.
    others: u64,
    got: u64,
    /// Bytes of OACKs, and of all else.
    oacks: u64,
    others_bytes: u64,
    /// The sockets it was sent something from.
    sockets: u64,
    /// It has answered to one of them.
    proven: bool,
}

/// The budgets of all peers.
#[derive(Debug)]
pub(super) struct Budget {
    single_port: bool,
    peers: HashMap<SocketAddr, Peer>,
}

impl Budget {
    pub(super) fn new(single_port: bool) -> Self {
        Self {
            single_port,
            peers: HashMap::new(),
        }
    }

    pub(super) fn gets(&mut self, socket: u16, from: SocketAddr, payload: &[u8]) {
        let peer = self.peers.entry(from).or_default();
        match payload {
            [0, 1 | 2, ..] => {
                peer.requests += 1;
                if packet::has_options(payload) {
                    peer.asked_bytes += payload.len() as u64;
                }
            }
            [0, 3 | 4, ..] if peer.sockets & 1 << socket != 0 => peer.proven = true,
            _ => peer.others += 1,
        }
    }

    pub(super) fn sends(
        &mut self,
        socket: u16,
        to: SocketAddr,
        payload: &[u8],
    ) -> Result<(), String> {
        let Some(peer) = self.peers.get_mut(&to) else {
            return Err(format!("a packet for {to}, who never sent anything"));
        };
        if socket == LISTENER && !self.single_port {
            return Err(format!("a packet for {to} from the listening port"));
        }
        peer.sockets |= 1 << socket;
        if peer.proven {
            return Ok(());
        }
        peer.got += 1;
        match payload {
            [0, 6, ..] => peer.oacks += payload.len() as u64,
            _ => peer.others_bytes += payload.len() as u64,
        }
        if payload.len() > UNPROVEN_BYTES {
            return Err(format!(
                "{} bytes at once for {to}, who has not answered",
                payload.len()
            ));
        }
        if peer.got > FACTOR * peer.requests + peer.others {
            return Err(format!(
                "{} packets for {to}, who asked {} times and has not answered",
                peer.got, peer.requests
            ));
        }
        // Where no option is granted, DATA comes as if none had been asked for.
        if peer.oacks > FACTOR * peer.asked_bytes {
            return Err(format!(
                "{} bytes of OACK for {to}, who asked with {} and has not answered",
                peer.oacks, peer.asked_bytes
            ));
        }
        if peer.others_bytes > FACTOR * UNPROVEN_BYTES as u64 * (peer.requests + peer.others) {
            return Err(format!(
                "{} bytes for {to}, who asked {} times and has not answered",
                peer.others_bytes, peer.requests
            ));
        }
        Ok(())
    }
}
