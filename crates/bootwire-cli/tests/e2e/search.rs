//! Boot loaders look for their configuration name by name: misses must be quick and clean.

use std::time::{Duration, Instant};

use crate::harness::{Server, Wire, noise};

/// The names PXELINUX tries, for 192.0.2.91.
const PXELINUX: [&str; 9] = [
    "pxelinux.cfg/01-52-54-00-12-34-56",
    "pxelinux.cfg/C000025B",
    "pxelinux.cfg/C000025",
    "pxelinux.cfg/C00002",
    "pxelinux.cfg/C0000",
    "pxelinux.cfg/C000",
    "pxelinux.cfg/C00",
    "pxelinux.cfg/C0",
    "pxelinux.cfg/C",
];

const SYSLINUX: [(&str, &str); 2] = [("tsize", "0"), ("blksize", "1408")];

/// Asks for a name that is not there; the answer must be ERROR 1, and come before a loader gives up.
fn misses(client: &mut Wire, name: &str, options: &[(&str, &str)]) {
    let asked = Instant::now();
    client.read(name, options);
    let (code, text) = client.expect_error();
    assert_eq!((code, text.as_str()), (1, "File not found"), "{name}");
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{name} took {:?}",
        asked.elapsed()
    );
}

/// Reads a file as syslinux does.
fn reads(client: &mut Wire, name: &str, content: &[u8]) {
    client.read(name, &SYSLINUX);
    assert_eq!(client.expect_oack()[0].1, content.len().to_string());
    client.ack(0);
    assert!(client.read_rest(1408, 1) == content, "{name}");
}

#[test]
fn pxelinux_walks_to_default() {
    let config = b"DEFAULT linux\n".repeat(200);
    let server = Server::of("pxelinux.cfg/default", &config);
    for name in PXELINUX {
        misses(&mut Wire::new(server.address()), name, &SYSLINUX);
    }
    reads(
        &mut Wire::new(server.address()),
        "pxelinux.cfg/default",
        &config,
    );
    let records = server.finish();
    assert_eq!(records.len(), PXELINUX.len() + 1);
    assert!(
        records[..PXELINUX.len()]
            .iter()
            .all(|record| record.outcome() == "not_found")
    );
}

/// LPXELINUX does it all from port 49153: each request replaces what the server still holds for
/// it, right after an ERROR and right after a file.
#[test]
fn lpxelinux_uses_one_port_for_everything() {
    let config = b"DEFAULT linux\n".repeat(200);
    let kernel = noise(150_000, 14);
    let server = Server::builder()
        .file("pxelinux.cfg/default", &config)
        .file("vmlinuz", &kernel)
        .start();
    let mut client = Wire::new(server.address());
    for name in PXELINUX {
        misses(&mut client, name, &SYSLINUX);
    }
    reads(&mut client, "pxelinux.cfg/default", &config);
    reads(&mut client, "vmlinuz", &kernel);
    // The same file again: after a reboot everything is asked for once more.
    reads(&mut client, "vmlinuz", &kernel);
    let complete = server
        .finish()
        .iter()
        .filter(|record| record.outcome() == "complete")
        .count();
    assert_eq!(complete, 3);
}

/// A machine that is switched off in the middle of a file and asks for another one from the same
/// port: the old transfer gives way at once.
#[test]
fn another_file_from_the_same_port_replaces_the_old_transfer() {
    let server = Server::builder()
        .file("first", &noise(90_000, 14))
        .file("second", &noise(9_000, 15))
        .start();
    let mut client = Wire::new(server.address());
    client.read("first", &[]);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);

    client.read("second", &SYSLINUX);
    client.expect_oack();
    client.ack(0);
    assert!(client.read_rest(1408, 1) == noise(9_000, 15));
    client.expect_silence(Duration::from_secs(1));
    let mut ends: Vec<_> = server
        .finish()
        .iter()
        .map(|record| format!("{} {}", record.path(), record.outcome()))
        .collect();
    ends.sort();
    assert_eq!(ends, ["/first client_abort", "/second complete"]);
}

