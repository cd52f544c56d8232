//! Programs and services that decide, and what their clients get when they hang, flood or talk
//! nonsense.

use std::net::TcpListener;
use std::time::Duration;

use super::web::{Manner, Object, Web};
use super::{Failure, error, fails, fetch};
use crate::harness::{Packet, Server, Wire, noise};

/// A server whose first route is a program.
fn serve(program: &str, exec: &str) -> Server {
    let config = format!(
        r#"
        [[route]]
        path = "/boot/{{*path}}"
        exec = {{ program = "hook", deadline = "1s", {exec} }}
        [[route]]
        text = "good"
        "#
    );
    Server::builder()
        .beside("hook", program)
        .config(&config)
        .start()
}

fn failure(program: &str, exec: &str) -> Failure {
    fails(&serve(program, exec), "boot/file")
}

#[test]
fn a_program_sees_the_request_and_its_output_is_the_file() {
    let program =
        "#!/bin/sh\nprintf '%s|' \"$1\" \"$BOOTWIRE_PATH\" \"$BOOTWIRE_PEER\" \"$SITE\"\n";
    let server = serve(program, r#"args = ["{mac}"], env = { SITE = "north" }"#);
    let content = Wire::new(server.address()).fetch("boot/grub.cfg-01-52-54-00-12-34-56");
    let expected = "52:54:00:12:34:56|/boot/grub.cfg-01-52-54-00-12-34-56|127.0.0.1|north|";
    assert_eq!(String::from_utf8_lossy(&content), expected);
}

/// What a client sends stays one word of data.
#[test]
fn a_name_is_never_a_command() {
    let server = serve("#!/bin/sh\nprintf %s \"$1\"\n", r#"args = ["{path}"]"#);
    for name in ["$(id)", "a;id", "`id`", "--help", "a b\"c'd"] {
        let content = Wire::new(server.address()).fetch(&format!("boot/{name}"));
        assert_eq!(String::from_utf8_lossy(&content), format!("/boot/{name}"));
    }
}

#[test]
fn a_program_that_says_no_is_taken_at_its_word() {
    for (status, code) in [(66, 1), (75, 0), (77, 2), (1, 0)] {
        let program = format!("#!/bin/sh\necho no such machine >&2\nexit {status}\n");
        let failure = failure(&program, "args = []");
        assert_eq!(failure.code, code, "exit {status}");
        failure.expect_log(&["no such machine"]);
    }
}

#[test]
fn a_program_that_hangs_is_error_0_at_the_deadline() {
    failure("#!/bin/sh\nsleep 600\n", "args = []").expect_try_again(&["no answer within 1s"]);
}

#[test]
fn a_program_that_floods_is_error_0() {
    failure("#!/bin/sh\nexec yes\n", "size_max = \"64 KiB\"").expect_try_again(&["larger"]);
}

#[test]
fn a_program_that_talks_nonsense_is_error_0() {
    for garbage in [
        "garbage",
        "{}",
        r#"{"text": "a", "pass": true}"#,
        r#"{"txt": "a"}"#,
    ] {
        let program = format!("#!/bin/sh\necho '{garbage}'\n");
        failure(&program, "output = \"decision\"").expect_try_again(&["hook"]);
    }
}

#[test]
fn a_program_that_is_not_there_is_error_0_and_named() {
    let server = Server::builder()
        .beside("hook", "#!/bin/sh\necho here\n")
        .config(
            r#"
            [[route]]
            path = "/boot"
            exec = { program = "hook" }
            [[route]]
            text = "good"
            "#,
        )
        .start();
    assert_eq!(Wire::new(server.address()).fetch("boot"), b"here\n");
    std::fs::remove_file(server.outside().join("hook")).expect("there");
    fails(&server, "boot").expect_try_again(&["hook"]);
}

/// A client that repeats its request joins the transfer that waits; others with the same question
/// are answered by the same run.
#[test]
fn one_question_is_one_run() {
    let count = "#!/bin/sh\necho run >> runs\nsleep 0.3\necho content\n";
    let server = Server::builder()
        .beside("hook", count)
        .beside("state/runs", "")
        .config(
            r#"
            [sandbox]
            write = "state"
            [[route]]
            exec = { program = "hook", args = ["{path}"], anonymous = true, env = { } }
            "#,
        )
        .start();
    // The program runs in a directory of the server's choice.
    let hook = server.outside().join("hook");
    let runs = server.outside().join("state/runs");
    let script = format!(
        "#!/bin/sh\necho run >> {}\nsleep 0.3\necho content\n",
        runs.display()
    );
    std::fs::write(&hook, script).expect("a file");
    let mut clients: Vec<_> = (0..20).map(|_| Wire::new(server.address())).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.read("same", &[]);
        }
    }
    for client in &mut clients {
        assert_eq!(client.expect_data(1), b"content\n");
        client.ack(1);
    }
    let runs = std::fs::read_to_string(runs).expect("there");
    assert_eq!(runs.lines().count(), 1, "{runs}");
}

