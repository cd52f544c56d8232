//! From a request to its handler.
//!
//! A [`Router`] holds patterns in the order they were added; the first one that matches a request's
//! path answers it. Reads and writes have routes of their own.
//!
//! ```
//! use bootwire::{MacAddr, Path, Refusal, Reply, Router, State};
//! use std::collections::HashMap;
//! use std::sync::Arc;
//!
//! type Machines = Arc<HashMap<MacAddr, String>>;
//!
//! async fn grub_config(Path(mac): Path<MacAddr>, State(machines): State<Machines>) -> Result<Reply, Refusal> {
//!     let kernel = machines.get(&mac).ok_or_else(Refusal::not_found)?;
//!     Ok(Reply::text(format!("linux /{kernel}\nboot\n")))
//! }
//!
//! let router = Router::new()
//!     .read("/grub/grub.cfg-01-{mac}", grub_config)
//!     .read("/grub/{list}.lst", || async { Reply::empty() })
//!     .with_state(Machines::default());
//! ```
//!
//! # Patterns
//! A pattern is text with parameters in braces, anywhere and several in one segment:
//! `/{site}/SEP{mac}.cnf.xml`. It is compared with the normalised path, see [`Request::path`].
//!
//! | Parameter | takes | handlers get |
//! |---|---|---|
//! | `{name}`, any name not below | one or more characters, no `/` | the text |
//! | `{mac}` | `52:54:00:12:34:56`, `52-54-…`, `525400123456`, `5254.0012.3456`, either case | `52:54:00:12:34:56`, in lower case |
//! | `{uuid}` | 36 characters, either case | the same in lower case |
//! | `{ip}` | IPv4 or IPv6 address; also IPv6 as GRUB writes it, eight groups joined by `-` | the usual spelling |
//! | `{ip:hex}` | an IPv4 address as the 8 hex digits of PXELINUX and GRUB; not the shortened names that follow | `192.0.2.7` |
//! | `{serial}` | letters, digits, `.`, `_`, `-` | the text |
//! | `{arch}` | architectures as GRUB (`x86_64-efi`, `i386-pc`), UEFI (`x64`, `aa64`) and kernels (`arm64`) call them, either case | the same in lower case |
//! | `{n:int}` | decimal digits | the text |
//! | `{*rest}` | one or more characters, `/` too; it begins a segment, and text may follow: `/{*stem}.PVT` | the text; [`Request::rest_bytes`] has all from there as bytes |
//! | `{name?}`, `{*rest?}` | the same, or nothing | the text, perhaps empty |
//!
//! `{name:type}` gives a parameter another type than its name's: `{client:mac}`, `{arch:name}`.
//! The types are `name`, `int`, `serial`, `mac`, `uuid`, `ip`, `hex` and `arch`. `{{` and `}}` are
//! literal braces. A parameter takes as much as it can while the rest still matches: in
//! `/{stem}.{ext}`, `a.tar.gz` is `a.tar` and `gz`. The time to match grows with the number of
//! parameters times the length of the path, whatever a client sends.
//!
//! A path that ends in a slash (U-Boot asks for `dtb/`) is matched by patterns that end in one and by
//! `{*rest}`, never by `{name}`.
//!
//! With the feature `regex`, a pattern can be a regular expression: [`Pattern::regex`].
//!
//! # Nothing matches
//! The [fallbacks](Router::fallback) answer. Without them a read is "file not found", and a write is
//! denied: U-Boot starts over for ever on any other code.
//!
//! # Answers at hand
//! Handlers run on tokio, where they may wait. A function that has its answer at once is spared the
//! way there and back by [`at_hand`].
//!
//! # Conditions and rewrites
//! [`Router::when`] has routes for some requests only, [`Router::rewrite`] gives requests another
//! path on their way down, [`FirstOf`] asks one endpoint after the other.
//!
//! # Layers
//! A [`Layer`] is code around every route added before it. The layer added last runs first. Some are
//! ready: a [`Deadline`], [`Terms`](crate::Terms) for all transfers and [`OnTerms`] for some, a
//! [`Rewrite`]. [`Layered`] puts a layer around one endpoint.

