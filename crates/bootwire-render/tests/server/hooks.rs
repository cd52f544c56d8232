//! Hooks over the wire: asked once, bounded, and harmless when they misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bootwire::{ErrorCode, Outcome, Reply, Router};
use bootwire_render::hook::{Exec, Hook, HttpHook, HttpOptions, Output, Redirect};
use serde_json::Value;

use super::web::{Say, Web};
use super::*;

/// A directory for programs and for what they leave.
struct Workshop(tempfile::TempDir);

impl Workshop {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program with this text, in the shell's language; `$DIR` is the directory.
    fn program(&self, name: &str, text: &str) -> Exec {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Exec::new(path).env("DIR", self.0.path())
    }

    fn lines(&self, name: &str) -> usize {
        fs::read_to_string(self.path(name)).map_or(0, |text| text.lines().count())
    }
}

fn serve(hook: Hook) -> Running {
    let router = Router::new()
        .read("/motd", || async { "Welcome\n" })
        .read("/{*path}", hook);
    Running::start(router)
}

#[tokio::test]
async fn a_client_that_repeats_its_request_causes_one_call() {
    let shop = Workshop::new();
    let program = shop.program("p", "echo x >> $DIR/calls; sleep 1; printf hello");
    let server = serve(Hook::new(program));
    let address = server.address;
    let raw = tokio::task::spawn_blocking(move || {
        let raw = Raw::new();
        for _ in 0..8 {
            raw.read(address, "boot/file");
            std::thread::sleep(Duration::from_millis(100));
        }
        raw.receive()
    });
    assert_eq!(raw.await.unwrap(), b"\0\x03\0\x01hello");
    assert_eq!(shop.lines("calls"), 1);
}

#[tokio::test]
async fn clients_that_give_up_and_come_again_find_the_call_under_way() {
    let shop = Workshop::new();
    let program = shop.program("p", "echo x >> $DIR/calls; sleep 3; printf hello");
    let server = serve(Hook::new(program).deadline(Duration::from_secs(20)));
    let address = server.address;
    let done = tokio::task::spawn_blocking(move || {
        // Each from a new port: another transfer, the same question.
        for _ in 0..5 {
            Raw::new().read(address, "boot/file");
            std::thread::sleep(Duration::from_millis(50));
        }
        let last = Raw::new();
        last.read(address, "boot/file");
        last.receive()
    });
    assert_eq!(done.await.unwrap(), b"\0\x03\0\x01hello");
    assert_eq!(shop.lines("calls"), 1);
}

#[tokio::test]
async fn a_program_is_told_everything_and_nothing_of_it_is_code() {
    let shop = Workshop::new();
    let program = shop
        .program(
            "p",
            "printf '%s|' \"$@\"; env | grep -c SECRET; printf '%s' \"$BOOTWIRE_REQUEST\"",
        )
        .arg("{path}")
        .arg("mac={mac}")
        .arg("{nothing}");
    let server = serve(Hook::new(program));
    let name = "/grub/$(reboot);`reboot`/grub.cfg-01-52-54-00-00-00-01";
    let text = server.get(name).await.unwrap();
    let (args, rest) = text.split_once("||").unwrap();
    assert_eq!(args, format!("{name}|mac=52:54:00:00:00:01"));
    let (count, json) = rest.split_once('\n').unwrap();
    assert_eq!(count, "0");
    let question: Value = serde_json::from_str(json).unwrap();
    assert_eq!(question["version"], 1);
    assert_eq!(question["path"], name);
    assert_eq!(question["peer"], "127.0.0.1");
    assert_eq!(question["mac"], "52:54:00:00:00:01");
    assert_eq!(question["loader"], "grub");
    assert_eq!(question["options"]["tsize"], "0");
    assert!(question.get("uuid").is_none());
}

#[tokio::test]
async fn a_value_becomes_no_option_of_the_program() {
    let shop = Workshop::new();
    let program = shop.program("p", "echo x >> $DIR/calls").arg("{serial}");
    let router = Router::new().read("/by/{serial}", Hook::new(program));
    let server = Running::start(router);
    assert_eq!(
        server.refused("/by/--help").await.0,
        ErrorCode::AccessViolation
    );
    assert_eq!(shop.lines("calls"), 0);
    assert_eq!(server.get("/by/CZ-1").await.unwrap(), "");
}

