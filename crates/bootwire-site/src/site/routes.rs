//! Routes that are open: served, explained and described.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{Deadline, Layered, OnTerms, Pattern, Rewrite};
use bootwire::{Accept, Endpoint, Op, Refusal, Request, Router, Terms};
use bootwire_render::identity::{ClientMac, Identifier};

use super::action::{OpenStep, said};
use super::evaluate::Observer;
use super::materials::Materials;
use super::opening::Opening;
use super::secret::Suffix;
use super::uploads::UploadRule;
use crate::conditions::Conditions;
use crate::config::route::{Action, Route};
use crate::quirks::Quirks;
use crate::text::Refused;

/// A route of the configuration, open.
pub(crate) struct OpenRoute {
    /// Where it was written: `FILE:LINE`.
    pub(crate) place: String,
    pub(crate) pattern: Pattern,
    /// Whether its pattern matches in any case.
    ignore_case: bool,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) leads_to: LeadsTo,
    terms: Terms,
    quirks: Arc<Quirks>,
    deadline: Option<Duration>,
    /// Who knows hardware addresses.
    who: Identifier,
}

/// What a route does with the requests it is for.
pub(crate) enum LeadsTo {
    /// Later routes see another path.
    Rename(Rewrite),
    /// They get content.
    Read(Arc<OpenStep>),
    /// They may send, perhaps under another name.
    Upload(Arc<UploadRule>, Option<Rewrite>),
    /// They may not.
    RefuseUpload(Refusal),
}

impl OpenRoute {
    /// Opens a route. What cannot be opened is a problem of `opening`. A route without a deadline has
    /// the `usual` one.
    pub(super) fn open(
        route: &Route,
        usual: Option<Duration>,
        materials: &Materials<'_>,
        opening: &mut Opening<'_>,
    ) -> Option<Self> {
        let step = &route.step;
        let place = opening.config.place(step.place);
        let leads_to = match (&step.action, route.op) {
            (Action::Rename(to), _) => LeadsTo::Rename(to.clone()),
            (Action::Upload(rules), _) => match UploadRule::open(rules, opening) {
                Ok(rule) => LeadsTo::Upload(Arc::new(rule), step.rewrite.clone()),
                Err(what) => {
                    opening.wrong_at(place, what);
                    return None;
                }
            },
            (Action::Refuse(refusal), Op::Write) => LeadsTo::RefuseUpload(refusal.clone()),
            _ => LeadsTo::Read(OpenStep::open(step, false, materials, opening)?),
        };
        Some(Self {
            place,
            pattern: route.pattern.clone(),
            ignore_case: route.ignore_case,
            conditions: Arc::clone(&route.conditions),
            leads_to,
            terms: route.terms.clone(),
            quirks: Arc::clone(&opening.config.quirks),
            deadline: route.deadline.or(usual),
            who: materials.who.clone(),
        })
    }

    /// The route in a router of its own, with `observer` around each of its steps.
    pub(crate) fn router(&self, observer: Option<&Arc<dyn Observer>>) -> Router {
        let pattern = self.pattern.clone();
        let mut router = match &self.leads_to {
            LeadsTo::Rename(to) => Router::new().rewrite(pattern, to.clone()),
            LeadsTo::Read(step) => Router::new().read(pattern, step.endpoint(observer)),
            LeadsTo::Upload(rule, rewrite) => {
                let mut endpoint: Arc<dyn Endpoint<Accept>> = rule.endpoint(observer);
                if let Some(to) = rewrite {
                    endpoint = Arc::new(Layered::new(endpoint, to.clone()));
                    if to.needs_client_mac() {
                        let mac = ClientMac::new(self.who.clone());
                        endpoint = Arc::new(Layered::new(endpoint, mac));
                    }
                }
                Router::new().write(pattern, endpoint)
            }
            LeadsTo::RefuseUpload(refusal) => {
                Router::new().write(pattern, Refused(refusal.clone()))
            }
        };
        if self.ignore_case {
            router = router.case_insensitive();
        }
        if let Some(limit) = self.deadline {
            router = router.layer(Deadline::new(limit));
        }
        if !self.terms.is_empty() {
            router = router.layer(self.terms.clone());
        }
        // A quirk is about what the client can do, so it has the last word.
        let quirks = Arc::clone(&self.quirks);
        router = router.layer(OnTerms::new(move |request: &Request| quirks.terms(request)));
        let conditions = Arc::clone(&self.conditions);
        Router::new().when(move |request| conditions.hold(request), router)
    }

    /// Whether requests of this kind are compared with it.
    pub(crate) const fn is_for(&self, op: Op) -> bool {
        match &self.leads_to {
            LeadsTo::Rename(_) => true,
            LeadsTo::Read(_) => matches!(op, Op::Read),
            LeadsTo::Upload(..) | LeadsTo::RefuseUpload(_) => matches!(op, Op::Write),
        }
    }

    /// The terms on which `request` is answered: the route's, then those of quirks by name.
    pub(crate) fn terms<'a>(
        &'a self,
        request: &'a Request,
    ) -> impl Iterator<Item = (Option<&'a str>, &'a Terms)> {
        let own = (!self.terms.is_empty()).then_some((None, &self.terms));
        let quirks = self.quirks.of(request);
        let quirks = quirks.map(|quirk| (Some(quirk.name.as_str()), &quirk.terms));
        own.into_iter().chain(quirks)
    }

    /// The secret that names of uploads end in.
    pub(super) fn secret(&self) -> Option<Arc<Suffix>> {
        match &self.leads_to {
            LeadsTo::Upload(rule, _) => rule.suffix.clone(),
            LeadsTo::Rename(_) | LeadsTo::Read(_) | LeadsTo::RefuseUpload(_) => None,
        }
    }
}

/// The router that serves these routes, in their order.
pub(super) fn router(routes: &[OpenRoute], ignore_case: bool) -> Router {
    let router = routes
        .iter()
        .map(|route| route.router(None))
        .fold(Router::new(), Router::merge);
    if ignore_case {
        router.case_insensitive()
    } else {
        router
    }
}

/// `/images/{*path}: origin images (from 10.0.0.0/8)`.
impl fmt::Display for OpenRoute {
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
            Self::Rename(to) => write!(f, "looked for {} by what follows", to.describe()),
            Self::Read(step) => step.fmt(f),
            Self::Upload(rule, _) => write!(f, "uploads into {}", rule.describe()),
            Self::RefuseUpload(refusal) => write!(f, "uploads refused, {}", said(refusal)),
        }
    }
}
