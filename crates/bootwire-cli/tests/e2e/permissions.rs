//! Files the server may not read, directories it may not write, ports it may not have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Isolation, Server, Wire, bootwire, dropping_capabilities, run_to_end};

fn forbid(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn an_unreadable_file_is_error_2() {
    let builder = Server::builder()
        .file("shadow", b"secret")
        .file("closed/file", b"secret")
        .file("open", b"open");
    forbid(&builder.root().join("shadow"), 0o000);
    forbid(&builder.root().join("closed"), 0o000);
    let server = builder.start();
    for name in ["shadow", "closed/file"] {
        let mut client = Wire::new(server.address());
        client.read(name, &[]);
        let (code, text) = client.expect_error();
        assert_eq!(code, 2, "{name}: {text}");
        assert!(!text.contains('/'), "{text}");
    }
    assert_eq!(Wire::new(server.address()).fetch("open"), b"open");
    forbid(&server.path("closed"), 0o755);
    let denied = server
        .finish()
        .iter()
        .filter(|record| record.outcome() == "denied")
        .count();
    assert_eq!(denied, 2);
}

#[test]
fn an_upload_into_a_directory_without_write_permission_is_error_2() {
    let builder = Server::builder()
        .file("closed/file", b"x")
        .flags(["--replace"]);
    forbid(&builder.root().join("closed"), 0o555);
    let server = builder.start();
    for name in ["closed/new", "closed/file"] {
        let mut client = Wire::new(server.address());
        client.write(name, &[]);
        client.expect_error_code(2);
    }
    forbid(&server.path("closed"), 0o755);
    assert_eq!(
        fs::read(server.path("closed/file")).expect("as it was"),
        b"x"
    );
}

/// Port 69 needs a privilege; without it the one line says so and what to do.
#[test]
fn no_permission_for_port_69() {
    // A network of its own: there port 69 is privileged and free whatever the host is like.
    let mut words = Isolation::prefix("ip link set lo up");
    words.extend(dropping_capabilities());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args([bootwire(), "serve", "/tmp", "--listen", "127.0.0.1:69"]);
    let output = run_to_end(&mut command, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert_eq!(told.lines().count(), 1, "{told}");
    for word in ["127.0.0.1:69", "permission", "root", "setcap", "--listen"] {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
}
