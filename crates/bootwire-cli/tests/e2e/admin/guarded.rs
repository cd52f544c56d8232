//! Whom the API is not for.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use bootwire_admin::Client;
use bootwire_admin::client::{ClientError, ClientOptions, Place};

use super::{PATIENCE, block_on, client, console, over_tcp, over_unix, raw, request};
use crate::harness::{Server, Wire, bootwire, noise, run_to_end};

const TOKEN: &str = "0123456789abcdef0123";

fn on_loopback() -> Server {
    Server::builder()
        .file("file", b"content")
        .admin("127.0.0.1:0")
        .start()
}

/// The status of an answer.
fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

#[test]
fn other_sites_get_nothing_by_somebodys_browser() {
    let server = on_loopback();
    let address = console(&server);
    let own = format!("Host: {address}");
    let ask = |line: &str, headers: &[&str], body: &str| {
        raw(over_tcp(address), &request(line, headers, body))
    };
    assert_eq!(status(&ask("GET /api/v1/status", &[&own], "")), "200");
    let rebound = ask("GET /api/v1/status", &["Host: evil.example"], "");
    assert_eq!(status(&rebound), "403");
    assert!(
        rebound.contains("application/problem+json") && rebound.contains("localhost"),
        "{rebound}"
    );
    assert_eq!(status(&ask("GET /", &["Host: evil.example"], "")), "403");
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(
        status(&ask("POST /api/v1/drain", &[&own, form], "a=b")),
        "403"
    );
    let plain = "Content-Type: text/plain";
    assert_eq!(
        status(&ask("POST /api/v1/reload", &[&own, plain], "{}")),
        "403"
    );
    let cross = "Sec-Fetch-Site: cross-site";
    assert_eq!(
        status(&ask("GET /api/v1/events", &[&own, cross], "")),
        "403"
    );
    let asked = ask(
        "OPTIONS /api/v1/reload",
        &[&own, "Origin: http://evil.example"],
        "",
    );
    assert_eq!(status(&asked), "405");
    assert!(!asked.to_lowercase().contains("access-control"), "{asked}");
    let told = ask("POST /api/v1/reload", &[&own, "X-Bootwire: 1"], "");
    assert_eq!(status(&told), "422", "{told}");
    assert_eq!(Wire::new(server.address()).fetch("file"), b"content");
}

#[test]
fn what_makes_no_sense_is_told_so() {
    let server = Server::builder().admin_socket().start();
    let ask = |line: &str, headers: &[&str], body: &str| {
        let headers = [&["Host: x"], headers].concat();
        raw(over_unix(&server), &request(line, &headers, body))
    };
    for (line, body, expected) in [
        ("GET /api/v1/transfers?limit=many", "", "400"),
        ("GET /api/v1/transfers?weather=1", "", "400"),
        ("GET /api/v1/transfers?limit=99999999", "", "200"),
        ("GET /api/v1/transfers/x", "", "404"),
        ("GET /api/v1/machines/%ff", "", "400"),
        ("GET /api/v1/nothing", "", "404"),
        ("GET /../../etc/passwd", "", "404"),
        ("DELETE /api/v1/status", "", "405"),
        ("POST /api/v1/explain", "{\"request\":", "400"),
        ("POST /api/v1/explain", "{\"weather\":1}", "400"),
        (
            "POST /api/v1/explain",
            "{\"request\":\"/x\",\"from\":\"nowhere\"}",
            "400",
        ),
        ("GET /api/v1/cache", "", "404"),
        ("GET /api/v1/records?peer=10.0.0", "", "400"),
        ("GET /healthz", "", "200"),
        ("GET /readyz", "", "200"),
    ] {
        let answer = ask(line, &["Content-Type: application/json"], body);
        assert_eq!(status(&answer), expected, "{line} {body}: {answer}");
        assert!(
            expected == "200" || answer.contains("\"detail\":"),
            "{answer}"
        );
    }
    let answer = ask("POST /api/v1/explain", &["Content-Type: text/plain"], "{}");
    assert_eq!(status(&answer), "415");
    let large = "x".repeat(300 << 10);
    assert_eq!(status(&ask("POST /api/v1/explain", &[], &large)), "413");
    block_on(client(&server).status()).unwrap();
}

