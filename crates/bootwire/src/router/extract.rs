//! What a handler's arguments can be.

use std::any::type_name;
use std::fmt::Display;
use std::str::FromStr;

use crate::{Mode, Op, Refusal, Request};

/// An argument of a handler, taken from the request or the router's state.
///
/// Implement it for what many handlers need; leave `M` at its default, it only lets one type be
/// extracted in several ways. It is an `async fn`: it may ask a database. The arguments of a handler
/// are taken one after the other, within the handler's deadline; the first refusal is the answer.
///
/// ```
/// use bootwire::{FromRequest, MacAddr, Refusal, Request, Router};
///
/// /// Only machines of the lab.
/// struct LabMachine(MacAddr);
///
/// impl<S: Sync> FromRequest<S> for LabMachine {
///     async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
///         let mac = request.param("mac").and_then(|mac| mac.parse().ok());
///         mac.filter(|mac: &MacAddr| mac.octets().starts_with(&[0x52, 0x54, 0x00]))
///             .map(Self)
///             .ok_or_else(|| Refusal::denied().text("Not a machine of the lab"))
///     }
/// }
///
/// let router: Router = Router::new()
///     .read("/lab/{mac}.cfg", |machine: LabMachine| async move { format!("# {}\n", machine.0) });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler in a router with state `{S}`",
    label = "not an extractor",
    note = "arguments are `Request`, `State<{S}>`, `Path<T>` or `Path<(T, U)>` with types that are `FromStr`, `Op`, `Mode`, or your own `FromRequest` types"
)]
pub trait FromRequest<S, M = Plain>: Sized {
    /// Takes the value.
    ///
    /// # Errors
    /// The refusal that answers the request instead of the handler.
    fn from_request(
        request: &Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

/// The usual way to extract a type. Only named by the compiler.
#[derive(Debug)]
pub enum Plain {}

/// Marks tuples of parameters. Only named by the compiler.
#[derive(Debug)]
pub enum Several {}

impl<S: Sync> FromRequest<S> for Request {
    async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.clone())
    }
}

impl<S: Sync> FromRequest<S> for Op {
    async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.op())
    }
}

impl<S: Sync> FromRequest<S> for Mode {
    async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.mode())
    }
}

/// The state given to [`Router::with_state`](super::Router::with_state), or a part of it, cloned for
/// each call: put what is large into an `Arc`.
///
/// ```
/// use bootwire::{Router, State};
///
/// async fn greeting(State(text): State<&'static str>) -> &'static str {
///     text
/// }
///
/// let router = Router::new().read("/motd", greeting).with_state("Welcome\n");
/// ```
///
/// A handler that needs one part of the state takes that part, see [`FromRef`].
#[derive(Clone, Copy, Debug)]
pub struct State<T>(pub T);

impl<S: Sync, T: FromRef<S>> FromRequest<S> for State<T> {
    async fn from_request(_request: &Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(T::from_ref(state)))
    }
}

/// A part of a router's state `S`, for [`State`]. Every state is a part of itself.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use bootwire::{FromRef, MacAddr, Path, Router, State};
///
/// #[derive(Clone)]
/// struct Site {
///     machines: Arc<HashMap<MacAddr, String>>,
///     greeting: &'static str,
/// }
///
/// impl FromRef<Site> for Arc<HashMap<MacAddr, String>> {
///     fn from_ref(site: &Site) -> Self {
///         Arc::clone(&site.machines)
///     }
/// }
///
/// /// Knows the machines and nothing else of the site: easy to test.
/// async fn kernel(
///     Path(mac): Path<MacAddr>,
///     State(machines): State<Arc<HashMap<MacAddr, String>>>,
/// ) -> Option<String> {
///     machines.get(&mac).cloned()
/// }
///
/// let site = Site { machines: Arc::default(), greeting: "Welcome\n" };
/// let router = Router::new()
///     .read("/kernel-{mac}", kernel)
///     .read("/motd", async |State(site): State<Site>| site.greeting)
///     .with_state(site);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of the router's state `{S}`",
    label = "not the state, and no part of it",
    note = "take `State<{S}>`, or write `impl FromRef<{S}> for {Self}`"
)]
pub trait FromRef<S> {
    /// Takes the part, usually by a cheap clone.
    fn from_ref(state: &S) -> Self;
}

impl<S: Clone> FromRef<Self> for S {
    fn from_ref(state: &Self) -> Self {
        state.clone()
    }
}

/// The parameters of the route, read as `T`: one type that is [`FromStr`], or a tuple of up to four
/// in the order of the pattern.
///
/// A value that cannot be read is "file not found". The number of types must be the number of
/// parameters, otherwise the request fails with an internal error whose detail says so; use
/// [`Request::param`] to pick some of them by name.
///
/// ```
/// use bootwire::{MacAddr, Path, Router};
///
/// async fn config(Path((site, mac)): Path<(u16, MacAddr)>) -> String {
///     format!("# site {site}, {mac}\n")
/// }
///
/// let router: Router = Router::new().read("/site-{site:int}/grub.cfg-01-{mac}", config);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<S: Sync, T: FromStr<Err: Display>> FromRequest<S> for Path<T> {
    async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        let [value] = values(request)?;
        read(value).map(Self)
    }
}

macro_rules! tuples {
    ($($kind:ident $value:ident),*) => {
        impl<S: Sync, $($kind: FromStr<Err: Display>),*> FromRequest<S, Several> for Path<($($kind,)*)> {
            async fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
                let [$($value),*] = values(request)?;
                Ok(Self(($(read($value)?,)*)))
            }
        }
    };
}

tuples!(T1 first);
tuples!(T1 first, T2 second);
tuples!(T1 first, T2 second, T3 third);
tuples!(T1 first, T2 second, T3 third, T4 fourth);

/// A parameter's name and value.
type Param<'a> = (&'a str, &'a str);

/// The parameters, which must be `N`.
fn values<const N: usize>(request: &Request) -> Result<[Param<'_>; N], Refusal> {
    let values: Vec<_> = request.params().collect();
    let found = values.len();
    values.try_into().map_err(|_| {
        let route = request.route().unwrap_or("the fallback");
        Refusal::internal().because(format_args!(
            "the handler takes {N} path parameters, {route} has {found}"
        ))
    })
}

fn read<T: FromStr<Err: Display>>((name, value): Param<'_>) -> Result<T, Refusal> {
    value.parse().map_err(|error| {
        Refusal::not_found().because(format_args!(
            "{name} {value:?} is no {}: {error}",
            type_name::<T>()
        ))
    })
}