#[tokio::test]
async fn every_way_to_end_has_its_answer_in_time_and_others_notice_nothing() {
    let shop = Workshop::new();
    let program = shop.program(
        "p",
        r#"case "$BOOTWIRE_PATH" in
            /66) exit 66;;
            /75) exit 75;;
            /77) echo "no boot for you" >&2; exit 77;;
            /1) echo "cannot: disk on fire" >&2; exit 1;;
            /kill) kill -9 $$;;
            /hang) sleep 1000;;
            /fork) sleep 1000 & echo $! > $DIR/grandchild; sleep 1000;;
            /flood) exec yes;;
            /mutter) yes >&2;;
            /drip) while :; do printf x; sleep 0.1; done;;
            /closed) exec >&- 2>&-; sleep 1000;;
            /bytes) printf '\377\000\376';;
            /empty) :;;
        esac"#,
    );
    let server = serve(Hook::new(program.size_max(1 << 20)).deadline(Duration::from_millis(1500)));
    let later = (
        ErrorCode::NotDefined,
        "Content not available now, try again".to_owned(),
    );
    for (path, expected) in [
        ("/66", (ErrorCode::NotFound, "File not found".to_owned())),
        (
            "/75",
            (ErrorCode::NotDefined, "Server busy, try again".to_owned()),
        ),
        (
            "/77",
            (ErrorCode::AccessViolation, "Access denied".to_owned()),
        ),
        ("/1", later.clone()),
        ("/kill", later.clone()),
        ("/hang", later.clone()),
        ("/fork", later.clone()),
        ("/flood", later.clone()),
        ("/mutter", later.clone()),
        ("/drip", later.clone()),
        ("/closed", later),
    ] {
        let (refused, welcome) = tokio::join!(
            within(20, server.refused(path)),
            within(20, server.get("/motd"))
        );
        assert_eq!(refused, expected, "{path}");
        assert_eq!(welcome.unwrap(), "Welcome\n");
    }
    let mut bytes = Vec::new();
    Client::new(server.address)
        .get("/bytes", &mut bytes)
        .await
        .unwrap();
    assert_eq!(bytes, b"\xff\0\xfe", "content is bytes");
    assert_eq!(server.get("/empty").await.unwrap(), "");

    let grandchild = fs::read_to_string(shop.path("grandchild")).unwrap();
    let status = format!("/proc/{}/stat", grandchild.trim());
    let dead = async {
        while fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(5, dead).await;

    let records = server.stop().await;
    let detail = |path: &str| {
        let record = records.iter().find(|record| record.path == path).unwrap();
        record.detail.clone().unwrap_or_default()
    };
    let silent = detail("/75");
    assert!(
        silent.contains("/p: exit status: 75, and nothing on its standard error"),
        "{silent}"
    );
    assert!(detail("/1").contains("exit status: 1: cannot: disk on fire"));
    assert!(detail("/kill").contains("signal: 9"));
    assert!(detail("/hang").contains("no answer within 1.5s"));
    assert!(detail("/flood").contains("larger than 1048576 bytes"));
    assert_eq!(detail("/77"), "no boot for you");
    assert!(detail("/75").ends_with("exit status: 75, and nothing on its standard error"));
}

