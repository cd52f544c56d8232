//! The program `embedded`: a configuration, and a route of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bootwire::client::Client;

/// A running program, ended with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn get(client: &Client, path: &str) -> String {
    let mut content = Vec::new();
    client.get(path, &mut content).await.unwrap();
    String::from_utf8(content).unwrap()
}

#[tokio::test]
async fn it_serves_its_configuration_and_what_it_adds_and_follows_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bootwire.toml");
    let write = |text: &str| {
        let new = dir.path().join("new");
        let listen = "listen = '127.0.0.1:0'\nworkers = 1\n";
        std::fs::write(
            &new,
            format!("{listen}[[route]]\npath = '/motd'\ntext = '{text}'\n"),
        )
        .unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write("one");
    let child = Command::new(env!("CARGO_BIN_EXE_embedded"))
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line.strip_prefix("listening on ").unwrap();
    let (address, summary) = address.split_once(": ").unwrap();
    assert_eq!(summary, "1 route");
    let address: SocketAddr = address.parse().unwrap();
    let client = Client::new(address).timeout(Duration::from_secs(60));
    assert_eq!(get(&client, "/motd").await, "one");
    // Records come to observers a moment later.
    while get(&client, "/transfers/127.0.0.1").await == "0\n" {}
    write("two");
    while get(&client, "/motd").await != "two" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
