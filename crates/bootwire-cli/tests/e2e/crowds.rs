//! Thousands of machines at once, each with a socket of its own, as patient as real ones.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::harness::{Server, noise, rrq};

/// Machines in a storm.
const MACHINES: u32 = 5_000;
/// How long a machine goes on before its user gives up: how fast a busy machine is, is not asked here.
const STAYS: Duration = Duration::from_secs(240);

/// How one machine got on.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    requests: u32,
    busy: u32,
    took: Duration,
}

/// The address of a machine: 250 to a network.
fn address(number: u32) -> IpAddr {
    Ipv4Addr::new(127, 40, (number / 250) as u8, (number % 250 + 1) as u8).into()
}

/// Boots: asks again after 1 s, 2 s, 4 s, and so on; told that the server is busy, starts over.
async fn boot(from: IpAddr, server: SocketAddr, content: Arc<Vec<u8>>) -> Fate {
    let start = Instant::now();
    let mut fate = Fate::default();
    let mut patience = Duration::from_secs(1);
    while start.elapsed() < STAYS {
        let socket = UdpSocket::bind((from, 0)).await.expect("a port");
        fate.requests += 1;
        let request = rrq("file", "octet", &[("blksize", "1428")]);
        socket.send_to(&request, server).await.expect("sent");
        match transfer(&socket, patience).await {
            Some(Ok(received)) => {
                assert!(received == *content, "byte for byte");
                fate.took = start.elapsed();
                return fate;
            }
            Some(Err(code)) => {
                assert_eq!(code, 0, "a refusal for good");
                fate.busy += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            None => patience = (2 * patience).min(Duration::from_secs(8)),
        }
    }
    panic!("{from} was never served: {fate:?}");
}

/// What came: the file, or the code of an ERROR; nothing if the server fell silent.
async fn transfer(socket: &UdpSocket, patience: Duration) -> Option<Result<Vec<u8>, u16>> {
    let mut buffer = [0; 2048];
    let mut received = Vec::new();
    let mut next = 0_u16;
    let mut last_ack: Option<([u8; 4], SocketAddr)> = None;
    let mut silence = 0;
    while silence < 5 {
        let Ok(packet) = timeout(patience, socket.recv_from(&mut buffer)).await else {
            let (ack, tid) = last_ack?;
            socket.send_to(&ack, tid).await.expect("sent");
            silence += 1;
            continue;
        };
        let (len, tid) = packet.expect("a packet");
        silence = 0;
        let number = u16::from_be_bytes([buffer[2], buffer[3]]);
        let block = match buffer[1] {
            5 => return Some(Err(number)),
            6 => 0,
            3 => number,
            other => panic!("opcode {other}"),
        };
        if block == next {
            if block > 0 {
                received.extend_from_slice(&buffer[4..len]);
            }
            next += 1;
        }
        let [high, low] = (next - 1).to_be_bytes();
        let ack = [0, 4, high, low];
        socket.send_to(&ack, tid).await.expect("sent");
        last_ack = Some((ack, tid));
        if block > 0 && len < 4 + 1428 {
            return Some(Ok(received));
        }
    }
    None
}

/// All machines boot at the same moment. Every one of them is served, or this panics.
fn storm(server: &Server, content: Vec<u8>) -> Vec<Fate> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("descriptors up to the hard limit");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (server, content) = (server.address(), Arc::new(content));
    runtime.block_on(async {
        let machines: Vec<_> = (0..MACHINES)
            .map(|number| tokio::spawn(boot(address(number), server, Arc::clone(&content))))
            .collect();
        let mut fates = Vec::new();
        for machine in machines {
            fates.push(machine.await.expect("served"));
        }
        fates
    })
}

/// Records by outcome.
fn outcomes(server: Server) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for record in server.finish() {
        *outcomes.entry(record.outcome().to_owned()).or_default() += 1;
    }
    outcomes
}

/// 5,000 machines in 20 networks, with the budgets that hold for anyone.
#[test]
fn five_thousand_machines_power_on() {
    let content = noise(20_000, 34);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--unlimited", "none"])
        .start();
    let fates = storm(&server, content);
    assert!(
        fates.iter().all(|fate| fate.took < STAYS && fate.busy == 0),
        "nobody was turned away"
    );
    let outcomes = outcomes(server);
    assert_eq!(outcomes["complete"], fates.len(), "{outcomes:?}");
}

/// With room for 250 at a time the others hear so, come back, and are served.
#[test]
fn latecomers_are_told_and_come_back() {
    let content = noise(20_000, 34);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--unlimited", "none", "--transfers-max", "250"])
        .start();
    let fates = storm(&server, content);
    let busy: u32 = fates.iter().map(|fate| fate.busy).sum();
    assert!(busy > 0, "some were told that the server is busy");
    let outcomes = outcomes(server);
    assert_eq!(outcomes["complete"], fates.len(), "{outcomes:?}");
}
