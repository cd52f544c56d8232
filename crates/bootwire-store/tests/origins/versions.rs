//! Which version a client gets: revalidation, staleness, pins.

use bootwire_store::CacheEvent;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_asked_about_when_its_time_is_over_and_fetched_only_if_it_changed() {
    let origin = Origin::start().await;
    for (name, size) in [("small", 100), ("large", 5 * MIB)] {
        origin.put(name, Object::new(pattern(size, 1), "1"));
        let dir = tempfile::tempdir().unwrap();
        let cached = patient(&origin, &cache(dir.path()).await).ttl(Duration::ZERO);
        let running = serve(cached);
        let path = format!("/{name}");
        for _ in 0..3 {
            assert!(running.get(&path).await.unwrap() == pattern(size, 1));
        }
        assert_eq!(origin.sent(name), size as u64);
        let asked = origin.asked();
        assert_eq!(asked.last().unwrap().headers["if-none-match"], "\"1\"");
        origin.put(name, Object::new(pattern(size + 1, 2), "2"));
        assert!(running.get(&path).await.unwrap() == pattern(size + 1, 2));
        origin.remove(name);
        assert_eq!(running.error(&path).await, 1, "gone is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_object_is_sent_without_asking() {
    let origin = Origin::start().await;
    origin.put("a", Object::new(pattern(5 * MIB, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let running = serve(patient(&origin, &cache(dir.path()).await));
    running.get("/a").await.unwrap();
    let asked = origin.asked().len();
    for _ in 0..5 {
        running.get("/a").await.unwrap();
    }
    assert_eq!(origin.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cached_is_sent_while_the_origin_is_down_within_a_bound() {
    let origin = Origin::start().await;
    origin.put("a", Object::new(pattern(5 * MIB, 1), "1"));
    origin.put("b", Object::new(pattern(100, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let observe = move |event: &CacheEvent| heard.lock().unwrap().push(event.clone());
    let builder = Cache::builder(dir.path()).observe(observe);
    let cache = builder.open().await.unwrap();
    let cached = hasty(&origin, &cache).ttl(Duration::ZERO);
    let strict = cached.clone().max_stale(Duration::ZERO);
    let running = serve(cached);
    running.get("/a").await.unwrap();
    running.get("/b").await.unwrap();
    for manner in [Manner::Status(500), Manner::Hang, Manner::Compressed] {
        origin.put("a", Object::new(Vec::new(), "2").manner(manner.clone()));
        origin.put("b", Object::new(Vec::new(), "2").manner(manner));
        assert!(running.get("/a").await.unwrap() == pattern(5 * MIB, 1));
        assert!(running.get("/b").await.unwrap() == pattern(100, 1));
    }
    let told = events.lock().unwrap()[0].to_string();
    assert!(
        told.contains("500") && told.contains("without asking"),
        "{told}"
    );
    assert!(cache.stats().stale >= 6);
    drop(origin);
    assert!(running.get("/a").await.unwrap() == pattern(5 * MIB, 1));
    assert_eq!(serve(strict).error("/a").await, 0, "too old to be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_boot_sees_one_version_and_the_next_boot_the_new_one() {
    let origin = Origin::start().await;
    let put = |seed: u8| {
        let etag = seed.to_string();
        origin.put("kernel", Object::new(pattern(5 * MIB, seed), &etag));
        origin.put("initrd", Object::new(pattern(5 * MIB, seed), &etag));
        origin.put("config", Object::new(pattern(100, seed), &etag));
    };
    put(1);
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let ttl = Duration::from_secs(3);
    let cached = patient(&origin, &cache).ttl(ttl);
    let cached = cached.pin(Duration::from_secs(600));
    let name = |name: &str| bootwire_store::origin::ObjectName::new(name.as_bytes()).unwrap();
    let content = async |machine: &str, object: &str| {
        let reply = cached.reply(&name(object), Some(machine)).await.unwrap();
        let app = Arc::new(Mutex::new(Some(reply)));
        let running = Running::start(Router::new().read("/x", move || {
            let reply = app.lock().unwrap().take();
            async move { reply }
        }));
        running.get("/x").await.unwrap()
    };
    // Somebody has all of the first version.
    for object in ["kernel", "initrd", "config"] {
        content("other", object).await;
    }
    until(|| cache.stats().disk_objects == 3).await;
    assert!(content("10.0.0.7", "kernel").await == pattern(5 * MIB, 1));
    put(2);
    tokio::time::sleep(ttl).await;
    assert!(
        content("10.0.0.9", "initrd").await == pattern(5 * MIB, 2),
        "a boot that begins now sees what is current now"
    );
    assert!(content("10.0.0.7", "kernel").await == pattern(5 * MIB, 1));
    assert!(
        content("10.0.0.7", "initrd").await == pattern(5 * MIB, 1),
        "the initrd fits the kernel, although it is asked for later"
    );
    assert!(content("10.0.0.7", "config").await == pattern(100, 1));
    assert!(content("10.0.0.9", "kernel").await == pattern(5 * MIB, 2));
}

/// A cache too small for old and new versions side by side, and boots that need the old ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_version_stays_while_its_boot_runs_or_the_boot_is_told() {
    let origin = Origin::start().await;
    let put = |name: &str, seed: u8| {
        origin.put(name, Object::new(pattern(5 * MIB, seed), &seed.to_string()));
    };
    for name in ["kernel", "initrd"] {
        put(name, 1);
    }
    origin.put("large", Object::new(pattern(13 * MIB, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let held = Cache::builder(dir.path()).max(22 * MIB as u64);
    let held = held.open().await.unwrap();
    let ttl = Duration::from_millis(1500);
    let cached = hasty(&origin, &held)
        .ttl(ttl)
        .pin(Duration::from_secs(600))
        .answer_within(Duration::from_millis(300));
    let name = |name: &str| bootwire_store::origin::ObjectName::new(name.as_bytes()).unwrap();
    let served = Router::new().read("/{machine}/{object}", {
        let cached = cached.clone();
        move |request: bootwire::Request| {
            let (cached, path) = (cached.clone(), request.path().into_owned());
            async move {
                let (machine, object) = path.trim_start_matches('/').split_once('/').unwrap();
                cached.reply(&name(object), Some(machine)).await
            }
        }
    });
    let running = Running::start(served);
    let fetched = async |path: &str, seed: u8| {
        let begun = Instant::now();
        loop {
            match running.get(path).await {
                Err(_) if begun.elapsed() < Duration::from_secs(10) => {}
                result => break assert!(result.unwrap() == pattern(5 * MIB, seed), "{path}"),
            }
        }
    };
    fetched("/m1/kernel", 1).await;
    fetched("/m1/initrd", 1).await;
    put("kernel", 2);
    put("initrd", 2);
    tokio::time::sleep(ttl).await;
    // The new ones take the last places: the old ones stay, and there is no room for more.
    fetched("/m2/kernel", 2).await;
    fetched("/m2/initrd", 2).await;
    fetched("/m1/kernel", 1).await;
    fetched("/m1/initrd", 1).await;
    assert_eq!(running.error("/m3/large").await, 0, "busy");
    fetched("/m1/initrd", 1).await;

    // Somebody removes them all the same.
    for file in std::fs::read_dir(dir.path().join("objects")).unwrap() {
        for file in std::fs::read_dir(file.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().contains("initrd") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(running.error("/m1/initrd").await, 0);
    // Its boot begins anew, and sees what is current.
    fetched("/m1/kernel", 2).await;
    fetched("/m1/initrd", 2).await;
    let records = running.stop().await;
    let detail = |record: &TransferRecord| record.detail.clone().unwrap_or_default();
    let busy = records
        .iter()
        .find(|record| detail(record).contains("pin)"));
    assert!(busy.is_some(), "{records:?}");
    let told = |record: &&TransferRecord| detail(record).contains("start the machine again");
    assert!(records.iter().any(|record| told(&record)));
}
