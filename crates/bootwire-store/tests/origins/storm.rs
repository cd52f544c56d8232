//! Many who ask for the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::*;

/// Takes the first MiB and then fails, which ends the transfer.
struct Start(Vec<u8>);

impl AsyncWrite for Start {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.0.len() >= MIB {
            return Poll::Ready(Err(io::Error::other("enough")));
        }
        self.0.extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_readers_and_the_origin_sends_each_byte_once() {
    const READERS: usize = 500;
    let size = 64 * MIB;
    let origin = Origin::start().await;
    // About 60 MB/s in each of the eight streams.
    let slow = Manner::Drip {
        bytes: 64 << 10,
        every: Duration::from_millis(1),
    };
    origin.put("image", Object::new(pattern(size, 1), "1").manner(slow));
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    // A busy machine may make the origin as slow as it likes: whoever asks again has what was under
    // way twice.
    let patient = Duration::from_secs(120);
    let cached = HttpOrigin::new(&origin.url()).unwrap().cached(&cache);
    let cached = cached.answer_within(patient).stall(patient);
    let router = Router::new().read("/{*path}", cached.give_up(patient));
    let server = Running::with(router, Server::bind("127.0.0.1:0").deadline(patient));
    // One real client sees the first bytes long before the last have come.
    let first = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&first);
    let progress = Arc::new(origin);
    let watched = Arc::clone(&progress);
    let client = server.client().on_progress(move |_| {
        seen.lock().unwrap().get_or_insert(watched.sent("image"));
    });
    let expected = Arc::new(pattern(size, 1));
    let real = tokio::spawn({
        let expected = Arc::clone(&expected);
        async move {
            let mut content = Vec::new();
            client.get("/image", &mut content).await.unwrap();
            assert!(content == *expected);
        }
    });
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let client = server
            .client()
            .blksize(8192)
            .give_up(Duration::from_secs(60));
        let expected = Arc::clone(&expected);
        readers.spawn(async move {
            let mut start = Start(Vec::new());
            let result = client.get("/image", &mut start).await;
            assert!(matches!(result, Err(ClientError::Local(_))), "{result:?}");
            assert!(start.0[..] == expected[..start.0.len()]);
        });
    }
    readers.join_all().await;
    real.await.unwrap();
    assert_eq!(progress.asked().len(), 16, "{:#?}", progress.asked());
    assert_eq!(progress.sent("image"), size as u64);
    let early = first.lock().unwrap().unwrap();
    assert!(
        early < size as u64 / 2,
        "the first bytes came after {early}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once() {
    let size = 12 * MIB;
    let origin = Origin::start().await;
    origin.put("image", Object::new(pattern(size, 1), "1"));
    origin.put("config", Object::new(b"set default=0\n".to_vec(), "1"));
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let running = serve(HttpOrigin::new(&origin.url()).unwrap().cached(&cache));
    let expected = Arc::new(pattern(size, 1));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..60 {
        let client = running.client().blksize(8192).windowsize(1 + number % 8);
        let expected = Arc::clone(&expected);
        clients.spawn(async move {
            let mut content = Vec::new();
            client.get("/config", &mut content).await.unwrap();
            assert_eq!(content, b"set default=0\n");
            content.clear();
            client.get("/image", &mut content).await.unwrap();
            assert!(content == *expected);
        });
    }
    clients.join_all().await;
    assert_eq!(origin.sent("image"), size as u64);
    assert_eq!(origin.sent("config"), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_asked_for_once() {
    let origin = Origin::start().await;
    let dir = tempfile::tempdir().unwrap();
    let running = serve(patient(&origin, &cache(dir.path()).await));
    for _ in 0..20 {
        assert_eq!(running.error("/command.lst").await, 1);
    }
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn prefetching_leaves_nothing_to_fetch() {
    let origin = Origin::start().await;
    origin.put("linux", Object::new(pattern(9 * MIB, 1), "1"));
    origin.put("grub.cfg", Object::new(pattern(100, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let cached = patient(&origin, &cache(dir.path()).await);
    let results = cached
        .prefetch(["linux", "grub.cfg", "absent", "../x"])
        .await;
    assert_eq!(results[0], ("linux", Ok(9 * MIB as u64)));
    assert_eq!(results[1], ("grub.cfg", Ok(100)));
    assert!(results[2].1.is_err() && results[3].1.is_err());
    let running = serve(cached);
    drop(origin);
    assert!(running.get("/linux").await.unwrap() == pattern(9 * MIB, 1));
    assert!(running.get("/grub.cfg").await.unwrap() == pattern(100, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_object_is_a_file_like_any_other() {
    let origin = Origin::start().await;
    origin.put("linux", Object::new(pattern(9 * MIB, 1), "1"));
    let dir = tempfile::tempdir().unwrap();
    let cached = patient(&origin, &cache(dir.path()).await);
    let object = bootwire_store::origin::ObjectName::new(b"linux").unwrap();
    let first = cached.reply(&object, None).await.unwrap();
    assert!(
        format!("{first:?}").contains("content: partial"),
        "{first:?}"
    );
    cached.prefetch(["linux"]).await;
    let whole = cached.reply(&object, None).await.unwrap();
    assert!(format!("{whole:?}").contains("content: file"), "{whole:?}");
    let peer = ([10, 0, 0, 7], 2000).into();
    let request = bootwire::Request::synthetic(bootwire::Op::Read, "linux", peer, &[]);
    let at_hand = bootwire::Endpoint::at_hand(&cached, &request.unwrap());
    assert!(at_hand.is_some_and(|reply| reply.is_ok()), "without tokio");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_origin_delays_only_those_who_need_it() {
    let (origin, dead) = (Origin::start().await, Origin::start().await);
    origin.put("a", Object::new(pattern(5 * MIB, 1), "1"));
    for number in 0..100 {
        let hung = Object::new(Vec::new(), "1").manner(Manner::Hang);
        dead.put(&number.to_string(), hung);
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path()).await;
    let app = Router::new()
        .read("/dead/{*path}", hasty(&dead, &cache))
        .read("/{*path}", patient(&origin, &cache));
    let running = Arc::new(Running::start(app));
    let mut hung = tokio::task::JoinSet::new();
    for number in 0..100 {
        let running = Arc::clone(&running);
        hung.spawn(async move { running.error(&format!("/dead/{number}")).await });
    }
    let begun = Instant::now();
    assert!(running.get("/a").await.unwrap() == pattern(5 * MIB, 1));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(hung.join_all().await, [0; 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_stall_delay_no_other() {
    let origin = Origin::start().await;
    let stalls = || Manner::HangAfter(70_000);
    for name in ["stalled", "too"] {
        let object = Object::new(pattern(40 * MIB, 1), "1").manner(stalls());
        origin.put(name, object);
    }
    origin.put("other", Object::new(pattern(9 * MIB, 2), "1"));
    let dir = tempfile::tempdir().unwrap();
    let cached = HttpOrigin::new(&origin.url())
        .unwrap()
        .cached(&cache(dir.path()).await)
        .stall(Duration::from_secs(120))
        .give_up(Duration::from_secs(120));
    let waiting = ["stalled", "too"].map(|name| {
        let cached = cached.clone();
        tokio::spawn(async move { cached.prefetch([name]).await.len() })
    });
    // Eight chunks have all that may be on its way.
    until(|| origin.sent("stalled") + origin.sent("too") >= 8 * 70_000).await;
    let other = tokio::time::timeout(Duration::from_secs(60), cached.prefetch(["other"])).await;
    let other = other.expect("others do not stall").remove(0).1;
    assert_eq!(other, Ok(9 * MIB as u64));
    for waits in waiting {
        assert!(!waits.is_finished(), "they stall still");
        waits.abort();
    }
}
