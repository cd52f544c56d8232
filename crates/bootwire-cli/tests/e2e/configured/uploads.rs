//! Uploads by rule: who may put what where, under which name, and what happens then.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use crate::harness::{Extras, Server, Tool, Wire, expect_listing, noise};

const LAB: &str = "127.0.2.1";
const OFFICE: &str = "127.0.3.1";

fn client(address: &str, server: &Server) -> Wire {
    Wire::from(
        address.parse::<IpAddr>().expect("an address"),
        server.address(),
    )
}

fn put(client: &mut Wire, name: &str, content: &[u8]) {
    client.write(name, &[]);
    client.expect_ack(0);
    client.send_all(content, 512);
}

fn refused(client: &mut Wire, name: &str) -> u16 {
    client.write(name, &[]);
    client.expect_error().0
}

#[test]
fn each_subnet_has_its_directory_and_its_rule() {
    let builder = Server::builder()
        .file("lab/.keep", b"")
        .file("office/.keep", b"")
        .config(
            r#"
            [[route]]
            path = "/backup/{*path}"
            upload = "root/lab"
            existing = "versioned"
            from = "127.0.2.0/24"
            create_dirs = true
            [[route]]
            path = "/backup/{*path}"
            upload = "root/office"
            from = "127.0.3.0/24"
            size_max = "2 KiB"
            mode = "0600"
            [[route]]
            dir = "root"
            "#,
        );
    let server = builder.start();
    let mut lab = client(LAB, &server);
    put(&mut lab, "backup/rack1/switch", &noise(3_000, 8));
    put(&mut lab, "backup/rack1/switch", &noise(3_000, 9));
    let mut office = client(OFFICE, &server);
    put(&mut office, "backup/switch", &noise(1_000, 8));
    assert_eq!(
        refused(&mut office, "backup/switch"),
        6,
        "it is there already"
    );
    office.write("backup/large", &[("tsize", "3000")]);
    assert_eq!(office.expect_error().0, 3, "larger than allowed");
    let mut stranger = Wire::new(server.address());
    assert_eq!(
        refused(&mut stranger, "backup/switch"),
        2,
        "nobody's subnet"
    );

    assert!(fs::read(server.path("lab/rack1/switch")).expect("stored") == noise(3_000, 9));
    let kept = fs::read_dir(server.path("lab/rack1"))
        .expect("a directory")
        .count();
    assert_eq!(kept, 2, "and the version before");
    expect_listing(&server.path("office"), &[".keep", "switch"]);
    let mode = fs::metadata(server.path("office/switch"))
        .expect("stored")
        .permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    // What was put can be fetched where a route says so.
    assert!(Wire::new(server.address()).fetch("office/switch") == noise(1_000, 8));
}

#[test]
fn real_clients_put_files() {
    let server = Server::builder()
        .config("[[route]]\nupload = \"root\"\nexisting = \"replace\"\n")
        .start();
    let local = server.outside().join("local");
    fs::write(&local, noise(100_000, 3)).expect("a file");
    for tool in [Tool::Curl, Tool::Atftp, Tool::TftpHpa] {
        let name = format!("from-{tool:?}");
        tool.put(server.address(), &local, &name, Extras::default());
        assert!(fs::read(server.path(&name)).expect("stored") == noise(100_000, 3));
    }
}

/// Whoever does not know the suffix cannot put anything; who does sees it nowhere again.
#[test]
fn a_secret_suffix_is_asked_for_cut_off_and_never_told() {
    const SECRET: &str = "hunter2hunter2";
    let server = Server::builder()
        .beside("secret", format!("{SECRET}\n"))
        .config("[[route]]\nupload = \"root\"\nsecret_suffix_file = \"secret\"\n")
        .start();
    let mut client = Wire::new(server.address());
    for name in [
        "switch",
        "switch.hunter2",
        "switch.hunter2hunter3",
        "switch.hunter2hunter2x",
        "hunter2hunter2",
        "switchhunter2hunter2",
    ] {
        assert_eq!(refused(&mut client, name), 2, "{name}");
    }
    put(&mut client, &format!("switch.{SECRET}"), b"config");
    expect_listing(&server.path(""), &["switch"]);
    let lines = server.log().wait(Duration::from_secs(30), |lines| {
        (lines.len() >= 7).then(|| lines.to_vec())
    });
    let told = [lines.expect("seven records"), server.notes().lines()].concat();
    let complete = told.iter().filter(|line| line.contains("\"complete\""));
    assert_eq!(complete.count(), 1);
    assert!(
        !told
            .iter()
            .any(|line| line.contains(&format!("switch.{SECRET}\""))),
        "{told:#?}"
    );
}

#[test]
fn a_program_is_run_when_a_file_is_complete() {
    let script = "#!/bin/sh\n\
        printf '%s|' \"$1\" \"$BOOTWIRE_PATH\" \"$BOOTWIRE_SIZE\" \"$BOOTWIRE_PEER\" > \"$BOOTWIRE_FILE.seen\"\n";
    let server = Server::builder()
        .beside("finished", script)
        .config(
            r#"
            [[route]]
            path = "/up/{*path}"
            upload = "root"
            finished = { program = "finished", args = ["{size}"] }
            "#,
        )
        .start();
    let mut client = Wire::new(server.address());
    put(&mut client, "up/switch", &noise(1_234, 8));
    // One that breaks off is not complete.
    client.write("up/broken", &[]);
    client.expect_ack(0);
    client.data(1, &[0; 512]);
    client.expect_ack(1);
    client.error(0, "enough");
    expect_listing(&server.path(""), &["switch", "switch.seen"]);
    let seen = || fs::read_to_string(server.path("switch.seen")).expect("there");
    let begun = std::time::Instant::now();
    while seen().is_empty() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(seen(), "1234|/up/switch|1234|127.0.0.1|");
}

/// A program that fails is told, the upload stays.
#[test]
fn a_program_that_fails_after_an_upload_is_told() {
    let server = Server::builder()
        .beside("finished", "#!/bin/sh\necho cannot commit >&2\nexit 3\n")
        .config("[[route]]\nupload = \"root\"\nfinished = { program = \"finished\" }\n")
        .start();
    put(&mut Wire::new(server.address()), "switch", b"config");
    super::expect_note(&server, &["switch", "cannot commit"]);
    expect_listing(&server.path(""), &["switch"]);
}
