//! `bootwire tail`.

use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use super::{PATIENCE, expect_soon, socket};
use crate::harness::{Server, Wire, bootwire, run_to_end};

fn start() -> Server {
    Server::builder()
        .file("one", b"1")
        .file("two", b"22")
        .admin_socket()
        .start()
}

fn tail(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(bootwire());
    command
        .arg("tail")
        .arg("--admin")
        .arg(socket(server))
        .args(args);
    command
}

/// One that runs, its output to be read.
fn running(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

#[test]
fn it_shows_transfers_as_the_log_does() {
    let server = start();
    Wire::new(server.address()).fetch("one");
    server.records(1);
    let output = run_to_end(&mut tail(&server, &["--count", "1"]), PATIENCE);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains(" read /one: complete, 1 byte"), "{told}");
    assert_eq!(output.status.code(), Some(0));

    let (mut child, mut output) =
        running(&mut tail(&server, &["--json", "--path", "/t*", "-n", "0"]));
    // Once it follows, the server has one who does.
    // The pipe stays open: without a reader it would end by itself.
    let reader = std::thread::spawn(move || (line(&mut output), output));
    expect_soon("it follows", || {
        Wire::new(server.address()).fetch("one");
        Wire::new(server.address()).fetch("two");
        reader.is_finished()
    });
    let (found, _output) = reader.join().unwrap();
    let record: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        (&record["path"], &record["bytes"]),
        (&"/two".into(), &2.into()),
        "{found}"
    );
    assert!(record.get("local").is_some(), "all fields are there");
    let interrupted = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(interrupted.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut complaints = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaints)
        .unwrap();
    assert_eq!(complaints, "", "nothing went wrong");
}

#[test]
fn it_waits_for_a_server_that_is_restarted() {
    let server = start();
    let (mut child, mut output) = running(&mut tail(&server, &["--count", "2"]));
    Wire::new(server.address()).fetch("one");
    assert!(line(&mut output).contains("/one"));
    let server = server.again().admin_socket().start();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    assert!(line(&mut reader).contains("waiting for it"));
    let done = std::thread::spawn(move || line(&mut output));
    expect_soon("it follows again", || {
        Wire::new(server.address()).fetch("two");
        done.is_finished()
    });
    assert!(done.join().unwrap().contains("/two"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn it_says_what_is_wrong() {
    let server = start();
    for (args, code, words) in [
        (
            &["--admin", "/no/such.sock"][..],
            5,
            "start `bootwire serve`",
        ),
        (
            &["--admin", "nonsense"],
            2,
            "write /run/bootwire/admin.sock",
        ),
    ] {
        let mut command = Command::new(bootwire());
        let output = run_to_end(command.arg("tail").args(args), PATIENCE);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    }
    let output = run_to_end(&mut tail(&server, &["--outcome", "lost"]), PATIENCE);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("write complete, probe"), "{told}");
    // No terminal, no top.
    let mut top = Command::new(bootwire());
    let output = run_to_end(top.arg("top").stdin(Stdio::null()), PATIENCE);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bootwire tail"));
}
