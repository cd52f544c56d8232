//! A router with its state: what a server calls.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::layer::Chain;
use super::rule::{Match, Rule, Then};
use super::{Next, Pattern};
use crate::{Accept, Answer, BoxFuture, Endpoint, Op, Refusal, Reply, Request};

/// A finished application: what a [`Server`](crate::Server) serves. Made from a [`Router`] whose
/// state is given. Cheap to clone.
///
/// Tests call it without a server:
///
/// ```
/// use bootwire::router::App;
/// use bootwire::{Request, Router};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::from(Router::new().read("/motd", async || "Welcome\n"));
/// let request = Request::read("/motd").peer_ip([10, 0, 0, 7]).build()?;
/// assert_eq!(app.route_of(&request), Some("/motd"));
/// assert_eq!(app.read(request).await?.collect(1 << 20).await?, "Welcome\n");
/// # Ok(())
/// # }
/// ```
///
/// [`Router`]: super::Router
#[derive(Clone)]
pub struct App {
    pub(super) routes: Arc<Routes>,
}

/// The rules of one application, in order.
pub(super) struct Routes {
    pub(super) reads: Vec<Rule<Arc<Chain>>>,
    pub(super) writes: Vec<Rule<Arc<Chain>>>,
    pub(super) read_fallback: Arc<Chain>,
    pub(super) write_fallback: Arc<Chain>,
}

impl App {
    /// Answers a request. Never panics: a handler that does is an internal error with the message
    /// as its detail.
    ///
    /// # Errors
    /// The refusal of the handler or of a layer, "not found" for a read that no route matches, and
    /// "denied" for such a write.
    pub async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        self.route(&request).call().await
    }

    /// Answers a read: [`App::call`] for a request that is one.
    ///
    /// # Errors
    /// As [`App::call`]; an internal error if `request` is a write.
    pub async fn read(&self, request: Request) -> Result<Reply, Refusal> {
        self.call(request).await?.try_into()
    }

    /// Answers a write: [`App::call`] for a request that is one. [`Accept::store`] takes it from
    /// there.
    ///
    /// # Errors
    /// As [`App::call`]; an internal error if `request` is a read.
    pub async fn write(&self, request: Request) -> Result<Accept, Refusal> {
        self.call(request).await?.try_into()
    }

    /// The answer if it is at hand, see [`Endpoint::at_hand`] and [`Layer::at_hand`](super::Layer).
    #[must_use]
    pub fn at_hand(&self, request: &Request) -> Option<Result<Answer, Refusal>> {
        self.route(request).at_hand()
    }

    /// The pattern of the route that answers `request`; `None` if a fallback does, or nothing.
    #[must_use]
    pub fn route_of(&self, request: &Request) -> Option<&str> {
        let (pattern, ..) = self.find(request).ok()?;
        pattern.map(Pattern::as_str)
    }

    /// Finds the route of a request, so that it is matched once however it is answered.
    pub(crate) fn route(&self, request: &Request) -> Routed {
        let found = catch_unwind(AssertUnwindSafe(|| self.find(request)));
        match found.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Ok((_, chain, request)) => Routed {
                chain: Ok(Arc::clone(chain)),
                request,
            },
            Err(refusal) => Routed {
                chain: Err(refusal),
                request: request.clone(),
            },
        }
    }

    /// How a request fits each route it is compared with, in order: everything up to the
    /// one that takes it. Routes for the other kind of request, read or write, are not among them.
    ///
    /// ```
    /// use bootwire::router::{App, Fit};
    /// use bootwire::{Op, Request, Router};
    ///
    /// let app = App::from(Router::new().read("/a", || async { "a" }).read("/b", || async { "b" }));
    /// let peer = "192.0.2.7:4000".parse().unwrap();
    /// let request = Request::synthetic(Op::Read, "b", peer, &[]).unwrap();
    /// let fits = app.compare(&request);
    /// assert!(matches!(fits[..], [Fit::OtherPath, Fit::Taken(_)]));
    /// ```
    #[must_use]
    pub fn compare(&self, request: &Request) -> Vec<Fit> {
        let mut fits = Vec::new();
        // Whom a guard keeps out by a panic nobody takes.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.walk(request, |fit| fits.push(fit()))
        }));
        fits
    }

    /// What [`App::walk`] comes to.
    fn find(&self, request: &Request) -> Result<Taken<'_>, Refusal> {
        self.walk(request, |_| ())
    }

    /// The first route that takes the request; `tell` hears what comes of each on the way.
    fn walk(
        &self,
        request: &Request,
        mut tell: impl FnMut(&dyn Fn() -> Fit),
    ) -> Result<Taken<'_>, Refusal> {
        let (rules, fallback) = match request.op() {
            Op::Read => (&self.routes.reads, &self.routes.read_fallback),
            Op::Write => (&self.routes.writes, &self.routes.write_fallback),
        };
        let mut renamed: Option<Request> = None;
        let (mut next, mut restarts) = (0, 0);
        while let Some(Rule { matches, then }) = rules.get(next) {
            next += 1;
            let Some(seen) = matches.seen(renamed.as_ref().unwrap_or(request)) else {
                tell(&|| Fit::OtherPath);
                continue;
            };
            if !matches.lets_in(&seen) {
                tell(&|| Fit::KeptOut(seen.clone()));
                continue;
            }
            match then {
                Then::Answer(chain) => {
                    tell(&|| Fit::Taken(seen.clone()));
                    return Ok((matches.pattern.as_ref(), chain, seen));
                }
                Then::Rewrite(to) => {
                    let other = to.renamed(&seen);
                    let other = other.inspect_err(|_| tell(&|| Fit::NoPath(seen.clone())))?;
                    if to.restarts() {
                        restarts += 1;
                        if restarts > RESTARTS_MAX {
                            tell(&|| Fit::NoPath(seen.clone()));
                            return Err(Refusal::denied().text("Bad file name").because(
                                format_args!("renamed to {to} for ever: it begins anew each time"),
                            ));
                        }
                        tell(&|| Fit::Restarted(other.clone()));
                        next = 0;
                    } else {
                        tell(&|| Fit::Renamed(other.clone()));
                    }
                    renamed = Some(other);
                }
            }
        }
        let request = renamed.as_ref().unwrap_or(request);
        let seen = Match::any().seen(request);
        Ok((None, fallback, seen.unwrap_or_else(|| request.clone())))
    }
}

