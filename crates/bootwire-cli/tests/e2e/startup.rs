//! What the server says when it starts, and when it cannot.

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Ports, Server, Wire, bootwire, dropping_capabilities, run_to_end};

fn serve(words: &[&str]) -> Output {
    run_to_end(
        Command::new(bootwire()).arg("serve").args(words),
        Duration::from_secs(60),
    )
}

/// The words of a start that failed: not on standard output, and no panic.
fn complaint(words: &[&str]) -> String {
    let output = serve(words);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{words:?} worked");
    assert!(
        output.stdout.is_empty(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(
        !told.contains("panicked") && !told.is_empty(),
        "{words:?}: {told}"
    );
    told
}

#[test]
fn it_says_what_is_served_and_where() {
    let server = Server::builder().plain_log().start();
    let told = server.notes().lines().join("\n");
    assert!(
        told.contains(&format!("127.0.0.1:{}", server.port())),
        "{told}"
    );
    assert!(
        told.contains(
            server
                .path("")
                .to_str()
                .expect("text")
                .trim_end_matches('/')
        ),
        "{told}"
    );
}

/// What a server says until it has said all, and when it ends.
fn until_it_serves(words: &[&str]) -> String {
    let mut server = Command::new(bootwire())
        .args(["serve", "--listen", "127.0.0.1:0", "--end-with-stdin"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut told = String::new();
    for line in BufReader::new(server.stderr.take().expect("piped")).lines() {
        let line = line.expect("text");
        // The last of the first lines: from then on it ends when its standard input does.
        if line.starts_with("sandbox: ") {
            drop(server.stdin.take());
        }
        told = told + &line + "\n";
    }
    assert!(server.wait().expect("ended").success(), "{told}");
    told
}

/// The first lines are read by people who want to know whether it works.
#[test]
fn the_first_lines_are_few_and_short() {
    let place = TempDir::new().expect("a directory");
    let config = place.path().join("boot.toml");
    std::fs::write(
        &config,
        "[[route]]\npath = '/motd'\ntext = 'x'\n[[route]]\ndir = '.'\n",
    )
    .expect("a file");
    let config = config.to_str().expect("text");
    let dir = place.path().to_str().expect("text");
    for (words, parts) in [
        (
            &[dir][..],
            &[
                "serves ",
                "uploads: off",
                "private networks (others: --allow)",
            ][..],
        ),
        (&[dir, "--single-port"], &["(single port)"]),
        (&[dir, "--ports", "5000-5099"], &["on ports 5000-5099"]),
        (
            &["--config", config],
            &[
                "boot.toml: 2 routes",
                "private networks (others: allow = [...])",
            ],
        ),
    ] {
        let told = until_it_serves(words);
        let lines: Vec<_> = told
            .lines()
            .filter(|line| !line.starts_with("stopped") && !line.starts_with("warning: user"))
            .filter(|line| !line.starts_with("receive buffer: "))
            .collect();
        assert!(lines.len() <= 6, "{told}");
        assert!(lines.iter().all(|line| line.len() < 120), "{told}");
        for part in parts {
            assert!(
                lines.iter().any(|line| line.contains(part)),
                "{part}: {told}"
            );
        }
    }
}

/// Without the right to more, a server has what the kernel is set to, and says so in one line.
#[test]
fn a_receive_buffer_that_is_capped_is_told() {
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").expect("a setting");
    let most: usize = most.trim().parse().expect("a number");
    let server = Server::builder()
        .plain_log()
        .wrapped(dropping_capabilities())
        .start();
    let told = server.notes().lines().join("\n");
    let lines = told.lines().filter(|line| {
        line.starts_with("receive buffer: ")
            && line.ends_with("capped by net.core.rmem_max: sysctl -w net.core.rmem_max=8388608")
    });
    assert_eq!(lines.count(), usize::from(most < 8 << 20), "{told}");

    let place = TempDir::new().expect("a directory");
    let config = place.path().join("boot.toml");
    std::fs::write(&config, "[[route]]\ntext = 'x'\n").expect("a file");
    let mut command = Command::new(bootwire());
    command.args(["check", "--config"]).arg(config);
    let output = run_to_end(&mut command, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stdout);
    let named = format!("capped at {most} bytes by net.core.rmem_max");
    assert_eq!(told.contains(&named), most < 8 << 20, "{told}");
}

#[test]
fn bad_flags_are_named() {
    for (words, named) in [
        (["--blksize-max", "4"].as_slice(), "--blksize-max"),
        (&["--blksize-max", "70000"], "--blksize-max"),
        (&["--windowsize-max", "0"], "--windowsize-max"),
        (&["--workers", "0"], "--workers"),
        (&["--ports", "9-5"], "--ports"),
        (&["--ports", "x"], "--ports"),
        (&["--allow", "10.0.0.0/99"], "--allow"),
        (&["--log", "xml"], "--log"),
        (&["--listn", "127.0.0.1:0"], "--listen"),
        (&["--create", "--replace"], "--replace"),
        (&["--upload-max", "5"], "--create"),
        (&["--single-port", "--ports", "5000-5010"], "--ports"),
    ] {
        let output = serve(words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {told}");
        assert!(told.contains(named), "{words:?}: {told}");
    }
}

#[test]
fn a_bad_listen_address_is_named() {
    for address in [
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:x",
        "127.0.0.1:70000",
        ":69:",
    ] {
        let told = complaint(&[".", "--listen", address]);
        assert!(told.contains(address), "{told}");
    }
    let told = complaint(&[".", "--listen", "192.0.2.77:16969"]);
    assert!(told.contains("192.0.2.77"), "{told}");
}

#[test]
fn a_directory_that_is_none_is_named() {
    let place = TempDir::new().expect("a directory");
    let file = place.path().join("file");
    std::fs::write(&file, "x").expect("a file");
    for path in [file.to_str().expect("text"), "/no/such/directory"] {
        let told = complaint(&[path, "--listen", "127.0.0.1:0"]);
        assert!(told.contains(path), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        // Once, not as its own cause again.
        assert_eq!(told.matches(path).count(), 1, "{told}");
        assert!(told.matches("os error").count() <= 1, "{told}");
    }
}

#[test]
fn a_port_in_use_says_so_and_what_to_do() {
    let port = Ports::one();
    let _taken = UdpSocket::bind(("127.0.0.1", port.first())).expect("bound");
    let address = format!("127.0.0.1:{}", port.first());
    let told = complaint(&["/tmp", "--listen", &address]);
    assert_eq!(told.lines().count(), 1, "{told}");
    for words in [address.as_str(), "in use", "--listen"] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
}

/// Workers share their port, but two servers must not: half of the requests would go to the wrong
/// one.
#[test]
fn a_second_server_on_the_same_port_is_refused() {
    let server = Server::of("file", b"first");
    let address = format!("127.0.0.1:{}", server.port());
    let told = complaint(&["/tmp", "--listen", &address]);
    let by = format!(
        "in use by Bootwire itself ({address}, process {}), which runs already",
        server.pid()
    );
    assert!(told.contains(&by), "{told}");
    assert_eq!(Wire::new(server.address()).fetch("file"), b"first");
}

/// Without flags it serves the current directory, read-only, on port 69 (which the test has all to
/// itself).
#[test]
fn without_flags_it_serves_the_current_directory() {
    use crate::harness::Isolation;
    if !Isolation::enter("startup::without_flags_it_serves_the_current_directory", "") {
        return;
    }
    let place = TempDir::new().expect("a directory");
    std::fs::write(place.path().join("hello.txt"), "hello").expect("a file");
    let mut server = Command::new(bootwire())
        .arg("serve")
        .current_dir(place.path())
        .spawn()
        .expect("started");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let fetched = loop {
        let mut client = Wire::new("127.0.0.1:69".parse().expect("an address"));
        client.read("hello.txt", &[]);
        if let Some(packet) = client.receive_within(Duration::from_millis(200)) {
            break packet;
        }
        assert!(std::time::Instant::now() < deadline, "nothing on port 69");
    };
    let mut six = Wire::new("[::1]:69".parse().expect("an address"));
    assert_eq!(six.fetch("hello.txt"), b"hello");
    six.write("new", &[]);
    six.expect_error_code(2);
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(
        fetched,
        crate::harness::Packet::Data {
            block: 1,
            payload: b"hello".to_vec()
        }
    );
}

/// All of IPv4 beside all of IPv6, and one address beside all of them: none of it is in anybody's way.
#[test]
fn addresses_of_both_kinds_are_listened_on_together() {
    use crate::harness::Isolation;
    if !Isolation::enter(
        "startup::addresses_of_both_kinds_are_listened_on_together",
        "",
    ) {
        return;
    }
    for flags in [[].as_slice(), &["--single-port"], &["--workers", "1"]] {
        for others in [&["[::]"][..], &["127.0.0.1", "[::]"], &["[::]", "[::1]"]] {
            let builder = Server::builder().file("file", b"content").host("0.0.0.0");
            let port = builder.port();
            let listen = others
                .iter()
                .flat_map(|other| ["--listen".to_owned(), format!("{other}:{port}")]);
            let server = builder.flags(listen).flags(flags).start();
            for asked in ["127.0.0.1", "127.0.0.2", "[::1]"] {
                let address = format!("{asked}:{port}").parse().expect("an address");
                let mut client = Wire::new(address);
                assert_eq!(client.fetch("file"), b"content", "{others:?} {flags:?}");
                assert_eq!(client.tid().ip(), address.ip(), "{others:?} {flags:?}");
            }
            assert_eq!(server.finish().len(), 3);
        }
    }
}

#[test]
fn help_has_examples() {
    for command in ["serve", "get", "put"] {
        let output = run_to_end(
            Command::new(bootwire()).args([command, "--help"]),
            Duration::from_secs(60),
        );
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && told.contains(&format!("bootwire {command} ")),
            "{told}"
        );
        assert!(told.contains("Examples:"), "{told}");
    }
    for (words, expected) in [
        (["completions", "bash"].as_slice(), "bootwire"),
        (&["man"], ".TH"),
    ] {
        let output = run_to_end(
            Command::new(bootwire()).args(words),
            Duration::from_secs(60),
        );
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(expected),
            "{words:?}: {output:?}"
        );
    }
}
