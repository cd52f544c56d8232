//! Names that are not those of files: expressions, the client in names, a directory for each client.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;

use super::error;
use super::web::{Object, Web};
use crate::harness::{Extras, Server, Tool, Wire, noise};

/// A map of tftp-hpa and what it did, asked by real clients.
#[test]
fn real_clients_ask_through_expressions() {
    let server = Server::builder()
        .file("efi/boot.efi", b"loader")
        .file("x.pvt", b"private settings")
        .config(
            r#"
            [[route]]
            regex = '\\'
            as_sent = true
            replace = "/"
            repeat = true
            [[route]]
            regex = '^[a-z]:'
            as_sent = true
            case = "ignore"
            replace = ""
            [[route]]
            regex = '^/secret/'
            refuse = "denied"
            [[route]]
            path = "/{*stem}.PVT"
            rewrite = "/{stem}.pvt"
            [[route]]
            dir = "root"
            "#,
        )
        .start();
    let local = server.outside().join("local");
    for tool in Tool::ALL {
        for (name, content) in [("efi/boot.efi", "loader"), ("x.PVT", "private settings")] {
            tool.get(server.address(), name, &local, Extras::default());
            assert_eq!(
                fs::read(&local).expect("fetched"),
                content.as_bytes(),
                "{tool:?}"
            );
        }
    }
    for name in [r"C:\efi\boot.efi", r"\efi\\boot.efi", "c:efi/boot.efi"] {
        assert_eq!(Wire::new(server.address()).fetch(name), b"loader", "{name}");
    }
    assert_eq!(error(&server, r"\secret\x").0, 2);
}

#[test]
fn a_client_gets_its_own_directory_and_no_other() {
    let server = Server::builder()
        .file("127.0.0.7/menu", b"for seven")
        .file("127.0.0.8/menu", b"for eight")
        .file("7F000009/menu", b"for nine")
        .file("common", b"common")
        .config(
            r#"
            [[route]]
            path = "/hex/{*path}"
            dir = "root/{client:hex}"
            [[route]]
            dir = "root"
            per_client = "address"
            fallback = "none"
            "#,
        )
        .start();
    let client = |last| Wire::from(Ipv4Addr::new(127, 0, 0, last).into(), server.address());
    assert_eq!(client(7).fetch("menu"), b"for seven");
    assert_eq!(client(8).fetch("/menu"), b"for eight");
    assert_eq!(client(9).fetch("hex/menu"), b"for nine");
    for (last, name) in [
        (7, "common"),
        (7, "127.0.0.8/menu"),
        (7, "x/../127.0.0.8/menu"),
        (7, "hex/menu"),
        (9, "menu"),
        (9, "127.0.0.8/menu"),
    ] {
        let mut client = client(last);
        client.read(name, &[]);
        client.expect_error_code(1);
    }
}

#[test]
fn only_files_that_are_there_take_uploads() {
    let server = Server::builder()
        .file("open", b"old")
        .file("closed", b"old")
        .config("[[route]]\nupload = \"root\"\nexisting = \"overwrite\"\npublic_only = true\n")
        .start();
    let mode = |name: &str, mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(server.path(name), mode).expect("a file of ours");
    };
    mode("open", 0o666);
    mode("closed", 0o644);
    let local = server.outside().join("local");
    fs::write(&local, noise(10_000, 3)).expect("a file");
    for tool in [Tool::Curl, Tool::TftpHpa] {
        tool.put(server.address(), &local, "open", Extras::default());
        assert!(fs::read(server.path("open")).expect("stored") == noise(10_000, 3));
        let now = fs::metadata(server.path("open"))
            .expect("there")
            .permissions();
        assert_eq!(now.mode() & 0o777, 0o666, "{tool:?}");
    }
    for (name, code) in [("closed", 2), ("new", 1)] {
        let mut client = Wire::new(server.address());
        client.write(name, &[]);
        client.expect_error_code(code);
    }
    server.expect_listing(&["closed", "open"]);
}

#[test]
fn links_may_lead_anywhere_and_options_be_refused() {
    let server = Server::builder()
        .file("here", b"here")
        .beside("elsewhere/image", b"far away")
        .config(
            r#"
            [sandbox]
            read = "elsewhere"
            [[quirk]]
            refuse_options = ["blksize", "tsize"]
            [[route]]
            dir = "root"
            links = "anywhere"
            "#,
        )
        .start();
    let far = server
        .path("here")
        .parent()
        .and_then(|root| root.parent())
        .map(|top| top.join("elsewhere/image"));
    std::os::unix::fs::symlink(far.expect("beside"), server.path("link")).expect("a link");
    let mut client = Wire::new(server.address());
    client.read(
        "link",
        &[("blksize", "1468"), ("tsize", "0"), ("windowsize", "2")],
    );
    assert_eq!(
        client.expect_oack(),
        [("windowsize".to_owned(), "2".to_owned())]
    );
    client.ack(0);
    assert_eq!(client.read_windows(512, 2, 1), b"far away");
    client.forget();
    client.read("link", &[("blksize", "1468")]);
    assert_eq!(
        client.expect_data(1),
        b"far away",
        "no option is left, and no OACK"
    );
}

#[test]
fn a_password_in_a_file_opens_an_origin() {
    let web = Web::of([("image", Object::new(b"behind a password".to_vec(), "1"))]);
    let server = Server::builder()
        .beside("password", "ann:hunter2\n")
        .config(&format!(
            "{}basic_file = \"password\"\n[[route]]\norigin = \"o\"\n",
            web.origin("o")
        ))
        .start();
    assert_eq!(
        Wire::new(server.address()).fetch("image"),
        b"behind a password"
    );
    let asked = web.asked();
    assert!(!asked.is_empty());
    for request in asked {
        assert_eq!(request.headers["authorization"], "Basic YW5uOmh1bnRlcjI=");
    }
    let told = [server.log().lines(), server.notes().lines()].concat();
    assert!(
        !told.iter().any(|line| line.contains("hunter2")),
        "{told:#?}"
    );
}