/// Rubbish, endless heads, and hundreds who connect and say nothing.
#[test]
fn nobody_can_keep_others_out() {
    let server = Server::builder()
        .file("file", &noise(5_000, 1))
        .admin_socket()
        .start();
    for bytes in [
        &b"\0\xff\xfe rubbish\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let mut stream = over_unix(&server);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = raw(stream, b"");
        assert!(answer.is_empty() || status(&answer) >= "400", "{answer}");
    }
    let mut endless = over_unix(&server);
    let _ = endless.write_all(b"GET / HTTP/1.1\r\n");
    let line = format!("X-{}: y\r\n", "a".repeat(1_000));
    // It is cut off long before.
    let taken = (0..10_000).take_while(|_| endless.write_all(line.as_bytes()).is_ok());
    assert!(taken.count() < 10_000);
    let silent: Vec<_> = (0..400).map(|_| over_unix(&server)).collect();
    block_on(client(&server).status()).unwrap();
    assert!(Wire::new(server.address()).fetch("file") == noise(5_000, 1));
    drop(silent);
}

#[test]
fn beyond_loopback_it_takes_a_token_and_tls() {
    let place = tempfile::tempdir().unwrap();
    let serve = |more: &[&str]| {
        let mut command = Command::new(bootwire());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"])
            .args(more);
        let output = run_to_end(command.arg(place.path()), PATIENCE);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, told) = serve(&[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("token_file, cert and key") && told.contains("--admin"),
        "{told}"
    );
}

#[test]
fn with_tls_and_a_token_it_can_be_reached_from_elsewhere() {
    let builder = Server::builder().file("file", b"content");
    let at = |name: &str| builder.place().join(name);
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .arg("-keyout")
        .arg(at("key.pem"))
        .arg("-out")
        .arg(at("cert.pem"))
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    std::fs::write(at("token"), format!("{TOKEN}\n")).unwrap();
    let config = "[admin]\ntoken_file = \"token\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\n\
                  [[route]]\ntext = \"x\"\n";
    let ca = at("cert.pem");
    let server = builder.config(config).admin("0.0.0.0:0").start();
    let port = console(&server).port();
    let place: Place = format!("https://127.0.0.1:{port}").parse().unwrap();
    let with = |token: Option<&str>| {
        let options = ClientOptions {
            token: token.map(str::to_owned),
            ca: Some(ca.clone()),
        };
        Client::with(&place, &options).unwrap()
    };
    block_on(with(Some(TOKEN)).status()).unwrap();
    block_on(with(Some(TOKEN)).reload()).unwrap();
    for token in [None, Some("0123456789abcdef0124")] {
        let Err(ClientError::Problem(problem)) = block_on(with(token).status()) else {
            panic!("it lets {token:?} in");
        };
        assert_eq!(problem.status, 401);
        assert!(!problem.detail.contains(TOKEN));
    }
    // Not believed without its certificate, and not spoken to without TLS.
    let stranger = Client::new(&place).unwrap();
    assert!(matches!(
        block_on(stranger.status()),
        Err(ClientError::Unreachable { .. })
    ));
    let plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let answer = raw(plain, &request("GET /api/v1/status", &["Host: x"], ""));
    assert!(!answer.contains("\"version\""), "{answer}");
    // The token is nowhere to be seen.
    let config = block_on(with(Some(TOKEN)).config()).unwrap();
    assert!(!serde_json::to_string(&config).unwrap().contains(TOKEN));
    assert!(!server.notes().lines().concat().contains(TOKEN));
}
