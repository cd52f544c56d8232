//! Boots: from transfers to what `bootwire boots` says of them.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Server, bootwire, run_to_end};

const GRUB: &str = "menuentry Debian {\n  linux /images/vmlinuz\n  initrd /images/initrd.gz\n}\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// A site whose kernel is missing.
fn site() -> Server {
    let builder = Server::builder()
        .file("grubx64.efi", &[7; 3000])
        .file("grub/grub.cfg", GRUB.as_bytes());
    let root = builder.root();
    builder
        .config(&format!(
            "[boots]\ndatabase = \"state/boots.db\"\nsilence = \"5s\"\n[[route]]\ndir = {root:?}\n"
        ))
        .start()
}

fn get(server: &Server, path: &str) -> bool {
    let url = format!("tftp://127.0.0.1:{}/{path}", server.port());
    let mut command = Command::new(bootwire());
    command.args(["get", &url, "-o", "/dev/null"]);
    run_to_end(&mut command, PATIENCE).status.success()
}

fn command(server: &Server, words: &[&str]) -> Output {
    let config = server.outside().join("bootwire.toml");
    let mut command = Command::new(bootwire());
    command.args(words).arg("--config").arg(config);
    command.env("LC_ALL", "C").env("COLUMNS", "100");
    run_to_end(&mut command, PATIENCE)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Boots as JSON, once there is one that is over.
fn over(server: &Server) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = command(server, &["boots", "--json"]);
        let lines = text(&output.stdout);
        let boots = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let boots: Vec<Value> = boots.collect();
        if boots.iter().any(|boot| boot["over"] == true) {
            return boots;
        }
        assert!(Instant::now() < deadline, "{}", text(&output.stderr));
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_boot_that_stops_has_its_verdict_in_a_line_in_bars_and_in_json() {
    let server = site();
    assert!(get(&server, "grubx64.efi") && get(&server, "grub/grub.cfg"));
    assert!(!get(&server, "images/vmlinuz"));
    let boots = over(&server);
    let [boot] = boots.as_slice() else {
        panic!("{boots:#?}")
    };
    let words = "/images/vmlinuz is not there: the kernel that grub.cfg names";
    assert_eq!(boot["verdict"]["kind"], "kernel_missing");
    assert_eq!(boot["verdict"]["words"], words);
    assert_eq!(boot["transfers"], 3);
    assert_eq!(boot["machine"], "127.0.0.1");

    let line = text(&command(&server, &["boots", "--failed"]).stdout);
    assert!(line.contains("127.0.0.1") && line.contains(words), "{line}");
    let drawn = text(&command(&server, &["boots", "127.0.0.1"]).stdout);
    for part in [
        "loader",
        "/grub/grub.cfg",
        "kernel",
        "not found",
        "bootwire explain",
    ] {
        assert!(drawn.contains(part), "no {part:?} in {drawn}");
    }
    assert!(drawn.is_ascii(), "{drawn}");
    let nobody = command(&server, &["boots", "10.9.8.7"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", text(&nobody.stderr));

    let discovered = text(&command(&server, &["machines", "discovered"]).stdout);
    assert!(
        discovered.contains("127.0.0.1") && discovered.contains(words),
        "{discovered}"
    );
    let database = server.outside().join("machines.db");
    add(&server, &database);
    // What the server wrote is there when it has ended, and when it starts again.
    let server = server.again().start();
    assert_eq!(over(&server).len(), 1);
}

/// From the list of new machines into the inventory.
fn add(server: &Server, database: &Path) {
    let database = database.to_str().expect("text");
    let words = ["machines", "discovered", "--database", database];
    let boots = server.outside().join("state/boots.db");
    let boots = ["--boots", boots.to_str().expect("text")];
    let run = |more: &[&str]| {
        let mut command = Command::new(bootwire());
        command.args(words).args(boots).args(more);
        run_to_end(&mut command, PATIENCE)
    };
    let added = run(&["--add", "127.0.0.1", "--profile", "worker"]);
    assert!(
        text(&added.stderr).contains("1 machine added"),
        "{}",
        text(&added.stderr)
    );
    let mut command = Command::new(bootwire());
    command.args(["machines", "show", "127.0.0.1", "--database", database]);
    let shown = text(&run_to_end(&mut command, PATIENCE).stdout);
    assert!(shown.contains("profile: worker"), "{shown}");
    let left = run(&[]);
    assert!(text(&left.stdout).is_empty(), "{}", text(&left.stdout));
}

#[test]
fn a_database_that_cannot_be_used_does_not_keep_the_server_from_serving() {
    let builder = Server::builder()
        .file("hello", b"hello\n")
        .beside("state/boots.db/in-the-way", "a directory");
    let root = builder.root();
    let server = builder
        .config(&format!(
            "[boots]\ndatabase = \"state/boots.db\"\n[[route]]\ndir = {root:?}\n"
        ))
        .start();
    assert!(get(&server, "hello"));
    let notes = server.notes().lines();
    let told = notes
        .iter()
        .any(|line| line.contains("boots are kept in memory"));
    assert!(told, "{notes:#?}");
}
