//! Strangers who ask for objects that they made up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Op, Reason, Request};

use crate::cache::{Cache, Cached};
use crate::origin::{Ask, Got, ObjectName, Origin, OriginError, OriginErrorKind};

/// Thinks for ever about names it does not know, and has none of those it knows.
struct Thinker(AtomicUsize);

impl Origin for Thinker {
    fn name(&self) -> &str {
        "http://thinker/"
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        _ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let known = object.as_str().starts_with("known");
        Box::pin(async move {
            if !known {
                std::future::pending::<()>().await;
            }
            Err(OriginError::new(OriginErrorKind::NotFound, "none"))
        })
    }
}

fn request(name: &str) -> Request {
    let peer: SocketAddr = "192.0.2.7:2000".parse().unwrap();
    Request::synthetic(Op::Read, name, peer, &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_strangers_make_up_do_not_keep_a_proven_client_from_the_origin() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::builder(dir.path()).open().await.unwrap();
    let thinker = Arc::new(Thinker(AtomicUsize::new(0)));
    let origin = Arc::clone(&thinker) as Arc<dyn Origin>;
    let cached = Cached::new(origin, &cache).answer_within(Duration::from_secs(600));
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let cached = cached.clone();
        strangers.spawn(async move { cached.call(request(&format!("made-up-{number}"))).await });
    }
    while thinker.0.load(Ordering::Relaxed) < 48 {
        tokio::task::yield_now().await;
    }
    for number in 0..20 {
        let request = request(&format!("known-{number}")).as_proven(true);
        let answer = cached.call(request).await;
        assert_eq!(answer.map(drop).unwrap_err().reason(), Reason::NotFound);
    }
    assert_eq!(thinker.0.load(Ordering::Relaxed), 48 + 20);
    strangers.abort_all();
}
