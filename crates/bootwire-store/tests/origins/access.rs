//! Who may fetch what: origins at one URL, and a cache others may not read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bootwire_store::Secret;

use super::*;

fn origin_of(origin: &Origin) -> HttpOrigin {
    HttpOrigin::new(&origin.url()).unwrap()
}

/// All files and directories below `dir`, and itself.
fn all(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_at_one_url_share_nothing_unless_all_of_them_may_fetch_it() {
    for size in [100, 5 * MIB] {
        let origin = Origin::start().await;
        origin.put("x", Object::new(pattern(size, 1), "1"));
        let dir = tempfile::tempdir().unwrap();
        let held = cache(dir.path()).await;
        let with = || origin_of(&origin).bearer(Secret::text("hunter2"));
        let cached = with().cached(&held);
        assert_eq!(cached.prefetch(["x"]).await[0].1, Ok(size as u64));
        let others: [fn(HttpOrigin) -> HttpOrigin; 6] = [
            |origin| origin,
            |origin| origin.bearer(Secret::text("hunter3")),
            |origin| origin.header("X-Key", "hunter2").unwrap(),
            |origin| origin.header("X-Key", "hunter3").unwrap(),
            |origin| origin.redirect_to("cdn.example"),
            |origin| origin.bearer(Secret::file("/nowhere/token")),
        ];
        origin.put("x", Object::default().manner(Manner::Status(401)));
        let refused = async |held: &Cache, when: &str| {
            for (index, other) in others.iter().enumerate() {
                let other = other(origin_of(&origin)).cached(held);
                let other = other.answer_within(Duration::from_millis(200));
                let got = other.prefetch(["x"]).await.remove(0).1;
                assert!(got.is_err(), "{index} {when}: {got:?}");
            }
        };
        refused(&held, "at first").await;
        let asked = origin.asked().len();
        let shares = with().cached(&held).prefetch(["x"]).await.remove(0).1;
        assert_eq!(shares, Ok(size as u64), "it is the same origin");
        assert_eq!(origin.asked().len(), asked, "and nobody was asked");
        until(|| held.stats().disk_objects == 1).await;
        drop((cached, held));

        let held = cache_dir::reopened(dir.path()).await;
        refused(&held, "after a restart").await;
        let asked = origin.asked().len();
        let shares = with().cached(&held).prefetch(["x"]).await.remove(0).1;
        assert_eq!(shares, Ok(size as u64));
        assert_eq!(origin.asked().len(), asked, "known since before");
        for path in all(dir.path()) {
            assert!(!path.to_string_lossy().contains("hunter"), "{path:?}");
            let bytes = fs::read(&path).unwrap_or_default();
            assert!(
                !bytes.windows(6).any(|text| text == b"hunter"),
                "a secret in {path:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_read_the_cache() {
    let origin = Origin::start().await;
    origin.put("x", Object::new(pattern(5 * MIB, 1), "1"));
    origin.put("small", Object::new(pattern(100, 1), "1"));
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("cache");
    // As an earlier version left it.
    fs::create_dir_all(dir.join("objects")).unwrap();
    fs::set_permissions(dir.join("objects"), fs::Permissions::from_mode(0o755)).unwrap();
    let dirs = [dir.clone(), place.path().join("new/cache")];
    for dir in dirs {
        let held = cache(&dir).await;
        let cached = origin_of(&origin).cached(&held);
        for (_, got) in cached.prefetch(["x", "small"]).await {
            got.unwrap();
        }
        until(|| held.stats().disk_objects == 2).await;
        for path in all(&dir).into_iter().skip(1) {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "{path:?}: {mode:o}");
        }
    }
    let made = place.path().join("new/cache");
    let mode = fs::metadata(made).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
