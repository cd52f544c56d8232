//! What a router compares requests with: which it is for, and what becomes of those.

use std::fmt;
use std::sync::Arc;

use super::layer::Chain;
use super::layered::AsAnswer;
use super::{Handler, Layer, Pattern, Rewrite};
use crate::params::Params;
use crate::{Accept, Answer, Endpoint, Op, Reply, Request};

/// Lets requests in, or not.
pub(super) type Guard = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// Which requests something is for.
#[derive(Clone)]
pub(super) struct Match {
    /// `None` for every path.
    pub(super) pattern: Option<Pattern>,
    pub(super) ignore_case: bool,
    /// All must let a request in.
    pub(super) guards: Vec<Guard>,
}

impl Match {
    /// Every request.
    pub(super) const fn any() -> Self {
        Self {
            pattern: None,
            ignore_case: false,
            guards: Vec::new(),
        }
    }

    /// Requests for a path that matches.
    pub(super) fn path(pattern: Pattern) -> Self {
        Self {
            pattern: Some(pattern),
            ..Self::any()
        }
    }

    /// The request with the parameters of its path, if that matches.
    pub(super) fn seen(&self, request: &Request) -> Option<Request> {
        let params = match &self.pattern {
            Some(pattern) => pattern.params_of(request, self.ignore_case)?,
            None => Params::default(),
        };
        Some(Request {
            facts: Arc::clone(&request.facts),
            params: Params {
                renamed: request.params.renamed.clone(),
                name: request.params.name.clone(),
                client_mac: request.params.client_mac,
                ..params
            },
            moment: request.moment,
        })
    }

    /// Whether every guard lets in what was [seen](Match::seen).
    pub(super) fn lets_in(&self, seen: &Request) -> bool {
        self.guards.iter().all(|guard| guard(seen))
    }
}

/// What becomes of the requests that match. `T` answers them.
pub(super) struct Rule<T> {
    pub(super) matches: Match,
    pub(super) then: Then<T>,
}

pub(super) enum Then<T> {
    Answer(T),
    /// The rules that follow see another path.
    Rewrite(Rewrite),
}

impl<T> Rule<T> {
    pub(super) const fn any_path(target: T) -> Self {
        Self {
            matches: Match::any(),
            then: Then::Answer(target),
        }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Rule<U> {
        let then = match self.then {
            Then::Answer(target) => Then::Answer(change(target)),
            Then::Rewrite(to) => Then::Rewrite(to),
        };
        Rule {
            matches: self.matches,
            then,
        }
    }

    pub(super) const fn target_mut(&mut self) -> Option<&mut T> {
        match &mut self.then {
            Then::Answer(target) => Some(target),
            Then::Rewrite(_) => None,
        }
    }
}

/// `"/tftpboot/{*path} as /{path}"`, or only the pattern.
impl<T> fmt::Debug for Rule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.matches.pattern.as_ref().map_or("*", Pattern::as_str);
        match &self.then {
            Then::Answer(_) => fmt::Debug::fmt(pattern, f),
            Then::Rewrite(to) => fmt::Debug::fmt(&format!("{pattern} as {to}"), f),
        }
    }
}

/// What answers requests, once it has its state.
pub(super) struct Route<S> {
    pub(super) op: Op,
    pub(super) layers: Vec<Arc<dyn Layer>>,
    /// Whether the program added it, not we.
    pub(super) is_own: bool,
    target: MakeTarget<S>,
}

type MakeTarget<S> = Box<dyn FnOnce(S) -> Arc<dyn Endpoint<Answer>> + Send>;

impl<S> Route<S> {
    pub(super) fn read<M>(handler: impl Handler<Reply, M, S, Endpoint: Endpoint<Reply>>) -> Self {
        Self::new(
            Op::Read,
            Box::new(|state| AsAnswer::of(handler.into_endpoint(state))),
        )
    }

    pub(super) fn write<M>(
        handler: impl Handler<Accept, M, S, Endpoint: Endpoint<Accept>>,
    ) -> Self {
        Self::new(
            Op::Write,
            Box::new(|state| AsAnswer::of(handler.into_endpoint(state))),
        )
    }

    fn new(op: Op, target: MakeTarget<S>) -> Self {
        Self {
            op,
            layers: Vec::new(),
            is_own: true,
            target,
        }
    }

    /// What answers where the program says nothing.
    pub(super) fn not_own(self) -> Self {
        Self {
            is_own: false,
            ..self
        }
    }
}

impl<S: Send + 'static> Route<S> {
    pub(super) fn with_state(self, state: S) -> Route<()> {
        let target = self.target;
        Route {
            op: self.op,
            layers: self.layers,
            is_own: self.is_own,
            target: Box::new(move |()| target(state)),
        }
    }
}

impl Route<()> {
    pub(super) fn bind(self) -> Arc<Chain> {
        Arc::new(Chain {
            layers: self.layers,
            target: (self.target)(()),
        })
    }
}
