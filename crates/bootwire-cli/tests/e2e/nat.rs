//! Behind address translation, as Kubernetes does it: a client, a node that translates, a pod with
//! the server. The test itself is where the client is.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Extras, Isolation, Record, Server, Tool, bootwire, noise, rrq, run_to_end};

/// The service's addresses, which no machine has.
const SERVICES: [&str; 2] = ["10.96.0.69:69", "[fd00:96::69]:69"];
const LIMIT: Duration = Duration::from_secs(60);
/// On a busy machine a client may be kept from its packets for longer than a server waits.
const TRIES: usize = 5;

/// Three networks: the test's, where the clients are; `node` and `pod` by name. What has a name has a
/// place in /run, so that is the test's own.
const NETWORKS: &str = "
    mkdir -p /run/netns; mount -t tmpfs none /run/netns
    ip netns add node; ip netns add pod
    ip link add toward-node type veth peer name eth0 netns node
    ip -n node link add toward-pod type veth peer name eth0 netns pod
    for net in node pod; do ip -n $net link set lo up; done
    ip addr add 10.1.0.2/24 dev toward-node
    ip addr add fd00:1::2/64 dev toward-node nodad
    ip -n node addr add 10.1.0.1/24 dev eth0
    ip -n node addr add fd00:1::1/64 dev eth0 nodad
    ip -n node addr add 10.244.0.1/24 dev toward-pod
    ip -n node addr add fd00:244::1/64 dev toward-pod nodad
    ip -n pod addr add 10.244.0.5/24 dev eth0
    ip -n pod addr add fd00:244::5/64 dev eth0 nodad
    ip link set toward-node up; ip -n node link set eth0 up
    ip -n node link set toward-pod up; ip -n pod link set eth0 up
    ip route add default via 10.1.0.1; ip -6 route add default via fd00:1::1
    ip -n pod route add default via 10.244.0.1; ip -n pod -6 route add default via fd00:244::1
    ip netns exec node sh -c 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding'";

/// What kube-proxy lays: the service's address and port become the pod's. With
/// `externalTrafficPolicy: Cluster` the client becomes the node, whatever port it gets there.
fn translate(port: u16, hides_clients: bool) {
    let masquerade = if hides_clients {
        "ct status dnat masquerade random"
    } else {
        "accept"
    };
    let rules = format!(
        "flush ruleset
         table ip nat {{
             chain services {{
                 type nat hook prerouting priority dstnat
                 ip daddr 10.96.0.69 udp dport 69 dnat to 10.244.0.5:{port}
             }}
             chain leaving {{
                 type nat hook postrouting priority srcnat
                 {masquerade}
             }}
         }}
         table ip6 nat {{
             chain services {{
                 type nat hook prerouting priority dstnat
                 ip6 daddr fd00:96::69 udp dport 69 dnat to [fd00:244::5]:{port}
             }}
             chain leaving {{
                 type nat hook postrouting priority srcnat
                 {masquerade}
             }}
         }}"
    );
    let mut nft = Command::new("ip");
    nft.args(["netns", "exec", "node", "nft", &rules]);
    let output = run_to_end(&mut nft, LIMIT);
    assert!(output.status.success(), "{output:?}");
}

/// A server in the pod, with one file.
fn pod(content: &[u8], flags: &[&str]) -> Server {
    let exec = ["ip", "netns", "exec", "pod"];
    let builder = Server::builder().host("[::]").file("file", content);
    builder
        .flags(["--replace"])
        .flags(flags)
        .wrapped(exec)
        .start()
}

/// What the self-check says, and its exit code.
fn self_check(service: &str, within: &str) -> (String, Option<i32>) {
    let mut command = Command::new(bootwire());
    command.args(["check", "--live", "--via", service, "--within", within]);
    let output = run_to_end(&mut command, LIMIT);
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    (told, output.status.code())
}

/// Whether nothing was lost, repeated or waited for in vain.
fn is_smooth(record: &Record) -> bool {
    record.outcome() == "complete"
        && record.number("timeouts") == 0
        && record.number("blocks_resent") == 0
        && record.number("gaps") == 0
}

/// Does it until it goes smoothly, and has to wait for that only where the machine is busy.
fn smoothly(server: &Server, seen: &mut usize, what: &str, transfer: impl Fn() -> usize) {
    for _ in 0..TRIES {
        let count = transfer();
        let records = server.records(*seen + count);
        let new = &records[*seen..];
        *seen += count;
        if new.iter().all(is_smooth) {
            return;
        }
    }
    panic!("{what} never went smoothly: {:#?}", server.log().lines());
}

