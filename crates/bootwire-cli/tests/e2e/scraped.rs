//! Metrics, as a real Prometheus takes them from a running server; dashboards and alerts, as it
//! understands them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bootwire_telemetry::metrics::{Kind, dashboards, list};
use serde_json::Value;

use crate::configured::web::{Object, Web};
use crate::harness::{Packet, Server, Wire, bootwire, noise, run_to_end};

/// For what takes a moment on a machine at rest.
const LONG: Duration = Duration::from_secs(60);

/// The body of what a web server answers.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
}

/// Where a server offers its metrics.
fn metrics_of(server: &Server) -> SocketAddr {
    let told = server.notes().wait(LONG, |lines| {
        let mut lines = lines.iter();
        lines.find_map(|line| {
            let address = line.strip_prefix("metrics: http://")?;
            address.strip_suffix("/metrics")?.parse().ok()
        })
    });
    told.expect("a line about metrics")
}

/// A server that has something to count of everything.
fn busy_server(web: &Web, statsd: SocketAddr) -> Server {
    let metrics = format!(
        "{}\n[metrics]\nlisten = \"127.0.0.1:0\"\nstatsd = {{ address = \"{statsd}\" }}\n",
        web.images()
    );
    let server = Server::builder().config(&metrics).start();
    assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    assert!(Wire::new(server.address()).fetch("images/kernel") == noise(9_000, 1));
    let mut client = Wire::new(server.address());
    client.read("images/absent", &[]);
    assert!(matches!(client.receive(), Packet::Error { code: 1, .. }));
    server.records(3);
    server
}

fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: ./test installs it"));
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(input.as_bytes()).expect("input is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    told
}

