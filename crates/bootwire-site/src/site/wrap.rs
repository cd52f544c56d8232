//! Endpoints around endpoints. What the inner one has at hand is at hand through all of them.

use std::sync::Arc;
use std::time::Duration;

use bootwire::router::Rewrite;
use bootwire::{BoxFuture, Endpoint, Refusal, Request};

/// Looks for another path than the one asked for.
pub(super) struct Renamed<A> {
    pub(super) to: Rewrite,
    pub(super) inner: Arc<dyn Endpoint<A>>,
}

impl<A> Renamed<A> {
    fn request(&self, request: &Request) -> Result<Request, Refusal> {
        self.to.apply(request).ok_or_else(|| {
            let detail = format!("renamed to {}, it is no path", self.to);
            Refusal::denied().text("Bad file name").because(detail)
        })
    }
}

impl<A: Send + 'static> Endpoint<A> for Renamed<A> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        match self.request(&request) {
            Ok(renamed) => self.inner.call(renamed),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        match self.request(request) {
            Ok(renamed) => self.inner.at_hand(&renamed),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

/// Gives up on answers that take too long. What is at hand is never late.
pub(super) struct Within<A> {
    pub(super) limit: Duration,
    pub(super) inner: Arc<dyn Endpoint<A>>,
}

impl<A: Send + 'static> Endpoint<A> for Within<A> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        let limit = self.limit;
        Box::pin(async move {
            let answer = tokio::time::timeout(limit, self.inner.call(request)).await;
            answer.unwrap_or_else(|_| {
                let late = format!("no answer within {limit:?}, the route's deadline");
                Err(Refusal::origin().text("Timed out, try again").because(late))
            })
        })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        self.inner.at_hand(request)
    }
}

#[cfg(test)]
mod tests {
    use bootwire::router::Pattern;
    use bootwire::{Reason, Reply};

    use super::super::tests::{content, get, served_by};
    use super::*;

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

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_a_reason_to_try_again_and_one_at_hand_is_never_late() {
        let within = Within {
            limit: Duration::from_millis(300),
            inner: Arc::new(Echo),
        };
        let app = served_by(Pattern::parse("/{*path}").unwrap(), within);
        let quick = app.at_hand(&get("/quick", "10.0.0.7", &[])).unwrap();
        assert_eq!(content(&quick.unwrap()), "/quick");
        let began = tokio::time::Instant::now();
        let refusal = app.call(get("/slow", "10.0.0.7", &[])).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_millis(300));
        assert_eq!(refusal.reason().code().wire(), 0);
        assert_eq!(refusal.client_text(), "Timed out, try again");
        assert!(refusal.detail().unwrap().contains("300ms"), "{refusal}");
    }

    #[tokio::test]
    async fn another_path_is_looked_for_and_is_at_hand_too() {
        let pattern = Pattern::parse("/{arch}/{*path}").unwrap();
        let renamed = Renamed {
            to: Rewrite::parse("/debian/{path}/{arch}", &pattern).unwrap(),
            inner: Arc::new(Echo),
        };
        let app = served_by(pattern, renamed);
        let answer = app.at_hand(&get("/x64/a/b", "10.0.0.7", &[])).unwrap();
        assert_eq!(content(&answer.unwrap()), "/debian/a/b/x64");
    }

    #[tokio::test]
    async fn nobody_climbs_out_by_a_new_path() {
        let pattern = Pattern::parse("/{a}x{b}").unwrap();
        let renamed = Renamed {
            to: Rewrite::parse("/{a}{b}/secret", &pattern).unwrap(),
            inner: Arc::new(Echo),
        };
        let app = served_by(pattern, renamed);
        let request = || get("/.x.", "10.0.0.7", &[]);
        let at_hand = app.at_hand(&request()).unwrap().unwrap_err();
        assert_eq!(at_hand.reason(), Reason::Denied);
        let called = app.call(request()).await.unwrap_err();
        assert_eq!(called, at_hand);
    }
}
