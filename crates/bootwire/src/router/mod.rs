//! From a request to its handler.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Accept, Answer, BoxFuture, Endpoint, Refusal, Reply, Request};

/// Routes in the order they are tried.
pub struct Router<S = ()> {
    state: PhantomData<fn(S)>,
}

/// A finished application: what a [`crate::Server`] serves.
#[derive(Clone)]
pub struct App {
    read: Arc<dyn Endpoint<Answer>>,
}

impl App {
    /// Answers a request. Never panics: a handler that does is an internal error.
    pub async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        self.read.call(request).await
    }

    /// The answer if it is at hand, see [`Endpoint::at_hand`].
    #[must_use]
    pub fn at_hand(&self, request: &Request) -> Option<Result<Answer, Refusal>> {
        self.read.at_hand(request)
    }
}

/// Shared state, given to handlers.
pub struct State<S>(pub S);
/// Parameters.
pub struct Path<T>(pub T);
/// Rest of the chain.
pub struct Next {}
/// Extractors.
pub trait FromRequest<S>: Sized {
    /// Extracts.
    fn from_request(request: &Request, state: &S) -> Result<Self, Refusal>;
}
#[expect(dead_code, reason = "x")]
fn unused(_: Reply, _: Accept, _: BoxFuture<'static, ()>) {}
