//! Routes as they are served, explained and described.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{Pattern, Rewrite};
use bootwire::{Accept, Endpoint, Op, Refusal, Reply, Request, Router};
use bootwire_store::Dir;

use super::conditions::Conditions;
use super::hooks::Decider;
use super::origins::Source;
use super::quirks::Quirks;
use super::terms::{Adjustable, OnTerms, Terms};
use super::uploads::UploadRule;
use super::wrap::{Renamed, Within};
use crate::config::model;

/// A route of the configuration.
#[derive(Debug)]
pub(crate) struct Route {
    /// Where it was written: `FILE:LINE`.
    pub(crate) place: String,
    pub(crate) pattern: Pattern,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) leads_to: LeadsTo,
}

/// What a route does with the requests it is for.
#[derive(Debug)]
pub(crate) enum LeadsTo {
    /// Later routes see another path.
    Rename(Rewrite),
    /// They get content.
    Read(Box<Step<Reply, Action>>),
    /// They may send.
    Write(Box<Step<Accept, WriteAction>>),
}

/// An answer with everything around it.
pub(crate) struct Step<A, W> {
    pub(crate) action: W,
    /// The path looked for instead.
    pub(crate) renamed: Option<Rewrite>,
    /// Whether boot loaders' probes are answered before the action is asked; where several are tried,
    /// behind them all.
    pub(crate) probes: bool,
    terms: Terms,
    quirks: Arc<Quirks>,
    pub(crate) endpoint: Arc<dyn Endpoint<A>>,
}

impl<A, W: fmt::Debug> fmt::Debug for Step<A, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.action).finish()
    }
}

/// What reads are answered with.
#[derive(Debug)]
pub(crate) enum Action {
    Dir(PathBuf, Dir),
    Origin(Source),
    Template(String),
    Text,
    Empty,
    Refuse(Refusal),
    Http(Decider),
    Exec(Decider),
    Try(Vec<Step<Reply, Self>>),
}

/// What writes are answered with.
#[derive(Debug)]
pub(crate) enum WriteAction {
    Upload(UploadRule),
    Refuse(Refusal),
}

impl Step<Reply, Action> {
    /// Whether it, or anything it tries, answers probes by itself.
    pub(super) fn has_probes(&self) -> bool {
        let tried = match &self.action {
            Action::Try(tried) => tried.as_slice(),
            _ => &[],
        };
        self.probes || tried.iter().any(Self::has_probes)
    }
}

impl<A: Adjustable, W> Step<A, W> {
    /// An action with the endpoint that answers for it.
    pub(super) fn new(
        action: W,
        endpoint: Arc<dyn Endpoint<A>>,
        route: &model::Route,
        renamed: Option<Rewrite>,
        quirks: &Arc<Quirks>,
    ) -> Self {
        let mut step = Self {
            action,
            renamed,
            probes: false,
            terms: Terms::of_route(route),
            quirks: Arc::clone(quirks),
            endpoint,
        };
        if let Some(to) = step.renamed.clone() {
            step.wrap(|inner| Arc::new(Renamed { to, inner }));
        }
        step
    }

    pub(super) fn wrap(
        &mut self,
        around: impl FnOnce(Arc<dyn Endpoint<A>>) -> Arc<dyn Endpoint<A>>,
    ) {
        self.endpoint = around(Arc::clone(&self.endpoint));
    }

    /// With a deadline, its own or `usual`, and terms.
    pub(super) fn bounded(mut self, route: &model::Route, usual: Option<Duration>) -> Self {
        let own = route.deadline.map(|limit| limit.0);
        if let Some(limit) = own.or(usual) {
            self.wrap(|inner| Arc::new(Within { limit, inner }));
        }
        if !self.terms.is_empty() || !self.quirks.is_empty() {
            let (terms, quirks) = (self.terms.clone(), Arc::clone(&self.quirks));
            self.wrap(|inner| {
                Arc::new(OnTerms {
                    terms,
                    quirks,
                    inner,
                })
            });
        }
        self
    }

    /// The terms on which `request` is answered: the route's, then those of quirks by name.
    pub(crate) fn terms<'a>(&'a self, request: &'a Request) -> Vec<(Option<&'a str>, &'a Terms)> {
        let own = Some((None, &self.terms)).filter(|(_, terms)| !terms.is_empty());
        let quirks = self.quirks.of(request);
        let quirks = quirks.map(|quirk| (Some(quirk.name.as_str()), &quirk.terms));
        own.into_iter().chain(quirks).collect()
    }

    /// An answer made by a part of this, on these terms.
    pub(crate) fn on_terms(&self, request: &Request, answer: A) -> A {
        let answer = self.terms.apply(answer);
        match self.quirks.terms(request) {
            Some(quirks) => quirks.apply(answer),
            None => answer,
        }
    }
}

/// The router that serves these routes, each with its conditions as a guard.
pub(super) fn router(routes: &[Route], ignore_case: bool) -> Router {
    let mut router = Router::new();
    for route in routes {
        let pattern = route.pattern.clone();
        let inner = match &route.leads_to {
            LeadsTo::Rename(to) => Router::new().rewrite(pattern, to.clone()),
            LeadsTo::Read(step) => Router::new().read(pattern, Arc::clone(&step.endpoint)),
            LeadsTo::Write(step) => Router::new().write(pattern, Arc::clone(&step.endpoint)),
        };
        let conditions = Arc::clone(&route.conditions);
        router = router.when(move |request| conditions.hold(request), inner);
    }
    if ignore_case {
        router = router.case_insensitive();
    }
    router
}

impl Route {
    /// Whether requests of this kind are compared with it.
    pub(crate) fn is_for(&self, op: Op) -> bool {
        match &self.leads_to {
            LeadsTo::Rename(_) => true,
            LeadsTo::Read(_) => op == Op::Read,
            LeadsTo::Write(_) => op == Op::Write,
        }
    }
}

/// `/images/{*path}: origin images (from 10.0.0.0/8)`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pattern, self.leads_to)?;
        let conditions = self.conditions.to_string();
        if !conditions.is_empty() {
            write!(f, " ({conditions})")?;
        }
        Ok(())
    }
}

impl fmt::Display for LeadsTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename(to) => write!(f, "looked for as {to} by what follows"),
            Self::Read(step) => step.fmt(f),
            Self::Write(step) => match &step.action {
                WriteAction::Upload(rule) => write!(f, "uploads into {}", rule.describe()),
                WriteAction::Refuse(refusal) => write!(f, "uploads refused, {}", said(refusal)),
            },
        }
    }
}

impl fmt::Display for Step<Reply, Action> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.action.fmt(f)?;
        match &self.renamed {
            Some(to) => write!(f, " as {to}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(_, dir) => f.write_str(&dir.describe()),
            Self::Origin(origin) => write!(f, "origin {}", origin.name),
            Self::Template(name) => write!(f, "template {name}"),
            Self::Text => f.write_str("a text"),
            Self::Empty => f.write_str("an empty file"),
            Self::Refuse(refusal) => write!(f, "refused, {}", said(refusal)),
            Self::Http(hook) => write!(f, "{} decides", hook.shown),
            Self::Exec(hook) => write!(f, "the program {} decides", hook.shown),
            Self::Try(steps) => {
                let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
                f.write_str(&steps.join(", else "))
            }
        }
    }
}

/// What the client is told.
fn said(refusal: &Refusal) -> String {
    let code = refusal.reason().code().wire();
    format!("code {code}: {}", refusal.client_text())
}
