//! Output that nobody reads, as behind `| head -1`: every command that prints ends by itself, and says
//! nothing of it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Server, bootwire, run_to_end};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a command says on standard error, and its exit code, when nobody reads its output.
#[track_caller]
fn unread(command: &mut Command) -> (String, Option<i32>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = command
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("the command");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("a child of ours").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("{command:?} goes on: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("its output");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (told, output.status.code())
}

#[track_caller]
fn ends_quietly(command: &mut Command, code: i32) {
    assert_eq!(unread(command), (String::new(), Some(code)), "{command:?}");
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(bootwire());
    command.args(words);
    command
}

#[test]
fn what_is_printed_from_memory_ends_quietly() {
    for words in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["help-me-not", "--help"],
        &["schema"],
        &["man"],
        &["completions", "bash"],
        &["telemetry", "dashboards"],
        &["telemetry", "alerts"],
    ] {
        let (told, _) = unread(&mut command(words));
        let is_mistake = words[0] == "help-me-not";
        assert_eq!(told.is_empty(), !is_mistake, "{words:?}: {told}");
        assert!(!told.contains("panicked"), "{words:?}: {told}");
    }
    ends_quietly(&mut command(&["schema"]), 0);
}

#[test]
fn what_a_configuration_and_its_files_say_ends_quietly() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path();
    fs::create_dir(dir.join("root")).expect("a directory");
    fs::write(dir.join("root/hello"), "hello\n").expect("a file");
    let text = "[boots]\ndatabase = \"off\"\n[sandbox]\nlevel = \"off\"\n[inventory]\nsqlite = \
                \"machines.db\"\n[[route]]\ndir = \"root\"\n";
    fs::write(dir.join("bootwire.toml"), text).expect("a file");
    fs::write(dir.join("map"), "r ^/ \n").expect("a file");
    let within = |words: &[&str]| {
        let mut command = command(words);
        command.current_dir(dir);
        command
    };
    let database = ["--database", "machines.db"];
    for number in 10..30 {
        let mac = format!("52:54:00:12:34:{number}");
        let words = [
            "machines",
            "add",
            "--mac",
            &mac,
            "--hostname",
            &format!("node-{number}"),
        ];
        let added = run_to_end(&mut within(&[&words[..], &database].concat()), PATIENCE);
        assert!(added.status.success(), "{added:?}");
    }
    let config = ["--config", "bootwire.toml"];
    for words in [
        &["machines", "list"][..],
        &["machines", "list", "--json"],
        &["machines", "show", "node-12"],
        &["explain", "/hello"],
        &["explain", "/hello", "--json"],
    ] {
        ends_quietly(&mut within(&[words, &config].concat()), 0);
    }
    let (told, code) = unread(&mut within(&[
        "check",
        "--offline",
        "--config",
        "bootwire.toml",
    ]));
    assert!(code.is_some() && !told.contains("panicked"), "{told}");
    let (told, _) = unread(&mut within(&["migrate", "tftp-hpa", "map"]));
    assert!(!told.contains("panicked"), "{told}");
}

fn site() -> Server {
    let builder = Server::builder().file("one", &[7; 100_000]).admin_socket();
    builder.start()
}

fn of(server: &Server, words: &[&str]) -> Command {
    let mut command = command(words);
    command.arg("--admin").arg(socket(server));
    command
}

fn socket(server: &Server) -> String {
    server.outside().join("admin.sock").display().to_string()
}

#[test]
fn what_a_running_server_says_ends_quietly() {
    let server = site();
    let url = format!("tftp://127.0.0.1:{}/one", server.port());
    let fetched = run_to_end(&mut command(&["get", &url, "-o", "/dev/null"]), PATIENCE);
    assert!(fetched.status.success(), "{fetched:?}");
    ends_quietly(&mut of(&server, &["tail"]), 0);
    ends_quietly(&mut of(&server, &["tail", "--json", "--all"]), 0);
    // The file did not arrive, and nobody misses it.
    ends_quietly(&mut command(&["get", &url, "-o", "-"]), 7);
    let bench = ["bench", &url, "-n", "1", "--quiet"];
    let (told, _) = unread(&mut command(&bench));
    assert!(!told.contains("panicked"), "{told}");
}

/// Boots are told when they happen, and nobody waits for ever for one that is not read.
#[test]
fn boots_that_nobody_reads_are_not_followed() {
    let builder = Server::builder().file("one", b"1");
    let root = builder.root();
    let config = format!("[boots]\ndatabase = \"state/boots.db\"\n[[route]]\ndir = {root:?}\n");
    let server = builder.config(&config).start();
    let url = format!("tftp://127.0.0.1:{}/one", server.port());
    let fetched = run_to_end(&mut command(&["get", &url, "-o", "/dev/null"]), PATIENCE);
    assert!(fetched.status.success(), "{fetched:?}");
    let config = server.outside().join("bootwire.toml").display().to_string();
    for words in [
        &["boots"][..],
        &["boots", "--json"],
        &["boots", "--steps"],
        &["boots", "--follow"],
        &["boots", "--follow", "--json"],
    ] {
        let words = [words, &["--config", &config]].concat();
        let (told, code) = unread(&mut command(&words));
        assert_eq!(code, Some(0), "{words:?}: {told}");
        assert!(!told.contains("panicked"), "{words:?}: {told}");
    }
}
