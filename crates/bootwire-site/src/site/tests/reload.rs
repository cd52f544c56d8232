//! One configuration after the other.

use super::origins::Web;
use super::*;

async fn reopened(dir: &Path, text: &str, shared: &mut Shared) -> Site {
    let opened = Site::open(&config(dir, text), shared).await;
    opened.unwrap_or_else(|problems| panic!("{problems}"))
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
    let mut shared = Shared::default();
    let old = reopened(dir.path(), &text_of(""), &mut shared).await;
    assert_eq!(text(&old, "/a").await.unwrap(), "content");
    // Another bound: the cache is locked, and the one that is open goes on.
    let new = reopened(dir.path(), &text_of("max = '1 GiB'\n"), &mut shared).await;
    assert!(is_at_hand(&new, "/a"));
    assert_eq!(
        text(&old, "/a").await.unwrap(),
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
    let mut shared = Shared::default();
    let old = reopened(dir.path(), &text_of("one"), &mut shared).await;
    assert_eq!(text(&old, "/a").await.unwrap(), "content");
    let new = reopened(dir.path(), &text_of("two"), &mut shared).await;
    assert!(!is_at_hand(&new, "/a"));
    assert_eq!(text(&new, "/a").await.unwrap(), "content");
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
    let mut shared = Shared::default();
    let site = reopened(dir.path(), &text_of("one", ""), &mut shared).await;
    assert_eq!(text(&site, "/525400123456").await.unwrap(), "one");
    let site = reopened(
        dir.path(),
        &text_of("one", "blksize_max = 512"),
        &mut shared,
    )
    .await;
    assert!(is_at_hand(&site, "/525400123456"));
    let site = reopened(dir.path(), &text_of("two", ""), &mut shared).await;
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
    let mut shared = Shared::default();
    let old = reopened(dir.path(), &text_of("origin = 'images'"), &mut shared).await;
    assert_eq!(text(&old, "/a").await.unwrap(), "content");
    let broken = config(dir.path(), &text_of("dir = 'nowhere'"));
    assert!(Site::open(&broken, &mut shared).await.is_err());
    let again = reopened(dir.path(), &text_of("origin = 'images'"), &mut shared).await;
    assert!(is_at_hand(&again, "/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_broke_keeps_its_last_good_text() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "good");
    let route = "[[route]]\ntemplate = 'boot.j2'";
    let mut shared = Shared::default();
    reopened(dir.path(), route, &mut shared).await;
    write(dir.path(), "templates/boot.j2", "{{ broken");
    let site = reopened(dir.path(), route, &mut shared).await;
    assert_eq!(text(&site, "/x").await.unwrap(), "good");
}
