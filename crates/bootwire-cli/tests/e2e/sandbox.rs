//! What a running server has given up, as the kernel and its clients see it.
//!
//! What a confined handler can still do is tested beside the sandbox itself.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::time::Duration;

use crate::harness::{
    Builder, Extras, Server, Tool, Wire, bootwire, dropping_capabilities, is_root, noise,
    run_to_end,
};

const NOBODY: u32 = 65_534;

/// The line about the sandbox.
fn told(server: &Server) -> String {
    let found = server.notes().wait(Duration::from_secs(30), |lines| {
        let line = lines.iter().find_map(|line| line.strip_prefix("sandbox: "));
        line.map(str::to_owned)
    });
    found.expect("a line about the sandbox")
}

/// The values that a field of `/proc/PID/status` has in the threads of the server.
fn in_all_threads(server: &Server, field: &str) -> BTreeSet<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("threads");
    let values: Vec<_> = threads
        .filter_map(|thread| {
            let path = thread.expect("a thread").path().join("status");
            // Threads that only start something are gone in a moment.
            let status = fs::read_to_string(path).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            Some(line.expect("such a field").trim().replace('\t', " "))
        })
        .collect();
    assert!(values.len() > 3, "workers, tokio and observers: {values:?}");
    values.into_iter().collect()
}

fn expect(server: &Server, fields: &[(&str, &str)]) {
    for (field, value) in fields {
        assert_eq!(
            in_all_threads(server, field),
            BTreeSet::from([(*value).to_owned()]),
            "{field}"
        );
    }
}

/// Reads and uploads, through every thread there is.
fn expect_to_serve(server: &Server) {
    let here = tempfile::TempDir::new().expect("a place for files");
    let local = here.path().join("local");
    fs::write(&local, noise(300_000, 5)).expect("a file");
    for tool in Tool::ALL {
        let name = format!("from-{tool:?}");
        tool.put(server.address(), &local, &name, Extras::default());
        let back = here.path().join("back");
        tool.get(server.address(), &name, &back, Extras::default());
        assert!(
            fs::read(&back).expect("fetched") == noise(300_000, 5),
            "{tool:?}"
        );
    }
}

fn uploading() -> Builder {
    Server::builder().file("file", b"content").flags([
        "--replace",
        "--create-dirs",
        "--workers",
        "2",
    ])
}

const CONFINED: [(&str, &str); 6] = [
    ("CapInh:", "0000000000000000"),
    ("CapPrm:", "0000000000000000"),
    ("CapEff:", "0000000000000000"),
    ("CapAmb:", "0000000000000000"),
    ("NoNewPrivs:", "1"),
    ("Seccomp:", "2"),
];

/// By default all that there is; `require` is content with it; and everything still works.
#[test]
fn every_thread_is_confined_and_serves() {
    for flags in [[].as_slice(), &["--sandbox", "require"], &["--portable-io"]] {
        let server = uploading().flags(flags).start();
        expect_to_serve(&server);
        expect(&server, &CONFINED);
        let told = told(&server);
        let root = server.path("");
        let root = root.to_str().expect("text").trim_end_matches('/');
        let above = server.outside().display();
        for part in [
            ", no_new_privs, no capabilities, landlock ABI ",
            &format!(" (write {root}, read {above}), seccomp "),
        ] {
            assert!(told.contains(part), "no {part:?} in {told}");
        }
        assert!(told.ends_with(" calls"), "{told}");
    }
}

#[test]
fn root_becomes_nobody_and_its_uploads_are_nobodys() {
    if !is_root() {
        return;
    }
    let server = uploading().start();
    let ids = format!("{NOBODY} {NOBODY} {NOBODY} {NOBODY}");
    expect(
        &server,
        &[
            ("Uid:", ids.as_str()),
            ("Gid:", &ids),
            ("Groups:", ""),
            ("CapBnd:", "0000000000000000"),
        ],
    );
    assert!(
        told(&server).starts_with("user nobody, "),
        "{}",
        told(&server)
    );
    expect_to_serve(&server);
    let made = fs::metadata(server.path("from-Curl")).expect("an upload");
    assert_eq!((made.uid(), made.gid()), (NOBODY, NOBODY));
}

#[test]
fn another_user_may_be_named_and_root_may_stay() {
    if !is_root() {
        return;
    }
    for (user, uid, gid, name) in [
        ("daemon", 1, 1, "daemon"),
        ("1:2", 1, 2, "daemon"),
        ("4711:4712", 4711, 4712, "4711"),
        ("root", 0, 0, "root"),
    ] {
        let server = Server::builder()
            .file("file", b"content")
            .flags(["--user", user])
            .start();
        let all = |id: u32| format!("{id} {id} {id} {id}");
        expect(&server, &[("Uid:", &all(uid)), ("Gid:", &all(gid))]);
        expect(&server, &CONFINED);
        assert_eq!(Wire::new(server.address()).fetch("file"), b"content");
        let told = told(&server);
        assert!(told.starts_with(&format!("user {name}, ")), "{told}");
    }
}

