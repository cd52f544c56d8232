//! What a server is told to do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use bootwire_admin::api::{EventsQuery, Explain, Prefetch, Purge};
use bootwire_admin::client::Event;

use super::{PATIENCE, block_on, client, expect_soon, socket};
use crate::configured::web::{Object, Web};
use crate::harness::{Server, Wire, bootwire, noise, run_to_end};

fn config(word: &str) -> String {
    format!(
        "[[route]]\npath = \"/up/{{*path}}\"\nupload = \"root\"\n[[route]]\ntext = \"{word}\"\n"
    )
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_server() {
    let server = Server::builder().admin_socket().start();
    let socket = socket(&server);
    let found = fs::symlink_metadata(&socket).unwrap();
    assert_eq!(found.mode() & 0o777, 0o600);
    assert_eq!(found.uid(), rustix::process::geteuid().as_raw());
    server.finish();
    assert!(!socket.exists());
}

#[test]
fn a_second_server_does_not_take_it_over() {
    let server = Server::builder().admin_socket().start();
    let socket = socket(&server);
    let mut second = Command::new(bootwire());
    second
        .args(["serve", "--listen", "127.0.0.1:0", "--admin"])
        .arg(&socket)
        .arg(server.outside());
    let output = run_to_end(&mut second, PATIENCE);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("belongs to a server that runs"), "{told}");
    block_on(client(&server).status()).unwrap();
}

#[test]
fn a_configuration_is_shown_explained_and_read_again() {
    let server = Server::builder()
        .config(&config("one"))
        .admin_socket()
        .start();
    let api = client(&server);
    block_on(async {
        let config = api.config().await.unwrap();
        let key = |name: &str| config.keys.iter().find(|key| key.key == name).unwrap();
        assert_eq!(key("transfers_max").value.as_deref(), Some("100000"));
        assert_eq!(
            key("admin.listen").place.as_deref(),
            Some("environment variable BOOTWIRE_ADMIN__LISTEN")
        );
        assert!(
            config
                .serves
                .iter()
                .any(|line| line.contains("/up/{*path}")),
            "{config:?}"
        );

        let question = Explain {
            request: "GET /x".to_owned(),
            from: Some("10.0.0.7".to_owned()),
            ..Explain::default()
        };
        let explained = api.explain(&question).await.unwrap();
        assert!(explained.text.contains("YES"), "{}", explained.text);
        assert_eq!(explained.account["outcome"]["content"]["text"], "one");
        let wrong = Explain {
            request: "GET ../x".to_owned(),
            ..Explain::default()
        };
        let told = api.explain(&wrong).await.unwrap_err().to_string();
        assert!(told.contains("climbs out"), "{told}");
    });

    let file = server.outside().join("bootwire.toml");
    fs::write(&file, "[[route]]\nnonsense = 1\n").unwrap();
    let failed = block_on(api.reload()).unwrap();
    assert!(
        !failed.reloaded && failed.lines[0].contains("bootwire.toml:2"),
        "{failed:?}"
    );
    assert_eq!(Wire::new(server.address()).fetch("word"), b"one");
    fs::write(&file, config("two")).unwrap();
    let done = block_on(api.reload()).unwrap();
    assert!(done.reloaded, "{done:?}");
    // Workers hear of it within a moment.
    expect_soon("the new word", || {
        Wire::new(server.address()).fetch("word") == b"two"
    });
    let question = Explain {
        request: "/x".to_owned(),
        ..Explain::default()
    };
    let explained = block_on(api.explain(&question)).unwrap();
    assert_eq!(explained.account["outcome"]["content"]["text"], "two");
}

#[test]
fn a_drain_lets_transfers_finish_and_says_good_bye() {
    let mut server = Server::builder()
        .file("image", &noise(20_000, 1))
        .admin_socket()
        .start();
    let mut wire = Wire::new(server.address());
    wire.read("image", &[("blksize", "1024")]);
    wire.expect_oack();
    wire.ack(0);
    wire.expect_data(1);
    let api = client(&server);
    block_on(async {
        let mut events = api.events(&EventsQuery::default()).await.unwrap();
        let draining = api.drain().await.unwrap();
        assert_eq!((draining.active, draining.limit_ms), (1, 30_000));
        loop {
            let status = api.status().await.unwrap();
            if !status.ready {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        wire.ack(1);
        wire.read_rest(1024, 2);
        loop {
            match events.next().await.unwrap() {
                Some(Event::Bye) => break,
                Some(_) => {}
                None => panic!("no good-bye"),
            }
        }
    });
    assert_eq!(server.wait(PATIENCE).code(), Some(0));
}

#[test]
fn objects_are_fetched_before_anybody_asks_and_removed() {
    let web = Web::of([
        ("a", Object::new(noise(9_000, 1), "1")),
        ("b", Object::new(noise(5 << 20, 2), "1")),
    ]);
    let server = Server::builder()
        .config(&web.images())
        .admin_socket()
        .start();
    let api = client(&server);
    block_on(async {
        let what = Prefetch {
            origin: Some("images".to_owned()),
            paths: vec!["a".to_owned(), "/b".to_owned(), "c".to_owned()],
        };
        let report = api.prefetch(&what).await.unwrap();
        let bytes: Vec<_> = report.objects.iter().map(|one| one.bytes).collect();
        assert_eq!(bytes, [Some(9_000), Some(5 << 20), None], "{report:?}");
        assert!(report.objects[2].error.is_some());
        let cache = api.cache().await.unwrap();
        assert_eq!(cache.figures.disk_objects, 2);
        assert_eq!(cache.origins[0].name, "images");

        let purge = |path: Option<&str>| Purge {
            origin: "images".to_owned(),
            path: path.map(str::to_owned),
        };
        let purged = api.purge(&purge(Some("a"))).await.unwrap();
        assert_eq!(purged.objects, 1);
        assert_eq!(api.purge(&purge(Some("a"))).await.unwrap().objects, 0);
        assert!(api.purge(&purge(None)).await.unwrap().bytes > 5 << 20);
        assert_eq!(api.cache().await.unwrap().figures.disk_objects, 0);
        let nobody = Purge {
            origin: "other".to_owned(),
            path: None,
        };
        let told = api.purge(&nobody).await.unwrap_err().to_string();
        assert!(told.contains("images"), "{told}");
    });
    let before = web.requests();
    assert!(Wire::new(server.address()).fetch("images/a") == noise(9_000, 1));
    expect_soon("it is fetched again", || web.requests() > before);
}
