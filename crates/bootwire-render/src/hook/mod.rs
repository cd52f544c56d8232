//! Letting another program decide.
//!
//! A [`Hook`] is an endpoint that asks an [`Asker`] what a client is to get: a program
//! ([`Exec`]), an HTTP service (`HttpHook`, feature `http`) or code of your own. The answer is a
//! [`Decision`]: content, an object of an origin, a template, a refusal, or to pass.
//!
//! ```no_run
//! use bootwire::{Router, Server};
//! use bootwire_render::hook::{Exec, Hook};
//!
//! # async fn example() -> Result<(), bootwire::ServerError> {
//! let hook = Hook::new(Exec::new("/usr/local/lib/bootwire/boot").arg("{mac}"));
//! let app = Router::new().read("/boot/{mac}.ipxe", hook);
//! Server::bind("[::]:69").serve(app).run().await
//! # }
//! ```
//!
//! # How often it is asked
//! Once for each transfer: a client that repeats its request joins the transfer that waits. And once
//! for all who ask the same at the same time, where "the same" is the whole [`Question`]; for hooks
//! whose answer does not depend on the client, [`Hook::anonymous`] makes that all who want one path.
//! A client that gives up and comes again finds the same question under way.
//!
//! # What it can do wrong
//! A hook that hangs, floods, crashes or answers nonsense costs those who asked for it an ERROR 0
//! ("try again") at the [deadline](Hook::deadline), and everyone else nothing: at most
//! [`Hook::concurrency`] run at a time, at most [`Hook::queue`] questions wait. Clients that have
//! proven their address lately have turns and a queue of their own, which forged requests do not
//! fill.

mod decision;
mod exec;
#[cfg(feature = "http")]
mod http;
mod question;

use std::sync::Arc;
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request, Turns};
use serde_json::{Map, Value};

pub use decision::{Decision, Redirect};
pub use exec::{Exec, Output};
#[cfg(feature = "http")]
pub use http::HttpHook;
pub use question::Question;

#[cfg(feature = "http")]
pub use crate::client::{HttpError, HttpOptions};

use crate::coalesce::{Flights, Grounded};
use crate::identity::{Identifier, Identity};
use crate::template::context::context;
use crate::template::{Limits, Templates, render_beside};

/// How long a question waits for its turn: with the default deadline, no more than the 10 s in which the
/// server wants an answer.
const PATIENCE: Duration = Duration::from_secs(7);

/// Decides what a client gets.
pub trait Asker: Send + Sync + 'static {
    /// The decision. Dropped at the deadline: what it has started must stop then.
    fn ask(&self, question: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>>;

    /// What the record calls what it decided, such as `exec`. Default `hook`.
    fn kind(&self) -> &'static str {
        "hook"
    }
}

/// Why a hook gave no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// It cannot be run or reached, or failed.
    #[error("hook: {0}")]
    Failed(String),
    /// No decision in time.
    #[error("hook: no answer within {0:?}")]
    Late(Duration),
    /// More than is taken.
    #[error("hook: the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer makes no sense.
    #[error("hook: {0}")]
    Senseless(String),
    /// As many questions as may be wait already, or its turn did not come in time. The client is told
    /// nothing, so that it asks again.
    #[error("hook: too many questions wait for an answer")]
    Busy,
}

impl From<HookError> for Refusal {
    fn from(error: HookError) -> Self {
        let refusal = match error {
            HookError::Busy => Self::busy().silent(),
            _ => Self::origin(),
        };
        refusal.because(error)
    }
}

/// Fetches what a hook points to.
pub type Resolver =
    Arc<dyn Fn(Redirect, Request) -> BoxFuture<'static, Result<Reply, Refusal>> + Send + Sync>;

/// An endpoint that asks an [`Asker`]. Cheap to clone.
#[derive(Clone)]
pub struct Hook {
    asker: Arc<dyn Asker>,
    flights: Arc<Flights<Arc<Question>, Result<Decision, HookError>>>,
    slots: Turns,
    deadline: Duration,
    concurrency: usize,
    queue: usize,
    anonymous: bool,
    identifier: Identifier,
    templates: Option<Templates>,
    vars: Map<String, Value>,
    limits: Limits,
    resolver: Option<Resolver>,
    behind: Option<Arc<dyn Endpoint<Reply>>>,
}

impl Hook {
    /// A hook with the usual bounds: 3 s, 16 at a time, 16,384 waiting.
    pub fn new(asker: impl Asker) -> Self {
        let (concurrency, queue) = (16, 16_384);
        Self {
            asker: Arc::new(asker),
            flights: Arc::new(Flights::new(concurrency + queue)),
            slots: Turns::new(concurrency),
            deadline: Duration::from_secs(3),
            concurrency,
            queue,
            anonymous: false,
            identifier: Identifier::new(),
            templates: None,
            vars: Map::new(),
            limits: Limits::default(),
            resolver: None,
            behind: None,
        }
    }

    /// How long a decision may take, from its turn on. Default 3 s; the server's own deadline should be
    /// longer.
    #[must_use]
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// How many questions are asked at the same time. Default 16. To be set before clones are made.
    #[must_use]
    pub fn concurrency(mut self, max: usize) -> Self {
        self.concurrency = max.max(1);
        self.slots = Turns::new(self.concurrency);
        let queue = self.queue;
        self.queue(queue)
    }

    /// How many more wait for a turn, of clients that have proven their address lately and of
    /// strangers each; beyond that, and after 8 s, they are told nothing and ask again by themselves.
    /// Default 16,384. To be set before clones are made.
    #[must_use]
    pub fn queue(mut self, max: usize) -> Self {
        self.queue = max;
        self.flights = Arc::new(Flights::new(self.concurrency.saturating_add(max)));
        self
    }

