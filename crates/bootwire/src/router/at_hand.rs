//! Answers that wait for nothing.

use std::fmt;

use crate::{BoxFuture, Endpoint, IntoAnswer, Refusal, Request};

/// A function whose answer is always at hand: text that is rendered already, bytes in memory, a
/// look into a table. Made by [`at_hand`].
#[derive(Clone)]
pub struct AtHand<F>(F);

/// Makes a handler of a function that has its answer at once.
///
/// It is called on the worker thread, between two packets, which spares the request the way over
/// tokio and back: a good deal of what a small file costs, and of the time its client waits. In
/// return it must come back within microseconds and wait for nothing: no disk, no network, no lock
/// that may be held for long. While it runs no other transfer of that worker goes on. Whatever may
/// wait is an async function, see [`Handler`](super::Handler).
///
/// It takes the request, and returns what a handler may. What it needs besides it brings along:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use bootwire::router::at_hand;
/// use bootwire::{Request, Router};
///
/// let configs: Arc<HashMap<String, String>> = Arc::default();
/// let router: Router = Router::new()
///     .read("/motd", at_hand(|_| "Welcome\n"))
///     .read("/grub/grub.cfg-{mac}", at_hand(move |request: &Request| {
///         configs.get(request.param("mac")?).cloned()
///     }));
/// ```
///
/// For netascii, and under a [`Layer`](super::Layer) that wants to see all answers, it is called on
/// tokio as any other.
pub fn at_hand<F, T>(function: F) -> AtHand<F>
where
    F: Fn(&Request) -> T + Send + Sync + 'static,
{
    AtHand(function)
}

impl<A, F, T> Endpoint<A> for AtHand<F>
where
    A: Send + 'static,
    F: Fn(&Request) -> T + Send + Sync + 'static,
    T: IntoAnswer<A>,
{
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        // A panic is the future's, as those of async functions are.
        Box::pin(async move { (self.0)(&request).into_answer() })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        Some((self.0)(request).into_answer())
    }
}

impl<F> fmt::Debug for AtHand<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtHand").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::App;
    use crate::{Accept, Answer, Op, Reason, Reply, Router};

    fn request(op: Op, path: &str) -> Request {
        Request::synthetic(op, path, "192.0.2.7:4000".parse().unwrap(), &[]).unwrap()
    }

    fn size(answer: Result<Answer, Refusal>) -> Result<Option<u64>, Reason> {
        match answer {
            Ok(Answer::Reply(reply)) => Ok(reply.size()),
            Ok(Answer::Accept(_)) => Ok(None),
            Err(refusal) => Err(refusal.reason()),
        }
    }

    #[tokio::test]
    async fn its_answer_is_at_hand_and_the_same_when_called() {
        let app = App::from(
            Router::new()
                .read("/motd", at_hand(|_| "Welcome\n"))
                .read(
                    "/{name}.cfg",
                    at_hand(|request: &Request| {
                        request.param("name").filter(|name| *name == "known")?;
                        Some(Reply::text("found"))
                    }),
                )
                .write(
                    "/up",
                    at_hand(|_| -> Result<Accept, Refusal> { Err(Refusal::busy()) }),
                ),
        );
        for (op, path, expected) in [
            (Op::Read, "motd", Ok(Some(8))),
            (Op::Read, "known.cfg", Ok(Some(5))),
            (Op::Read, "other.cfg", Err(Reason::NotFound)),
            (Op::Write, "up", Err(Reason::Busy)),
        ] {
            let at_hand = app.at_hand(&request(op, path)).expect(path);
            assert_eq!(size(at_hand), expected, "{path}");
            let called = app.call(request(op, path)).await;
            assert_eq!(size(called), expected, "{path}");
        }
    }

    #[test]
    fn a_panic_is_an_internal_error() {
        fn broken(_: &Request) -> String {
            panic!("out of order")
        }
        let app = App::from(Router::new().read("/x", at_hand(broken)));
        let refusal = app.at_hand(&request(Op::Read, "x")).unwrap().unwrap_err();
        assert_eq!(refusal.reason(), Reason::Internal);
        assert!(refusal.detail().unwrap().contains("out of order"));
    }
}
