//! One line for each transfer, in plain words or as JSON with all fields.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bootwire::Outcome;
use serde_json::Value;

use crate::harness::{Record, Server, Wire, noise, rrq};

#[test]
fn json_has_all_fields() {
    let server = Server::of("dir/file.bin", &noise(3_000, 29));
    let mut client = Wire::new(server.address());
    let asked = [
        ("BlkSize", "1024"),
        ("tsize", "0"),
        ("x-unknown", "7"),
        ("timeout", "3"),
    ];
    client.to_listener(&rrq("dir//file.bin", "octet", &asked));
    client.expect_oack();
    client.ack(0);
    assert!(client.read_rest(1024, 1) == noise(3_000, 29));
    let record = server.record();

    assert_eq!(record.number("id"), 1);
    assert!(record.text("time").ends_with('Z'), "{record:?}");
    assert!(record.text("started") <= record.text("time"), "{record:?}");
    assert_eq!(record.field("search").as_bool(), Some(false));
    assert_eq!(record.text("op"), "read");
    assert_eq!(record.text("peer"), client.local().to_string());
    assert_eq!(record.text("local"), client.tid().to_string());
    assert_eq!(record.path(), "/dir/file.bin");
    assert_eq!(record.text("filename"), "dir//file.bin");
    assert_eq!(record.text("mode"), "octet");
    let options = record.field("options").to_string().to_lowercase();
    assert_eq!(
        options,
        r#"[["blksize","1024"],["tsize","0"],["x-unknown","7"],["timeout","3"]]"#
    );
    assert!(record.field("route").is_string() || record.field("route").is_null());
    assert_eq!(record.field("labels").to_string(), "[]");
    assert_eq!(record.outcome(), "complete");
    assert!(record.field("error").is_null());
    assert!(record.field("detail").is_null());
    assert_eq!(record.number("blksize"), 1024);
    assert_eq!(record.number("windowsize"), 1);
    assert_eq!(record.number("timeout_us"), 3_000_000);
    assert_eq!(record.number("size"), 3_000);
    assert_eq!(record.number("bytes"), 3_000);
    assert_eq!(record.number("blocks"), 3, "resends are not among them");
    assert!(record.number("timeouts") <= record.number("blocks_resent"));
    assert!(record.number("duplicate_acks") <= 3 + record.number("blocks_resent"));
    assert!(record.number("round_trip_us") < 1_000_000);
    assert_eq!(record.field("last_ack_missing").as_bool(), Some(false));
    assert!(record.number("handler_us") <= record.number("duration_us"));
    assert!(record.number("first_data_us") <= record.number("duration_us"));
}

#[test]
fn json_of_an_upload_and_of_refusals() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("up", &[("tsize", "1000")]);
    client.expect_oack();
    client.send_all(&noise(1_000, 29), 512);
    client.read("missing", &[]);
    client.expect_error_code(1);
    client.write("up", &[]);
    client.expect_error_code(6);
    client.read("../x", &[]);
    client.expect_error_code(2);

    let records = server.finish();
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.text("op"),
                record.outcome(),
                record.error_code(),
                record.number("bytes"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("write", "complete", None, 1_000),
            ("read", "not_found", Some(1), 0),
            ("write", "denied", Some(6), 0),
            ("read", "denied", Some(2), 0),
        ]
    );
    let ids: Vec<_> = records.iter().map(|record| record.number("id")).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn text_is_one_line_in_plain_words() {
    let server = Server::builder()
        .file("kernel", &noise(3_000, 29))
        .plain_log()
        .start();
    let mut client = Wire::new(server.address());
    assert!(client.fetch("kernel") == noise(3_000, 29));
    client.read("missing", &[]);
    client.expect_error_code(1);
    let lines = server.log().wait(Duration::from_secs(30), |lines| {
        (lines.len() >= 2).then(|| lines.to_vec())
    });
    let lines = lines.expect("two lines");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let SocketAddr::V4(peer) = client.local() else {
        panic!("IPv4")
    };
    for (line, words) in lines
        .iter()
        .zip([["kernel", "complete"], ["missing", "not found"]])
    {
        assert!(line.contains(&peer.ip().to_string()), "{line}");
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
}

/// Who gets an ERROR finds in the log why, whatever was wrong with the request.
#[test]
fn requests_that_cannot_be_read_are_told_of() {
    let server = Server::builder()
        .file("kernel", &noise(3_000, 29))
        .plain_log()
        .start();
    let mut clients = [(); 2].map(|()| Wire::new(server.address()));
    let requests = [
        rrq("boot/ker\u{1b}nel", "mail", &[]),
        b"\0\x02name\0octet".to_vec(),
    ];
    for (client, request) in clients.iter_mut().zip(&requests) {
        client.to_listener(request);
        client.expect_error_code(4);
    }
    let lines = server.log().wait(Duration::from_secs(30), |lines| {
        (lines.len() >= 2).then(|| lines.to_vec())
    });
    let lines = lines.expect("two lines");
    let told = [
        "read boot/ker\\u{1b}nel: malformed, error 4 \"Unknown mode: use octet or netascii\", \
         the mode is \"mail\"",
        "write name: malformed, error 4 \"Malformed request\", no NUL behind the name or the mode",
    ];
    for ((line, words), client) in lines.iter().zip(told).zip(&clients) {
        let peer = client.local();
        assert!(line.ends_with(&format!("{peer} {words}")), "{line}");
    }
}

/// The ordinary misses of a boot are in the JSON log and in the sums, not among the lines that
/// people read.
#[test]
fn a_loader_s_search_fills_no_log() {
    let search = ["pxelinux.cfg/01-52-54-00-12-34-56", "pxelinux.cfg/C0A80207"];
    let ask = |flags: &[&str], names: &[&str]| {
        let mut server = Server::builder().plain_log().flags(flags).start();
        let mut client = Wire::new(server.address());
        for name in names {
            client.read(name, &[]);
            client.expect_error_code(1);
        }
        let wanted = names.last().expect("a name").to_string();
        let lines = server.log().wait(Duration::from_secs(30), |lines| {
            let last = lines.last().is_some_and(|line| line.contains(&wanted));
            last.then(|| lines.to_vec())
        });
        server.signal("TERM");
        server.wait(Duration::from_secs(30));
        let sums = server.notes().wait(Duration::from_secs(30), |lines| {
            lines.iter().find(|line| line.contains("stopped")).cloned()
        });
        (lines.expect("its line"), sums.expect("the last line"))
    };
    let names = [search[0], search[1], "pxelinux.cfg/default"];
    let (lines, sums) = ask(&[], &names);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        sums.contains("1 not found, 2 not found in boot loaders' searches"),
        "{sums}"
    );
    let (lines, _) = ask(&["--log-searches"], &names);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines[0].contains("not found (a boot loader's search)"),
        "{}",
        lines[0]
    );
}

