//! Everything at once, with the sandbox in force.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use super::fetch;
use super::web::{Object, Web};
use crate::harness::{Server, Wire, bootwire, is_root, noise, run_to_end};

const MACHINES: &str = "[[machine]]\nmac = \"52:54:00:12:34:56\"\nhostname = \"node-7\"\n";

/// A directory, a template with SQLite, an origin with its cache, a program, uploads.
fn everything(web: &Web) -> String {
    web.origin("images")
        + r#"
        [sandbox]
        level = "require"
        [templates]
        dir = "templates"
        [inventory]
        sqlite = "state/machines.db"
        [[route]]
        path = "/{mac}.cfg"
        template = "machine.cfg.j2"
        [[route]]
        path = "/images/{*path}"
        origin = "images"
        [[route]]
        path = "/made/{*path}"
        exec = { program = "hook", args = ["{path}"] }
        [[route]]
        path = "/up/{*path}"
        upload = "root/up"
        [[route]]
        dir = "root"
        "#
}

fn serves_everything(wrapper: &[&str]) -> Server {
    let web = Web::of([("image", Object::new(noise(5 << 20, 1), "1"))]);
    let builder = Server::builder()
        .file("hello", b"hello")
        .file("up/.keep", b"")
        .beside("templates/machine.cfg.j2", "{{ machine.hostname }}")
        .beside("hook", "#!/bin/sh\nprintf %s \"$1\"\n")
        .beside("machines.toml", MACHINES)
        .config(&everything(&web));
    let mut import = Command::new(bootwire());
    import
        .args(["machines", "import"])
        .arg(builder.place().join("machines.toml"))
        .arg("--config")
        .arg(builder.place().join("bootwire.toml"));
    let output = run_to_end(&mut import, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");

    let server = builder.wrapped(wrapper).start();
    let mut client = Wire::new(server.address());
    assert_eq!(client.fetch("hello"), b"hello");
    assert_eq!(client.fetch("52-54-00-12-34-56.cfg"), b"node-7");
    assert_eq!(client.fetch("made/x"), b"/made/x");
    assert!(fetch(&server, "images/image") == noise(5 << 20, 1));
    client.write("up/switch", &[]);
    client.expect_ack(0);
    client.send_all(b"config", 512);
    assert_eq!(
        fs::read(server.path("up/switch")).expect("stored"),
        b"config"
    );
    let cached = server.outside().join("cache/objects");
    assert!(fs::read_dir(cached).expect("a cache").count() > 0);
    let sandbox = server.notes().lines();
    let sandbox = sandbox.iter().find(|line| line.starts_with("sandbox: "));
    let sandbox = sandbox.expect("a line about it");
    assert!(
        sandbox.contains("landlock") && sandbox.contains("seccomp"),
        "{sandbox}"
    );
    server
}

/// The line of the server's that begins like this.
fn line(server: &Server, beginning: &str) -> String {
    let found = server.notes().wait(Duration::from_secs(30), |lines| {
        let found = lines.iter().find(|line| line.starts_with(beginning));
        found.cloned()
    });
    found.unwrap_or_else(|| panic!("no line {beginning:?}"))
}

fn status(server: &Server, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("alive");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.expect("such a field").trim().to_owned()
}

#[test]
fn everything_works_within_the_sandbox() {
    let server = serves_everything(&[]);
    assert_eq!(status(&server, "Seccomp:"), "2");
    assert_eq!(status(&server, "NoNewPrivs:"), "1");
    assert_eq!(status(&server, "CapEff:"), "0000000000000000");
    if is_root() {
        assert!(status(&server, "Uid:").starts_with("65534\t"), "nobody");
    }
}

/// As a service that systemd starts as a user of its own.
#[test]
fn everything_works_for_who_is_not_root() {
    if !is_root() {
        // Then the test above is that case.
        return;
    }
    serves_everything(&[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
}

/// Landlock lets a directory be held that it does not let be read or written to: a reload that named one would
/// deny every file.
#[test]
fn a_reload_takes_no_path_that_is_outside_the_sandbox() {
    let elsewhere = tempfile::TempDir::new().expect("a directory");
    let there = elsewhere.path().to_str().expect("UTF-8");
    for name in ["hello", "secret", "leases"] {
        fs::write(elsewhere.path().join(name), "from elsewhere").expect("a file");
    }
    // Nothing but the sandbox is in the way.
    fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o777)).expect("a mode");
    let config =
        |more: &str| format!("[sandbox]\nlevel = \"require\"\n[[route]]\ndir = \"root\"\n{more}");
    let builder = Server::builder().file("hello", b"hello");
    fs::set_permissions(builder.root(), Permissions::from_mode(0o777)).expect("a mode");
    let server = builder.config(&config("")).start();
    assert_eq!(Wire::new(server.address()).fetch("hello"), b"hello");

    for (table, key, path) in [
        (
            format!("[[route]]\npath = \"/x\"\ndir = \"{there}\"\n"),
            "read",
            there.to_owned(),
        ),
        (
            format!("[[route]]\nupload = \"{there}\"\n"),
            "write",
            there.to_owned(),
        ),
        // What is read may not be written to.
        (
            "[[route]]\nupload = \"root\"\n".to_owned(),
            "write",
            "root".to_owned(),
        ),
        (
            format!("[[route]]\nupload = \"root\"\nsecret_suffix_file = \"{there}/secret\"\n"),
            "read",
            format!("{there}/secret"),
        ),
        (
            format!("[identity]\ndnsmasq = \"{there}/leases\"\n"),
            "read",
            format!("{there}/leases"),
        ),
    ] {
        let new = server.outside().join("new");
        fs::write(&new, config(&table)).expect("a file");
        fs::rename(&new, server.outside().join("bootwire.toml")).expect("renamed");
        let why = server.notes().wait(Duration::from_secs(30), |lines| {
            let is_it = |line: &&String| {
                line.contains(&format!("sandbox.{key}")) && line.contains(&format!("{path}:"))
            };
            lines.iter().find(is_it).cloned()
        });
        let why = why.expect("a line that says why");
        let place = match table.starts_with("[[route]]") {
            true => "bootwire.toml:5",
            false => "bootwire.toml",
        };
        assert!(why.contains(place), "{why}");
        assert_eq!(Wire::new(server.address()).fetch("hello"), b"hello");
    }
}

/// What no route needs is out of reach, also for a program that a route starts.
#[test]
fn programs_see_no_more_than_the_server() {
    let elsewhere = tempfile::TempDir::new().expect("a directory");
    let private = elsewhere.path().join("private");
    fs::write(&private, "secret").expect("a file");
    // Nothing but the sandbox is in the way.
    fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o755)).expect("a mode");
    let hook = format!(
        "#!/bin/sh\ncat {} || echo out of reach\n",
        private.display()
    );
    for (level, content) in [("require", "out of reach\n"), ("off", "secret")] {
        let config = format!(
            r#"
            [sandbox]
            level = "{level}"
            [[route]]
            exec = {{ program = "hook" }}
            "#
        );
        let server = Server::builder()
            .beside("hook", &hook)
            .config(&config)
            .start();
        let got = Wire::new(server.address()).fetch("probe");
        assert_eq!(String::from_utf8_lossy(&got), content, "{level}");
    }
}