/// What `bootwire telemetry` prints.
fn printed(what: &str) -> String {
    let output = run_to_end(Command::new(bootwire()).args(["telemetry", what]), LONG);
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

/// A Prometheus that scrapes one server, and ends with this.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(place: &Path, target: SocketAddr) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let config = format!(
            "global:\n  scrape_interval: 500ms\n  evaluation_interval: 500ms\nrule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: bootwire\n    static_configs:\n      - targets: [\"{target}\"]\n"
        );
        fs::write(place.join("prometheus.yml"), config).expect("a configuration");
        let child = Command::new("prometheus")
            .current_dir(place)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(place.join("prometheus.log")).expect("a log"))
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}: ./test installs it"));
        Self { child, address }
    }

    fn ask(&self, path: &str) -> Value {
        let body = get(self.address, path);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    fn query(&self, query: &str) -> Value {
        let mut escaped = String::new();
        for byte in query.bytes() {
            if byte.is_ascii_alphanumeric() {
                escaped.push(byte.into());
            } else {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        self.ask(&format!("/api/v1/query?query={escaped}"))
    }

    /// Waits until it listens and has scraped a few times.
    fn wait_for_scrapes(&self) {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LONG, "Prometheus does not scrape");
            thread::sleep(Duration::from_millis(100));
            // Until it has opened its files it answers that it is not ready.
            if TcpStream::connect(self.address).is_err()
                || !get(self.address, "/-/ready").contains("is Ready")
            {
                continue;
            }
            let scrapes = self.query("count_over_time(up{job=\"bootwire\"}[1m]) and up == 1");
            let count = &scrapes["data"]["result"][0]["value"][1];
            let count = count.as_str().and_then(|count| count.parse::<u32>().ok());
            if count.is_some_and(|count| count >= 3) {
                return;
            }
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queries of a dashboard, with values for what Grafana fills in.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let queries = targets.flatten().map(|target| {
        let query = target["expr"].as_str().expect("a query");
        let query = query.replace("$__rate_interval", "1m");
        query.replace("$job", ".*").replace("$instance", ".*")
    });
    queries.collect()
}

#[test]
fn prometheus_scrapes_what_dashboards_and_alerts_ask_for() {
    let statsd = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let web = Web::of([("kernel", Object::new(noise(9_000, 1), "1"))]);
    let server = busy_server(&web, statsd.local_addr().expect("an address"));
    let target = metrics_of(&server);

    let place = tempfile::TempDir::new().expect("a place for Prometheus");
    fs::write(place.path().join("rules.yml"), printed("alerts")).expect("rules");
    let rules = place.path().join("rules.yml");
    let told = run(
        "promtool",
        &["check", "rules", rules.to_str().expect("a path")],
        "",
    );
    assert!(told.contains("SUCCESS"), "{told}");
    let told = run("promtool", &["check", "metrics"], &get(target, "/metrics"));
    assert!(told.trim().is_empty(), "{told}");

    let prometheus = Prometheus::start(place.path(), target);
    prometheus.wait_for_scrapes();
    let names = prometheus.ask("/api/v1/label/__name__/values");
    let names = names["data"].as_array().expect("names").iter();
    let scraped: BTreeSet<_> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    let listed: BTreeSet<_> = list::ALL
        .iter()
        .flat_map(|metric| {
            let name = metric.series();
            match metric.kind {
                Kind::Histogram(_) => ["bucket", "count", "sum"]
                    .map(|part| format!("{name}_{part}"))
                    .to_vec(),
                _ => vec![name.into_owned()],
            }
        })
        .collect();
    let ours = |name: &&String| name.starts_with("bootwire_") || name.starts_with("process_");
    let ours: BTreeSet<_> = scraped.iter().filter(ours).cloned().collect();
    assert_eq!(ours, listed, "the list, and what is scraped");

    let dashboard: Value = serde_json::from_str(&printed("dashboards")).expect("JSON");
    let queries = queries(&dashboard);
    assert!(queries.len() > 30);
    for query in &queries {
        let answer = prometheus.query(query);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let result = answer["data"]["result"].as_array().expect("a result");
        assert!(!result.is_empty(), "nothing for {query}");
    }
    let names: BTreeSet<_> = queries
        .iter()
        .flat_map(|query| {
            query.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        })
        .collect();
    for metric in list::ALL {
        let hidden = dashboards::NOT_SHOWN.iter();
        let is_hidden = hidden.clone().any(|(one, _)| one.name == metric.name);
        let series = metric.series();
        let is_shown = names
            .iter()
            .any(|name| name.strip_suffix("_bucket").unwrap_or(name) == series);
        assert!(is_hidden != is_shown, "{series}");
    }

    let begun = Instant::now();
    loop {
        let rules = prometheus.ask("/api/v1/rules");
        let rules = rules["data"]["groups"][0]["rules"]
            .as_array()
            .expect("rules")
            .clone();
        assert!(rules.len() > 10);
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
            assert_ne!(rule["state"], "firing", "{rule}");
        }
        if rules.iter().all(|rule| rule["health"] == "ok") {
            break;
        }
        assert!(begun.elapsed() < LONG, "{rules:?}");
        thread::sleep(Duration::from_millis(100));
    }

    statsd.set_read_timeout(Some(LONG)).expect("a limit");
    let mut datagram = [0; 2000];
    let length = statsd.recv(&mut datagram).expect("a datagram for StatsD");
    let datagram = String::from_utf8_lossy(&datagram[..length]);
    assert!(datagram.starts_with("bootwire."), "{datagram}");
}

#[test]
fn metrics_name_no_machine_and_no_file() {
    let server = Server::builder()
        .file("secret-name", b"content")
        .flags(["--metrics", "127.0.0.1:0"])
        .start();
    let target = metrics_of(&server);
    let mut client = Wire::new(server.address());
    assert_eq!(client.fetch("secret-name"), b"content");
    let port = client.local().port();
    server.record();
    let text = get(target, "/metrics");
    let complete = "outcome=\"complete\",family=\"ipv4\",transport=\"tftp\"} 1\n";
    assert!(text.contains(complete), "{text}");
    assert!(
        !text.contains("secret-name") && !text.contains(&format!(":{port}")),
        "{text}"
    );
    assert!(!text.contains("127.0.0.1"), "{text}");
}

#[test]
fn an_address_that_is_taken_is_told_with_the_key() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut serve = Command::new(bootwire());
    serve.args([
        "serve",
        "/",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        &address,
    ]);
    let output = run_to_end(&mut serve, LONG);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains(&format!("cannot listen on {address} for scrapes")),
        "{told}"
    );
    assert!(told.contains("--metrics"), "{told}");
}
