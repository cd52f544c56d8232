//! One configuration after the other.

use super::origins::Web;
use super::*;

/// Reads another text in the place of the one before.
async fn reload(site: &mut Site, dir: &Path, text: &str) {
    write(dir, "bootwire.toml", text);
    let reloaded = site.reload().await;
    reloaded.unwrap_or_else(|problems| panic!("{problems}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_stays_open_and_what_it_has_at_hand() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/a", "content")]).await;
    let text_of = |more: &str| {
        format!(
            "[cache]\ndir = 'cache'\n{more}[origin.images]\nurl = '{}'\n\
             [[route]]\norigin = 'images'",
            web.url()
        )
    };
    let mut site = open(dir.path(), &text_of("")).await;
    assert_eq!(text(&site, "/a").await.unwrap(), "content");
    let old = site.app();
    // Another bound: the cache is locked, and the one that is open goes on.
    reload(&mut site, dir.path(), &text_of("max = '1 GiB'\n")).await;
    assert!(is_at_hand(&site, "/a"));
    let answer = old.call(get("/a", "10.0.0.7", &[])).await.unwrap();
    assert_eq!(
        content(&answer),
        "content",
        "who still serves the old one can"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_elsewhere_is_another_cache() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/a", "content")]).await;
    let text_of = |cache: &str| {
        format!(
            "[cache]\ndir = '{cache}'\n[origin.images]\nurl = '{}'\n[[route]]\norigin = 'images'",
            web.url()
        )
    };
    let mut site = open(dir.path(), &text_of("one")).await;
    assert_eq!(text(&site, "/a").await.unwrap(), "content");
    reload(&mut site, dir.path(), &text_of("two")).await;
    assert!(!is_at_hand(&site, "/a"));
    assert_eq!(text(&site, "/a").await.unwrap(), "content");
    assert!(dir.path().join("two/objects").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_inventory_are_kept_unless_it_is_another() {
    use bootwire_render::inventory::Machine;
    use bootwire_render::inventory::sql::Sqlite;

    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "{{ machine.hostname }}");
    for name in ["one", "two"] {
        let database = Sqlite::open(dir.path().join(name)).await.unwrap();
        let machine: Machine = serde_json::from_value(serde_json::json!({
            "mac": "52:54:00:12:34:56", "hostname": name,
        }))
        .unwrap();
        database.add(&machine).await.unwrap();
    }
    let text_of = |database: &str, more: &str| {
        format!(
            "[inventory]\nsqlite = '{database}'\nfresh_for = '1h'\n\
             [[route]]\npath = '/{{mac}}'\ntemplate = 'boot.j2'\n{more}"
        )
    };
    let mut site = open(dir.path(), &text_of("one", "")).await;
    assert_eq!(text(&site, "/525400123456").await.unwrap(), "one");
    let capped = text_of("one", "blksize_max = 512");
    reload(&mut site, dir.path(), &capped).await;
    assert!(is_at_hand(&site, "/525400123456"));
    reload(&mut site, dir.path(), &text_of("two", "")).await;
    assert!(!is_at_hand(&site, "/525400123456"));
    assert_eq!(text(&site, "/525400123456").await.unwrap(), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_mistakes_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/a", "content")]).await;
    let text_of = |route: &str| {
        format!(
            "[cache]\ndir = 'cache'\n[origin.images]\nurl = '{}'\n[[route]]\n{route}",
            web.url()
        )
    };
    let good = text_of("origin = 'images'");
    let mut site = open(dir.path(), &good).await;
    assert_eq!(text(&site, "/a").await.unwrap(), "content");
    for (broken, told) in [
        (text_of("dir = 'nowhere'"), "bootwire.toml:5: "),
        (text_of("dir = 5"), "write a text in quotes"),
        (
            good.replace("[[route]]\norigin = 'images'", ""),
            "there is no [[route]]",
        ),
        (String::new(), "the file is empty, and was not before"),
    ] {
        write(dir.path(), "bootwire.toml", &broken);
        let problems = site.reload().await.unwrap_err().to_string();
        assert!(problems.contains(told), "{problems}");
        assert!(is_at_hand(&site, "/a"), "{told}");
    }
    reload(&mut site, dir.path(), &good).await;
    assert!(is_at_hand(&site, "/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_broke_keeps_its_last_good_text() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "good");
    let route = "[[route]]\ntemplate = 'boot.j2'";
    let mut site = open(dir.path(), route).await;
    write(dir.path(), "templates/boot.j2", "{{ broken");
    reload(&mut site, dir.path(), route).await;
    assert_eq!(text(&site, "/x").await.unwrap(), "good");
}

/// Who is told what happens is connected to once.
#[tokio::test(flavor = "multi_thread")]
async fn another_webhook_or_collector_waits_for_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let text_of = |webhook: &str, otlp: &str| {
        format!(
            "[otlp]\nurl = 'http://{otlp}'\n[[webhook]]\nurl = 'http://{webhook}'\n\
             [[route]]\ntext = 'x'"
        )
    };
    let mut site = open(dir.path(), &text_of("one", "one")).await;
    for (webhook, otlp, told) in [
        ("one", "one", None),
        ("two", "one", Some("webhook changed")),
        ("two", "two", Some("otlp, webhook changed")),
        ("one", "one", None),
    ] {
        write(dir.path(), "bootwire.toml", text_of(webhook, otlp));
        let lines = site
            .reload()
            .await
            .unwrap_or_else(|problems| panic!("{problems}"));
        let warning = lines.iter().find(|line| line.contains("restart"));
        assert_eq!(warning.is_some(), told.is_some(), "{lines:?}");
        if let (Some(warning), Some(told)) = (warning, told) {
            assert!(warning.contains(told), "{warning}");
        }
    }
}
