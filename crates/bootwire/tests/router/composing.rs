//! Programs made of parts: routers merged, endpoints chained, states divided.

use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{App, at_hand};
use bootwire::{
    Accept, Answer, BoxFuture, Endpoint, FromRef, FromRequest, Next, Op, Reason, Refusal, Reply,
    Request, Router, Sink, State,
};
use bytes::Bytes;

use super::{Nowhere, read, request, size, tell, told, write};

fn text(answer: Result<Answer, Refusal>) -> Result<String, Reason> {
    match answer {
        Ok(Answer::Reply(reply)) => {
            let content = reply.content().expect("bytes in memory");
            Ok(String::from_utf8_lossy(content).into_owned())
        }
        Ok(Answer::Accept(_)) => panic!("the upload was taken"),
        Err(refusal) => Err(refusal.reason()),
    }
}

/// Knows one path.
struct Only(&'static str);

impl Endpoint<Reply> for Only {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        let known = request.path() == self.0;
        Box::pin(async move {
            known
                .then(|| Reply::text(self.0))
                .ok_or_else(Refusal::not_found)
        })
    }
}

#[tokio::test]
async fn one_endpoint_is_asked_after_the_other() {
    let denied = at_hand(|request: &Request| match &*request.path() {
        "/secret" => Refusal::denied(),
        _ => Refusal::not_found(),
    });
    let chain = || {
        Only("/a")
            .or(denied.clone())
            .or(Only("/b"))
            .or(async |request: Request| format!("made for {}", request.path()))
    };
    for (path, expected) in [
        ("a", Ok("/a")),
        ("b", Ok("/b")),
        ("c", Ok("made for /c")),
        ("secret", Err(Reason::Denied)),
    ] {
        let answer = read(Router::new().fallback(chain()), path).await;
        assert_eq!(text(answer), expected.map(str::to_owned), "{path}");
    }
}

#[tokio::test]
async fn what_a_chain_has_at_hand_stays_at_hand() {
    let app =
        App::from(Router::new().fallback(at_hand(|_| None::<Reply>).or(at_hand(|_| "second"))));
    let answer = app
        .at_hand(&request(Op::Read, "x"))
        .expect("both answer at once");
    assert_eq!(text(answer).unwrap(), "second");
}

#[tokio::test]
async fn merged_routers_keep_their_order_layers_and_case() {
    async fn shout(request: Request, next: Next) -> Result<Answer, Refusal> {
        next.run(request).await?;
        Ok(Reply::text("SHOUTED").into())
    }
    let router = || {
        Router::new().read("/a", async || "ours").merge(
            Router::new()
                .read("/a", async || "theirs")
                .read("/b", async || "theirs")
                .fallback(async || "their fallback")
                .layer(shout)
                .case_insensitive(),
        )
    };
    for (path, expected) in [
        ("a", "ours"),
        ("A", "SHOUTED"),
        ("b", "SHOUTED"),
        ("else", "SHOUTED"),
    ] {
        assert_eq!(
            text(read(router(), path).await).unwrap(),
            expected,
            "{path}"
        );
    }
    let refused = write(router(), "else").await.unwrap_err();
    assert_eq!(
        refused.reason(),
        Reason::Denied,
        "nobody set a write fallback"
    );
}

#[tokio::test]
async fn a_merged_router_without_a_fallback_leaves_ours() {
    let ours = Router::new()
        .fallback(async || "ours")
        .write_fallback(async || Accept::into(Nowhere));
    let merged = ours.merge(Router::new().read("/a", async || "a"));
    let app = App::from(merged);
    assert_eq!(
        text(app.call(request(Op::Read, "x")).await).unwrap(),
        "ours"
    );
    assert!(app.call(request(Op::Write, "x")).await.is_ok());
}

#[test]
#[should_panic(expected = "both routers have a fallback: keep one of them")]
fn two_fallbacks_are_one_too_many() {
    let router = || Router::<()>::new().fallback(async || "x");
    let _ = router().merge(router());
}

