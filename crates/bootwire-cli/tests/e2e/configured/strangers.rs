//! Forged requests for what takes time, a program or an inventory, beside machines that have proven
//! their address: strangers fill their own queue and no other.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::web::{Manner, Object, Web};
use crate::harness::{Flood, Packet, Server, Wire, rrq};

/// Machines with an address each.
const MACHINES: u8 = 4;

/// How services answer: not at once.
const LATE: Manner = Manner::Drip {
    bytes: 12,
    every: Duration::from_millis(100),
};

fn address(machine: u8) -> IpAddr {
    [127, 0, 9, machine + 1].into()
}

fn fetch(machine: u8, server: &Server, name: &str) -> Vec<u8> {
    let mut client = Wire::from(address(machine), server.address());
    match client.insist(&rrq(name, "octet", &[])) {
        Packet::Data { block: 1, payload } if payload.len() < 512 => {
            client.ack(1);
            payload
        }
        // "Busy" would be one.
        other => panic!("{name}: {other:?}"),
    }
}

/// Machines that are known ask, one after the other for a few names each, while strangers ask for
/// `forged`: `rate` a second, many more than there are answers, and `crowd` before the machines come.
fn crowd_out(
    server: &Server,
    (rate, crowd): (u64, u64),
    forged: impl Fn(u64) -> String + Send + Sync + 'static,
    name: impl Fn(u8, u8) -> String + Sync,
    expected: impl Fn(u8, u8) -> Vec<u8> + Sync,
) {
    for machine in 0..MACHINES {
        assert_eq!(fetch(machine, server, "good"), b"good", "it is known now");
    }
    let target = server.address();
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let flood = Flood::new(
        rate,
        move |_| target,
        move |number| {
            count.store(number, Ordering::Relaxed);
            rrq(forged(number), "octet", &[])
        },
    );
    flood.during(|| {
        while sent.load(Ordering::Relaxed) < crowd {
            thread::sleep(Duration::from_millis(10));
        }
        thread::scope(|scope| {
            for machine in 0..MACHINES {
                let (name, expected) = (&name, &expected);
                scope.spawn(move || {
                    for turn in 0..5 {
                        let content = fetch(machine, server, &name(machine, turn));
                        assert_eq!(content, expected(machine, turn));
                    }
                });
            }
        });
    });
}

#[test]
fn a_program_answers_known_machines_while_strangers_ask() {
    let server = Server::builder()
        .beside("hook", "#!/bin/sh\nsleep 0.3\nprintf %s \"$1\"\n")
        .config(
            r#"
            [[route]]
            path = "/boot/{*path}"
            exec = { program = "hook", args = ["{path}"], deadline = "8s", concurrency = 4, queue = 64 }
            [[route]]
            text = "good"
            "#,
        )
        .flags(["--unlimited", "none"])
        .without_log()
        .start();
    let name = |machine, turn| format!("boot/{machine}-{turn}");
    crowd_out(
        &server,
        (500, 500),
        |number| format!("boot/forged-{number}"),
        name,
        |machine, turn| format!("/{}", name(machine, turn)).into_bytes(),
    );
}

#[test]
fn a_service_answers_known_machines_while_strangers_ask() {
    let decision = Object::new(br#"{"text": "decided"}"#.to_vec(), "1");
    let web = Web::of([("decide", decision.manner(LATE))]);
    let server = Server::builder()
        .config(&format!(
            r#"
            [[route]]
            path = "/boot/{{*path}}"
            http = {{ post = "{}decide", deadline = "8s", concurrency = 4, queue = 64 }}
            [[route]]
            text = "good"
            "#,
            web.url()
        ))
        .flags(["--unlimited", "none"])
        .without_log()
        .start();
    crowd_out(
        &server,
        (500, 500),
        |number| format!("boot/forged-{number}"),
        |machine, turn| format!("boot/{machine}-{turn}"),
        |_, _| b"decided".to_vec(),
    );
}

#[test]
fn an_inventory_answers_known_machines_while_strangers_ask() {
    let web = Web::start();
    for machine in 0..MACHINES {
        for turn in 0..5 {
            let known = format!("{{\"hostname\": \"node-{machine}-{turn}\"}}").into_bytes();
            let path = format!("machines/52%3A54%3A00%3A12%3A0{machine}%3A0{turn}");
            web.put(&path, Object::new(known, "1").manner(LATE));
        }
    }
    let server = Server::builder()
        .beside("templates/machine.cfg.j2", "{{ machine.hostname }}")
        .config(&format!(
            r#"
            [templates]
            dir = "templates"
            [inventory]
            http = "{}machines/{{mac}}"
            machine = ""
            timeout = "8s"
            [[route]]
            path = "/{{mac}}.cfg"
            template = "machine.cfg.j2"
            [[route]]
            text = "good"
            "#,
            web.url()
        ))
        .flags(["--unlimited", "none"])
        .without_log()
        .start();
    crowd_out(
        &server,
        (500, 1_500),
        |number| {
            let [.., a, b, c] = number.to_be_bytes();
            format!("52-54-01-{a:02x}-{b:02x}-{c:02x}.cfg")
        },
        |machine, turn| format!("52-54-00-12-0{machine}-0{turn}.cfg"),
        |machine, turn| format!("node-{machine}-{turn}").into_bytes(),
    );
}