#[test]
fn off_is_off() {
    let server = uploading().flags(["--sandbox", "off"]).start();
    assert_eq!(told(&server), "off");
    expect(&server, &[("NoNewPrivs:", "0"), ("Seccomp:", "0")]);
    if is_root() {
        expect(&server, &[("Uid:", "0 0 0 0")]);
    }
    assert_eq!(Wire::new(server.address()).fetch("file"), b"content");
}

/// As a service that systemd starts as a user of its own.
#[test]
fn who_is_not_root_is_confined_as_well() {
    if !is_root() {
        // Then all tests here are that case.
        return;
    }
    let builder = uploading();
    let server = builder
        .wrapped([
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ])
        .start();
    expect(&server, &CONFINED);
    let told = told(&server);
    assert!(
        told.starts_with("user nobody, no_new_privs, no capabilities, landlock "),
        "{told}"
    );
    assert!(!told.contains("missing"), "{told}");
    expect_to_serve(&server);
}

/// Root without the capability to become somebody else: told at best effort, refused if required.
#[test]
fn root_that_cannot_change_is_told_or_refused() {
    if !is_root() {
        return;
    }
    let server = Server::builder()
        .file("file", b"content")
        .wrapped(dropping_capabilities())
        .start();
    let said = told(&server);
    assert!(said.starts_with("user root, "), "{said}");
    assert!(
        said.contains("missing: cannot become user nobody: "),
        "{said}"
    );
    expect(&server, &CONFINED);
    assert_eq!(Wire::new(server.address()).fetch("file"), b"content");

    for flags in [["--sandbox", "require"], ["--user", "nobody"]] {
        let said = refused(&dropping_capabilities(), "/tmp", &flags);
        assert!(said.contains("cannot become user nobody: "), "{said}");
        assert!(said.contains("CAP_SETUID"), "{said}");
    }
}

/// What a start that failed said, in one line.
fn refused<W: AsRef<std::ffi::OsStr>>(wrapper: &[W], dir: &str, flags: &[&str]) -> String {
    let mut words: Vec<_> = wrapper.iter().map(AsRef::as_ref).collect();
    words.push(bootwire().as_ref());
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args(["serve", dir, "--listen", "127.0.0.1:0"])
        .args(flags);
    let output = run_to_end(&mut command, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{flags:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

#[test]
fn users_that_cannot_be_are_named() {
    let nothing: [&str; 0] = [];
    let told = refused(&nothing, "/tmp", &["--user", "no-such-user"]);
    assert!(told.contains("no such user"), "{told}");
    let told = refused(&nothing, "/tmp", &["--user", "nobody:no-such-group"]);
    assert!(told.contains("no such group"), "{told}");
    let told = refused(&nothing, "/tmp", &["--user", "4711"]);
    assert!(told.contains("like 4711:4711"), "{told}");
    if is_root() {
        let other = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let told = refused(&other, "/tmp", &["--user", "daemon"]);
        assert!(
            told.contains("only root can, and this is UID 65534"),
            "{told}"
        );
    }
}

/// The directory is looked at as the user the server becomes: better now than with each request.
#[test]
fn a_directory_closed_to_the_user_says_what_to_do() {
    if !is_root() {
        return;
    }
    let nothing: [&str; 0] = [];
    let place = tempfile::TempDir::new().expect("a directory");
    let path = place.path().to_str().expect("text");
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).expect("a mode");
    let told = refused(&nothing, path, &[]);
    assert!(
        told.contains(&format!("user nobody may not enter {path}")),
        "{told}"
    );
    assert!(told.contains("chmod o+x"), "{told}");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("a mode");
    let told = refused(&nothing, path, &["--create"]);
    assert!(
        told.contains(&format!("user nobody may not write into {path}")),
        "{told}"
    );
    assert!(told.contains("chown nobody"), "{told}");
}

/// Transfer ports are bound when the right to privileged ones is gone.
#[test]
fn privileged_transfer_ports_are_refused() {
    let nothing: [&str; 0] = [];
    let told = refused(&nothing, "/tmp", &["--ports", "600-700"]);
    assert!(
        told.contains("below 1024") && told.contains("--sandbox off"),
        "{told}"
    );
}

/// A directory is moved out of the served one while an upload into it runs: nothing gets a name out
/// there, whether or not Landlock is in force.
#[test]
fn an_upload_does_not_follow_its_directory_out_of_the_root() {
    for level in ["require", "off"] {
        let server = Server::builder()
            .file("sub/old", b"x")
            .flags(["--create", "--sandbox", level])
            .start();
        let mut client = Wire::new(server.address());
        client.write("sub/new", &[]);
        client.expect_ack(0);
        client.data(1, &[b'x'; 512]);
        client.expect_ack(1);
        let moved = server.outside().join("moved");
        fs::rename(server.path("sub"), &moved).expect("moved");
        client.data(2, b"end");
        // The name leads nowhere any more; the sandbox denies it besides.
        let (code, text) = client.expect_error();
        assert!(matches!(code, 1 | 2), "{code}: {text}");
        assert!(!moved.join("new").exists(), "--sandbox {level}");
    }
}