#[tokio::test]
async fn handlers_take_the_part_of_the_state_they_need() {
    #[derive(Clone)]
    struct Site {
        name: &'static str,
        machines: Arc<Vec<&'static str>>,
    }
    impl FromRef<Site> for Arc<Vec<&'static str>> {
        fn from_ref(site: &Site) -> Self {
            Self::clone(&site.machines)
        }
    }
    async fn both(
        State(site): State<Site>,
        State(machines): State<Arc<Vec<&'static str>>>,
    ) -> Refusal {
        tell(format_args!("{} {machines:?}", site.name))
    }
    let router = Router::new().read("/x", both).with_state(Site {
        name: "lab",
        machines: Arc::new(vec!["web1"]),
    });
    assert_eq!(told(read(router, "x").await), "lab [\"web1\"]");
}

#[tokio::test(start_paused = true)]
async fn extractors_may_wait_and_are_taken_in_order() {
    struct Slow(u8);
    impl FromRequest<u8> for Slow {
        async fn from_request(request: &Request, state: &u8) -> Result<Self, Refusal> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match &*request.path() {
                "/nobody" => Err(Refusal::denied()),
                _ => Ok(Self(*state)),
            }
        }
    }
    struct Never;
    impl<S: Sync> FromRequest<S> for Never {
        async fn from_request(_request: &Request, _state: &S) -> Result<Self, Refusal> {
            Err(Refusal::busy())
        }
    }
    let router = || {
        Router::new()
            .read("/slow", async |Slow(state): Slow| tell(state))
            .read("/nobody", async |_: Slow, _: Never| tell("called"))
            .read("/never", async |_: Slow, _: Never| tell("called"))
            .with_state(7)
    };
    assert_eq!(told(read(router(), "slow").await), "7");
    for (path, reason) in [("nobody", Reason::Denied), ("never", Reason::Busy)] {
        assert_eq!(read(router(), path).await.unwrap_err().reason(), reason);
    }
}

#[tokio::test]
async fn an_extractor_that_panics_is_an_internal_error() {
    #[derive(Debug)]
    struct Broken;
    impl<S: Sync> FromRequest<S> for Broken {
        async fn from_request(_request: &Request, _state: &S) -> Result<Self, Refusal> {
            panic!("out of order")
        }
    }
    let router = Router::new().read("/x", async |broken: Broken| format!("{broken:?}"));
    let refusal = read(router, "x").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
    assert!(refusal.detail().unwrap().contains("out of order"));
}

#[tokio::test]
async fn a_sink_is_wrapped_without_losing_caps_and_labels() {
    struct Around(Box<dyn Sink>);
    impl Sink for Around {
        fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
            Box::pin(async { Err(Refusal::denied().text("never")) })
        }
        fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
            self.0.finish()
        }
    }
    async fn wrap(request: Request, next: Next) -> Result<Answer, Refusal> {
        match next.run(request).await? {
            Answer::Accept(accept) => Ok(accept.map_sink(Around).into()),
            reply @ Answer::Reply(_) => Ok(reply),
        }
    }
    let router = Router::new()
        .write("/x", async || {
            Accept::into(Nowhere).size_max(5).blksize_max(100)
        })
        .layer(wrap);
    let options = [("blksize", "1000"), ("tsize", "3")];
    let peer = ([192, 0, 2, 7], 4000).into();
    let request = Request::synthetic(Op::Write, "x", peer, &options).unwrap();
    let answer = App::from(router).call(request.clone()).await.unwrap();
    let granted = bootwire::Server::bind("[::]:69").grants(&request, &answer);
    assert_eq!(granted[0], ("blksize".to_owned(), 100));
    let Answer::Accept(accept) = answer else {
        panic!("a write")
    };
    assert!(format!("{accept:?}").contains("Some(5)"), "{accept:?}");
    let refused = accept.into_sink().write(Bytes::from_static(b"x")).await;
    assert_eq!(refused.unwrap_err().client_text(), "never");
}

#[tokio::test]
async fn sizes_of_chains_are_those_of_their_answers() {
    let router = Router::new().read("/x", Only("/x").or(Only("/y")));
    assert_eq!(size(read(router, "x").await), 2);
}