/// SLOF and s390-netboot ask from port 2001 at every boot, so after a reset the same file is asked
/// for from the same port while the server still waits for the ACK of block 3.
#[test]
fn the_same_file_after_a_reset() {
    let content = noise(90_000, 14);
    let server = Server::of("kernel", &content);
    let mut client = Wire::new(server.address());
    client.read("kernel", &[("blksize", "1428")]);
    client.expect_oack();
    client.ack(0);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);
    client.ack(2);
    client.drain(Duration::from_secs(3), Duration::from_secs(3));

    let asked = Instant::now();
    client.forget();
    client.read("kernel", &[("blksize", "1428")]);
    // What the server still had on its way may arrive first.
    while !matches!(client.receive(), crate::harness::Packet::Oack(_)) {
        client.forget();
        assert!(
            asked.elapsed() < Duration::from_secs(20),
            "no OACK for the new boot"
        );
    }
    client.ack(0);
    let mut received = client.await_data(1);
    client.ack(1);
    received.extend(client.read_rest(1428, 2));
    assert!(received == content);
}

#[test]
fn ipxe_looks_for_autoexec_first() {
    let script = b"#!ipxe\nchain boot.ipxe\n";
    let server = Server::of("boot.ipxe", script);
    let ipxe = [("blksize", "1432"), ("tsize", "0")];
    misses(&mut Wire::new(server.address()), "autoexec.ipxe", &ipxe);
    let mut client = Wire::new(server.address());
    client.read("boot.ipxe", &ipxe);
    client.expect_oack();
    client.ack(0);
    assert_eq!(client.read_rest(1432, 1), script);
}

/// shim asks for three files that are normally not there.
#[test]
fn shim_asks_for_its_revocations() {
    let server = Server::of("grubx64.efi", &noise(5_000, 14));
    let shim = [("blksize", "512"), ("windowsize", "4")];
    for name in [
        "revocations_sku.efi",
        "revocations_sbat.efi",
        "shim_certificate_0.efi",
    ] {
        misses(&mut Wire::new(server.address()), name, &shim);
    }
    let mut client = Wire::new(server.address());
    client.read("grubx64.efi", &shim);
    assert_eq!(client.expect_oack().len(), 2);
    client.ack(0);
    assert!(client.read_windows(512, 4, 1) == noise(5_000, 14));
}

/// Names as boot loaders join them: doubled slashes, leading ones, `dir/../name`, backslashes.
#[test]
fn names_are_normalised() {
    let server = Server::builder()
        .file("boot/grub/grub.cfg", b"set timeout=0\n")
        .start();
    for name in [
        "boot/grub/grub.cfg",
        "/boot/grub/grub.cfg",
        "//boot//grub///grub.cfg",
        "boot/./grub/grub.cfg",
        "boot/efi/../grub/grub.cfg",
        "\\boot\\grub\\grub.cfg",
    ] {
        assert_eq!(
            Wire::new(server.address()).fetch(name),
            b"set timeout=0\n",
            "{name}"
        );
    }
    for record in server.finish() {
        assert_eq!(record.path(), "/boot/grub/grub.cfg");
    }
}

/// U-Boot goes on or stops by the code alone: 1 for what is missing, 2 for what is not allowed; on
/// any other it starts over for ever.
#[test]
fn u_boot_is_stopped_by_the_right_codes() {
    let server = Server::of("there", b"x");
    let asked = [("timeout", "5"), ("blksize", "1468")];
    let mut client = Wire::new(server.address());
    client.read("extlinux/extlinux.conf", &asked);
    client.expect_error_code(1);
    client.write("there", &asked);
    client.expect_error_code(2);
    client.read("../../etc/passwd", &asked);
    client.expect_error_code(2);
    // It asks for directories when it knows no file name.
    for directory in ["/", "dtb/", "/debian-installer/armhf/dtbs/"] {
        client.read(directory, &asked);
        let (code, text) = client.expect_error();
        assert!(matches!(code, 1 | 2), "{directory}: {code} {text}");
    }
}