/// The first refusal of a network is told at once, in the words of what decides it.
#[test]
fn who_is_not_served_is_told_of_at_once() {
    for (server, words) in [
        (
            Server::builder().flags(["--allow", "192.0.2.0/24"]),
            "127.0.0.1 is not served: --allow 127.0.0.0/24 would let 127.0.0.0/24 in",
        ),
        (
            Server::builder().config("allow = \"192.0.2.0/24\"\n[[route]]\ntext = \"good\""),
            "127.0.0.1 is not served: allow = [\"192.0.2.0/24\", \"127.0.0.0/24\"] would let \
             127.0.0.0/24 in",
        ),
    ] {
        let server = server.start();
        let mut client = Wire::new(server.address());
        client.read("kernel", &[]);
        let told = server.notes().wait(Duration::from_secs(30), |lines| {
            lines
                .iter()
                .find(|line| line.contains("not served"))
                .cloned()
        });
        assert_eq!(told.expect("within a second or so"), words);
    }
}

/// The page that describes the record.
fn reference() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/record.md");
    std::fs::read_to_string(page).expect("the page")
}

/// The rows of the table in a section of the page, by the name in backticks that each begins with.
fn rows(page: &str, heading: &str) -> BTreeMap<String, Vec<String>> {
    let section = page.split(&format!("\n## {heading}\n")).nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("the section").lines();
    rows.filter_map(|row| row.strip_prefix("| `"))
        .map(|row| {
            let mut cells = row.split(" | ").map(str::to_owned);
            let name = cells.next().expect("a name");
            (name.trim_end_matches('`').to_owned(), cells.collect())
        })
        .collect()
}

#[test]
fn the_reference_has_every_field_with_its_type() {
    let page = reference();
    let fields = rows(&page, "A line of JSON");
    let server = Server::of("file", &noise(3_000, 29));
    Wire::new(server.address()).fetch("file");
    let record = server.record();
    let shown = page
        .lines()
        .find(|line| line.starts_with("{\"schema\""))
        .expect("an example");
    let shown = Record::parse(shown).expect("a record");
    for record in [record, shown] {
        let names: BTreeSet<_> = record.names().collect();
        let described: BTreeSet<_> = fields.keys().map(String::as_str).collect();
        assert_eq!(names, described, "{record:?}");
        for (name, cells) in &fields {
            let kind = match record.field(name) {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_u64() => "integer",
                Value::String(_) => "text",
                Value::Array(_) => "list",
                Value::Object(_) => "object",
                Value::Number(_) => "number",
            };
            let kinds = &cells[0];
            assert!(
                kinds.split(" or ").any(|k| k == kind),
                "{name} is {kind}, not {kinds}"
            );
        }
    }
}

#[test]
fn the_reference_has_every_outcome() {
    let described: BTreeSet<_> = rows(&reference(), "Outcomes").into_keys().collect();
    let known = Outcome::ALL.map(|outcome| outcome.as_str().to_owned());
    assert_eq!(described, known.into());
}