mod app;
mod at_hand;
#[cfg(feature = "regex")]
mod expression;
mod extract;
mod first;
mod handler;
mod kind;
mod layer;
mod layered;
mod matching;
mod param_text;
mod parse;
mod pattern;
mod rewrite;
mod rule;
mod shape;

use std::sync::Arc;

pub use app::{App, Fit};
pub use at_hand::{AtHand, at_hand};
pub use extract::{FromRef, FromRequest, Path, Plain, Several, State};
pub use first::FirstOf;
pub use handler::{Function, Handler, Itself};
pub use layer::{Deadline, Layer, Next, OnTerms};
pub use layered::{AnswerKind, Layered};
pub use param_text::ParamText;
pub use parse::PatternError;
pub use pattern::Pattern;
pub use rewrite::Rewrite;

use app::{NoRoute, Routes};
use rule::{Guard, Match, Route, Rule, Then};

use crate::{Accept, Endpoint, Op, Reply, Request};

/// Routes in the order they are tried, for handlers that share a state `S`.
///
/// See the [module documentation](self) for patterns and an example. A router becomes an [`App`]
/// when it needs no state, or has been given it by [`Router::with_state`].
#[must_use]
pub struct Router<S = ()> {
    rules: Vec<Rule<Route<S>>>,
    fallback: Route<S>,
    write_fallback: Route<S>,
    ignore_case: bool,
}

impl<S> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Router<S> {
    /// A router without routes: every read is "file not found", every write is denied.
    pub fn new() -> Self {
        Self {
            rules: Vec::new(),
            fallback: Route::read::<Itself>(NoRoute).not_own(),
            write_fallback: Route::write::<Itself>(NoRoute).not_own(),
            ignore_case: false,
        }
    }

    /// Answers reads of the paths that match `pattern`, unless a route added before does.
    ///
    /// The handler is an async function or an [`Endpoint`]`<`[`Reply`]`>`, see [`Handler`].
    ///
    /// # Panics
    /// If `pattern` is text that is no pattern. Give a [`Pattern`] where it is not the program's own.
    #[track_caller]
    pub fn read<P, M>(
        self,
        pattern: P,
        handler: impl Handler<Reply, M, S, Endpoint: Endpoint<Reply>>,
    ) -> Self
    where
        P: TryInto<Pattern, Error: Into<PatternError>>,
    {
        self.with(known_good(pattern), Then::Answer(Route::read(handler)))
    }

    /// Answers writes of the paths that match `pattern`, unless a route added before does.
    ///
    /// The handler is an async function or an [`Endpoint`]`<`[`Accept`]`>`, see [`Handler`].
    ///
    /// # Panics
    /// As [`Router::read`].
    #[track_caller]
    pub fn write<P, M>(
        self,
        pattern: P,
        handler: impl Handler<Accept, M, S, Endpoint: Endpoint<Accept>>,
    ) -> Self
    where
        P: TryInto<Pattern, Error: Into<PatternError>>,
    {
        self.with(known_good(pattern), Then::Answer(Route::write(handler)))
    }

    /// Answers reads that match no route.
    pub fn fallback<M>(
        mut self,
        handler: impl Handler<Reply, M, S, Endpoint: Endpoint<Reply>>,
    ) -> Self {
        self.fallback = Route::read(handler);
        self
    }

    /// Answers writes that match no route.
    pub fn write_fallback<M>(
        mut self,
        handler: impl Handler<Accept, M, S, Endpoint: Endpoint<Accept>>,
    ) -> Self {
        self.write_fallback = Route::write(handler);
        self
    }

