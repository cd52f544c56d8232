//! What the tests share: kernels to try, sockets on the loopback, waiting for datagrams.

use std::time::Duration;

use bootwire_io::{
    Blocks, Datagram, Destination, Kernel, Payload, Poller, ReceiveBatch, SendReport, Socket,
    SocketOptions,
};

/// A test that waits longer than this has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything this kernel has, the same without GSO, and plain calls.
pub(crate) fn kernels() -> [Kernel; 3] {
    let probed = Kernel::probe();
    [
        probed,
        Kernel {
            gso: false,
            ..probed
        },
        Kernel::portable(),
    ]
}

pub(crate) fn bind(addr: &str) -> Socket {
    bind_with(
        addr,
        &SocketOptions {
            receive_buffer: 4 << 20,
            ..SocketOptions::default()
        },
    )
}

pub(crate) fn bind_with(addr: &str, options: &SocketOptions) -> Socket {
    Socket::bind(addr.parse().unwrap(), options).unwrap()
}

/// Bytes that differ everywhere within reach of a mix-up.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8)
        .collect()
}

/// Headers of DATA blocks from number 1 on.
pub(crate) fn headers(count: usize) -> impl ExactSizeIterator<Item = [u8; 4]> {
    (0..count).map(|number| {
        let [high, low] = u16::try_from(number + 1).unwrap().to_be_bytes();
        [0, 3, high, low]
    })
}

pub(crate) const fn run<H, P>(gso: bool, blksize: usize, headers: H, pieces: P) -> Blocks<H, P> {
    Blocks {
        gso,
        blksize,
        headers,
        pieces,
    }
}

pub(crate) fn bytes(payload: &[u8]) -> std::iter::Once<Payload<'_>> {
    std::iter::once(Payload::Bytes(payload))
}

pub(crate) fn to(socket: &Socket) -> Destination {
    socket.local_addr().into()
}

pub(crate) fn assert_all_sent(report: &SendReport) {
    assert!(report.failures.is_empty() && !report.blocked, "{report:?}");
}

/// Waits until `count` datagrams have come, handing each to `seen`.
pub(crate) fn receive(
    kernel: Kernel,
    socket: &Socket,
    count: usize,
    mut seen: impl FnMut(Datagram<'_>),
) {
    let mut poller = Poller::new(kernel).unwrap();
    poller.add(socket, 0).unwrap();
    let mut batch = ReceiveBatch::new(kernel, 64, 65_535);
    let mut ready = Vec::new();
    let mut left = count;
    while left > 0 {
        let received = batch.receive(socket).unwrap();
        assert!(
            received <= left,
            "{received} datagrams where {left} were expected"
        );
        for index in 0..received {
            seen(batch.get(index));
        }
        left -= received;
        if left > 0 && received == 0 {
            poller.wait(Some(PATIENCE), &mut ready).unwrap();
            assert!(
                !ready.is_empty(),
                "{left} of {count} datagrams did not come"
            );
        }
    }
    assert_eq!(
        batch.receive(socket).unwrap(),
        0,
        "more datagrams than expected"
    );
    poller.remove(socket, 0).unwrap();
}

/// The payloads of the next `count` datagrams.
pub(crate) fn payloads(kernel: Kernel, socket: &Socket, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    receive(kernel, socket, count, |datagram| {
        payloads.push(datagram.payload.to_vec());
    });
    payloads
}