#[tokio::test]
async fn decisions_lead_to_content_templates_origins_and_refusals() {
    let shop = Workshop::new();
    fs::write(shop.path("t.j2"), "{{ vars.disk }} for {{ machine.ip }}").unwrap();
    fs::write(shop.path("u.j2"), "at {{ vars.site }}").unwrap();
    let program = shop
        .program(
            "p",
            r#"case "$BOOTWIRE_PATH" in
                /text) echo '{"text": "inline"}';;
                /base64) echo '{"base64": "aGVsbG8="}';;
                /template) echo '{"template": "t.j2", "vars": {"disk": "sda"}}';;
                /broken) echo '{"template": "t.j2"}';;
                /origin) echo '{"redirect": {"origin": "images", "path": "/a"}}';;
                /climb) echo '{"redirect": {"origin": "images", "path": "/../a"}}';;
                /refuse) echo '{"refuse": {"code": 2, "text": "Not enrolled"}}';;
                /pass) echo '{"pass": true}';;
                /usual) echo '{"template": "u.j2"}';;
                /garbage) echo 'hello';;
                /two) echo '{"pass": true, "text": "x"}';;
            esac"#,
        )
        .output(Output::Json);
    let fetch = |redirect: Redirect, _| async move {
        Ok(Reply::text(format!(
            "{} {}",
            redirect.origin, redirect.path
        )))
    };
    let hook = Hook::new(program)
        .templates(&Templates::open(shop.path("")).unwrap())
        .var("site", "ams")
        .redirects(fetch)
        .otherwise(template(
            shop.0.path(),
            "{{ vars.disk | default('sdz') }} for {{ machine.ip }}",
        ));
    let server = serve(hook);
    for (path, expected) in [
        ("/text", "inline"),
        ("/base64", "hello"),
        ("/template", "sda for 127.0.0.1"),
        ("/usual", "at ams"),
        ("/origin", "images /a"),
        ("/pass", "sdz for 127.0.0.1"),
    ] {
        assert_eq!(server.get(path).await.unwrap(), expected, "{path}");
    }
    let refused = server.refused("/refuse").await;
    assert_eq!(
        refused,
        (ErrorCode::AccessViolation, "Not enrolled".to_owned())
    );
    for path in ["/climb", "/garbage", "/two", "/nothing"] {
        assert_eq!(
            server.refused(path).await.0,
            ErrorCode::NotDefined,
            "{path}"
        );
    }
}

#[tokio::test]
async fn beyond_concurrency_they_wait_and_beyond_the_queue_they_hear_nothing_and_ask_again() {
    let shop = Workshop::new();
    let program = shop.program(
        "p",
        "touch $DIR/running.$$; sleep 0.5; ls $DIR/running.* | wc -l; rm $DIR/running.$$",
    );
    let hook = Hook::new(program)
        .concurrency(2)
        .queue(2)
        .deadline(Duration::from_secs(20));
    let server = Arc::new(serve(hook));
    let mut getting = tokio::task::JoinSet::new();
    for n in 0..10 {
        let server = Arc::clone(&server);
        getting.spawn(async move { server.get(&format!("/{n}")).await });
    }
    for running in getting.join_all().await {
        let running = running.expect("every boot goes on");
        assert!(running.trim().parse::<u32>().unwrap() <= 2, "{running}");
    }
    let records = server.records.lock().unwrap();
    let busy = records
        .iter()
        .filter(|record| record.outcome == Outcome::Busy);
    assert!(busy.count() >= 6);
}

#[tokio::test]
async fn a_service_is_posted_the_question_and_anonymous_questions_are_one() {
    let web = Web::start(|line, body| {
        let question: Value = serde_json::from_str(body).unwrap();
        assert!(line.starts_with("POST /decide"));
        let told = question.get("peer").is_some() || question.get("options").is_some();
        Say::Later(
            Duration::from_millis(300),
            format!(
                r#"{{"text": "{} {told}"}}"#,
                question["path"].as_str().unwrap()
            )
            .into(),
        )
    })
    .await;
    let ask = || HttpHook::post(&web.url("/decide"), HttpOptions::new()).unwrap();
    let server = serve(Hook::new(ask()));
    assert_eq!(server.get("/boot/x").await.unwrap(), "/boot/x true");
    assert!(
        web.heads()[0]
            .to_ascii_lowercase()
            .contains("content-type: application/json")
    );

    let server = Arc::new(serve(Hook::new(ask()).anonymous(true)));
    let mut getting = tokio::task::JoinSet::new();
    for n in 0..50_u16 {
        let address = server.address;
        getting.spawn(async move {
            let mut content = Vec::new();
            // Differing options would make differing questions.
            let client = Client::new(address).blksize(600 + n);
            client.get("/boot/same", &mut content).await.unwrap();
            String::from_utf8(content).unwrap()
        });
    }
    for text in getting.join_all().await {
        assert_eq!(text, "/boot/same false");
    }
    assert_eq!(web.asked(), 2);
}

