//! One answer after the other.

use std::fmt;
use std::sync::Arc;

use crate::{BoxFuture, Endpoint, Reason, Refusal, Request};

/// Endpoints that are asked in order: the next one answers what the one before it has not.
///
/// ```
/// use std::sync::Arc;
/// use bootwire::router::FirstOf;
/// use bootwire::{Endpoint, Reply, Router};
///
/// fn site(local: Arc<dyn Endpoint<Reply>>, origin: Arc<dyn Endpoint<Reply>>) -> Router {
///     Router::new().read("/{*path}", FirstOf::new([local, origin]))
/// }
/// ```
///
/// Only [`Reason::NotFound`] leads on. Any other refusal is the answer: a file that must not be read
/// is not looked for elsewhere, and a dead origin is no reason to boot something else.
pub struct FirstOf<A>(Box<[Arc<dyn Endpoint<A>>]>);

impl<A> FirstOf<A> {
    /// Asks these, in order. Without any, everything is "file not found".
    pub fn new(endpoints: impl IntoIterator<Item = Arc<dyn Endpoint<A>>>) -> Self {
        Self(endpoints.into_iter().collect())
    }
}

fn leads_on<A>(answer: &Result<A, Refusal>) -> bool {
    matches!(answer, Err(refusal) if refusal.reason() == Reason::NotFound)
}

impl<A: Send + 'static> Endpoint<A> for FirstOf<A> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        Box::pin(async move {
            let mut last = Err(Refusal::not_found());
            for endpoint in &self.0 {
                last = endpoint.call(request.clone()).await;
                if !leads_on(&last) {
                    break;
                }
            }
            last
        })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        let mut last = Err(Refusal::not_found());
        for endpoint in &self.0 {
            last = endpoint.at_hand(request)?;
            if !leads_on(&last) {
                break;
            }
        }
        Some(last)
    }
}

impl<A> fmt::Debug for FirstOf<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOf")
            .field("endpoints", &self.0.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Op, Reply};

    /// Answers with this, at hand or not.
    struct Fixed(Result<&'static str, Reason>, bool);

    impl Fixed {
        fn answer(&self) -> Result<Reply, Refusal> {
            self.0.map(Reply::text).map_err(Refusal::new)
        }
    }

    impl Endpoint<Reply> for Fixed {
        fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
            Box::pin(std::future::ready(self.answer()))
        }

        fn at_hand(&self, _request: &Request) -> Option<Result<Reply, Refusal>> {
            self.1.then(|| self.answer())
        }
    }

    fn chain(endpoints: impl IntoIterator<Item = Fixed>) -> FirstOf<Reply> {
        FirstOf::new(
            endpoints
                .into_iter()
                .map(|one| Arc::new(one) as Arc<dyn Endpoint<Reply>>),
        )
    }

    fn request() -> Request {
        Request::synthetic(Op::Read, "x", ([192, 0, 2, 7], 4000).into(), &[]).unwrap()
    }

    fn told(answer: Result<Reply, Refusal>) -> Result<u64, Reason> {
        answer
            .map(|reply| reply.size().unwrap_or_default())
            .map_err(|refusal| refusal.reason())
    }

    #[tokio::test]
    async fn what_is_not_found_is_looked_for_further_on() {
        let missing = || Fixed(Err(Reason::NotFound), false);
        let found = chain([missing(), Fixed(Ok("hello"), true)]);
        assert_eq!(told(found.call(request()).await), Ok(5));
        assert!(
            found.at_hand(&request()).is_none(),
            "the first has to be asked"
        );
        let nowhere = chain([missing(), missing()]);
        assert_eq!(told(nowhere.call(request()).await), Err(Reason::NotFound));
        assert_eq!(told(chain([]).call(request()).await), Err(Reason::NotFound));
    }

    #[tokio::test]
    async fn other_refusals_are_answers() {
        for reason in [Reason::Denied, Reason::Busy, Reason::Origin] {
            let ends = chain([Fixed(Err(reason), true), Fixed(Ok("else"), true)]);
            assert_eq!(told(ends.call(request()).await), Err(reason));
            assert_eq!(ends.at_hand(&request()).map(told), Some(Err(reason)));
        }
    }

    #[test]
    fn what_all_have_at_hand_is_at_hand() {
        let found = chain([Fixed(Err(Reason::NotFound), true), Fixed(Ok("hello"), true)]);
        assert_eq!(found.at_hand(&request()).map(told), Some(Ok(5)));
    }
}
