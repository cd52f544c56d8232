//! What clients get of an origin that misbehaves: the right ERROR in time, while others get their
//! content.

use bootwire::Outcome;

use super::*;

/// Longest a client may wait for its ERROR: the limits of [`hasty`], and the way.
const IN_TIME: Duration = Duration::from_secs(9);

/// A large object that is sent in a `manner`: the code its client gets. Meanwhile others get theirs.
async fn error_of(manner: Manner) -> (u16, TransferRecord) {
    error_of_object(Object::new(pattern(6 * MIB, 1), "1").manner(manner)).await
}

async fn error_of_object(object: Object) -> (u16, TransferRecord) {
    let origin = Origin::start().await;
    origin.put("bad", object);
    origin.put("good", Object::new(pattern(5 * MIB, 2), "1"));
    let dir = tempfile::tempdir().unwrap();
    let running = serve(hasty(&origin, &cache(dir.path()).await));
    let begun = Instant::now();
    let (code, good) = tokio::join!(running.error("/bad"), running.get("/good"));
    assert!(begun.elapsed() < IN_TIME, "took {:?}", begun.elapsed());
    assert!(
        good.unwrap() == pattern(5 * MIB, 2),
        "others are unaffected"
    );
    let records = running.stop().await;
    let mut bad = records.into_iter().filter(|record| record.path == "/bad");
    (code, bad.next().unwrap())
}

