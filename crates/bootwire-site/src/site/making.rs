//! Making routes: from a table of the configuration to what answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{FirstOf, Pattern, Rewrite};
use bootwire::{Accept, Endpoint, Reason, Refusal, Reply};
use bootwire_render::dialect::{EmptyLists, Probes};
use bootwire_render::identity::Identifier;
use bootwire_render::inventory::Inventory;
use bootwire_render::template::Templates;
use bootwire_store::{Dir, Links};

use super::conditions::{Conditions, Names};
use super::hooks::{Around, Decider};
use super::origins::{Origins, Source};
use super::problems::Wrong;
use super::quirks::Quirks;
use super::routes::{Action, LeadsTo, Route, Step, WriteAction};
use super::text::{Refused, Text};
use super::uploads::UploadRule;
use super::{Purpose, longest_deadline, own_deadline, templates};
use crate::config::value::Spanned;
use crate::config::{Config, model};

/// The pattern of a route that names none.
const ANY: &str = "/{*path}";

/// What routes are made of.
pub(super) struct Materials<'a> {
    pub(super) config: &'a Config,
    pub(super) purpose: Purpose,
    pub(super) origins: &'a Arc<Origins>,
    pub(super) templates: &'a Templates,
    pub(super) who: &'a Identifier,
    pub(super) inventory: Option<&'a Arc<dyn Inventory>>,
    pub(super) quirks: &'a Arc<Quirks>,
    pub(super) names: &'a Arc<Names>,
}

impl Materials<'_> {
    /// All routes, in order. Those that cannot be made are problems.
    pub(super) fn routes(&self, wrong: &mut Wrong) -> Vec<Route> {
        let routes = self.config.document.route.iter();
        routes
            .filter_map(|route| self.route(route, wrong))
            .collect()
    }

    fn route(&self, route: &Spanned<model::Route>, wrong: &mut Wrong) -> Option<Route> {
        let place = self.config.place(route);
        let pattern = match Pattern::parse(route.path.as_deref().unwrap_or(ANY)) {
            Ok(pattern) => pattern,
            Err(error) => {
                wrong.at(place, error);
                return None;
            }
        };
        let leads_to = self.leads_to(route, &pattern, wrong)?;
        Some(Route {
            place,
            pattern,
            conditions: Arc::new(Conditions::of_route(route, self.names)),
            leads_to,
        })
    }

    fn leads_to(
        &self,
        route: &Spanned<model::Route>,
        pattern: &Pattern,
        wrong: &mut Wrong,
    ) -> Option<LeadsTo> {
        let made = if let Some(dir) = &route.upload {
            self.upload(route, dir, pattern)
        } else if route.op == Some(model::Operation::Write) && !is_rename(route) {
            self.refused_write(route, pattern)
        } else if is_rename(route) {
            match rewrite(route, pattern) {
                Ok(Some(to)) => Ok(LeadsTo::Rename(to)),
                Ok(None) => Err("does nothing: give it an action or a rewrite".to_owned()),
                Err(error) => Err(error),
            }
        } else {
            let around = (self.quirks, self.usual_deadline());
            return self
                .step(route, pattern, Some(around), wrong)
                .map(|step| LeadsTo::Read(Box::new(step)));
        };
        made.map_err(|what| wrong.at(self.config.place(route), what))
            .ok()
    }

    /// For routes without a deadline, where others may take longer than the server's own.
    fn usual_deadline(&self) -> Option<Duration> {
        let document = &self.config.document;
        let usual = own_deadline(document);
        (usual < longest_deadline(document)).then_some(usual)
    }

    fn upload(
        &self,
        route: &model::Route,
        dir: &Path,
        pattern: &Pattern,
    ) -> Result<LeadsTo, String> {
        if route.op == Some(model::Operation::Read) {
            return Err("upload is for writes: leave op out".to_owned());
        }
        let rule = UploadRule::open(self.config, route, dir, self.purpose)?;
        let closed = || {
            let refusal = Refusal::internal().because("the directory is not open to explain");
            Arc::new(Refused(refusal)) as Arc<dyn Endpoint<Accept>>
        };
        let endpoint = rule.endpoint.clone().unwrap_or_else(closed);
        let renamed = rewrite(route, pattern)?;
        let action = WriteAction::Upload(rule);
        let step = Step::new(action, endpoint, route, renamed, self.quirks);
        Ok(LeadsTo::Write(Box::new(
            step.bounded(route, self.usual_deadline()),
        )))
    }

    fn refused_write(&self, route: &model::Route, pattern: &Pattern) -> Result<LeadsTo, String> {
        let Some(refuse) = &route.refuse else {
            return Err("writes are answered by upload or refuse, not by this".to_owned());
        };
        let refusal = refusal(refuse);
        let endpoint = Arc::new(Refused(refusal.clone()));
        let renamed = rewrite(route, pattern)?;
        let action = WriteAction::Refuse(refusal);
        let step = Step::new(action, endpoint, route, renamed, self.quirks);
        Ok(LeadsTo::Write(Box::new(
            step.bounded(route, self.usual_deadline()),
        )))
    }

    /// What answers reads: of a route, with quirks and its usual deadline; or of one of those it
    /// tries. What the client can do, how long all may take and what none of them has is seen to once,
    /// around all of them.
    fn step(
        &self,
        route: &Spanned<model::Route>,
        pattern: &Pattern,
        around: Option<(&Arc<Quirks>, Option<Duration>)>,
        wrong: &mut Wrong,
    ) -> Option<Step<Reply, Action>> {
        let nothing = Arc::default();
        let is_tried = around.is_none();
        let (quirks, usual) = around.unwrap_or((&nothing, None));
        let mut tried = Vec::new();
        for inner in &route.r#try {
            tried.push(self.step(inner, pattern, None, wrong)?);
        }
        let probes = !is_tried && tried.iter().any(Step::has_probes);
        let mut made = self.action(route, pattern, tried);
        if let Ok((Action::Try(_), endpoint)) = &mut made
            && probes
        {
            *endpoint = Arc::new(EmptyLists::behind(Arc::clone(endpoint)));
        }
        let made = made.and_then(|made| Ok((made, rewrite(route, pattern)?)));
        let ((action, endpoint), renamed) = made
            .map_err(|what| wrong.at(self.config.place(route), what))
            .ok()?;
        let makes_text = matches!(
            action,
            Action::Template(_) | Action::Http(_) | Action::Exec(_)
        );
        let mut step = Step::new(action, endpoint, route, renamed, quirks);
        step.probes = probes || makes_text && route.probes.unwrap_or(true);
        if step.probes && makes_text {
            // Another that is tried may have the list; if none has, it is empty.
            step.wrap(|inner| Arc::new(Probes::before(inner).lists(!is_tried)));
        }
        Some(step.bounded(route, usual))
    }

    /// The one thing the table says, and what answers with it.
    fn action(
        &self,
        route: &model::Route,
        pattern: &Pattern,
        tried: Vec<Step<Reply, Action>>,
    ) -> Result<(Action, Arc<dyn Endpoint<Reply>>), String> {
        let around = || Around {
            purpose: self.purpose,
            origins: self.origins,
            templates: self.templates,
            who: self.who,
        };
        Ok(if let Some(path) = &route.dir {
            let path = self.config.path(path);
            let dir = opened(&path, route)?;
            (Action::Dir(path, dir.clone()), Arc::new(dir))
        } else if let Some(name) = &route.origin {
            let origin = self.origin(name)?;
            let endpoint = origin.endpoint(self.who);
            (Action::Origin(origin), endpoint)
        } else if let Some(name) = &route.template {
            if !self.templates.contains(name) {
                return Err(templates::missing(self.templates, name));
            }
            let table = &self.config.document.templates;
            let (who, inventory) = (self.who, self.inventory);
            let template = templates::of_route(self.templates, name, route, table, who, inventory);
            (Action::Template(name.clone()), Arc::new(template))
        } else if let Some(source) = &route.text {
            let text = Text::parse(source, pattern)?;
            (Action::Text, Arc::new(text))
        } else if route.empty == Some(true) {
            (Action::Empty, Arc::new(Text::parse("", pattern)?))
        } else if let Some(refuse) = &route.refuse {
            let refusal = refusal(refuse);
            (Action::Refuse(refusal.clone()), Arc::new(Refused(refusal)))
        } else if let Some(http) = &route.http {
            let decider = Decider::http(http, self.config, &around())?;
            let hook = Arc::new(decider.hook.clone());
            (Action::Http(decider), hook)
        } else if let Some(exec) = &route.exec {
            let decider = Decider::exec(exec, self.config, &around());
            let hook = Arc::new(decider.hook.clone());
            (Action::Exec(decider), hook)
        } else if !tried.is_empty() {
            let endpoints = tried.iter().map(|step| Arc::clone(&step.endpoint));
            let first = FirstOf::new(endpoints);
            (Action::Try(tried), Arc::new(first))
        } else {
            return Err("does nothing: give it an action".to_owned());
        })
    }

    fn origin(&self, name: &str) -> Result<Source, String> {
        self.origins.get(name).cloned().ok_or_else(|| {
            let names = self.origins.names().join(", ");
            format!("no origin {name:?}; there are: {names}")
        })
    }
}