    /// Leaves out of the question who asks, with which options: only path, parameters and kind of
    /// request are told. All who want one path at the same time are then one question. Default no.
    #[must_use]
    pub const fn anonymous(mut self, on: bool) -> Self {
        self.anonymous = on;
        self
    }

    /// How to find out who asks. Default: by the request alone.
    #[must_use]
    pub fn identifier(mut self, identifier: Identifier) -> Self {
        self.identifier = identifier;
        self
    }

    /// Where templates are that the hook may choose.
    #[must_use]
    pub fn templates(mut self, templates: &Templates) -> Self {
        self.templates = Some(templates.clone());
        self
    }

    /// Sets a variable for these templates. One of the same name in a decision goes before it.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// How much one rendering of such a template may take.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What fetches objects of origins that the hook points to.
    #[must_use]
    pub fn redirects<F>(
        mut self,
        resolver: impl Fn(Redirect, Request) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Reply, Refusal>> + Send + 'static,
    {
        self.resolver = Some(Arc::new(move |redirect, request| {
            Box::pin(resolver(redirect, request))
        }));
        self
    }

    /// What answers when the hook passes. Default: "file not found".
    #[must_use]
    pub fn otherwise(mut self, behind: impl Endpoint<Reply>) -> Self {
        self.behind = Some(Arc::new(behind));
        self
    }

    /// Asks what `request` is to get, and who asked.
    ///
    /// # Errors
    /// If there is no decision in time, or none that makes sense.
    pub async fn decide(&self, request: &Request) -> Result<(Decision, Identity), HookError> {
        let who = self.identifier.identify(request).await;
        if let Some(name) = who.name() {
            request.known_as(name);
        }
        let question = Arc::new(Question::new(request, &who, self.anonymous));
        let (asker, slots, deadline) = (Arc::clone(&self.asker), self.slots.clone(), self.deadline);
        let asked = Arc::clone(&question);
        let proven = who.proven;
        let work = move || async move {
            let turn = tokio::time::timeout(PATIENCE, slots.turn(proven)).await;
            let Ok(_turn) = turn else {
                return Err(HookError::Busy);
            };
            tokio::time::timeout(deadline, asker.ask(asked))
                .await
                .unwrap_or(Err(HookError::Late(deadline)))
        };
        match self.flights.ask(question, proven, work).await {
            Ok(decision) => Ok((decision?, who)),
            Err(Grounded::Full) => Err(HookError::Busy),
            Err(Grounded::Crashed) => Err(HookError::Failed("it panicked".to_owned())),
        }
    }

    async fn answer(&self, request: Request) -> Result<Reply, Refusal> {
        let kind = self.asker.kind();
        let decided = self.decide(&request).await;
        let (decision, who) = decided.map_err(|error| Refusal::from(error).answered_by(kind))?;
        match decision {
            Decision::Content(content) => Ok(Reply::bytes(content).answered_by(kind)),
            Decision::Refuse(refusal) => Err(refusal.answered_by(kind)),
            Decision::Pass => match &self.behind {
                Some(behind) => behind.call(request).await,
                None => Err(Refusal::not_found()
                    .because("the hook passed")
                    .answered_by(kind)),
            },
            Decision::Redirect(redirect) => match &self.resolver {
                Some(resolver) => resolver(redirect, request).await,
                None => Err(Refusal::internal()
                    .because("the hook points to an origin, and this route has none")),
            },
            Decision::Template { name, vars } => {
                let rendered = self.render(&request, &who, name, &vars).await;
                rendered
                    .map(|reply| reply.answered_by(kind))
                    .map_err(|refusal| refusal.answered_by(kind))
            }
        }
    }

    async fn render(
        &self,
        request: &Request,
        who: &Identity,
        name: String,
        vars: &Map<String, Value>,
    ) -> Result<Reply, Refusal> {
        let Some(templates) = &self.templates else {
            return Err(
                Refusal::internal().because("the hook chose a template, and this route has none")
            );
        };
        let own = vars
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        let mut vars = self.vars.clone();
        vars.extend(own);
        let context = context(request, who, None, None, &vars);
        let (compiled, limits) = (templates.fresh().await, self.limits);
        let text = render_beside(who, compiled, name, context, limits).await?;
        Ok(Reply::text(text))
    }
}

impl Endpoint<Reply> for Hook {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(self.answer(request))
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook")
            .field("deadline", &self.deadline)
            .field("concurrency", &self.concurrency)
            .field("queue", &self.queue)
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bootwire::Op;

    use super::*;

    /// Says after a while that others shall answer.
    struct Slow(Duration);

    impl Asker for Slow {
        fn ask(&self, _: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>> {
            let takes = self.0;
            Box::pin(async move {
                tokio::time::sleep(takes).await;
                Ok(Decision::Pass)
            })
        }
    }

    /// A question behind one that takes long gets its turn in the seventh second, or none.
    #[tokio::test(start_paused = true)]
    async fn a_question_waits_seven_seconds_for_its_turn() {
        let request = |path| {
            let peer = "192.0.2.7:2000".parse().unwrap();
            Request::synthetic(Op::Read, path, peer, &[]).unwrap()
        };
        let (one, other) = (request("/one"), request("/other"));
        for (takes, is_answered) in [(6900, true), (7100, false)] {
            let slow = Slow(Duration::from_millis(takes));
            let hook = Hook::new(slow)
                .concurrency(1)
                .deadline(Duration::from_secs(60));
            let (first, second) = tokio::join!(hook.decide(&one), hook.decide(&other));
            first.unwrap();
            match second {
                Ok(_) => assert!(is_answered, "after {takes} ms"),
                Err(error) => assert!(!is_answered && error == HookError::Busy, "{error}"),
            }
        }
    }
}