    /// Puts `layer` around every route and fallback there is so far, and around the answers to what
    /// matches no route. Of several layers the one added last runs first.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        let layer: Arc<dyn Layer> = Arc::new(layer);
        let routes = self.rules.iter_mut().filter_map(Rule::target_mut);
        for route in routes.chain([&mut self.fallback, &mut self.write_fallback]) {
            route.layers.push(Arc::clone(&layer));
        }
        self
    }

    /// Compares the text of all patterns without regard to ASCII case, as Windows clients expect.
    /// Parameters keep the case they were sent in, apart from those with one spelling.
    pub fn case_insensitive(mut self) -> Self {
        self.ignore_case = true;
        self
    }

    /// Adds the routes of `router` for requests that `guard` lets in; others go on to the routes that
    /// follow. A fallback of `router` answers whatever else the guard lets in.
    ///
    /// ```
    /// use bootwire::Router;
    ///
    /// let lab = Router::new().read("/boot.ipxe", async || "#!ipxe\nshell\n");
    /// let router: Router = Router::new()
    ///     .when(|request| request.local().ip().is_loopback(), lab)
    ///     .read("/boot.ipxe", async || "#!ipxe\nautoboot\n");
    /// ```
    ///
    /// The guard sees the parameters of the route it stands before. It runs on a worker's thread: it
    /// must wait for nothing. If it panics, the request is refused.
    pub fn when(
        mut self,
        guard: impl Fn(&Request) -> bool + Send + Sync + 'static,
        router: Self,
    ) -> Self {
        let guard: Guard = Arc::new(guard);
        for mut rule in router.into_rules() {
            rule.matches.guards.push(Arc::clone(&guard));
            self.rules.push(rule);
        }
        self
    }

    /// Gives requests whose path matches `pattern` another path, for the routes and fallbacks that
    /// follow, which know nothing of the old one or its parameters. Reads and writes.
    ///
    /// ```
    /// use bootwire::Router;
    /// use bootwire::router::{Pattern, Rewrite};
    ///
    /// let old = Pattern::parse("/tftpboot/{*path}").unwrap();
    /// let new = Rewrite::parse("/{path}", &old).unwrap();
    /// let router: Router = Router::new()
    ///     .rewrite(old, new)
    ///     .read("/motd", async || "also as /tftpboot/motd");
    /// ```
    ///
    /// # Panics
    /// As [`Router::read`].
    #[track_caller]
    pub fn rewrite<P>(self, pattern: P, to: Rewrite) -> Self
    where
        P: TryInto<Pattern, Error: Into<PatternError>>,
    {
        self.with(known_good(pattern), Then::Rewrite(to))
    }

    /// Adds the routes of `router` below `prefix`, which is a pattern itself: `/lab`, `/{site}`. A
    /// fallback of `router` answers what else is below `prefix`, its part of the path as
    /// [`Request::rest_bytes`] and the parameter `rest`.
    ///
    /// ```
    /// use bootwire::{Path, Router};
    ///
    /// let phones = Router::new().read("/SEP{mac}.cnf.xml", async |Path((site, mac)): Path<(String, String)>| {
    ///     format!("<device site=\"{site}\" mac=\"{mac}\"/>")
    /// });
    /// let router: Router = Router::new().nest("/{site}/phones", phones);
    /// ```
    ///
    /// # Panics
    /// If `prefix` and a pattern of `router` make no pattern together, or that is a regular expression.
    #[track_caller]
    pub fn nest(mut self, prefix: &str, router: Self) -> Self {
        let prefix = prefix.trim_end_matches('/');
        for mut rule in router.into_rules() {
            let pattern = rule.matches.pattern.as_ref();
            let is_regex = pattern.is_some_and(Pattern::is_regex);
            assert!(
                !is_regex,
                "regular expressions see whole paths: they cannot be nested"
            );
            let pattern = pattern.map_or("/{*rest}", Pattern::as_str);
            let below = known_good(format!("{prefix}{pattern}"));
            if let Then::Rewrite(to) = &mut rule.then {
                let other = Rewrite::parse(&format!("{prefix}{to}"), &below)
                    .unwrap_or_else(|error| panic!("{error}"));
                *to = match to.restarts() {
                    true => other.restarting(),
                    false => other,
                };
            }
            rule.matches.pattern = Some(below);
            self.rules.push(rule);
        }
        self
    }

    /// Adds the routes of `router` behind those there are, with the layers they have. A fallback of
    /// `router` is this router's from now on.
    ///
    /// ```
    /// use bootwire::Router;
    ///
    /// fn phones() -> Router {
    ///     Router::new().read("/SEP{mac}.cnf.xml", async || "<device/>")
    /// }
    /// fn grub() -> Router {
    ///     Router::new().read("/grub/grub.cfg", async || "boot\n")
    /// }
    /// let router = phones().merge(grub());
    /// ```
    ///
    /// # Panics
    /// If both routers have a [fallback](Router::fallback), or both a
    /// [write fallback](Router::write_fallback): only one of them could answer.
    #[track_caller]
    pub fn merge(mut self, router: Self) -> Self {
        self.rules.extend(cased(router.rules, router.ignore_case));
        for (ours, theirs, what) in [
            (&mut self.fallback, router.fallback, "fallback"),
            (
                &mut self.write_fallback,
                router.write_fallback,
                "write fallback",
            ),
        ] {
            if theirs.is_own {
                assert!(!ours.is_own, "both routers have a {what}: keep one of them");
                *ours = theirs;
            }
        }
        self
    }

    fn with(mut self, pattern: Pattern, then: Then<Route<S>>) -> Self {
        let matches = Match::path(pattern);
        self.rules.push(Rule { matches, then });
        self
    }

    /// All rules, behind them the fallbacks that the program added as rules for every path.
    fn into_rules(self) -> impl Iterator<Item = Rule<Route<S>>> {
        let fallbacks = [self.fallback, self.write_fallback].into_iter();
        let fallbacks = fallbacks.filter(|route| route.is_own).map(Rule::any_path);
        cased(self.rules.into_iter().chain(fallbacks), self.ignore_case)
    }
}

