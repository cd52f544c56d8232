//! The cache directory: restarts, damage, bounds, and disks that refuse.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use bootwire::Outcome;
use bootwire_store::CacheEvent;

use super::*;

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(dir.join("objects")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|known| known == suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_from_the_cache_without_the_origin() {
    let origin = Origin::start().await;
    origin.put("linux", Object::new(pattern(9 * MIB, 1), "1"));
    origin.put("grub.cfg", Object::new(pattern(100, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let url = origin.url();
    {
        let cache = cache(dir.path()).await;
        let running = serve(patient(&origin, &cache));
        running.get("/linux").await.unwrap();
        running.get("/grub.cfg").await.unwrap();
        until(|| files(dir.path(), "meta").len() == 2).await;
        until(|| cache.stats().disk_objects == 2).await;
        running.stop().await;
    }
    drop(origin);
    for ttl in [Duration::from_secs(600), Duration::ZERO] {
        let cache = reopened(dir.path()).await;
        let cached = HttpOrigin::new(&url).unwrap().cached(&cache).ttl(ttl);
        let running = serve(cached);
        assert!(running.get("/linux").await.unwrap() == pattern(9 * MIB, 1));
        assert!(running.get("/grub.cfg").await.unwrap() == pattern(100, 1));
        running.stop().await;
    }
}

/// The cache, once the last process has let go of it.
pub(crate) async fn reopened(dir: &Path) -> Cache {
    for _ in 0..500 {
        if let Ok(cache) = Cache::builder(dir).open().await {
            return cache;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the cache stays locked")
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_only_what_is_missing_or_damaged_is_fetched() {
    let origin = Origin::start().await;
    let size = 20 * MIB;
    origin.put("linux", Object::new(pattern(size, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let cached = patient(&origin, &cache(dir.path()).await);
    assert_eq!(cached.prefetch(["linux"]).await[0].1, Ok(size as u64));
    drop(cached);
    // As a crash leaves it: a line that speaks of lost bytes, and a last line cut short.
    let data = files(dir.path(), "data").remove(0);
    let meta = data.with_extension("meta");
    // What is in the file may be read before the sidecar tells of it.
    until(|| fs::read_to_string(&meta).unwrap().matches("sha256").count() == 5).await;
    let file = fs::File::options().write(true).open(&data).unwrap();
    file.write_all_at(&[0; 4096], 5 * MIB as u64).unwrap();
    let text = fs::read_to_string(&meta).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 6, "{text}");
    // Chunks arrive side by side; the damaged one shall not be the one whose line is cut.
    lines[1..].sort_unstable();
    assert!(
        lines[0].contains("/boot/") && lines[0].contains("linux"),
        "can be read: {text}"
    );
    let cut = lines[..5].join("\n") + "\n" + &lines[5][..20];
    fs::write(&meta, cut).unwrap();

    let events = Arc::new(Mutex::new(Vec::new()));
    let cache = loop {
        let heard = Arc::clone(&events);
        let observe = move |event: &CacheEvent| heard.lock().unwrap().push(event.clone());
        match Cache::builder(dir.path()).observe(observe).open().await {
            Ok(cache) => break cache,
            // The last one has not let go yet.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let before = origin.sent("linux");
    let running = serve(patient(&origin, &cache));
    assert!(running.get("/linux").await.unwrap() == pattern(size, 1));
    assert_eq!(origin.sent("linux") - before, 8 * MIB as u64, "two chunks");
    let events = events.lock().unwrap();
    assert!(
        matches!(&events[..], [CacheEvent::Corrupt { chunk: 1, .. }]),
        "{events:?}"
    );
}

/// Somebody writes to a file of the cache while the server runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_was_changed_behind_its_back_is_noticed() {
    let origin = Origin::start().await;
    let size = 10 * MIB;
    origin.put("linux", Object::new(pattern(size, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&heard);
    let observe = move |event: &CacheEvent| events.lock().unwrap().push(event.clone());
    let cache = Cache::builder(dir.path()).observe(observe).open().await;
    let running = serve(patient(&origin, &cache.unwrap()));
    assert!(running.get("/linux").await.unwrap() == pattern(size, 1));
    let data = files(dir.path(), "data").remove(0);
    let file = fs::File::options().write(true).open(&data).unwrap();
    file.write_all_at(&[0; 4096], 5 * MIB as u64).unwrap();
    drop(file);
    let sent = origin.sent("linux");
    // The name is looked at once a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(running.get("/linux").await.unwrap() == pattern(size, 1));
    assert_eq!(origin.sent("linux") - sent, 4 * MIB as u64, "one chunk");
    let events = heard.lock().unwrap().clone();
    assert!(
        matches!(&events[..], [CacheEvent::Corrupt { chunk: 1, .. }]),
        "{events:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_vanish_or_shrink_are_fetched_again() {
    let origin = Origin::start().await;
    let dir = tempfile::tempdir().unwrap();
    let cached = patient(&origin, &cache(dir.path()).await);
    let running = serve(cached.clone());
    let damages: [fn(&Path); 2] = [
        |data| fs::remove_file(data).unwrap(),
        |data| {
            let file = fs::File::options().write(true).open(data).unwrap();
            file.set_len(100).unwrap();
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let name = format!("linux{number}");
        origin.put(&name, Object::new(pattern(9 * MIB, 1), "1"));
        cached.prefetch([&name]).await;
        damage(&files(dir.path(), "data")[number]);
        let content = running.get(&format!("/{name}")).await.unwrap();
        assert!(content == pattern(9 * MIB, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bound_holds_and_what_is_read_stays() {
    let origin = Origin::start().await;
    for number in 0..8 {
        let object = Object::new(pattern(5 * MIB, number), "1");
        origin.put(&number.to_string(), object);
    }
    let dir = tempfile::tempdir().unwrap();
    let max = 17 * MIB as u64;
    let builder = Cache::builder(dir.path()).max(max);
    let cache = builder.open().await.unwrap();
    let cached = hasty(&origin, &cache);
    let name = bootwire_store::origin::ObjectName::new(b"0").unwrap();
    let reading = cached.reply(&name, None).await.unwrap();
    let running = serve(cached.clone());
    for round in 0..2 {
        for number in 1..8 {
            let content = running.get(&format!("/{number}")).await.unwrap();
            assert!(content == pattern(5 * MIB, number), "{round} {number}");
            assert!(cache.stats().disk_bytes <= max);
        }
    }
    assert!(cache.stats().evicted >= 8);
    assert!(
        files(dir.path(), "data").iter().any(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("0-")
        }),
        "what is being read is not removed"
    );
    drop(reading);
    origin.put("large", Object::new(pattern(20 * MIB, 1), "1"));
    assert_eq!(running.error("/large").await, 0, "busy: it does not fit");
    let records = running.stop().await;
    let last = records
        .iter()
        .find(|record| record.path == "/large")
        .unwrap();
    assert_eq!(last.outcome, Outcome::Busy);
    assert!(last.detail.as_ref().unwrap().contains("full"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_share_a_cache() {
    let dir = tempfile::tempdir().unwrap();
    let first = cache(dir.path()).await;
    let error = Cache::builder(dir.path()).open().await.unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    drop(first);
}

/// A file system of `size`, mounted on `dir` in a name space of this thread's own.
fn mount_tmpfs(dir: &Path, size: &str, options: &str) -> bool {
    let status = std::process::Command::new("mount")
        .args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={size}{options}"),
            "tmpfs",
        ])
        .arg(dir)
        .status();
    let mounted = status.is_ok_and(|status| status.success());
    if !mounted {
        skipped("no tmpfs can be mounted here; run as root");
    }
    mounted
}

struct Mounted(tempfile::TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_those_who_need_it_and_small_objects_go_on() {
    let dir = Mounted(tempfile::tempdir().unwrap());
    if !mount_tmpfs(dir.0.path(), "6m", "") {
        return;
    }
    let origin = Origin::start().await;
    origin.put("large", Object::new(pattern(9 * MIB, 1), "1"));
    origin.put("fits", Object::new(pattern(2 * MIB, 1), "1"));
    origin.put("small", Object::new(pattern(100, 1), "1"));
    let running = serve(patient(&origin, &cache(dir.0.path()).await));
    assert_eq!(running.error("/large").await, 0);
    assert!(running.get("/small").await.unwrap() == pattern(100, 1));
    // What does not fit makes room for what does, once nobody is at it any more.
    let begun = Instant::now();
    let fits = loop {
        match running.get("/fits").await {
            Err(_) if begun.elapsed() < Duration::from_secs(10) => {}
            result => break result.unwrap(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(fits == pattern(2 * MIB, 1));
    let records = running.stop().await;
    let large = records
        .iter()
        .find(|record| record.path == "/large")
        .unwrap();
    assert_eq!(large.outcome, Outcome::OriginError);
    assert!(
        large.detail.as_ref().unwrap().contains("No space"),
        "{large:?}"
    );
}

/// A second object fills the disk, and the first one makes room for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_complete_on_a_full_disk_has_no_zeros_at_its_end() {
    let dir = Mounted(tempfile::tempdir().unwrap());
    if !mount_tmpfs(dir.0.path(), "6m", "") {
        return;
    }
    let origin = Origin::start().await;
    origin.put("first", Object::new(pattern(2 * MIB, 1), "1"));
    origin.put("second", Object::new(pattern(5 * MIB, 2), "1"));
    origin.put(
        "third",
        Object::new(pattern(5 * MIB, 3), "1").manner(Manner::NoLength),
    );
    let running = serve(patient(&origin, &cache(dir.0.path()).await));
    for (name, size, seed) in [("first", 2, 1), ("second", 5, 2), ("third", 5, 3)] {
        let begun = Instant::now();
        // Until those at the last one have let go of it.
        let got = loop {
            match running.get(&format!("/{name}")).await {
                Err(_) if begun.elapsed() < Duration::from_secs(20) => {}
                result => break result.unwrap(),
            }
        };
        assert!(got == pattern(size * MIB, seed), "{name}");
        let again = running.get(&format!("/{name}")).await.unwrap();
        assert!(again == pattern(size * MIB, seed), "{name} again");
    }
}

/// The directory is moved away, or parts of it are removed, while the cache is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_replaced_is_noticed() {
    let origin = Origin::start().await;
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("cache");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&heard);
    let observe = move |event: &CacheEvent| events.lock().unwrap().push(event.clone());
    let held = Cache::builder(&dir).observe(observe).open().await.unwrap();
    let cached = patient(&origin, &held);
    let damages: [fn(&Path); 4] = [
        |dir| fs::rename(dir, dir.with_extension("old")).unwrap(),
        |dir| fs::remove_dir_all(dir).unwrap(),
        |dir| fs::remove_dir_all(dir.join("objects")).unwrap(),
        |dir| fs::remove_dir_all(dir.join("incoming")).unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let seed = number as u8;
        let names = [format!("known{number}"), format!("stream{number}")];
        let object = Object::new(pattern(5 * MIB, seed), "1");
        origin.put(&names[0], object.clone());
        origin.put(&names[1], object.manner(Manner::NoLength));
        cached.prefetch([&names[0]]).await.remove(0).1.unwrap();
        damage(&dir);
        // Looked at once a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        for name in names.iter().rev() {
            let got = cached.prefetch([name]).await.remove(0).1;
            assert_eq!(got, Ok(5 * MIB as u64), "{number}: {name}");
        }
        let running = serve(cached.clone());
        let got = running.get(&format!("/{}", names[0])).await.unwrap();
        assert!(got == pattern(5 * MIB, seed));
        let told = std::mem::take(&mut *heard.lock().unwrap());
        let replaced = |event: &CacheEvent| matches!(event, CacheEvent::Replaced { .. });
        assert!(told.iter().any(replaced), "{number}: {told:?}");
        let error = Cache::builder(&dir).open().await.unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_serves_what_it_has_and_small_objects() {
    let dir = Mounted(tempfile::tempdir().unwrap());
    if !mount_tmpfs(dir.0.path(), "40m", "") {
        return;
    }
    let origin = Origin::start().await;
    origin.put("old", Object::new(pattern(5 * MIB, 1), "1"));
    origin.put("new", Object::new(pattern(5 * MIB, 2), "1"));
    origin.put("small", Object::new(pattern(100, 1), "1"));
    let cached = patient(&origin, &cache(dir.0.path()).await);
    cached.prefetch(["old"]).await;
    let remounted = std::process::Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(dir.0.path())
        .status();
    if !remounted.is_ok_and(|status| status.success()) {
        skipped("the tmpfs cannot be made read-only");
        return;
    }
    let running = serve(cached.ttl(Duration::ZERO));
    assert!(running.get("/old").await.unwrap() == pattern(5 * MIB, 1));
    assert!(running.get("/small").await.unwrap() == pattern(100, 1));
    assert_eq!(running.error("/new").await, 0);
    let records = running.stop().await;
    let new = records.iter().find(|record| record.path == "/new").unwrap();
    assert!(
        new.detail.as_ref().unwrap().contains("Read-only"),
        "{new:?}"
    );
}

/// A token may have fetched what is in it.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_servers_user_may_read_what_is_cached() {
    let origin = Origin::start().await;
    origin.put("linux", Object::new(pattern(5 * MIB, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let cache = cache(dir.path()).await;
    serve(patient(&origin, &cache)).get("/linux").await.unwrap();
    until(|| cache.stats().disk_objects == 1).await;
    // The directory itself is open as its owner made it; nothing in it is.
    let inside = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let mut left = inside(dir.path());
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        seen += 1;
        if metadata.is_dir() {
            left.extend(inside(&path));
        }
    }
    assert!(
        seen >= 3,
        "directories, an object and what is known of it: {seen}"
    );
}
