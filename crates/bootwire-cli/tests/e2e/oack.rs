//! The rules of option negotiation, on the wire.

use crate::harness::{Isolation, Packet, Server, Wire, noise, rrq};

const SIZE: usize = 3_000;

/// Asks for a file of [`SIZE`] bytes; returns the OACK as `name=value` words, or what came instead.
fn granted(server: &Server, asked: &[(&str, &str)]) -> String {
    let mut client = Wire::new(server.address());
    client.read("file", asked);
    match client.receive() {
        Packet::Oack(options) => {
            client.error(8, "only asking");
            options
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        }
        Packet::Data { block: 1, .. } => {
            client.error(0, "only asking");
            "DATA".to_owned()
        }
        other => panic!("{asked:?}: {other:?}"),
    }
}

fn server() -> Server {
    Server::of("file", &noise(SIZE, 10))
}

/// Rule 1: any case, any order, unknown ones ignored, the first of equal ones counts.
#[test]
fn names_in_any_case_and_order() {
    let server = server();
    let lower = |asked| granted(&server, asked).to_lowercase();
    assert_eq!(
        lower(&[("BLKSIZE", "1024"), ("TSize", "0")]),
        "blksize=1024 tsize=3000"
    );
    assert_eq!(
        lower(&[("x-unknown", "1"), ("tsize", "0"), ("", "")]),
        "tsize=3000"
    );
    assert_eq!(
        lower(&[("blksize", "1024"), ("blksize", "600")]),
        "blksize=1024"
    );
    assert_eq!(
        lower(&[("blksize", "1024"), ("BlkSize", "600"), ("tsize", "0")]),
        "blksize=1024 tsize=3000"
    );
    assert_eq!(lower(&[("x-unknown", "1")]), "data");
}

/// Rule 2: every order of four options comes back in that order.
#[test]
fn the_order_is_the_clients() {
    let server = server();
    let known = [
        ("tsize", "0"),
        ("blksize", "1024"),
        ("windowsize", "4"),
        ("timeout", "3"),
    ];
    let answers = ["tsize=3000", "blksize=1024", "windowsize=4", "timeout=3"];
    for first in 0..4 {
        for step in [1, 3] {
            let order: Vec<usize> = (0..4).map(|nth| (first + nth * step) % 4).collect();
            let asked: Vec<_> = order.iter().map(|&nth| known[nth]).collect();
            let expected: Vec<_> = order.iter().map(|&nth| answers[nth]).collect();
            assert_eq!(granted(&server, &asked), expected.join(" "));
        }
    }
}

/// Rule 3: GRUB waits for an OACK and nothing else, so there is one even for a file of one byte
/// and for an empty one.
#[test]
fn grub_gets_an_oack_for_small_files_too() {
    let server = Server::builder()
        .file("one", b"1")
        .file("none", b"")
        .start();
    let grub = [("blksize", "1024"), ("tsize", "0")];
    for (name, content) in [("one", b"1".as_slice()), ("none", b"")] {
        let mut client = Wire::new(server.address());
        client.read(name, &grub);
        let oack = client.expect_oack();
        assert_eq!(oack[0], ("blksize".to_owned(), "1024".to_owned()), "{name}");
        client.ack(0);
        assert_eq!(client.expect_data(1), content, "{name}");
        client.ack(1);
    }
}

/// curl 7.88 stops at `tsize=0`; so an empty file has no tsize beside other options, and a client
/// that asks for nothing else is told.
#[test]
fn tsize_of_an_empty_file() {
    let server = Server::of("file", b"");
    assert_eq!(
        granted(
            &server,
            &[("tsize", "0"), ("blksize", "512"), ("timeout", "5")]
        ),
        "blksize=512 timeout=5"
    );
    assert_eq!(granted(&server, &[("tsize", "0")]), "tsize=0");
}

/// Rule 4: what is too large is cut, what is too small or no number is dropped, nothing is refused.
#[test]
fn blksize_is_bounded() {
    let server = server();
    // The loopback device has an MTU of 65536.
    for (asked, expected) in [
        ("8", "blksize=8"),
        ("65464", "blksize=65464"),
        ("65465", "blksize=65464"),
        ("99999", "blksize=65464"),
        ("18446744073709551624", "blksize=65464"),
        ("0", "DATA"),
        ("7", "DATA"),
        ("-1", "DATA"),
        ("", "DATA"),
        ("512x", "DATA"),
        ("0x200", "DATA"),
        (" 512", "DATA"),
    ] {
        assert_eq!(
            granted(&server, &[("blksize", asked)]),
            expected,
            "asked {asked:?}"
        );
    }
    assert_eq!(
        granted(&server, &[("blksize", "7"), ("tsize", "0")]),
        "tsize=3000"
    );
}

