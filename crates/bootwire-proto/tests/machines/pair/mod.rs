//! Both state machines, or one of them and a scripted peer, over a network in memory.

mod clean;
mod loss;
mod opening;
mod patience;
mod peers;
mod receiving;
mod sending;

use bootwire_proto::{Agreed, ReceiverStatus, Schedule, SenderStatus};

use crate::common::ends::{Receiving, Sending};
use crate::common::{Fate, Net, Passage, content, secs};

/// A read of `len` bytes over `network`; at most `packets` packets in all.
fn read<F: FnMut(Passage<'_>) -> Fate>(
    len: usize,
    agreed: Agreed,
    network: F,
    packets: u64,
) -> Net<Receiving, Sending, F> {
    let client = Receiving::client(agreed, Schedule::default());
    let server = Sending::server(content(len), agreed, Schedule::default());
    let mut net = Net::new(client, server, network);
    net.run(secs(300), packets);
    assert!(net.client.stored == net.server.content, "the bytes differ");
    assert_eq!(net.client.status(), ReceiverStatus::Complete);
    assert!(matches!(net.server.status(), SenderStatus::Complete { .. }));
    net
}

/// A write of `len` bytes over `network`.
fn write<F: FnMut(Passage<'_>) -> Fate>(
    len: usize,
    agreed: Agreed,
    network: F,
    packets: u64,
) -> Net<Sending, Receiving, F> {
    let client = Sending::client(content(len), agreed, Schedule::default());
    let server = Receiving::server(agreed, Schedule::default());
    let mut net = Net::new(client, server, network);
    net.run(secs(300), packets);
    assert!(net.server.stored == net.client.content, "the bytes differ");
    assert_eq!(net.server.status(), ReceiverStatus::Complete);
    assert!(matches!(net.client.status(), SenderStatus::Complete { .. }));
    net
}