/// How often a request begins anew with another path, at most.
const RESTARTS_MAX: usize = 32;

/// The pattern of the route that takes a request, what answers, and the request as that sees it.
type Taken<'a> = (Option<&'a Pattern>, &'a Arc<Chain>, Request);

/// How a request fits a route, see [`App::compare`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fit {
    /// The pattern does not match.
    OtherPath,
    /// The pattern matches, and a guard of [`Router::when`](super::Router::when) says no to this.
    KeptOut(Request),
    /// A [`Router::rewrite`](super::Router::rewrite) made this of it.
    Renamed(Request),
    /// A [rewrite](super::Rewrite::restarting) made this of it, and it begins anew at the first route.
    Restarted(Request),
    /// A rewrite made what is no path of it: the request is refused.
    NoPath(Request),
    /// The route takes it; its handler sees this.
    Taken(Request),
}

/// A request and the route that answers it.
pub(crate) struct Routed {
    /// Or why none can.
    chain: Result<Arc<Chain>, Refusal>,
    /// As the handler sees it, with the parameters of the route.
    request: Request,
}

impl Routed {
    /// The request as its handler sees it.
    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// See [`App::at_hand`].
    pub(crate) fn at_hand(&self) -> Option<Result<Answer, Refusal>> {
        let chain = match &self.chain {
            Ok(chain) => chain,
            Err(refusal) => return Some(Err(refusal.clone())),
        };
        let next = Next::outermost(Arc::clone(chain));
        let answer = catch_unwind(AssertUnwindSafe(|| next.at_hand(&self.request)))
            .unwrap_or_else(|panic| Some(Err(panicked(&*panic))))?;
        Some(answer.and_then(|answer| fitting(self.request.op(), answer)))
    }

    /// See [`App::call`].
    pub(crate) async fn call(self) -> Result<Answer, Refusal> {
        let op = self.request.op();
        let chain = Next::outermost(self.chain?).run(self.request);
        fitting(op, Contained(Box::pin(chain)).await?)
    }
}

/// The answer, which a layer may have mixed up.
fn fitting(op: Op, answer: Answer) -> Result<Answer, Refusal> {
    match op {
        Op::Read => Reply::try_from(answer).map(Answer::from),
        Op::Write => Accept::try_from(answer).map(Answer::from),
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("reads", &self.routes.reads)
            .field("writes", &self.routes.writes)
            .finish_non_exhaustive()
    }
}

/// What answers where nobody set a fallback. The codes are what clients need: U-Boot starts over
/// for ever on anything but 1 and 2.
pub(super) struct NoRoute;

impl NoRoute {
    fn uploads() -> Refusal {
        Refusal::denied().text("Uploads are not allowed here")
    }
}

impl Endpoint<Reply> for NoRoute {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(std::future::ready(Err(Refusal::not_found())))
    }

    fn at_hand(&self, _request: &Request) -> Option<Result<Reply, Refusal>> {
        Some(Err(Refusal::not_found()))
    }
}

impl Endpoint<Accept> for NoRoute {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        Box::pin(std::future::ready(Err(Self::uploads())))
    }

    fn at_hand(&self, _request: &Request) -> Option<Result<Accept, Refusal>> {
        Some(Err(Self::uploads()))
    }
}

/// A future whose panic is an error. It is not polled again after one.
struct Contained<'a>(BoxFuture<'a, Result<Answer, Refusal>>);

impl Future for Contained<'_> {
    type Output = Result<Answer, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Whatever the handler left half done is gone with its future; what it shares with others
        // is guarded by their locks, which poison.
        catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Refusal {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Refusal::internal().because(format_args!("the handler panicked: {message}"))
}
