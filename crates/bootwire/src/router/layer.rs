//! Code around handlers.

use std::sync::Arc;
use std::time::Duration;

use super::app::Bound;
use crate::{Answer, BoxFuture, Refusal, Request};

/// Code that runs around the handlers of a router: it may look at the request, refuse it, change
/// the answer, or time it.
///
/// Async functions and closures `Fn(Request, Next) -> Result<Answer, Refusal>` are layers:
///
/// ```
/// use bootwire::{Answer, Next, Refusal, Request, Router};
///
/// async fn only_the_lab(request: Request, next: Next) -> Result<Answer, Refusal> {
///     if request.peer_ip().is_loopback() {
///         return Err(Refusal::denied());
///     }
///     next.run(request).await
/// }
///
/// let router: Router = Router::new().read("/motd", || async { "Welcome\n" }).layer(only_the_lab);
/// ```
///
/// When a layer runs the route is known already: [`Request::route`] and [`Request::params`] work.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer",
    note = "a layer is an `async fn(Request, Next) -> Result<Answer, Refusal>` whose future is `Send`, or implements `Layer`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Answers `request`, usually by way of [`Next::run`].
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>>;

    /// Whether an answer that is [at hand](crate::Endpoint::at_hand) may go out without this layer
    /// being called. `false` unless the layer says otherwise.
    fn skip_at_hand(&self) -> bool {
        false
    }
}

impl<F, Fut> Layer for F
where
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Refusal>> + Send + 'static,
{
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(self(request, next))
    }
}

/// The rest of the chain: the layers further in, then the handler.
pub struct Next {
    route: Arc<Bound>,
    /// Layers still to run; the one with the highest number is the outermost.
    layers: usize,
}

impl Next {
    pub(super) fn outermost(route: Arc<Bound>) -> Self {
        let layers = route.layers.len();
        Self { route, layers }
    }

    /// Runs the rest of the chain.
    ///
    /// # Errors
    /// The refusal of a layer further in, or of the handler.
    pub async fn run(self, request: Request) -> Result<Answer, Refusal> {
        let Some(inner) = self.layers.checked_sub(1) else {
            return self.route.target.call(request).await;
        };
        let next = Self {
            route: Arc::clone(&self.route),
            layers: inner,
        };
        self.route.layers[inner].call(request, next).await
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next")
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

/// A layer that gives up on handlers that take too long. The client is told to try again, and the
/// transfer's outcome is `origin_error`.
///
/// The server has a deadline for every handler, see [`Server::deadline`](crate::Server::deadline);
/// this is for routes that must answer sooner. Answers at hand are never late and pass it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Duration);

impl Deadline {
    /// Gives handlers, and the layers further in, this long.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self(limit)
    }
}

impl Layer for Deadline {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        let limit = self.0;
        Box::pin(async move {
            tokio::time::timeout(limit, next.run(request))
                .await
                .unwrap_or_else(|_| {
                    let refusal = Refusal::origin().text("Timed out, try again");
                    Err(refusal
                        .because(format_args!("no answer from the handler within {limit:?}")))
                })
        })
    }

    fn skip_at_hand(&self) -> bool {
        true
    }
}
