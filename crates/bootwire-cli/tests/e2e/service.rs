//! As a service manager starts it: what it is told, and the sockets it passes on.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Builder, Packet, Server, Wire, bootwire, run_to_end};

/// How long a message may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service manager: where it listens.
struct Manager {
    socket: UnixDatagram,
    place: TempDir,
}

impl Manager {
    fn new() -> Self {
        let place = TempDir::new().expect("a directory");
        let socket = UnixDatagram::bind(place.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket, place }
    }

    /// A server that it starts, with some more variables.
    fn starts(&self, builder: Builder, variables: &[&str]) -> Builder {
        let notify = self.place.path().join("notify");
        let notify = format!("NOTIFY_SOCKET={}", notify.display());
        let mut words = vec!["env".to_owned(), notify];
        words.extend(variables.iter().map(|&text| text.to_owned()));
        builder.wrapped(words)
    }

    /// The next message.
    fn heard(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("a message");
        String::from_utf8(message[..length].to_vec()).expect("UTF-8")
    }

    /// The next message with this line at its beginning.
    fn hears(&self, line: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let heard = self.heard();
            if heard.lines().next() == Some(line) {
                return heard;
            }
        }
        panic!("no {line}");
    }
}

#[test]
fn the_manager_hears_when_it_is_ready_reloads_and_ends() {
    let manager = Manager::new();
    let builder = Server::builder().config("[[route]]\npath = '/motd'\ntext = 'hello'\n");
    let mut server = manager.starts(builder, &["WATCHDOG_USEC=x"]).start();
    assert_eq!(
        manager.heard(),
        "READY=1\nSTATUS=Ready; 0 transfers since the start"
    );
    assert_eq!(Wire::new(server.address()).fetch("motd"), b"hello");

    server.signal("HUP");
    let heard = manager.hears("RELOADING=1");
    let since = heard
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(since.expect("a time").parse::<u64>().is_ok(), "{heard}");
    let heard = manager.hears("READY=1");
    assert!(heard.contains("1 transfer since the start"), "{heard}");
    assert!(!heard.contains("mistakes"), "{heard}");

    // What is on the disk has mistakes: it goes on, and says so.
    std::fs::write(server.outside().join("bootwire.toml"), "nonsense = 1\n").expect("written");
    server.signal("HUP");
    manager.hears("RELOADING=1");
    let heard = manager.hears("READY=1");
    assert!(heard.contains("has mistakes"), "{heard}");
    assert_eq!(Wire::new(server.address()).fetch("motd"), b"hello");

    server.signal("TERM");
    let heard = manager.hears("STOPPING=1");
    // 30 s of `drain`, and what comes after.
    assert!(
        heard.contains("\nEXTEND_TIMEOUT_USEC=45000000\n"),
        "{heard}"
    );
    assert_eq!(server.wait(PATIENCE).code(), Some(0));
}

#[test]
fn the_status_tells_what_is_moved() {
    let manager = Manager::new();
    let server = manager
        .starts(Server::builder().file("file", &[7; 100_000]), &[])
        .start();
    manager.hears("READY=1");
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    manager.hears("STATUS=1 transfer; 0 transfers since the start");
}

/// As long as its workers turn. A process that is stopped says nothing.
#[test]
fn the_watchdog_hears_of_workers_that_turn() {
    let manager = Manager::new();
    let server = manager
        .starts(Server::builder(), &["WATCHDOG_USEC=300000"])
        .start();
    manager.hears("READY=1");
    for _ in 0..3 {
        manager.hears("WATCHDOG=1");
    }
    server.signal("STOP");
    let quiet = Duration::from_millis(700);
    manager
        .socket
        .set_read_timeout(Some(quiet))
        .expect("a timeout");
    let mut buffer = [0; 4096];
    // What it had sent before.
    while manager.socket.recv(&mut buffer).is_ok() {}
    assert!(
        manager.socket.recv(&mut buffer).is_err(),
        "a stopped server talks"
    );
    manager
        .socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout");
    server.signal("CONT");
    manager.hears("WATCHDOG=1");
}

#[test]
fn a_watchdog_for_another_process_hears_nothing() {
    let manager = Manager::new();
    let variables = ["WATCHDOG_USEC=30000", "WATCHDOG_PID=1"];
    let mut server = manager.starts(Server::builder(), &variables).start();
    manager.hears("READY=1");
    server.signal("TERM");
    let heard = manager.heard();
    assert!(
        heard.starts_with("STOPPING=1\n") || heard.starts_with("STATUS="),
        "{heard}"
    );
    assert_eq!(server.wait(PATIENCE).code(), Some(0));
}