/// The client is told to try again; the record says why.
async fn tries_again(manner: Manner, why: &str) {
    let shown = format!("{manner:?}");
    let (code, record) = error_of(manner).await;
    assert_eq!(code, 0, "{shown}");
    assert_eq!(record.outcome, Outcome::OriginError, "{shown}");
    let detail = record.detail.unwrap_or_default();
    assert!(detail.contains(why), "{shown}: {detail}");
    assert!(detail.contains("/boot/"), "names the origin: {detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_is_not_found() {
    for status in [404, 410] {
        let (code, record) = error_of(Manner::Status(status)).await;
        assert_eq!((code, record.outcome), (1, Outcome::NotFound), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_refuses_us_is_named_in_the_log() {
    for status in [401, 403] {
        let (code, record) = error_of(Manner::Status(status)).await;
        assert_eq!((code, record.outcome), (2, Outcome::Denied), "{status}");
        let detail = record.detail.unwrap();
        assert!(detail.contains("look at its token"), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_server() {
    tries_again(Manner::Status(500), "500").await;
    tries_again(Manner::Status(503), "503").await;
    tries_again(Manner::Status(400), "400").await;
    tries_again(Manner::Garbage, "connection failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence() {
    tries_again(Manner::Hang, "no answer within").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_the_middle() {
    tries_again(Manner::HangAfter(0), "too slow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_drip() {
    let manner = Manner::Drip {
        bytes: 100,
        every: Duration::from_millis(30),
    };
    tries_again(manner, "too slow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_always_cut() {
    tries_again(Manner::Cut(0), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_lengths() {
    tries_again(Manner::WrongLength(-10), "length").await;
    tries_again(Manner::WrongLength(10), "length").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_range_than_asked_for() {
    tries_again(Manner::OtherRange { honest: true }, "sent bytes 10-").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies() {
    tries_again(Manner::Compressed, "compressed").await;
    tries_again(Manner::CompressedOnTheWay, "compressed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_in_a_circle_and_to_strangers() {
    tries_again(Manner::Redirect("/boot/bad".to_owned()), "circle").await;
    let stranger = Manner::Redirect("http://localhost:1/bad".to_owned());
    tries_again(stranger, "not allowed").await;
    let scheme = Manner::Redirect("file:///etc/passwd".to_owned());
    tries_again(scheme, "neither http").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_changes_in_the_middle() {
    let mut object = Object::new(pattern(40 * MIB, 1), "1");
    let next = Object::new(pattern(40 * MIB, 9), "2");
    object.then = Some((2, Box::new(next.clone())));
    let (code, record) = error_of_object(object).await;
    assert_eq!((code, record.outcome), (0, Outcome::OriginError));
    assert_eq!(record.error.unwrap().1, "File changed, try again");

    // And whoever asks again gets the new one.
    let origin = Origin::start().await;
    let mut object = Object::new(pattern(40 * MIB, 1), "1");
    object.then = Some((2, Box::new(next)));
    origin.put("bad", object);
    let dir = tempfile::tempdir().unwrap();
    let running = serve(patient(&origin, &cache(dir.path()).await));
    assert_eq!(running.error("/bad").await, 0);
    assert!(running.get("/bad").await.unwrap() == pattern(40 * MIB, 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_refused() {
    let origin = Origin::start().await;
    let dir = tempfile::tempdir().unwrap();
    let cached = hasty(&origin, &cache(dir.path()).await);
    drop(origin);
    let running = serve(cached);
    let begun = Instant::now();
    assert_eq!(running.error("/x").await, 0);
    assert!(begun.elapsed() < IN_TIME);
    let detail = running.stop().await[0].detail.clone().unwrap();
    assert!(detail.contains("cannot connect"), "{detail}");
}

/// An object sent in a `manner` that is odd, but can be coped with.
async fn copes_with(object: Object) -> Origin {
    let content = Arc::clone(&object.content);
    let manner = format!("{:?} {:?}", object.manner, object.first);
    let origin = Origin::start().await;
    origin.put("odd", object);
    let dir = tempfile::tempdir().unwrap();
    let running = serve(hasty(&origin, &cache(dir.path()).await));
    assert!(running.get("/odd").await.unwrap() == *content, "{manner}");
    assert!(running.get("/odd").await.unwrap() == *content, "{manner}");
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_ignores_ranges() {
    for size in [0, 100, MIB, 9 * MIB + 1] {
        let object = Object::new(pattern(size, 3), "1").manner(Manner::IgnoreRange);
        let origin = copes_with(object).await;
        assert_eq!(origin.sent("odd"), size as u64, "each byte once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_ignores_ranges_and_cuts() {
    let object = Object::new(pattern(9 * MIB, 3), "1").manner(Manner::IgnoreRange);
    // The first answer has a length: it is only cut.
    copes_with(object.first([Manner::Status(503), Manner::IgnoreRange])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_does_not_say_how_much_it_sends() {
    for size in [0, 100, 64 << 10, (64 << 10) + 1, 4 * MIB, 9 * MIB + 1] {
        let object = Object::new(pattern(size, 3), "1").manner(Manner::NoLength);
        copes_with(object).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_ignores_conditions() {
    let object = Object::new(pattern(9 * MIB, 3), "1").manner(Manner::Unconditional);
    copes_with(object).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_without_etags() {
    let mut object = Object::new(pattern(9 * MIB, 3), "1");
    object.etag = None;
    object.modified = Some("Mon, 01 Jan 2024 00:00:00 GMT".to_owned());
    copes_with(object.clone()).await;
    object.modified = None;
    copes_with(object).await;
    let mut small = Object::new(pattern(9, 3), "1");
    small.etag = None;
    copes_with(small).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_pass() {
    let cut = [
        Manner::Status(503),
        Manner::Cut(MIB as u64),
        Manner::Cut(0),
        Manner::HangAfter(MIB as u64),
    ];
    let object = Object::new(pattern(9 * MIB, 3), "1").first(cut);
    let origin = copes_with(object).await;
    let sent = origin.sent("odd");
    assert!(
        sent <= 9 * MIB as u64 + 600_000,
        "what came before a cut is not fetched again: {sent}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_objects() {
    copes_with(Object::new(Vec::new(), "1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_to_allowed_hosts_without_the_secrets() {
    let (origin, other) = (Origin::start().await, Origin::start().await);
    other.put("image", Object::new(pattern(5 * MIB, 4), "1"));
    let to = format!("http://localhost:{}/boot/image?sig=1", other.address.port());
    origin.put("image", Object::default().manner(Manner::Redirect(to)));
    let dir = tempfile::tempdir().unwrap();
    let http = HttpOrigin::new(&origin.url()).unwrap();
    let http = http.redirect_to("localhost").header("X-Key", "hunter2");
    let http = http.unwrap().bearer(bootwire_store::Secret::text("token"));
    let running = serve(http.cached(&cache(dir.path()).await));
    assert!(running.get("/image").await.unwrap() == pattern(5 * MIB, 4));
    for asked in origin.asked() {
        assert_eq!(asked.headers["authorization"], "Bearer token");
        assert_eq!(asked.headers["x-key"], "hunter2");
        assert_eq!(asked.headers["accept-encoding"], "identity");
    }
    for asked in other.asked() {
        assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
        assert!(!asked.headers.contains_key("x-key"), "{asked:?}");
        assert_eq!(asked.target, "/boot/image?sig=1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_sent_and_read_again_when_it_changes() {
    let origin = Origin::start().await;
    origin.put("image", Object::new(b"image".to_vec(), "1"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    let write = |text: &str| {
        let next = dir.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(&next, &file).unwrap();
    };
    let http = HttpOrigin::new(&origin.url()).unwrap();
    let http = http.basic(bootwire_store::Secret::file(&file));
    write("hunter2\n");
    let error = http.check().await.unwrap_err().to_string();
    assert!(
        error.contains("USER:PASSWORD") && !error.contains("hunter2"),
        "{error}"
    );
    for (text, expected) in [
        ("ann:hunter2\n", "YW5uOmh1bnRlcjI="),
        ("bob:x:y", "Ym9iOng6eQ=="),
    ] {
        write(text);
        http.check().await.unwrap();
        let fresh = cache(&dir.path().join(expected.trim_end_matches('='))).await;
        let again = HttpOrigin::new(&origin.url()).unwrap();
        let again = again.basic(bootwire_store::Secret::file(&file));
        let running = serve(again.cached(&fresh));
        assert!(running.get("/image").await.unwrap() == b"image");
        let asked = origin.asked();
        let last = &asked.last().unwrap().headers["authorization"];
        assert_eq!(*last, format!("Basic {expected}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_reach_the_origin_encoded() {
    let origin = Origin::start().await;
    origin.put("a%3Fb%23c%252f..%2520d", Object::new(b"odd".to_vec(), "1"));
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}?key=1", origin.url());
    let http = HttpOrigin::new(&url).unwrap();
    let running = serve(http.cached(&cache(dir.path()).await));
    assert_eq!(running.get("/a?b#c%2f..%20d").await.unwrap(), b"odd");
    assert_eq!(
        origin.asked()[0].target,
        "/boot/a%3Fb%23c%252f..%2520d?key=1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_larger_than_allowed_are_refused() {
    let origin = Origin::start().await;
    origin.put("sized", Object::new(pattern(5 * MIB, 1), "1"));
    let endless = Object::new(pattern(5 * MIB, 1), "1").manner(Manner::NoLength);
    origin.put("unsized", endless);
    let dir = tempfile::tempdir().unwrap();
    let cached = patient(&origin, &cache(dir.path()).await).object_max(MIB as u64);
    let running = serve(cached);
    assert_eq!(running.error("/sized").await, 2);
    assert_eq!(running.error("/unsized").await, 2);
}

/// All of an object without a length has to come before it can be sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_here_in_time_names_its_origin() {
    let slow = Manner::SlowNoLength(Duration::from_millis(100));
    let origin = Origin::start().await;
    origin.put("bad", Object::new(pattern(9 * MIB, 1), "1").manner(slow));
    let dir = tempfile::tempdir().unwrap();
    let cached = HttpOrigin::new(&origin.url())
        .unwrap()
        .cached(&cache(dir.path()).await)
        .answer_within(Duration::from_millis(500));
    let running = serve(cached);
    assert_eq!(running.error("/bad").await, 0);
    let record = running.stop().await.remove(0);
    let detail = record.detail.unwrap();
    assert!(
        detail.contains("/boot/") && detail.contains("still being fetched"),
        "{detail}"
    );
}
