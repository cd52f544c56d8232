//! What a handler may return, and the trait behind every route.

use std::sync::Arc;

use bytes::Bytes;

use crate::router::{FirstOf, Handler};
use crate::{Accept, BoxFuture, Refusal, Reply, Request};

/// What answers a request: content for a read, a sink for a write.
#[derive(Debug)]
pub enum Answer {
    /// Content for the client.
    Reply(Reply),
    /// A place for what the client sends.
    Accept(Accept),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Accept> for Answer {
    fn from(accept: Accept) -> Self {
        Self::Accept(accept)
    }
}

impl TryFrom<Answer> for Reply {
    type Error = Refusal;

    /// # Errors
    /// An internal error if a write was answered.
    fn try_from(answer: Answer) -> Result<Self, Refusal> {
        match answer {
            Answer::Reply(reply) => Ok(reply),
            Answer::Accept(_) => {
                Err(Refusal::internal().because("a read was answered with an Accept"))
            }
        }
    }
}

impl TryFrom<Answer> for Accept {
    type Error = Refusal;

    /// # Errors
    /// An internal error if a read was answered.
    fn try_from(answer: Answer) -> Result<Self, Refusal> {
        match answer {
            Answer::Accept(accept) => Ok(accept),
            Answer::Reply(_) => {
                Err(Refusal::internal().because("a write was answered with a Reply"))
            }
        }
    }
}

/// Something that answers requests of one kind: `A` is [`Reply`] for reads, [`Accept`] for writes.
///
/// Implement it for a type that holds its own resources, like a directory. Plain async functions
/// need not: every suitable function is a handler, see [`crate::router::Handler`].
pub trait Endpoint<A>: Send + Sync + 'static {
    /// Answers `request`, called once for each transfer, on tokio, within the deadline.
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>>;

    /// The answer, if it is at hand without waiting for anything: no disk, no lock that may be
    /// held long, no network. Called on the worker thread before [`Endpoint::call`] to spare the
    /// way over tokio; must return within microseconds. Functions get this by
    /// [`router::at_hand`](crate::router::at_hand).
    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        let _ = request;
        None
    }

    /// Asks `next` where this has no such file: a directory before an origin, say.
    ///
    /// ```
    /// use bootwire::{Endpoint, Reply, Router};
    ///
    /// fn site(local: impl Endpoint<Reply>, origin: impl Endpoint<Reply>) -> Router {
    ///     Router::new().read("/images/{*path}", local.or(origin).or(async || "built in"))
    /// }
    /// ```
    ///
    /// `next` is an endpoint or a function that needs no [state](crate::State). Any refusal but
    /// [`Reason::NotFound`](crate::Reason::NotFound) is the answer, see [`FirstOf`].
    fn or<M>(self, next: impl Handler<A, M, (), Endpoint: Endpoint<A>>) -> FirstOf<A>
    where
        Self: Sized,
    {
        FirstOf::new([
            Arc::new(self) as Arc<dyn Endpoint<A>>,
            Arc::new(next.into_endpoint(())),
        ])
    }
}

/// One endpoint for several routes.
impl<A, E: Endpoint<A> + ?Sized> Endpoint<A> for Arc<E> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        (**self).call(request)
    }

    fn at_hand(&self, request: &Request) -> Option<Result<A, Refusal>> {
        (**self).at_hand(request)
    }
}

/// What converts into a handler's result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer: a handler here returns `{A}`",
    label = "cannot become `{A}`",
    note = "reads are answered by `Reply`, text or bytes, writes by `Accept`; both may be in a `Result<_, Refusal>` or an `Option`"
)]
pub trait IntoAnswer<A> {
    /// The conversion.
    ///
    /// # Errors
    /// Whatever refusal the handler chose.
    fn into_answer(self) -> Result<A, Refusal>;
}

impl IntoAnswer<Self> for Reply {
    fn into_answer(self) -> Result<Self, Refusal> {
        Ok(self)
    }
}

impl IntoAnswer<Self> for Accept {
    fn into_answer(self) -> Result<Self, Refusal> {
        Ok(self)
    }
}

impl<A, T: IntoAnswer<A>, E: IntoRefusal> IntoAnswer<A> for Result<T, E> {
    fn into_answer(self) -> Result<A, Refusal> {
        self.map_err(IntoRefusal::into_refusal)?.into_answer()
    }
}

/// An error that says what to tell the client: whatever a [`Refusal`] can be made from. There is
/// nothing to implement here but `From<YourError> for Refusal`.
///
/// An error that can mean anything says nothing to a client:
///
/// ```compile_fail,E0277
/// use std::error::Error;
///
/// async fn wrong() -> Result<String, Box<dyn Error + Send + Sync>> {
///     Ok(std::fs::read_to_string("/etc/motd")?)
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", wrong);
/// ```
///
/// The handler has to choose, by [`OrRefuse`](crate::OrRefuse):
///
/// ```
/// use bootwire::{OrRefuse, Refusal};
///
/// async fn right() -> Result<String, Refusal> {
///     std::fs::read_to_string("/etc/motd").or_not_found()
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", right);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what to tell the client: return a `Result<_, Refusal>`",
    label = "this error could mean anything",
    note = "choose with `use bootwire::OrRefuse`: `.or_not_found()?`, `.or_busy()?`, `.or_internal()?`",
    note = "or write `impl From<{Self}> for Refusal`, if the type is yours"
)]
pub trait IntoRefusal {
    /// The conversion.
    fn into_refusal(self) -> Refusal;
}

#[diagnostic::do_not_recommend]
impl<E> IntoRefusal for E
where
    Refusal: From<E>,
{
    fn into_refusal(self) -> Refusal {
        self.into()
    }
}

/// `None` is "no such file".
impl<A, T: IntoAnswer<A>> IntoAnswer<A> for Option<T> {
    fn into_answer(self) -> Result<A, Refusal> {
        self.ok_or_else(Refusal::not_found)?.into_answer()
    }
}

impl<A> IntoAnswer<A> for Refusal {
    fn into_answer(self) -> Result<A, Refusal> {
        Err(self)
    }
}

macro_rules! bytes_into_answer {
    ($($kind:ty),*) => {$(
        impl IntoAnswer<Reply> for $kind {
            fn into_answer(self) -> Result<Reply, Refusal> {
                Ok(Reply::bytes(self))
            }
        }
    )*};
}

bytes_into_answer!(String, Vec<u8>, Bytes, &'static str, &'static [u8]);