/// As in root's own home: everything is still served, and nothing but root's name is left.
#[test]
fn where_nobody_may_not_go_root_serves_without_capabilities() {
    if !is_root() {
        return;
    }
    let home = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).expect("a mode");
    fs::write(home.path().join("hello"), "hello").expect("a file");
    let builder =
        Server::builder().config(&format!("[[route]]\ndir = \"{}\"\n", home.path().display()));
    let open = Permissions::from_mode(0o755);
    fs::set_permissions(builder.place(), open).expect("a mode");
    let server = builder.start();
    assert_eq!(fetch(&server, "hello"), b"hello");
    assert!(status(&server, "Uid:").starts_with("0\t"), "root");
    assert_eq!(status(&server, "CapEff:"), "0000000000000000");
    let notes = server.notes().lines();
    let warned = format!("user nobody may not enter {}", home.path().display());
    assert!(notes.iter().any(|line| line.contains(&warned)), "{notes:?}");
}

/// What a hook of a server that is root can get at is more than its author thinks of: so nobody gets
/// that by a directory that happens to be closed.
#[test]
fn programs_do_not_run_as_root_by_accident() {
    if !is_root() {
        return;
    }
    let config = "[[route]]\nexec = { program = \"hook\" }\n";
    let hook = "#!/bin/sh\nhead -c 1 /etc/shadow && echo read\nhead -c 4 /etc/passwd\n";
    let closed = Server::builder().beside("hook", hook).config(config);
    let place = closed.place().to_owned();
    fs::set_permissions(&place, Permissions::from_mode(0o700)).expect("a mode");
    let mut start = Command::new(bootwire());
    start
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(place.join("bootwire.toml"));
    let output = run_to_end(&mut start, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in [
        &format!("user nobody may not enter {}", place.display()),
        "do not run as root by accident",
        "--user root if you mean root",
    ] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }

    // Who means it is told, and root's secrets in /etc stay out of reach.
    fs::set_permissions(&place, Permissions::from_mode(0o755)).expect("a mode");
    let server = closed.flags(["--user", "root"]).start();
    assert_eq!(fetch(&server, "x"), b"root");
    line(&server, "warning: programs run as root");
}

/// A configuration right in a directory with root's secrets takes nothing but itself from there.
#[test]
fn root_gets_the_files_it_needs_of_etc_and_no_others() {
    if !is_root() {
        return;
    }
    let home = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).expect("a mode");
    let secret = tempfile::Builder::new()
        .prefix("bootwire-test-")
        .suffix(".toml")
        .tempfile_in("/etc");
    let Ok(secret) = secret else {
        return; // Somebody keeps /etc read-only.
    };
    fs::write(secret.path(), "[[machine]]\nmac = \"52:54:00:12:34:56\"\n").expect("a file");
    let config = format!(
        "[inventory]\nfiles = \"{}\"\n[[route]]\ndir = \"{}\"\n",
        secret.path().display(),
        home.path().display()
    );
    let builder = Server::builder().config(&config);
    fs::set_permissions(builder.place(), Permissions::from_mode(0o755)).expect("a mode");
    let server = builder.start();
    let sandbox = line(&server, "sandbox: ");
    assert!(sandbox.starts_with("sandbox: user root"), "{sandbox}");
    assert!(!sandbox.contains("read /etc"), "{sandbox}");
}