#[test]
fn decisions_point_to_origins_and_templates_or_pass() {
    let script = r#"#!/bin/sh
case "$BOOTWIRE_PATH" in
*/kernel) echo '{"redirect": {"origin": "images", "path": "/vmlinuz"}}' ;;
*/menu) echo '{"template": "menu.j2", "vars": {"disk": "/dev/sda"}}' ;;
*/secret) echo '{"refuse": {"code": 2, "text": "Not enrolled"}}' ;;
*/elsewhere) echo '{"redirect": {"origin": "unknown", "path": "/x"}}' ;;
*) echo '{"pass": true}' ;;
esac
"#;
    let web = Web::of([("vmlinuz", Object::new(noise(70_000, 3), "1"))]);
    let config = web.origin("images")
        + r#"
        [templates]
        dir = "templates"
        [[route]]
        path = "/boot/{*path}"
        try = [{ exec = { program = "hook", output = "decision" } }, { text = "passed" }]
        [[route]]
        text = "good"
        "#;
    let server = Server::builder()
        .beside("hook", script)
        .beside("templates/menu.j2", "disk {{ vars.disk }}")
        .config(&config)
        .start();
    assert!(fetch(&server, "boot/kernel") == noise(70_000, 3));
    assert_eq!(
        Wire::new(server.address()).fetch("boot/menu"),
        b"disk /dev/sda"
    );
    assert_eq!(
        error(&server, "boot/secret"),
        (2, "Not enrolled".to_owned())
    );
    fails(&server, "boot/elsewhere").expect_try_again(&["unknown"]);
    assert_eq!(Wire::new(server.address()).fetch("boot/other"), b"passed");
}

fn serve_http(url: &str) -> Server {
    let config = format!(
        r#"
        [[route]]
        path = "/boot/{{*path}}"
        http = {{ post = "{url}decide", deadline = "1s", size_max = "64 KiB" }}
        [[route]]
        text = "good"
        "#
    );
    Server::builder().config(&config).start()
}

#[test]
fn a_service_decides() {
    let decision = Object::new(br#"{"text": "set default=0\n"}"#.to_vec(), "1");
    let web = Web::of([("decide", decision)]);
    let server = serve_http(&web.url());
    let content = Wire::new(server.address()).fetch("boot/grub.cfg");
    assert_eq!(content, b"set default=0\n");
}

#[test]
fn a_service_that_fails_is_error_0() {
    let flood = Object::new(vec![b' '; 200_000], "1");
    for (object, word) in [
        (Object::default().manner(Manner::Hang), "no answer within"),
        (Object::default().manner(Manner::Garbage), "hook"),
        (Object::default().manner(Manner::Status(500)), "500"),
        (Object::new(b"<html>".to_vec(), "1"), "hook"),
        (flood, "larger"),
    ] {
        let web = Web::of([("decide", object)]);
        fails(&serve_http(&web.url()), "boot/file").expect_try_again(&[word]);
    }
}

#[test]
fn a_service_that_is_not_there_is_error_0() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", free.local_addr().expect("bound"));
    drop(free);
    fails(&serve_http(&url), "boot/file").expect_try_again(&["hook"]);
}

#[test]
fn more_questions_than_may_wait_hear_nothing_until_they_ask_again() {
    let server = serve(
        "#!/bin/sh\nsleep 0.7\necho done\n",
        r#"args = ["{path}"], concurrency = 1, queue = 1"#,
    );
    let mut clients: Vec<_> = (0..4).map(|_| Wire::new(server.address())).collect();
    let mut served = [false; 4];
    while served.contains(&false) {
        for (number, client) in clients.iter_mut().enumerate() {
            if !served[number] {
                client.read(&format!("boot/{number}"), &[]);
                match client.receive_within(Duration::from_secs(1)) {
                    Some(Packet::Error { text, .. }) => panic!("{text}"),
                    Some(_) => served[number] = true,
                    None => {}
                }
            }
        }
    }
}
