//! What each real client sends, as it was measured, and the exact OACK it must get.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr};

use crate::harness::{Packet, Server, Wire, noise, rrq};

/// Options as on the wire, such as `tsize=0 blksize=1468`.
fn options(text: &str) -> Vec<(&str, &str)> {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').expect("name=value"))
        .collect()
}

/// Asks for `/boot/file` of 20,000 bytes and checks the OACK, then reads the file by it.
fn reads_as(server: &Server, client: &mut Wire, asked: &str, granted: &str) {
    client.read("/boot/file", &options(asked));
    let oack = client.expect_oack();
    let expected: Vec<_> = options(granted)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(oack, expected, "asked: {asked}");

    let value = |wanted| {
        oack.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.parse::<u64>().expect("a number"))
    };
    client.ack(0);
    let blksize = usize::try_from(value("blksize").unwrap_or(512)).expect("small");
    let content = client.read_windows(blksize, value("windowsize").unwrap_or(1), 1);
    assert!(content == noise(20_000, 8), "asked: {asked}");
    assert!(server.path("boot/file").exists());
}

/// One row of the table of measured requests: who, what is asked, what is granted.
const READS: [(&str, &str, &str); 21] = [
    ("iPXE", "blksize=1432 tsize=0", "blksize=1432 tsize=20000"),
    (
        "PXELINUX, LPXELINUX, syslinux.efi",
        "tsize=0 blksize=1408",
        "tsize=20000 blksize=1408",
    ),
    (
        "EDK2, size probe",
        "tsize=0 blksize=1468 windowsize=4",
        "tsize=20000 blksize=1468 windowsize=4",
    ),
    (
        "EDK2",
        "blksize=1468 windowsize=4",
        "blksize=1468 windowsize=4",
    ),
    (
        "EDK2 over IPv6",
        "blksize=1228 windowsize=4",
        "blksize=1228 windowsize=4",
    ),
    (
        "shim",
        "blksize=512 windowsize=4",
        "blksize=512 windowsize=4",
    ),
    ("GRUB", "blksize=1024 tsize=0", "blksize=1024 tsize=20000"),
    (
        "U-Boot arm",
        "timeout=5 blksize=1468",
        "timeout=5 blksize=1468",
    ),
    (
        "U-Boot with tftpwindowsize",
        "timeout=5 blksize=1468 windowsize=8",
        "timeout=5 blksize=1468 windowsize=8",
    ),
    (
        "U-Boot x86",
        "timeout=5 tsize=0 blksize=1468",
        "timeout=5 tsize=20000 blksize=1468",
    ),
    ("SLOF, s390-netboot", "blksize=1428", "blksize=1428"),
    (
        "curl",
        "tsize=0 blksize=512 timeout=5",
        "tsize=20000 blksize=512 timeout=5",
    ),
    ("busybox", "tsize=0", "tsize=20000"),
    (
        "busybox -b",
        "blksize=1400 tsize=0",
        "blksize=1400 tsize=20000",
    ),
    (
        "pytftp",
        "blksize=1428 tsize=0 timeout=1",
        "blksize=1428 tsize=20000 timeout=1",
    ),
    (
        "pytftp with windows",
        "blksize=1428 tsize=0 timeout=1 windowsize=16",
        "blksize=1428 tsize=20000 timeout=1 windowsize=16",
    ),
    // 3000 seconds are out of RFC 2349's range: the option is dropped, the request is not refused.
    (
        "npm tftp",
        "blksize=1468 timeout=3000 windowsize=4 rollover=0 tsize=0",
        "blksize=1468 windowsize=4 rollover=0 tsize=20000",
    ),
    (
        "tftpc",
        "blksize=512 tsize=0 windowsize=1 timeout=5",
        "blksize=512 tsize=20000 windowsize=1 timeout=5",
    ),
    (
        "Windows boot manager",
        "tsize=0 blksize=1456 windowsize=4 msftwindow=31416",
        "tsize=20000 blksize=1456 windowsize=4 msftwindow=27182",
    ),
    (
        "u-root",
        "blksize=1450 windowsize=64",
        "blksize=1450 windowsize=32",
    ),
    // Options nobody knows leave the known ones as they are.
    (
        "Qualcomm modems",
        "rsize=100 seek=4 blksize=7680",
        "blksize=7680",
    ),
];