/// A block that does not fit the interface would travel in fragments, which boot ROMs cannot put
/// together: so 65464 (UEFI shell, Erlang) becomes what fits.
#[test]
fn blksize_is_capped_by_the_mtu() {
    if !Isolation::enter(
        "oack::blksize_is_capped_by_the_mtu",
        "ip link set lo mtu 1500",
    ) {
        return;
    }
    let server = server();
    assert_eq!(granted(&server, &[("blksize", "65464")]), "blksize=1468");
    assert_eq!(granted(&server, &[("blksize", "1469")]), "blksize=1468");
    assert_eq!(granted(&server, &[("blksize", "1468")]), "blksize=1468");

    let server = Server::builder()
        .host("[::1]")
        .file("file", &noise(SIZE, 10))
        .start();
    let mut client = Wire::new(std::net::SocketAddr::from((
        std::net::Ipv6Addr::LOCALHOST,
        server.port(),
    )));
    client.read("file", &[("blksize", "65464")]);
    assert_eq!(
        client.expect_oack(),
        [("blksize".to_owned(), "1448".to_owned())]
    );
}

/// The operator's caps hold.
#[test]
fn the_operators_caps() {
    let server = Server::builder()
        .file("file", &noise(SIZE, 10))
        .flags(["--blksize-max", "1000", "--windowsize-max", "8"])
        .start();
    assert_eq!(
        granted(&server, &[("blksize", "1468"), ("windowsize", "64")]),
        "blksize=1000 windowsize=8"
    );
    assert_eq!(
        granted(&server, &[("blksize", "900"), ("windowsize", "7")]),
        "blksize=900 windowsize=7"
    );
}

/// Rule 5: u-root once asked for 65535 and servers broke.
#[test]
fn windowsize_is_clamped() {
    // Until a client has acknowledged a whole window it gets no more than its card may hold.
    let generous = Server::builder()
        .file("file", &noise(1000, 11))
        .flags(["--windowsize-first", "64"])
        .start();
    for (server, most) in [(server(), 32), (generous, 64)] {
        let most = format!("windowsize={most}");
        for (asked, expected) in [
            ("1", "windowsize=1"),
            ("64", &most),
            ("65", &most),
            ("65535", &most),
            ("65536", &most),
            ("0", "DATA"),
            ("-4", "DATA"),
            ("many", "DATA"),
        ] {
            assert_eq!(
                granted(&server, &[("windowsize", asked)]),
                expected,
                "asked {asked:?}"
            );
        }
    }
}

/// A window is bounded in bytes too: 64 blocks of 65464 bytes would be just under 4 MiB.
#[test]
fn a_window_of_largest_blocks() {
    let server = Server::of("file", &noise(1_000_000, 11));
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "65464"), ("windowsize", "4")]);
    client.expect_oack();
    client.ack(0);
    assert!(client.read_windows(65_464, 4, 1) == noise(1_000_000, 11));
}

/// Rule 6: for netascii the size on the wire is not the size of the file; the exact one or none.
#[test]
fn tsize_of_netascii_is_exact_or_absent() {
    let server = Server::of("file", b"a\nb\n");
    let mut client = Wire::new(server.address());
    client.to_listener(&rrq(
        "file",
        "netascii",
        &[("tsize", "0"), ("blksize", "100")],
    ));
    let oack = client.expect_oack();
    client.ack(0);
    let wire = client.expect_data(1);
    client.ack(1);
    assert_eq!(wire, b"a\r\nb\r\n");
    for (name, value) in oack {
        match name.as_str() {
            "blksize" => assert_eq!(value, "100"),
            "tsize" => assert_eq!(value, "6", "bytes on the wire, not in the file"),
            other => panic!("{other} was not asked for"),
        }
    }
}

/// Rule 7.
#[test]
fn timeout_is_1_to_255() {
    let server = server();
    for (asked, expected) in [
        ("1", "timeout=1"),
        ("255", "timeout=255"),
        ("0", "DATA"),
        ("256", "DATA"),
        ("3000", "DATA"),
        ("x", "DATA"),
    ] {
        assert_eq!(
            granted(&server, &[("timeout", asked)]),
            expected,
            "asked {asked:?}"
        );
    }
}

#[test]
fn options_of_tftp_hpa() {
    let server = server();
    assert_eq!(granted(&server, &[("blksize2", "1500")]), "blksize2=1024");
    assert_eq!(
        granted(&server, &[("utimeout", "200000")]),
        "utimeout=200000"
    );
    assert_eq!(granted(&server, &[("utimeout", "1")]), "DATA");
    assert_eq!(
        granted(&server, &[("rollover", "1"), ("tsize", "0")]),
        "rollover=1 tsize=3000"
    );
    assert_eq!(
        granted(&server, &[("rollover", "2"), ("tsize", "0")]),
        "tsize=3000"
    );
}

/// An option list that breaks off in the middle: what is whole counts.
#[test]
fn an_incomplete_last_option_is_left_out() {
    let server = server();
    let mut request = rrq("file", "octet", &[("tsize", "0"), ("blksize", "1024")]);
    for cut in 1..=5 {
        let mut client = Wire::new(server.address());
        request.truncate(request.len() - 1);
        client.to_listener(&request);
        assert_eq!(
            client.expect_oack(),
            [("tsize".to_owned(), "3000".to_owned())],
            "{cut} bytes missing"
        );
        client.error(8, "only asking");
    }
}

/// Hundreds of options are no reason to fail.
#[test]
fn a_flood_of_options() {
    let server = server();
    let mut asked = vec![("tsize", "0"), ("blksize", "1024")];
    asked.extend([("x", "1"); 200]);
    assert_eq!(granted(&server, &asked), "tsize=3000 blksize=1024");
}
