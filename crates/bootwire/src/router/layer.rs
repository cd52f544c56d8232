//! Code around handlers.

use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use crate::Reply;
use crate::{Answer, BoxFuture, Endpoint, Refusal, Request, Terms};

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

    /// The answer, if it is [at hand](crate::Endpoint::at_hand): usually [`Next::at_hand`], changed as
    /// [`Layer::call`] would. Runs on a worker's thread and must wait for nothing. `None`, unless the
    /// layer says otherwise, has the layer called.
    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        let _ = (request, next);
        None
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

/// An endpoint with the layers around it.
pub(super) struct Chain {
    /// In the order they were added: innermost first.
    pub(super) layers: Vec<Arc<dyn Layer>>,
    pub(super) target: Arc<dyn Endpoint<Answer>>,
}

/// The rest of the chain: the layers further in, then the handler.
pub struct Next {
    chain: Arc<Chain>,
    /// Layers still to run; the one with the highest number is the outermost.
    layers: usize,
}

impl Next {
    pub(super) fn outermost(chain: Arc<Chain>) -> Self {
        let layers = chain.layers.len();
        Self { chain, layers }
    }

    /// Runs the rest of the chain.
    ///
    /// # Errors
    /// The refusal of a layer further in, or of the handler.
    pub async fn run(self, request: Request) -> Result<Answer, Refusal> {
        match self.inner() {
            Some((layer, next)) => layer.call(request, next).await,
            None => self.chain.target.call(request).await,
        }
    }

    /// The answer of the rest of the chain, if it is [at hand](crate::Endpoint::at_hand).
    #[must_use]
    pub fn at_hand(&self, request: &Request) -> Option<Result<Answer, Refusal>> {
        match self.inner() {
            Some((layer, next)) => layer.at_hand(request, next),
            None => self.chain.target.at_hand(request),
        }
    }

    /// The next layer, and what is further in.
    fn inner(&self) -> Option<(&dyn Layer, Self)> {
        let layers = self.layers.checked_sub(1)?;
        let chain = Arc::clone(&self.chain);
        Some((&*self.chain.layers[layers], Self { chain, layers }))
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

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        next.at_hand(request)
    }
}

/// Runs transfers on these terms, besides those of the answer, see [`Reply::on_terms`].
impl Layer for Terms {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move { Ok(next.run(request).await?.on_terms(self)) })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        let answer = next.at_hand(request)?;
        Some(answer.map(|answer| answer.on_terms(self)))
    }
}

/// A layer that chooses [`Terms`] for each request, besides those of the answer: for clients that need
/// other options than they ask for.
///
/// ```
/// use bootwire::router::OnTerms;
/// use bootwire::{Request, Router, Terms};
///
/// // They ask for blocks larger than their buffers.
/// let phones = OnTerms::new(|request: &Request| {
///     if request.path().starts_with("/SEP") {
///         return Terms::new().blksize_max(512);
///     }
///     Terms::new()
/// });
/// let router: Router = Router::new().read("/{*path}", async || "...").layer(phones);
/// ```
#[derive(Clone)]
pub struct OnTerms<F>(F);

impl<F: Fn(&Request) -> Terms + Send + Sync + 'static> OnTerms<F> {
    /// Runs the transfer of each request on the terms that `choose` names. It runs on a worker's
    /// thread where the answer is at hand, so it must wait for nothing.
    #[must_use]
    pub const fn new(choose: F) -> Self {
        Self(choose)
    }
}

impl<F: Fn(&Request) -> Terms + Send + Sync + 'static> Layer for OnTerms<F> {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        let terms = (self.0)(&request);
        Box::pin(async move { Ok(next.run(request).await?.on_terms(&terms)) })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        let answer = next.at_hand(request)?;
        Some(answer.map(|answer| answer.on_terms(&(self.0)(request))))
    }
}

impl<F> std::fmt::Debug for OnTerms<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnTerms").finish_non_exhaustive()
    }
}