/// These rules, compared without regard to case if `ignore_case`.
fn cased<S>(
    rules: impl IntoIterator<Item = Rule<Route<S>>>,
    ignore_case: bool,
) -> impl Iterator<Item = Rule<Route<S>>> {
    rules.into_iter().map(move |mut rule| {
        rule.matches.ignore_case |= ignore_case;
        rule
    })
}

impl<S: Clone + Send + 'static> Router<S> {
    /// Gives the handlers their state. What is added afterwards has none.
    pub fn with_state(self, state: S) -> Router {
        let with_state = |rule: Rule<Route<S>>| rule.map(|route| route.with_state(state.clone()));
        Router {
            rules: self.rules.into_iter().map(with_state).collect(),
            fallback: self.fallback.with_state(state.clone()),
            write_fallback: self.write_fallback.with_state(state),
            ignore_case: self.ignore_case,
        }
    }
}

impl From<Router> for App {
    fn from(router: Router) -> Self {
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for Rule { matches, then } in cased(router.rules, router.ignore_case) {
            match then {
                Then::Answer(route) => {
                    let rules = match route.op {
                        Op::Read => &mut reads,
                        Op::Write => &mut writes,
                    };
                    let then = Then::Answer(route.bind());
                    rules.push(Rule { matches, then });
                }
                Then::Rewrite(to) => {
                    for rules in [&mut reads, &mut writes] {
                        let (matches, then) = (matches.clone(), Then::Rewrite(to.clone()));
                        rules.push(Rule { matches, then });
                    }
                }
            }
        }
        Self {
            routes: Arc::new(Routes {
                reads,
                writes,
                read_fallback: router.fallback.bind(),
                write_fallback: router.write_fallback.bind(),
            }),
        }
    }
}

/// The pattern, which the programmer wrote.
#[track_caller]
fn known_good<P>(pattern: P) -> Pattern
where
    P: TryInto<Pattern, Error: Into<PatternError>>,
{
    match pattern.try_into() {
        Ok(pattern) => pattern,
        Err(error) => {
            let error: PatternError = error.into();
            panic!("{error}");
        }
    }
}
