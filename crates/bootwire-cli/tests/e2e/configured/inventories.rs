//! Inventories that are dead, slow or too large, and what is served without them.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use super::web::{Manner, Object, Web};
use super::{Failure, error, fails};
use crate::harness::{Packet, Server, Wire, bootwire, run_to_end};

fn serve(inventory: &str) -> Server {
    let config = format!(
        r#"
        [templates]
        dir = "templates"
        [inventory]
        {inventory}
        [[route]]
        path = "/{{mac}}.cfg"
        template = "machine.cfg.j2"
        [[route]]
        text = "good"
        "#
    );
    Server::builder()
        .beside("templates/machine.cfg.j2", "{{ machine.hostname }}")
        .config(&config)
        .start()
}

fn failure(inventory: &str) -> Failure {
    let failure = fails(&serve(inventory), "52-54-00-12-34-56.cfg");
    assert_eq!(failure.text, "Inventory not available, try again");
    failure
}

fn postgres(port: u16) -> String {
    format!(
        "postgres = \"postgres://bootwire@127.0.0.1:{port}/inventory\"\n\
         query = \"SELECT name AS hostname FROM hosts WHERE mac = :mac\"\n"
    )
}

#[test]
fn a_database_that_refuses_connections_is_error_0() {
    // Nobody listens on port 1.
    failure(&postgres(1)).expect_try_again(&["inventory", "PostgreSQL at 127.0.0.1:1", "refused"]);
}

#[test]
fn a_database_that_never_answers_is_error_0_in_time() {
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = dead.local_addr().expect("bound").port();
    failure(&postgres(port)).expect_try_again(&["inventory", "PostgreSQL at", "says nothing"]);
}

fn api(web: &Web) -> String {
    format!(
        "timeout = \"1s\"\nhttp = \"{}machines/{{mac}}\"\nmachine = \"\"\n",
        web.url()
    )
}

#[test]
fn an_api_is_asked_and_kept_in_memory() {
    let known = Object::new(br#"{"hostname": "node-7"}"#.to_vec(), "1");
    let web = Web::of([("machines/52%3A54%3A00%3A12%3A34%3A56", known)]);
    let server = serve(&api(&web));
    for _ in 0..5 {
        let content = Wire::new(server.address()).fetch("52-54-00-12-34-56.cfg");
        assert_eq!(content, b"node-7");
    }
    assert_eq!(web.requests(), 1);
}

#[test]
fn a_huge_answer_is_error_0() {
    let huge = format!("{{\"hostname\": \"{}\"}}", "x".repeat(2 << 20));
    let huge = Object::new(huge.into_bytes(), "1");
    let web = Web::of([("machines/52%3A54%3A00%3A12%3A34%3A56", huge)]);
    failure(&api(&web)).expect_try_again(&["larger"]);
}

#[test]
fn an_api_that_hangs_or_answers_nonsense_is_error_0() {
    for (manner, word) in [
        (Manner::Hang, "within"),
        (Manner::Status(500), "500"),
        (Manner::Well, "JSON"),
    ] {
        let object = Object::new(b"<html>".to_vec(), "1").manner(manner);
        let web = Web::of([("machines/52%3A54%3A00%3A12%3A34%3A56", object)]);
        failure(&api(&web)).expect_try_again(&["inventory", word]);
    }
}

/// `bootwire machines` edits what a running server reads.
#[test]
fn machines_are_edited_while_the_server_runs() {
    let server = serve("sqlite = \"machines.db\"");
    let config = server.outside().join("bootwire.toml");
    let list = server.outside().join("more.toml");
    std::fs::write(
        &list,
        "[[machine]]\nmac = \"52:54:00:12:34:56\"\nhostname = \"node-7\"\n",
    )
    .expect("a file");
    assert_eq!(error(&server, "52-54-00-12-34-56.cfg").0, 1);

    let mut import = Command::new(bootwire());
    import.args(["machines", "import"]).arg(&list);
    import.arg("--config").arg(&config);
    let output = run_to_end(&mut import, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    // That it was unknown serves for a second.
    let begun = std::time::Instant::now();
    loop {
        let mut client = Wire::new(server.address());
        client.read("52-54-00-12-34-56.cfg", &[]);
        match client.receive() {
            Packet::Data { payload, .. } => {
                assert_eq!(payload, b"node-7");
                client.ack(1);
                return;
            }
            other => assert!(begun.elapsed() < Duration::from_secs(30), "{other:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
