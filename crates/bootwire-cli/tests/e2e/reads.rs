//! Real clients fetch files.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr};

use tempfile::TempDir;

use crate::harness::{Extras, Server, Tool, Wire, noise, text};

/// Sizes at and around the borders of the block sizes used here.
const SIZES: [usize; 11] = [0, 1, 511, 512, 513, 1024, 1427, 1428, 1429, 2856, 100_000];

/// Fetches a file of every size in [`SIZES`] and compares.
fn fetches_all_sizes(tool: Tool, variants: &[Extras]) {
    let server = SIZES.iter().fold(Server::builder(), |server, &size| {
        server.file(&format!("{size}.bin"), &noise(size, 1))
    });
    let server = server.start();
    let here = TempDir::new().expect("a place for files");
    for (nth, &extras) in variants.iter().enumerate() {
        for size in SIZES {
            let local = here.path().join(format!("{nth}-{size}"));
            tool.get(server.address(), &format!("{size}.bin"), &local, extras);
            let content = fs::read(&local).unwrap_or_default();
            assert!(
                content == noise(size, 1),
                "{tool:?} {extras:?}: {size} bytes came as {}",
                content.len()
            );
        }
    }

    let records = server.finish();
    assert_eq!(records.len(), SIZES.len() * variants.len());
    for record in records {
        assert_eq!(record.outcome(), "complete", "{record:?}");
        assert_eq!(record.path(), format!("/{}.bin", record.number("bytes")));
    }
}

#[test]
fn atftp_reads_octet() {
    let windowed = Extras {
        windowsize: Some(8),
        tsize: true,
        ..Extras::blksize(1428)
    };
    fetches_all_sizes(
        Tool::Atftp,
        &[Extras::default(), Extras::blksize(1428), windowed],
    );
}

#[test]
fn bootwire_reads_octet() {
    let lockstep = Extras {
        windowsize: Some(1),
        ..Extras::blksize(512)
    };
    fetches_all_sizes(Tool::Bootwire, &[Extras::default(), lockstep]);
}

#[test]
fn busybox_reads_octet() {
    fetches_all_sizes(Tool::Busybox, &[Extras::default(), Extras::blksize(1428)]);
}

/// curl 7.88 stops where an OACK announces 0 bytes: so the empty file comes without tsize.
#[test]
fn curl_reads_octet() {
    let plain = Extras {
        plain: true,
        ..Extras::default()
    };
    fetches_all_sizes(
        Tool::Curl,
        &[Extras::default(), Extras::blksize(1428), plain],
    );
}

#[test]
fn tftp_hpa_reads_octet() {
    fetches_all_sizes(Tool::TftpHpa, &[Extras::default()]);
}

#[test]
fn tftpy_reads_octet() {
    let sized = Extras {
        tsize: true,
        ..Extras::blksize(1428)
    };
    fetches_all_sizes(Tool::Tftpy, &[Extras::default(), sized]);
}

/// Fetches text in netascii; the client turns it back into what the file holds.
fn fetches_text(tool: Tool) {
    let content = text(60_000);
    let server = Server::of("notes.txt", &content);
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("notes.txt");
    tool.get(server.address(), "notes.txt", &local, Extras::netascii());
    assert!(
        fs::read(&local).expect("fetched") == content,
        "{tool:?} changed the text"
    );
    let record = server.finish_with_one();
    assert_eq!(
        (record.outcome(), record.text("mode")),
        ("complete", "netascii")
    );
}

#[test]
fn atftp_reads_netascii() {
    fetches_text(Tool::Atftp);
}

#[test]
fn bootwire_reads_netascii() {
    fetches_text(Tool::Bootwire);
}

#[test]
fn tftp_hpa_reads_netascii() {
    fetches_text(Tool::TftpHpa);
}

