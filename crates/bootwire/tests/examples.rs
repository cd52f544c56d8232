//! Every example does what its first line says.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bootwire::client::Client;

/// A running example, ended with its test.
struct Example {
    child: Child,
    client: Client,
}

impl Example {
    fn start(name: &str) -> Self {
        let mut program = std::env::current_exe().expect("a test has a path");
        program.pop();
        if program.ends_with("deps") {
            program.pop();
        }
        let program: PathBuf = program.join("examples").join(name);
        let address = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(&program)
            .arg(address.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; `cargo build --examples` makes it",
                    program.display()
                )
            });
        wait_for_port(address.port());
        let client = Client::new(address)
            .timeout(Duration::from_millis(100))
            .retries(20);
        Self { child, client }
    }

    async fn get(&self, path: &str) -> String {
        let mut content = Vec::new();
        self.client.get(path, &mut content).await.unwrap();
        String::from_utf8(content).unwrap()
    }

    /// Ends it by Ctrl-C; gives its exit code and what it printed.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut printed = String::new();
        std::io::Read::read_to_string(self.child.stdout.as_mut().unwrap(), &mut printed).unwrap();
        (self.child.wait().unwrap().code(), printed)
    }
}

/// A client takes a closed port for no server: it has to be open first.
fn wait_for_port(port: u16) {
    let local = format!(":{port:04X} ");
    for _ in 0..3000 {
        let open = ["/proc/net/udp", "/proc/net/udp6"].iter().any(|table| {
            let table = std::fs::read_to_string(table).unwrap_or_default();
            // The local address is the second field.
            let mut lines = table.lines().filter_map(|line| line.find(&local));
            lines.any(|at| at < 40)
        });
        if open {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody has opened port {port}");
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hello() {
    let example = Example::start("hello");
    assert_eq!(example.get("/hello/world").await, "Hello, world!\n");
    assert_eq!(example.interrupt().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn grub_config() {
    let example = Example::start("grub_config");
    let config = example.get("/grub/grub.cfg-01-52-54-00-12-34-56").await;
    assert!(config.contains("menuentry 'node1'"), "{config}");
    assert_eq!(example.get("/grub/x86_64-efi/command.lst").await, "");
    let unknown = example
        .client
        .get("/grub/grub.cfg-01-52-54-00-00-00-00", &mut Vec::new())
        .await;
    assert!(unknown.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn stream() {
    let example = Example::start("stream");
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(example.get("/numbers/100000").await, expected);
    assert_eq!(
        example.get("/manifest").await,
        include_str!("../Cargo.toml")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_collector() {
    let example = Example::start("upload_collector");
    example
        .client
        .put("/backups/router1", &[7; 5000][..], None)
        .await
        .unwrap();
    let (code, printed) = example.interrupt();
    assert_eq!((code, &*printed), (Some(0), "router1: 5000 bytes\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics() {
    let example = Example::start("statistics");
    assert_eq!(example.get("/motd").await, "Welcome\n");
    let (code, printed) = example.interrupt();
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("Read \"/motd\": complete, 8 bytes"),
        "{printed}"
    );
}
