//! Functions and endpoints as handlers.

use std::marker::PhantomData;

use super::FromRequest;
use crate::{BoxFuture, Endpoint, IntoAnswer, Refusal, Request};

/// What a route can be given: an async function, or anything that is an [`Endpoint`].
///
/// `A` is what it answers with, [`Reply`](crate::Reply) or [`Accept`](crate::Accept); `S` is the
/// router's state. `M` tells the kinds of handlers apart and is always inferred. There is nothing to
/// implement here: write a function or an [`Endpoint`].
///
/// A function takes up to four arguments, each of them [`FromRequest`], and returns something that
/// is [`IntoAnswer`], usually `Result<Reply, Refusal>`. It must be `Send`, and so must everything it
/// keeps across an `.await`.
///
/// What is no handler does not compile, and the compiler says why: a function that is not `async`,
///
/// ```compile_fail,E0277
/// fn wrong() -> String {
///     String::new()
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", wrong);
/// ```
///
/// a future that is not `Send`, with the value and the `.await` that are to blame,
///
/// ```compile_fail
/// async fn wrong() -> String {
///     let name = std::rc::Rc::new("x");
///     std::future::ready(()).await;
///     name.to_string()
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", wrong);
/// ```
///
/// an argument that is no extractor, or a fifth one,
///
/// ```compile_fail,E0277
/// async fn wrong(name: String) -> String {
///     name
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", wrong);
/// ```
///
/// a result that is no content,
///
/// ```compile_fail,E0277
/// async fn wrong() -> u32 {
///     7
/// }
/// let router: bootwire::Router = bootwire::Router::new().read("/x", wrong);
/// ```
///
/// content as the answer to a write, which needs an [`Accept`](crate::Accept),
///
/// ```compile_fail,E0277
/// async fn wrong() -> bootwire::Reply {
///     bootwire::Reply::empty()
/// }
/// let router: bootwire::Router = bootwire::Router::new().write("/x", wrong);
/// ```
///
/// or an error that does not say what to tell the client, see [`IntoRefusal`](crate::IntoRefusal).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not a handler",
    note = "a handler is an `async fn` of at most four arguments, each `Request`, `State<_>`, `Path<_>` or another `FromRequest` type that is `Send`, or it is an `Endpoint<{A}>`"
)]
pub trait Handler<A, M, S>: Sized + Send + Sync + 'static {
    /// What calls it with the router's state: an [`Endpoint`], if the function is async, its future
    /// `Send`, and its output [`IntoAnswer`]. Routers ask for that separately, so that the compiler
    /// can say which it is not.
    type Endpoint;

    /// The endpoint that calls it with `state`.
    fn into_endpoint(self, state: S) -> Self::Endpoint;
}

/// Marks a handler that is an [`Endpoint`] itself. Only named by the compiler.
#[derive(Debug)]
pub enum Itself {}

impl<A: 'static, S, E: Endpoint<A>> Handler<A, Itself, S> for E {
    type Endpoint = Self;

    fn into_endpoint(self, _state: S) -> Self {
        self
    }
}

/// A function together with the state its arguments may come from.
#[derive(Debug)]
pub struct Function<F, M, S> {
    function: F,
    state: S,
    arguments: PhantomData<fn(M)>,
}

macro_rules! functions {
    ($($argument:ident $marker:ident $name:ident),*) => {
        impl<A, S, F, Fut, $($argument, $marker,)*> Handler<A, ($(($argument, $marker),)*), S> for F
        where
            A: 'static,
            S: Send + Sync + 'static,
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            $($argument: FromRequest<S, $marker> + Send + 'static, $marker: 'static,)*
        {
            type Endpoint = Function<F, ($(($argument, $marker),)*), S>;

            fn into_endpoint(self, state: S) -> Self::Endpoint {
                Function { function: self, state, arguments: PhantomData }
            }
        }

        impl<A, S, F, Fut, $($argument, $marker,)*> Endpoint<A> for Function<F, ($(($argument, $marker),)*), S>
        where
            A: 'static,
            S: Send + Sync + 'static,
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output: IntoAnswer<A>> + Send + 'static,
            $($argument: FromRequest<S, $marker> + Send + 'static, $marker: 'static,)*
        {
            fn call(&self, request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
                Box::pin(async move {
                    $(let $name = $argument::from_request(&request, &self.state).await?;)*
                    drop(request);
                    (self.function)($($name),*).await.into_answer()
                })
            }
        }
    };
}

functions!();
functions!(T1 M1 first);
functions!(T1 M1 first, T2 M2 second);
functions!(T1 M1 first, T2 M2 second, T3 M3 third);
functions!(T1 M1 first, T2 M2 second, T3 M3 third, T4 M4 fourth);