/// The path looked for instead, if the route names one.
fn rewrite(route: &model::Route, pattern: &Pattern) -> Result<Option<Rewrite>, String> {
    let to = route.rewrite.as_deref();
    to.map(|to| Rewrite::parse(to, pattern))
        .transpose()
        .map_err(|error| error.to_string())
}

/// Whether a route only renames.
fn is_rename(route: &model::Route) -> bool {
    route.rewrite.is_some()
        && route.dir.is_none()
        && route.origin.is_none()
        && route.template.is_none()
        && route.text.is_none()
        && route.empty != Some(true)
        && route.refuse.is_none()
        && route.http.is_none()
        && route.exec.is_none()
        && route.upload.is_none()
        && route.r#try.is_empty()
}

fn opened(path: &Path, route: &model::Route) -> Result<Dir, String> {
    let dir = Dir::open(path)
        .map_err(|error| error.to_string())?
        .observe(super::note_directory);
    let links = match route.links {
        Some(model::Links::InRoot) => Links::InRoot,
        Some(model::Links::Beneath) | None => Links::Beneath,
    };
    Ok(dir
        .links(links)
        .case_insensitive(route.case_insensitive.unwrap_or(false))
        .per_client(route.per_client.unwrap_or(false)))
}

fn refusal(refuse: &model::Refuse) -> Refusal {
    let reason = match refuse.code {
        0 => Reason::Busy,
        1 => Reason::NotFound,
        _ => Reason::Denied,
    };
    let refusal = Refusal::new(reason).because("the configuration refuses it");
    match &refuse.text {
        Some(text) => refusal.text(text.clone()),
        None => refusal,
    }
}
