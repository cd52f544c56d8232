//! A layer around one endpoint.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::layer::{Chain, Layer, Next};
use crate::{Accept, Answer, BoxFuture, Endpoint, Refusal, Reply, Request};

/// An endpoint with a layer around it: for one route of many, or one of those that
/// [`FirstOf`](super::FirstOf) asks.
///
/// ```
/// use std::time::Duration;
/// use bootwire::router::{Deadline, Layered};
/// use bootwire::{Endpoint, Reply, Router, Terms};
///
/// fn site(origin: impl Endpoint<Reply>, dir: impl Endpoint<Reply>) -> Router {
///     let origin = Layered::new(origin, Deadline::new(Duration::from_secs(2)));
///     let origin = Layered::new(origin, Terms::new().windowsize_max(8));
///     Router::new().read("/images/{*path}", origin).read("/{*path}", dir)
/// }
/// ```
#[derive(Clone)]
pub struct Layered<A> {
    chain: Arc<Chain>,
    kind: PhantomData<fn() -> A>,
}

impl<A: AnswerKind> Layered<A> {
    /// Puts `layer` around `endpoint`.
    pub fn new(endpoint: impl Endpoint<A>, layer: impl Layer) -> Self {
        let chain = Chain {
            layers: vec![Arc::new(layer)],
            target: AsAnswer::of(endpoint),
        };
        Self {
            chain: Arc::new(chain),
            kind: PhantomData,
        }
    }
}

impl<A: AnswerKind> Endpoint<A> for Layered<A> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        let next = Next::outermost(Arc::clone(&self.chain));
        Box::pin(async move { next.run(request).await?.try_into() })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        let next = Next::outermost(Arc::clone(&self.chain));
        Some(next.at_hand(request)?.and_then(A::try_from))
    }
}

impl<A> fmt::Debug for Layered<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").finish_non_exhaustive()
    }
}

/// The two kinds of answer: [`Reply`] to reads, [`Accept`] to writes. There are no others.
pub trait AnswerKind: Into<Answer> + TryFrom<Answer, Error = Refusal> + Send + 'static {}

impl AnswerKind for Reply {}
impl AnswerKind for Accept {}

/// An endpoint of one kind as one of either.
pub(super) struct AsAnswer<A, E> {
    endpoint: E,
    kind: PhantomData<fn() -> A>,
}

impl<A: AnswerKind, E: Endpoint<A>> AsAnswer<A, E> {
    pub(super) fn of(endpoint: E) -> Arc<dyn Endpoint<Answer>> {
        let kind = PhantomData;
        Arc::new(Self { endpoint, kind })
    }
}

impl<A: AnswerKind, E: Endpoint<A>> Endpoint<Answer> for AsAnswer<A, E> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move { self.endpoint.call(request).await.map(A::into) })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Answer, Refusal>> {
        Some(self.endpoint.at_hand(request)?.map(A::into))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::router::{App, Deadline, OnTerms, Pattern, Rewrite};
    use crate::{Op, Reason, Router, Sink, Terms};

    /// Answers with the path, at hand; for paths that begin with `/slow` never.
    struct Echo;

    impl Endpoint<Reply> for Echo {
        fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
            Box::pin(std::future::pending())
        }

        fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
            let path = request.path();
            (!path.starts_with("/slow")).then(|| Ok(Reply::text(path)))
        }
    }

    fn served(pattern: &str, endpoint: impl Endpoint<Reply>) -> App {
        Router::new().read(pattern, endpoint).into()
    }

    fn get(path: &str) -> Request {
        Request::synthetic(Op::Read, path, ([192, 0, 2, 7], 4000).into(), &[]).unwrap()
    }

    fn reply(answer: Result<Answer, Refusal>) -> Reply {
        answer.unwrap().try_into().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_a_reason_to_try_again_and_one_at_hand_is_never_late() {
        let limit = Duration::from_millis(300);
        let app = served("/{*path}", Layered::new(Echo, Deadline::new(limit)));
        let quick = reply(app.at_hand(&get("/quick")).unwrap());
        assert_eq!(quick.content().unwrap(), "/quick");
        let began = tokio::time::Instant::now();
        let refusal = app.call(get("/slow")).await.unwrap_err();
        assert_eq!(began.elapsed(), limit);
        assert_eq!(refusal.reason().code().wire(), 0);
        assert_eq!(refusal.client_text(), "Timed out, try again");
        assert!(refusal.detail().unwrap().contains("300ms"), "{refusal}");
    }

    fn renamed(pattern: &str, to: &str) -> App {
        let to = Rewrite::parse(to, &Pattern::parse(pattern).unwrap()).unwrap();
        served(pattern, Layered::new(Echo, to))
    }

    #[tokio::test]
    async fn another_path_is_looked_for_and_is_at_hand_too() {
        let app = renamed("/{arch}/{*path}", "/debian/{path}/{arch}");
        let answer = reply(app.at_hand(&get("/x64/a/b")).unwrap());
        assert_eq!(answer.content().unwrap(), "/debian/a/b/x64");
    }

    #[tokio::test]
    async fn nobody_climbs_out_by_a_new_path() {
        let app = renamed("/{a}x{b}", "/{a}{b}/secret");
        let at_hand = app.at_hand(&get("/.x.")).unwrap().unwrap_err();
        assert_eq!(at_hand.reason(), Reason::Denied);
        let called = app.call(get("/.x.")).await.unwrap_err();
        assert_eq!(called, at_hand);
    }

    #[tokio::test]
    async fn terms_hold_at_hand_and_called_and_outer_layers_have_the_last_word() {
        async fn made() -> Reply {
            Reply::text("made").windowsize_max(4)
        }
        let inner = || Terms::new().blksize_max(512).rollover(crate::Rollover::One);
        let outer = |request: &Request| match request.param("path") {
            Some("all") => Terms::new(),
            _ => Terms::new().rollover(crate::Rollover::Zero),
        };
        let router = Router::new()
            .read("/at-hand/{path}", Layered::new(Echo, inner()))
            .read("/called/{path}", made)
            .layer(inner())
            .layer(OnTerms::new(outer));
        let app = App::from(router);
        let terms = |reply: Reply| reply.terms().to_string();
        for (path, after) in [("all", 1), ("one", 0)] {
            let at_hand = reply(app.at_hand(&get(&format!("/at-hand/{path}"))).unwrap());
            let expected = format!("blksize at most 512, block {after} after 65535");
            assert_eq!(terms(at_hand), expected);
            let called = reply(app.call(get(&format!("/called/{path}"))).await);
            let expected =
                format!("blksize at most 512, windowsize at most 4, block {after} after 65535");
            assert_eq!(terms(called), expected);
        }
    }

    /// Takes everything and keeps nothing.
    struct Nowhere;

    impl Sink for Nowhere {
        fn write(&mut self, _data: bytes::Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
            Box::pin(std::future::ready(Ok(())))
        }

        fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[tokio::test]
    async fn writes_have_layers_too_and_a_layer_cannot_answer_a_read_with_an_accept() {
        async fn mixed_up(_: Request, _: Next) -> Result<Answer, Refusal> {
            Ok(Accept::into(Nowhere).into())
        }
        struct Uploads;
        impl Endpoint<Accept> for Uploads {
            fn call(&self, _: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
                Box::pin(std::future::ready(Ok(Accept::into(Nowhere))))
            }
        }
        let app: App = Router::new()
            .write("/up", Layered::new(Uploads, Terms::new().blksize_max(900)))
            .read("/mixed", Layered::new(Echo, mixed_up))
            .read("/{x}", Echo)
            .layer(mixed_up)
            .into();
        let put = Request::synthetic(Op::Write, "/up", ([192, 0, 2, 7], 4000).into(), &[]).unwrap();
        assert!(matches!(app.call(put).await, Ok(Answer::Accept(_))));
        for path in ["/mixed", "/any"] {
            let refusal = app.call(get(path)).await.unwrap_err();
            assert_eq!(refusal.reason(), Reason::Internal, "{path}");
        }
        let accept = Layered::new(Uploads, Terms::new().blksize_max(900));
        let accept = accept.call(get("/up")).await.unwrap();
        assert_eq!(accept.terms().blksize_max, Some(900));
    }
}
