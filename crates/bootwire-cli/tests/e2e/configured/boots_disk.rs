//! The disk that boots are kept on: full, and with room again.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Isolation, Server, Wire, bootwire, is_root, run_to_end};

const PATIENCE: Duration = Duration::from_secs(90);

fn start() -> Server {
    let builder = Server::builder().file("hello", b"hello\n");
    let root = builder.root();
    let state = builder.place().join("state");
    fs::create_dir(&state).expect("a directory");
    let mount = format!("mount -t tmpfs -o size=3m,mode=777 bootwire {state:?}");
    builder
        .config(&format!(
            "[boots]\ndatabase = \"state/boots.db\"\nsilence = \"5s\"\n[[route]]\ndir = {root:?}\n"
        ))
        .wrapped(Isolation::mounts(&mount))
        .start()
}

/// The directory of the database as the server sees it.
fn inside(server: &Server) -> PathBuf {
    let state = server.outside().join("state");
    PathBuf::from(format!("/proc/{}/root{}", server.pid(), state.display()))
}

/// As many machines boot, each from an address of its own.
fn boot(server: &Server, machines: std::ops::Range<u8>) {
    for machine in machines {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 3, machine));
        let mut wire = Wire::from(address, server.address());
        assert_eq!(wire.fetch("hello"), b"hello\n", "{address}");
    }
}

/// How many boots are written, read where the server has its disk.
fn written(server: &Server) -> usize {
    let mut command = Command::new("nsenter");
    command.args(["-m", "-t", &server.pid().to_string()]);
    if !is_root() {
        command.args(["-U", "--preserve-credentials"]);
    }
    command.arg(bootwire());
    command.args(["boots", "--json", "-n", "1000", "--boots"]);
    let database = server.outside().join("state/boots.db");
    let output = run_to_end(command.arg(database), PATIENCE);
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.lines().count()
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_full_disk_holds_up_no_transfer_and_nothing_is_lost_when_there_is_room_again() {
    let server = start();
    boot(&server, 1..3);
    wait_for("boots are written", || written(&server) == 2);

    let filler = inside(&server).join("filler");
    let mut file = fs::File::create(&filler).expect("a file");
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    boot(&server, 3..60);
    let notes = || server.notes().lines();
    let count = |words: &str| notes().iter().filter(|line| line.contains(words)).count();
    let full = "boots cannot be written to";
    wait_for("the log says so", || count(full) > 0);
    // It is tried again and again, and said once.
    let more = Instant::now() + Duration::from_secs(4);
    while Instant::now() < more {
        boot(&server, 60..63);
    }
    assert_eq!(count(full), 1, "{:#?}", notes());

    drop(file);
    fs::remove_file(&filler).expect("there");
    wait_for("boots are written again", || {
        count("boots are written again") == 1
    });
    wait_for("none is lost", || written(&server) == 62);
    boot(&server, 63..65);
    wait_for("new ones are written", || written(&server) == 64);
    assert_eq!(count(full), 1, "{:#?}", notes());
}