/// curl writes what is on the wire to the file: CR LF for LF, CR NUL for CR.
#[test]
fn curl_reads_netascii() {
    let content = text(20_000);
    let server = Server::of("notes.txt", &content);
    let here = TempDir::new().expect("a place for files");
    let on_the_wire: Vec<u8> = content
        .iter()
        .flat_map(|byte| match byte {
            b'\n' => b"\r\n",
            b'\r' => b"\r\0",
            other => std::slice::from_ref(other),
        })
        .copied()
        .collect();
    for (nth, plain) in [false, true].into_iter().enumerate() {
        let local = here.path().join(nth.to_string());
        Tool::Curl.get(
            server.address(),
            "notes.txt",
            &local,
            Extras {
                plain,
                ..Extras::netascii()
            },
        );
        assert!(
            fs::read(&local).expect("fetched") == on_the_wire,
            "without options: {plain}"
        );
    }
}

/// Names as people give them: spaces, subdirectories, letters beyond ASCII.
#[test]
fn names_with_spaces_and_subdirectories() {
    let names = [
        "with space.txt",
        "sub/dir/file.bin",
        "sub dir/deep/two  spaces.cfg",
        "größe.txt",
    ];
    for tool in Tool::ALL {
        let server = names
            .iter()
            .fold(Server::builder(), |server, name| {
                server.file(name, name.as_bytes())
            })
            .start();
        let here = TempDir::new().expect("a place for files");
        // tftpy knows ASCII only.
        let names = &names[..if tool == Tool::Tftpy { 3 } else { 4 }];
        for (nth, name) in names.iter().enumerate() {
            let local = here.path().join(nth.to_string());
            tool.get(server.address(), name, &local, Extras::default());
            assert_eq!(
                fs::read(&local).expect("fetched"),
                name.as_bytes(),
                "{tool:?} {name}"
            );
        }
        let records = server.finish();
        let served: Vec<_> = records
            .iter()
            .map(|record| record.path().to_owned())
            .collect();
        let asked: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
        assert_eq!(served, asked, "{tool:?}");
    }
}

/// A file that is not there: each client learns that it is code 1 at once.
#[test]
fn a_missing_file_is_error_1() {
    let server = Server::of("there", b"something");
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let local = here.path().join("not there");
        let output = tool.try_get(server.address(), "not there", &local, Extras::default());
        assert!(
            tool.reports(&output, 1, "File not found"),
            "{tool:?}: {output:?}"
        );
    }
    let records = server.finish();
    assert_eq!(records.len(), Tool::ALL.len());
    assert!(
        records
            .iter()
            .all(|record| record.outcome() == "not_found" && record.error_code() == Some(1))
    );
}

#[test]
fn ipv6() {
    let content = noise(70_000, 6);
    let server = Server::builder()
        .host("[::1]")
        .file("six.bin", &content)
        .start();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port()));
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL.into_iter().filter(|tool| *tool != Tool::Tftpy) {
        let local = here.path().join(format!("{tool:?}"));
        tool.get(address, "six.bin", &local, Extras::default());
        assert!(fs::read(&local).expect("fetched") == content, "{tool:?}");
    }
}

#[test]
fn clients_have_directories_of_their_own_by_flag() {
    for (flag, own, others) in [
        ("--per-client", "127.0.0.7", "127.0.0.8"),
        ("--per-client=address", "127.0.0.7", "127.0.0.8"),
        ("--per-client=hex-address", "7F000007", "7F000008"),
    ] {
        let server = Server::builder()
            .file("menu", b"for all")
            .file("shared", b"for all")
            .file(&format!("{own}/menu"), b"for one")
            .flags([flag])
            .start();
        let get = |name: &str, last| {
            let mut client = Wire::from([127, 0, 0, last].into(), server.address());
            client.fetch(name)
        };
        assert_eq!(get("menu", 7), b"for one", "{flag}");
        assert_eq!(get("shared", 7), b"for all", "{flag}");
        assert_eq!(get("menu", 8), b"for all", "{flag}");
        assert_eq!(get(&format!("{own}/menu"), 7), b"for one", "{flag}");
        for (name, last) in [(own, 8), (others, 7)] {
            let mut client = Wire::from([127, 0, 0, last].into(), server.address());
            client.read(&format!("{name}/menu"), &[]);
            client.expect_error_code(1);
        }
    }
}
