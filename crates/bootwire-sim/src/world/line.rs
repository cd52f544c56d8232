//! Packets in the trace.

use std::net::{IpAddr, SocketAddr};

use bootwire_proto::Instant;

use crate::net::Fate;

/// What a packet's event is known by.
pub(super) fn key(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    key[..2].copy_from_slice(&from.port().to_le_bytes());
    key[2..4].copy_from_slice(&to.port().to_le_bytes());
    if let IpAddr::V4(ip) = if from.port() == 69 {
        to.ip()
    } else {
        from.ip()
    } {
        key[4..8].copy_from_slice(&ip.octets());
    }
    let head = payload.len().min(6);
    key[8..8 + head].copy_from_slice(&payload[..head]);
    key[14..].copy_from_slice(&(payload.len() as u16).to_le_bytes());
    key
}

/// A packet's fate for people.
pub(super) fn told(now: Instant, fate: Fate) -> String {
    match fate {
        Fate::Arrives(at, None) => format!("  (+{:?})", at.since(now)),
        Fate::Arrives(at, Some(again)) => {
            format!("  (+{:?}, twice +{:?})", at.since(now), again.since(now))
        }
        Fate::Lost(lost) => format!("  ({})", lost.as_str()),
    }
}