#[tokio::test]
async fn a_service_that_misbehaves_costs_an_error_in_time() {
    let web = Web::start(|line, _| match line.split(' ').nth(1).unwrap() {
        "/hang" => Say::Hang,
        "/flood" => Say::Flood,
        "/drip" => Say::Drip,
        "/cut" => Say::Cut,
        "/500" => Say::Answer(500, Vec::new()),
        "/301" => Say::Answer(301, Vec::new()),
        "/404" => Say::Answer(404, Vec::new()),
        "/403" => Say::Answer(403, Vec::new()),
        "/503" => Say::Answer(503, Vec::new()),
        "/204" => Say::Answer(204, Vec::new()),
        "/huge" => Say::json(&format!(r#"{{"text": "{}"}}"#, "x".repeat(2 << 20))),
        "/deep" => Say::json(&"[".repeat(100_000)),
        "/bytes" => Say::Answer(200, vec![0xff; 10]),
        "/gzip" => Say::With("content-encoding: gzip", br#"{"text": "packed"}"#.to_vec()),
        "/packed" => Say::With(
            "transfer-encoding: gzip, chunked",
            b"12\r\n{\"text\": \"packed\"}\r\n0\r\n\r\n".to_vec(),
        ),
        path => Say::json(&format!(r#"{{"text": "{path}"}}"#)),
    })
    .await;
    let ask = HttpHook::get(&web.url("{path}"), HttpOptions::new()).unwrap();
    let ask = ask.output(Output::Json).size_max(1 << 20);
    let server = serve(Hook::new(ask).deadline(Duration::from_secs(2)));
    let later = ErrorCode::NotDefined;
    for (path, code, what) in [
        ("/hang", later, "no answer within 2s"),
        ("/flood", later, "larger than 1048576 bytes"),
        ("/drip", later, "no answer within 2s"),
        ("/cut", later, "hook: "),
        ("/500", later, "500"),
        ("/301", later, "301"),
        ("/404", ErrorCode::NotFound, "404"),
        ("/403", ErrorCode::AccessViolation, "403"),
        ("/503", later, "503"),
        ("/204", ErrorCode::NotFound, "passed"),
        ("/huge", later, "larger than 1048576 bytes"),
        ("/deep", later, "no decision"),
        ("/bytes", later, "no decision"),
        ("/gzip", later, "compressed (gzip)"),
        ("/packed", later, "compressed (gzip)"),
    ] {
        let (refused, welcome) = tokio::join!(
            within(20, server.refused(path)),
            within(20, server.get("/motd"))
        );
        assert_eq!(refused.0, code, "{path}");
        assert_eq!(welcome.unwrap(), "Welcome\n");
        let told = || {
            let records = server.records.lock().unwrap();
            let record = records.iter().find(|record| record.path == path)?;
            record.detail.clone()
        };
        let detail = async {
            loop {
                if let Some(detail) = told() {
                    break detail;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let detail = within(5, detail).await;
        assert!(detail.contains(what), "{path}: {detail}");
    }
    assert_eq!(server.get("/a b/c?d").await.unwrap(), "/a%20b/c%3Fd");
    assert!(web.heads()[0].contains("accept-encoding: identity"));
}

#[tokio::test]
async fn a_service_or_program_that_is_not_there_is_an_error_at_once() {
    let gone = HttpHook::post("http://127.0.0.1:9/", HttpOptions::new()).unwrap();
    for hook in [Hook::new(gone), Hook::new(Exec::new("/nowhere/program"))] {
        let server = serve(hook);
        let (code, text) = within(2, server.refused("/x")).await;
        assert_eq!(
            (code, text.as_str()),
            (
                ErrorCode::NotDefined,
                "Content not available now, try again"
            )
        );
        let records = server.stop().await;
        let detail = records[0].detail.as_deref().unwrap();
        assert!(detail.starts_with("hook: "), "{detail}");
        assert!(!text.contains("nowhere"));
    }
}