#[test]
fn clients_behind_translation_are_served_at_full_speed() {
    let name = "nat::clients_behind_translation_are_served_at_full_speed";
    if !Isolation::enter(name, NETWORKS) {
        return;
    }
    let content = noise(1_000_000, 41);
    let server = pod(&content, &["--single-port"]);
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("file");
    let mut seen = 0;
    for hides_clients in [false, true] {
        translate(server.port(), hides_clients);
        for service in SERVICES {
            let address: SocketAddr = service.parse().expect("an address");
            let (told, code) = self_check(service, "10");
            assert_eq!(code, Some(0), "{told}");
            assert!(told.contains(" is translated (NAT) to "), "{told}");
            let hidden = told.contains("the server sees you as");
            assert_eq!(hidden, hides_clients, "{told}");
            for tool in [Tool::TftpHpa, Tool::Atftp, Tool::Curl] {
                let what = format!("{tool:?} by way of {service}, hidden: {hides_clients}");
                smoothly(&server, &mut seen, &what, || {
                    let _ = fs::remove_file(&local);
                    tool.get(address, "file", &local, Extras::blksize(1428));
                    assert!(fs::read(&local).expect("fetched") == content, "{what}");
                    tool.put(address, &local, "up", Extras::blksize(1428));
                    assert!(fs::read(server.path("up")).expect("stored") == content);
                    2
                });
            }
            smoothly(&server, &mut seen, "bench with windows", || {
                let mut bench = Command::new(bootwire());
                bench
                    .args(["bench", "--json", "--clients", "4", "--rounds", "3"])
                    .args(["--windowsize", "16", "--blksize", "1428"])
                    .args(["--expect".as_ref(), local.as_os_str()])
                    .arg(format!("tftp://{service}/file"));
                let output = run_to_end(&mut bench, LIMIT);
                let told = String::from_utf8_lossy(&output.stdout);
                let report: Value = serde_json::from_str(&told).expect("a report");
                assert_eq!(report["failed"], 0, "{told}");
                assert_eq!(report["completed"], 12, "{told}");
                12
            });
        }
    }
    // No look at it left a record: there are those of the transfers, and no more.
    assert_eq!(server.finish().len(), seen);
}

/// With ports of its own for transfers, the translation knows none of the answers.
#[test]
fn a_server_of_many_ports_behind_translation_is_found_out() {
    let name = "nat::a_server_of_many_ports_behind_translation_is_found_out";
    if !Isolation::enter(name, NETWORKS) {
        return;
    }
    let server = pod(b"content", &[]);
    for (service, pods) in SERVICES.into_iter().zip(["10.244.0.5", "[fd00:244::5]"]) {
        let reached = format!("translated (NAT) to {pods}:{}", server.port());
        // The answer arrives as the pod's own, which clients drop.
        translate(server.port(), false);
        let (told, code) = self_check(service, "10");
        assert_eq!(code, Some(1), "{told}");
        let asked = format!("FAIL    network: you asked {service} and were answered from {pods}:");
        assert!(told.starts_with(&asked), "{told}");
        assert!(
            told.contains(&reached) && told.contains("single_port = true"),
            "{told}"
        );
        // The answer goes to the node, where nobody waits for it.
        translate(server.port(), true);
        let (told, code) = self_check(service, "10");
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains("answers from a transfer's port do not arrive"),
            "{told}"
        );
        assert!(
            told.contains(&reached) && told.contains("single_port = true"),
            "{told}"
        );
    }
    assert!(
        server.log().lines().is_empty(),
        "{:?}",
        server.log().lines()
    );

    // What its log says of a client that asks until it is tired.
    let client = UdpSocket::bind("10.1.0.2:0").expect("a port");
    for _ in 0..3 {
        let request = rrq("file", "octet", &[]);
        client.send_to(&request, SERVICES[0]).expect("sent");
        std::thread::sleep(Duration::from_secs(1));
    }
    let records = server.records(1);
    let told = records
        .iter()
        .map(|record| record.field("detail").to_string());
    let told: Vec<_> = told.collect();
    assert!(
        told.iter().any(|detail| {
            detail.contains("the client asks again and does not hear the answer")
                && detail.contains("single_port = true")
        }),
        "{told:?}"
    );
}

/// A firewall that lets nothing through but the port that everybody knows.
#[test]
fn firewalls_are_told_from_servers_that_are_down() {
    let name = "nat::firewalls_are_told_from_servers_that_are_down";
    if !Isolation::enter(name, NETWORKS) {
        return;
    }
    let server = pod(b"content", &[]);
    let port = server.port();
    let node = |rules: &str| {
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", "node", "nft", rules]);
        assert!(run_to_end(&mut nft, LIMIT).status.success(), "{rules}");
    };
    let chain = |rule: &str| {
        format!(
            "flush ruleset
             table inet filter {{
                 chain f {{
                     type filter hook forward priority filter
                     {rule}
                 }}
             }}"
        )
    };
    let direct = format!("10.244.0.5:{port}");
    let (told, code) = self_check(&direct, "10");
    assert_eq!((code, told.lines().count()), (Some(0), 1), "{told}");

    node(&chain(&format!(
        "iifname toward-pod udp sport != {port} drop"
    )));
    let (told, code) = self_check(&direct, "10");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("NAT or a firewall lets through what comes from port"),
        "{told}"
    );

    node(&chain("udp dport != 1 drop"));
    let (told, _) = self_check(&direct, "1");
    assert!(told.contains("does not answer within 1 s"), "{told}");
    assert!(
        told.contains("a firewall in between drops UDP port"),
        "{told}"
    );

    node("flush ruleset");
    let (told, _) = self_check("10.244.0.5:9", "10");
    assert!(told.contains("nothing listens on that port"), "{told}");

    // This host's own says no.
    let mut nft = Command::new("nft");
    nft.arg(
        "table inet filter {
             chain f {
                 type filter hook output priority filter
                 meta l4proto udp drop
             }
         }",
    );
    assert!(run_to_end(&mut nft, LIMIT).status.success());
    let (told, _) = self_check(&direct, "1");
    assert!(
        told.contains("cannot send: Operation not permitted"),
        "{told}"
    );
    assert!(told.contains("a firewall of this host"), "{told}");
}
