//! Machines behind an HTTP API.

use bootwire::ErrorCode;
use bootwire_render::inventory::Inventory as _;
use bootwire_render::inventory::http::{HttpApi, HttpOptions};

use super::web::{Say, Web};
use super::*;

/// An answer as NetBox gives it.
const NETBOX: &str = r#"{"count": 1, "results": [{
    "name": "one", "role": {"slug": "worker"}, "primary_ip4": {"address": "192.0.2.1/24"},
    "config_context": {"disk": "/dev/sda"}, "site": null
}]}"#;

fn netbox(web: &Web) -> HttpApi {
    let options = HttpOptions::new()
        .header("authorization", "Token s3cret")
        .unwrap();
    HttpApi::new(options)
        .unwrap()
        .ask(&web.url("/api/dcim/devices/?mac_address={mac}"))
        .unwrap()
        .machine("/results/0")
        .field("hostname", "/name")
        .field("profile", "/role/slug")
        .field("ip", "/primary_ip4/address")
        .field("vars", "/config_context")
        .field("site", "/site/slug")
        .timeout(Duration::from_secs(2))
}

#[tokio::test]
async fn a_machine_is_asked_for_once_by_all_who_want_it() {
    let web = Web::start(|line, _| {
        if line.contains("mac_address=52%3A54%3A00%3A00%3A00%3A01 ") {
            Say::Later(Duration::from_millis(200), NETBOX.into())
        } else {
            Say::json(r#"{"count": 0, "results": []}"#)
        }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let server = Arc::new(telling(dir.path(), netbox(&web).cached()));
    let mut getting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let server = Arc::clone(&server);
        getting.spawn(async move { server.get("/52-54-00-00-00-01").await.unwrap() });
    }
    for text in getting.join_all().await {
        assert_eq!(text, "one worker /dev/sda");
    }
    assert_eq!(web.asked(), 1);
    assert!(web.heads()[0].contains("authorization: Token s3cret"));
    assert_eq!(
        server.refused("/52-54-00-00-00-02").await.0,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn an_api_that_misbehaves_costs_an_error_in_time() {
    let web = Web::start(|line, _| {
        match line
            .rsplit("%3A")
            .next()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
        {
            "01" => Say::Hang,
            "02" => Say::Flood,
            "03" => Say::Drip,
            "04" => Say::Cut,
            "05" => Say::Answer(500, b"oops".to_vec()),
            "06" => Say::json("<html>"),
            "07" => Say::Answer(302, Vec::new()),
            "08" => Say::json(r#"{"results": [{"name": "a"}, {"name": "b"}]}"#),
            "09" => Say::json(r#"{"results": [{"name": ["no", "text"]}]}"#),
            "0a" => Say::Answer(200, vec![0xff; 100]),
            "0b" => Say::With("content-encoding: gzip", NETBOX.into()),
            "0c" => Say::Answer(404, Vec::new()),
            _ => Say::json(NETBOX),
        }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let server = telling(dir.path(), netbox(&web));
    for last in 1..=11 {
        let path = format!("/52-54-00-00-00-{last:02x}");
        let (code, text) = within(20, server.refused(&path)).await;
        assert_eq!(code, ErrorCode::NotDefined, "{path}");
        assert_eq!(text, "Inventory not available, try again");
        assert_eq!(
            server.get("/52-54-00-00-00-99").await.unwrap(),
            "one worker /dev/sda"
        );
    }
    assert_eq!(
        server.refused("/52-54-00-00-00-0c").await.0,
        ErrorCode::NotFound
    );
    let records = server.stop().await;
    let details: Vec<_> = records
        .iter()
        .filter_map(|record| record.detail.as_deref())
        .collect();
    for (at, what) in [
        (0, "no answer within 2s"),
        (1, "larger than 1048576 bytes"),
        (2, "no answer within 2s"),
        (4, "500"),
        (5, "no JSON"),
        (6, "302"),
        (7, "knows 2 machines"),
        (8, "hostname is no text"),
        (9, "no JSON"),
        (10, "compressed (gzip)"),
    ] {
        assert!(details[at].contains(what), "{at}: {}", details[at]);
    }
}

#[tokio::test]
async fn urls_are_asked_in_order_and_a_dead_api_is_told_by_check() {
    let web = Web::start(|line, _| match line {
        line if line.contains("/by-mac/") => Say::Answer(404, Vec::new()),
        line if line.contains("/by-ip/") => {
            Say::json(r#"{"hostname": "local", "vars": "{\"disk\": \"sdb\"}", "rack": 7}"#)
        }
        _ => Say::Hang,
    })
    .await;
    let api = |web: &Web| {
        HttpApi::new(HttpOptions::new())
            .unwrap()
            .ask(&web.url("/by-mac/{mac}"))
            .unwrap()
            .ask(&web.url("/by-serial/{serial}"))
            .unwrap()
            .ask(&web.url("/by-ip/{ip}"))
            .unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let server = telling(dir.path(), api(&web).cached());
    assert_eq!(
        server.get("/52-54-00-00-00-01").await.unwrap(),
        "local - sdb"
    );
    assert_eq!(web.asked(), 2);
    let late = api(&web).timeout(Duration::from_millis(300)).check().await;
    assert!(late.unwrap_err().to_string().contains("no answer within"));
}
