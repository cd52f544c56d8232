//! Which route answers, and with what options.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::error;
use crate::harness::{Extras, Packet, Server, Tool, Wire, noise};

fn text(server: &Server, path: &str) -> String {
    String::from_utf8(Wire::new(server.address()).fetch(path)).expect("text")
}

#[test]
fn parameters_have_types() {
    let server = Server::builder()
        .config(
            r#"
            [[route]]
            path = "/grub/grub.cfg-01-{mac}"
            text = "mac {mac}"
            [[route]]
            path = "/pxelinux.cfg/{ip:hex}"
            text = "ip {ip}"
            [[route]]
            path = "/pxelinux.cfg/{uuid}"
            text = "uuid {uuid}"
            [[route]]
            path = "/{arch}/{serial}.cfg"
            text = "{serial} is an {arch}, {{so}}"
            [[route]]
            path = "/{*rest}"
            text = "rest {rest}"
            "#,
        )
        .start();
    for (path, expected) in [
        (
            "grub/grub.cfg-01-52-54-00-AB-CD-EF",
            "mac 52:54:00:ab:cd:ef",
        ),
        ("pxelinux.cfg/C0A80207", "ip 192.168.2.7"),
        (
            "pxelinux.cfg/4C4C4544-0042-3510-8051-b4c04f4d3233",
            "uuid 4c4c4544-0042-3510-8051-b4c04f4d3233",
        ),
        ("x86_64-efi/CZ1234.cfg", "CZ1234 is an x86_64-efi, {so}"),
        (
            "grub//grub.cfg-01-52-54-00",
            "rest grub/grub.cfg-01-52-54-00",
        ),
        ("\\pxelinux.cfg\\C0A802", "rest pxelinux.cfg/C0A802"),
    ] {
        assert_eq!(text(&server, path), expected, "{path}");
    }
}

#[test]
fn a_file_is_named_without_the_directories_of_its_route() {
    let server = Server::builder()
        .file("configs/r1", b"in a directory of the same name")
        .file("r1", b"r1")
        .file("lab/r1.cfg", b"lab")
        .config(
            r#"
            [[route]]
            path = "/configs/{name}"
            dir = "root"
            [[route]]
            path = "/of/{site}/{name}.cfg"
            dir = "root"
            [[route]]
            path = "/configs/{name}"
            upload = "root"
            [[route]]
            dir = "root"
            "#,
        )
        .start();
    assert_eq!(text(&server, "configs/r1"), "r1");
    assert_eq!(text(&server, "of/lab/r1.cfg"), "lab");
    let mut client = Wire::new(server.address());
    client.write("configs/r2", &[]);
    client.expect_ack(0);
    client.send_all(b"hostname r2", 512);
    assert_eq!(text(&server, "r2"), "hostname r2");
}

#[test]
fn conditions_choose_among_routes() {
    let server = Server::builder()
        .host("0.0.0.0")
        .config(
            r#"
            [[route]]
            path = "/f"
            from = "127.0.2.0/24"
            text = "from the lab"
            [[route]]
            path = "/f"
            to = "127.0.0.9"
            text = "to the other address"
            [[route]]
            path = "/f"
            option = ["tsize", "blksize=1468"]
            text = "with options"
            [[route]]
            path = "/f"
            interface = "no-such-card"
            text = "over another card"
            [[route]]
            path = "/f"
            interface = "lo"
            without_option = "blksize"
            text = "over loopback"
            [[route]]
            path = "/f"
            text = "the rest"
            "#,
        )
        .start();
    let lab = IpAddr::from([127, 0, 2, 5]);
    assert_eq!(
        Wire::from(lab, server.address()).fetch("f"),
        b"from the lab"
    );
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), server.port()));
    assert_eq!(Wire::new(other).fetch("f"), b"to the other address");
    assert_eq!(text(&server, "f"), "over loopback");
    let with = |options: &[(&str, &str)]| {
        let mut client = Wire::new(server.address());
        client.read("f", options);
        client.expect_oack();
        client.ack(0);
        client.expect_data(1)
    };
    assert_eq!(
        with(&[("tsize", "0"), ("blksize", "1468")]),
        b"with options"
    );
    assert_eq!(with(&[("blksize", "1468")]), b"the rest");
    assert_eq!(with(&[("tsize", "0")]), b"over loopback");
}

#[test]
fn texts_empty_files_and_refusals() {
    let server = Server::builder()
        .config(
            r#"
            [[route]]
            path = "/{name}.lst"
            empty = true
            [[route]]
            path = "/later"
            refuse = "busy"
            [[route]]
            path = "/stop"
            refuse = { code = 2, text = "Netboot is off for this rack" }
            [[route]]
            path = "/none"
            refuse = "not-found"
            "#,
        )
        .start();
    assert_eq!(text(&server, "command.lst"), "");
    assert_eq!(error(&server, "later").0, 0);
    let stop = (2, "Netboot is off for this rack".to_owned());
    assert_eq!(error(&server, "stop"), stop);
    assert_eq!(error(&server, "none").0, 1);
    assert_eq!(error(&server, "nobody-has-this").0, 1);
    let mut client = Wire::new(server.address());
    client.write("upload", &[]);
    client.expect_error_code(2);
}

