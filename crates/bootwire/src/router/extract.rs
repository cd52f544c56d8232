//! What a handler's arguments can be.

use std::any::type_name;
use std::fmt::Display;
use std::str::FromStr;

use crate::{Mode, Op, Refusal, Request};

/// An argument of a handler, taken from the request or the router's state.
///
/// Implement it for what many handlers need; leave `M` at its default, it only lets one type be
/// extracted in several ways.
///
/// ```
/// use bootwire::{FromRequest, MacAddr, Refusal, Request, Router};
///
/// /// Only machines of the lab.
/// struct LabMachine(MacAddr);
///
/// impl<S> FromRequest<S> for LabMachine {
///     fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
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
    fn from_request(request: &Request, state: &S) -> Result<Self, Refusal>;
}

/// The usual way to extract a type. Only named by the compiler.
#[derive(Debug)]
pub enum Plain {}

/// Marks tuples of parameters. Only named by the compiler.
#[derive(Debug)]
pub enum Several {}

impl<S> FromRequest<S> for Request {
    fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.clone())
    }
}

impl<S> FromRequest<S> for Op {
    fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.op())
    }
}

impl<S> FromRequest<S> for Mode {
    fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        Ok(request.mode())
    }
}

/// The state given to [`Router::with_state`](super::Router::with_state), cloned for each call; put
/// what is large into an `Arc`.
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
#[derive(Clone, Copy, Debug)]
pub struct State<S>(pub S);

impl<S: Clone> FromRequest<S> for State<S> {
    fn from_request(_request: &Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(state.clone()))
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

impl<S, T: FromStr<Err: Display>> FromRequest<S> for Path<T> {
    fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
        let [value] = values(request)?;
        read(value).map(Self)
    }
}

macro_rules! tuples {
    ($($kind:ident $value:ident),*) => {
        impl<S, $($kind: FromStr<Err: Display>),*> FromRequest<S, Several> for Path<($($kind,)*)> {
            fn from_request(request: &Request, _state: &S) -> Result<Self, Refusal> {
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