#[test]
fn each_read_request_gets_its_oack() {
    let server = Server::of("boot/file", &noise(20_000, 8));
    for (who, asked, granted) in READS {
        // The Windows boot manager's ACKs have a byte of their own: see windows_boot.
        if who == "Windows boot manager" {
            let mut client = Wire::new(server.address());
            client.read("/boot/file", &options(asked));
            let oack = client.expect_oack();
            let words: Vec<_> = oack
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(words.join(" "), granted);
            client.error(8, "seen enough");
            continue;
        }
        reads_as(&server, &mut Wire::new(server.address()), asked, granted);
    }
    let records = server.finish();
    assert_eq!(records.len(), READS.len());
    let complete = records
        .iter()
        .filter(|record| record.outcome() == "complete")
        .count();
    assert_eq!(complete, READS.len() - 1);
}

#[test]
fn each_read_request_gets_its_oack_over_ipv6() {
    let server = Server::builder()
        .host("[::1]")
        .file("boot/file", &noise(20_000, 8))
        .start();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port()));
    for (_, asked, granted) in READS
        .into_iter()
        .filter(|(_, asked, _)| !asked.contains("msftwindow"))
    {
        reads_as(&server, &mut Wire::new(address), asked, granted);
    }
}

/// tftp-hpa, atftp, netkit, inetutils, tftpy and others ask for nothing.
#[test]
fn a_request_without_options_gets_data() {
    let server = Server::of("boot/file", &noise(20_000, 8));
    let mut client = Wire::new(server.address());
    assert!(client.fetch("/boot/file") == noise(20_000, 8));
    let record = server.finish_with_one();
    assert_eq!(
        (record.number("blksize"), record.number("windowsize")),
        (512, 1)
    );
}

#[test]
fn each_write_request_gets_its_oack() {
    let server = Server::builder().flags(["--create"]).start();
    let content = noise(5_000, 9);
    for (name, asked) in [
        ("u-boot", "timeout=5 tsize=5000 blksize=1468"),
        ("curl", "tsize=5000 blksize=512 timeout=5"),
        ("busybox", "tsize=5000"),
        ("pytftp", "blksize=1428 tsize=5000 timeout=1"),
    ] {
        let mut client = Wire::new(server.address());
        client.write(name, &options(asked));
        let oack = client.expect_oack();
        let words: Vec<_> = oack
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(words.join(" "), asked, "{name}");
        let blksize = options(asked)
            .iter()
            .find(|(name, _)| *name == "blksize")
            .map_or("512", |pair| pair.1);
        client.send_all(&content, blksize.parse().expect("a number"));
        assert!(
            fs::read(server.path(name)).expect("stored") == content,
            "{name}"
        );
    }
}

/// nmap's probe: a packet with opcode 0 gets silence, its request for r7tftp.txt ERROR 1. The
/// port is closed then, and the ICMP error that comes back must not harm the server.
#[test]
fn nmap() {
    let server = Server::of("boot/file", &noise(600, 8));
    let mut client = Wire::new(server.address());
    client.to_listener(&[0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    client.expect_silence(std::time::Duration::from_millis(300));
    client.to_listener(&rrq("r7tftp.txt", "octet", &[]));
    client.expect_error_code(1);

    for _ in 0..20 {
        let gone = Wire::new(server.address());
        gone.to_listener(&rrq("boot/file", "octet", &[]));
        drop(gone);
    }
    let mut next = Wire::new(server.address());
    next.read("boot/file", &[]);
    assert!(
        matches!(next.receive(), Packet::Data { block: 1, .. }),
        "still at work"
    );
}