#[test]
fn rewrites_rename_for_one_route_or_for_all_that_follow() {
    let server = Server::builder()
        .file("debian/amd64/linux", b"linux")
        .file("debian/amd64/grub.cfg", b"menu")
        .beside("secret", "secret")
        .config(
            r#"
            [[route]]
            path = "/old/{arch}/{*path}"
            rewrite = "/debian/{arch}/{path}"
            [[route]]
            path = "/kernel-{arch}"
            rewrite = "/debian/{arch}/linux"
            dir = "root"
            [[route]]
            path = "/debian/{*path}"
            dir = "root/debian"
            "#,
        )
        .start();
    assert_eq!(text(&server, "old/amd64/grub.cfg"), "menu");
    assert_eq!(text(&server, "kernel-amd64"), "linux");
    assert_eq!(text(&server, "debian/amd64/linux"), "linux");
    // Read as a path before it is renamed.
    assert_eq!(error(&server, "old/amd64/../../secret").0, 1);
    assert_eq!(error(&server, "old/amd64/../../../secret").0, 2);
}

#[test]
fn a_chain_is_tried_in_order() {
    let server = Server::builder()
        .file("own/a", b"own a")
        .file("shared/a", b"shared a")
        .file("shared/b", b"shared b")
        .beside("templates/made.j2", "made for {{ request.path }}")
        .config(
            r#"
            [templates]
            dir = "templates"
            [[route]]
            path = "/boot/{*path}"
            try = [
                { dir = "root/own" },
                { dir = "root/shared" },
                { template = "made.j2", unknown = "render" },
            ]
            "#,
        )
        .start();
    assert_eq!(text(&server, "boot/a"), "own a");
    assert_eq!(text(&server, "boot/b"), "shared b");
    assert_eq!(text(&server, "boot/c"), "made for /boot/c");
    // Real clients too.
    let local = server.outside().join("local");
    for tool in Tool::ALL {
        tool.get(server.address(), "boot/b", &local, Extras::default());
        assert_eq!(
            std::fs::read(&local).expect("fetched"),
            b"shared b",
            "{tool:?}"
        );
    }
}

/// Options as granted.
fn granted(server: &Server, path: &str, options: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut client = Wire::new(server.address());
    client.read(path, options);
    let granted = client.expect_oack();
    client.error(8, "enough");
    granted
}

#[test]
fn routes_and_quirks_cap_options() {
    let content = noise(4_000, 1);
    let server = Server::builder()
        .file("file", &content)
        .file("grub/grub.cfg-01-b8-27-eb-00-00-01", &content)
        .config(
            r#"
            windowsize_max = 32
            [[quirk]]
            name = "U-Boot behind a tunnel"
            from = "127.0.2.0/24"
            option = "timeout"
            blksize_max = 1024
            windowsize_max = 4
            [[quirk]]
            name = "no options"
            path = "/plain/{*path}"
            options = false
            [[quirk]]
            name = "raspberries"
            mac = "b8:27:eb"
            blksize_max = 900
            [[route]]
            path = "/small/{*path}"
            dir = "root"
            blksize_max = 1200
            windowsize_max = 8
            [[route]]
            path = "/plain/{*path}"
            dir = "root"
            [[route]]
            dir = "root"
            "#,
        )
        .start();
    let asked = [("blksize", "1468"), ("windowsize", "64")];
    let values = |path: &str, options: &[(&str, &str)]| -> Vec<String> {
        let granted = granted(&server, path, options);
        granted.into_iter().map(|(_, value)| value).collect()
    };
    assert_eq!(values("file", &asked), ["1468", "32"]);
    assert_eq!(values("small/file", &asked), ["1200", "8"]);
    let raspberry = "grub/grub.cfg-01-b8-27-eb-00-00-01";
    assert_eq!(values(raspberry, &asked), ["900", "32"]);

    let mut uboot = Wire::from(IpAddr::from([127, 0, 2, 5]), server.address());
    uboot.read("small/file", &[("timeout", "5"), asked[0], asked[1]]);
    let granted: Vec<_> = uboot
        .expect_oack()
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(granted, ["5", "1024", "4"], "the tightest of both");
    uboot.error(8, "enough");

    let mut plain = Wire::new(server.address());
    plain.read("plain/file", &asked);
    assert!(plain.read_rest(512, 1) == content, "no OACK");
}

/// Avionics: after block 65535 comes block 1.
#[test]
fn block_numbers_roll_over_as_the_route_says() {
    let content = noise(8 * 65_540, 2);
    let server = Server::builder()
        .file("file", &content)
        .config("[[route]]\ndir = \"root\"\nrollover = 1\n")
        .start();
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "8"), ("windowsize", "32")]);
    client.expect_oack();
    client.ack(0);
    let (mut got, mut next, mut seen) = (Vec::new(), 1_u16, 0);
    loop {
        let Packet::Data { block, payload } = client.receive() else {
            panic!("DATA was due")
        };
        if block != next {
            client.ack(if next == 1 { 65_535 } else { next - 1 });
            seen = 0;
            continue;
        }
        got.extend_from_slice(&payload);
        seen += 1;
        if seen == 32 || payload.len() < 8 {
            client.ack(block);
            seen = 0;
        }
        if payload.len() < 8 {
            break;
        }
        next = if next == 65_535 { 1 } else { next + 1 };
    }
    assert!(got == content);
}

#[test]
fn labels_are_in_the_record() {
    let server = Server::builder()
        .config("[[route]]\npath = \"/f\"\ntext = \"x\"\nlabels = { rack = \"r7\" }\n")
        .start();
    assert_eq!(text(&server, "f"), "x");
    let record = server.finish_with_one();
    assert_eq!(record.field("labels").to_string(), r#"[["rack","r7"]]"#);
    assert_eq!(record.text("route"), "/f");
}
