//! Real clients send files.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr};

use tempfile::TempDir;

use crate::harness::{Extras, Server, Tool, noise, text};

const SIZES: [usize; 11] = [0, 1, 511, 512, 513, 1024, 1427, 1428, 1429, 2856, 100_000];

/// Sends a file of every size in [`SIZES`] and compares what the server stored.
fn sends_all_sizes(tool: Tool, variants: &[Extras]) {
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a place for files");
    for (nth, &extras) in variants.iter().enumerate() {
        for size in SIZES {
            let local = here.path().join(format!("{size}.bin"));
            fs::write(&local, noise(size, 2)).expect("a file");
            let remote = format!("{nth}-{size}.bin");
            tool.put(server.address(), &local, &remote, extras);
            // The last ACK leaves only when the file is in place.
            let stored = fs::read(server.path(&remote)).expect("stored");
            assert!(
                stored == noise(size, 2),
                "{tool:?} {extras:?}: {size} bytes stored as {}",
                stored.len()
            );
        }
    }

    assert_eq!(
        server.listing().len(),
        SIZES.len() * variants.len(),
        "nothing else was left behind"
    );
    let records = server.finish();
    assert_eq!(records.len(), SIZES.len() * variants.len());
    for record in records {
        assert_eq!(record.outcome(), "complete", "{record:?}");
        assert!(
            record
                .path()
                .ends_with(&format!("-{}.bin", record.number("bytes"))),
            "{record:?}"
        );
    }
}

#[test]
fn atftp_writes_octet() {
    let sized = Extras {
        tsize: true,
        ..Extras::blksize(1428)
    };
    sends_all_sizes(Tool::Atftp, &[Extras::default(), sized]);
}

#[test]
fn atftp_writes_with_windows() {
    let windowed = Extras {
        windowsize: Some(8),
        ..Extras::blksize(1428)
    };
    sends_all_sizes(Tool::Atftp, &[windowed]);
}

#[test]
fn bootwire_writes_octet() {
    let lockstep = Extras {
        windowsize: Some(1),
        ..Extras::blksize(512)
    };
    sends_all_sizes(Tool::Bootwire, &[Extras::default(), lockstep]);
}

#[test]
fn busybox_writes_octet() {
    sends_all_sizes(Tool::Busybox, &[Extras::default(), Extras::blksize(1428)]);
}

#[test]
fn curl_writes_octet() {
    let plain = Extras {
        plain: true,
        ..Extras::default()
    };
    sends_all_sizes(
        Tool::Curl,
        &[Extras::default(), Extras::blksize(1428), plain],
    );
}

#[test]
fn tftp_hpa_writes_octet() {
    sends_all_sizes(Tool::TftpHpa, &[Extras::default()]);
}

#[test]
fn tftpy_writes_octet() {
    sends_all_sizes(Tool::Tftpy, &[Extras::default(), Extras::blksize(1428)]);
}

/// Sends text in netascii; the server turns it back into what the client has.
fn sends_text(tool: Tool) {
    let content = text(60_000);
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("notes.txt");
    fs::write(&local, &content).expect("a file");
    tool.put(server.address(), &local, "notes.txt", Extras::netascii());
    assert!(
        fs::read(server.path("notes.txt")).expect("stored") == content,
        "{tool:?} changed the text"
    );
    let record = server.finish_with_one();
    assert_eq!(
        (record.outcome(), record.text("mode")),
        ("complete", "netascii")
    );
}

#[test]
fn atftp_writes_netascii() {
    sends_text(Tool::Atftp);
}

#[test]
fn bootwire_writes_netascii() {
    sends_text(Tool::Bootwire);
}

#[test]
fn tftp_hpa_writes_netascii() {
    sends_text(Tool::TftpHpa);
}

/// curl says netascii but sends the file as it is: bare LF must stay LF.
#[test]
fn curl_writes_netascii() {
    let content: Vec<u8> = text(20_000)
        .into_iter()
        .filter(|&byte| byte != b'\r')
        .collect();
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("notes.txt");
    fs::write(&local, &content).expect("a file");
    Tool::Curl.put(server.address(), &local, "notes.txt", Extras::netascii());
    assert!(fs::read(server.path("notes.txt")).expect("stored") == content);
}

/// A name with spaces in a directory that is there.
#[test]
fn names_with_spaces_and_subdirectories() {
    for tool in Tool::ALL {
        let server = Server::builder()
            .file("sub dir/.keep", b"")
            .flags(["--create"])
            .start();
        let here = TempDir::new().expect("a place for files");
        let local = here.path().join("local");
        fs::write(&local, "content").expect("a file");
        tool.put(
            server.address(),
            &local,
            "sub dir/two  spaces.cfg",
            Extras::default(),
        );
        let stored = fs::read(server.path("sub dir/two  spaces.cfg")).expect("stored");
        assert_eq!(stored, b"content", "{tool:?}");
    }
}

#[test]
fn ipv6() {
    let content = noise(70_000, 6);
    let server = Server::builder().host("[::1]").flags(["--create"]).start();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port()));
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("local");
    fs::write(&local, &content).expect("a file");
    for tool in Tool::ALL.into_iter().filter(|tool| *tool != Tool::Tftpy) {
        let name = format!("{tool:?}");
        tool.put(address, &local, &name, Extras::default());
        assert!(
            fs::read(server.path(&name)).expect("stored") == content,
            "{tool:?}"
        );
    }
}