/// It serves without a manager that is gone.
#[test]
fn a_manager_that_is_not_there_is_no_reason_not_to_serve() {
    let words = [
        "env",
        "NOTIFY_SOCKET=/no/such/socket",
        "WATCHDOG_USEC=100000",
    ];
    let server = Server::builder().file("file", b"x").wrapped(words).start();
    let warned = server.notes().lines();
    assert!(
        warned
            .iter()
            .any(|line| line.contains("NOTIFY_SOCKET=/no/such/socket")),
        "{warned:?}"
    );
    assert_eq!(Wire::new(server.address()).fetch("file"), b"x");
}

/// Opens sockets as a service manager does, from descriptor 3 on, and becomes the server.
const PASSES: &str = "
import os, socket, sys
kind, address, port, count, names = sys.argv[1:6]
kind = getattr(socket, 'SOCK_' + kind)
for at in range(int(count)):
    one = socket.socket(socket.AF_INET, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((address, int(port)))
    os.dup2(one.detach(), 100 + at)
for at in range(int(count)):
    os.dup2(100 + at, 3 + at)
    os.close(100 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count, LISTEN_FDNAMES=names)
os.execvp(sys.argv[6], sys.argv[6:])
";

fn passing(builder: Builder, count: &str, names: &str) -> Builder {
    let port = builder.port().to_string();
    let words = [
        "python3",
        "-c",
        PASSES,
        "DGRAM",
        "127.0.0.1",
        &port,
        count,
        names,
    ];
    builder.wrapped(words)
}

#[test]
fn a_socket_that_was_passed_on_is_served() {
    for flags in [[].as_slice(), &["--single-port"], &["--portable-io"]] {
        let builder = Server::builder().file("file", b"content").flags(flags);
        let server = passing(builder.flags(["--workers", "1"]), "1", "bootwire.socket").start();
        let mut client = Wire::new(server.address());
        assert_eq!(client.fetch("file"), b"content", "{flags:?}");
        let said = server.notes().lines();
        let takes = "takes 1 socket from the service manager (bootwire.socket)";
        assert!(said.iter().any(|line| line == takes), "{said:#?}");
        assert!(
            !said.iter().any(|line| line.contains("instead of")),
            "{said:#?}"
        );
    }
}

/// Several sockets of one address are several workers, over which the kernel spreads clients.
#[test]
fn each_socket_that_was_passed_on_has_a_worker() {
    let builder = Server::builder().file("file", b"content");
    let server = passing(builder.flags(["--workers", "4"]), "3", "a:b:b").start();
    for _ in 0..16 {
        assert_eq!(Wire::new(server.address()).fetch("file"), b"content");
    }
    let said = server.notes().lines();
    for part in ["takes 3 sockets", ", 3 workers", "so 3 instead of 4"] {
        assert!(
            said.iter().any(|line| line.contains(part)),
            "{part}: {said:#?}"
        );
    }
}

/// The service manager holds the port while no server runs: requests wait for the next one.
#[test]
fn requests_wait_in_the_socket_until_there_is_a_server() {
    let builder = Server::builder().file("file", b"content");
    let address = SocketAddr::from(([127, 0, 0, 1], builder.port()));
    let early = thread::spawn(move || {
        // Until the socket is there.
        while UdpSocket::bind(address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        let mut early = Wire::new(address);
        early.read("file", &[]);
        early.receive_within(PATIENCE)
    });
    let slow = PASSES.replace("os.execvp", "import time; time.sleep(1); os.execvp");
    let port = builder.port().to_string();
    let words = ["python3", "-c", &slow, "DGRAM", "127.0.0.1", &port, "1", ""];
    let _server = builder.wrapped(words).start();
    let payload = b"content".to_vec();
    let packet = early.join().expect("a client");
    assert_eq!(packet, Some(Packet::Data { block: 1, payload }));
}

#[test]
fn what_is_no_udp_socket_is_refused_with_what_to_do() {
    for (kind, count, told) in [
        ("STREAM", "1", "use ListenDatagram="),
        ("DGRAM", "nonsense", "LISTEN_FDS=\"nonsense\""),
    ] {
        let mut server = Command::new("python3");
        let passes = PASSES.replace("range(int(count))", "range(1)");
        server.args([
            "-c",
            &passes,
            kind,
            "127.0.0.1",
            "0",
            count,
            "boot",
            bootwire(),
        ]);
        server.args(["serve", "/", "--listen", "127.0.0.1:0"]);
        let output = run_to_end(&mut server, PATIENCE);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(told), "{said}");
    }
}
