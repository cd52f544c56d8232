//! Programs and HTTP services that decide.

use std::sync::{Arc, Mutex, PoisonError};

use bootwire::{BoxFuture, Refusal, Request};
use bootwire_render::hook::{Asker, Decision, Exec, Hook, HookError, HttpHook, Output, Question};
use bootwire_render::identity::Identifier;

use super::http::{self, Reaching, options};
use super::materials::Materials;
use super::opening::Opening;
use super::templates;
use crate::config::model::{self, Bounds};
use crate::config::route::Method;

/// A hook, and who is asked.
#[derive(Clone)]
pub(crate) struct Hooked {
    pub(super) hook: Hook,
    asker: Arc<dyn Asker>,
    /// Gives a hook the bounds of this one, and what it may point to.
    fit: Arc<dyn Fn(Hook) -> Hook + Send + Sync>,
    /// The program or URL, for the log.
    pub(crate) shown: String,
    anonymous: bool,
    who: Identifier,
}

/// What a hook decided last.
#[derive(Clone, Default)]
pub(super) struct Said(Arc<Mutex<Option<Decision>>>);

impl Hooked {
    pub(super) fn http(
        method: &Method,
        table: &model::Http,
        materials: &Materials<'_>,
        opening: &Opening<'_>,
    ) -> Result<Self, String> {
        let reaching = Reaching::read(
            opening,
            &table.headers,
            table.bearer_file.as_deref(),
            table.bearer_env.as_deref(),
            table.ca.as_deref(),
        )?;
        let options = options(&reaching)?;
        let (hook, shown) = match method {
            Method::Post(url) => (HttpHook::post(url, options), ("POST", url)),
            Method::Get(url) => (HttpHook::get(url, options), ("GET", url)),
        };
        let shown = format!("{} {}", shown.0, http::shown(shown.1));
        let mut hook = hook.map_err(|error| error.to_string())?;
        if let Some(output) = table.output {
            hook = hook.output(read_as(output));
        }
        if let Some(size) = table.size_max {
            hook = hook.size_max(usize::try_from(size.0).unwrap_or(usize::MAX));
        }
        let bounds = table.bounds();
        Ok(Self::new(Arc::new(hook), shown, bounds, materials, opening))
    }

    pub(super) fn exec(
        table: &model::Exec,
        materials: &Materials<'_>,
        opening: &Opening<'_>,
    ) -> Self {
        let path = opening.config.path(&table.program);
        let mut exec = Exec::new(&path);
        for arg in &table.args {
            exec = exec.arg(arg);
        }
        for (name, value) in &table.env {
            exec = exec.env(name, value);
        }
        if let Some(output) = table.output {
            exec = exec.output(read_as(output));
        }
        if let Some(size) = table.size_max {
            exec = exec.size_max(usize::try_from(size.0).unwrap_or(usize::MAX));
        }
        let shown = path.display().to_string();
        Self::new(Arc::new(exec), shown, table.bounds(), materials, opening)
    }

    fn new(
        asker: Arc<dyn Asker>,
        shown: String,
        bounds: Bounds,
        materials: &Materials<'_>,
        opening: &Opening<'_>,
    ) -> Self {
        let anonymous = bounds.anonymous;
        let who = materials.who.clone();
        let templates = materials.templates.clone();
        let vars = opening.config.document.templates.vars.clone();
        let limits = templates::limits(&opening.config.document.templates);
        let (origins, asking) = (Arc::clone(materials.origins), who.clone());
        let fit = move |mut hook: Hook| {
            if let Some(limit) = bounds.deadline {
                hook = hook.deadline(limit.0);
            }
            if let Some(max) = bounds.concurrency {
                hook = hook.concurrency(max);
            }
            if let Some(max) = bounds.queue {
                hook = hook.queue(max);
            }
            for (name, value) in &vars {
                hook = hook.var(name, value.clone());
            }
            let (origins, who) = (Arc::clone(&origins), asking.clone());
            hook.anonymous(anonymous)
                .identifier(asking.clone())
                .templates(&templates)
                .limits(limits)
                .redirects(move |redirect, request| {
                    let (origins, who) = (Arc::clone(&origins), who.clone());
                    async move {
                        let origin = origins.get(&redirect.origin);
                        let origin = origin.ok_or_else(|| no_origin(&redirect.origin))?;
                        origin.fetch(&redirect.path, &request, &who).await
                    }
                })
        };
        let listened = Listened {
            asker: Arc::clone(&asker),
            said: None,
        };
        Self {
            hook: fit(Hook::new(listened)),
            asker,
            fit: Arc::new(fit),
            shown,
            anonymous,
            who,
        }
    }

    /// The same hook once more, and what it will have decided.
    pub(super) fn overheard(&self) -> (Hook, Said) {
        let said = Said::default();
        let listened = Listened {
            asker: Arc::clone(&self.asker),
            said: Some(said.clone()),
        };
        ((self.fit)(Hook::new(listened)), said)
    }

    /// What the hook is asked about this request.
    pub(super) async fn question(&self, request: &Request) -> Question {
        let who = self.who.identify(request).await;
        Question::new(request, &who, self.anonymous)
    }
}

impl Said {
    pub(super) fn decision(&self) -> Option<Decision> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }
}

fn no_origin(name: &str) -> Refusal {
    let detail = format!("the hook points to the origin {name:?}, and there is none of that name");
    Refusal::internal().because(detail)
}

const fn read_as(output: model::Output) -> Output {
    match output {
        model::Output::Content => Output::Raw,
        model::Output::Decision => Output::Json,
    }
}

/// An asker whose decisions are noted, if somebody listens.
struct Listened {
    asker: Arc<dyn Asker>,
    said: Option<Said>,
}

impl Asker for Listened {
    fn ask(&self, question: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>> {
        let asked = self.asker.ask(question);
        let Some(said) = self.said.clone() else {
            return asked;
        };
        Box::pin(async move {
            let decision = asked.await?;
            let mut said = said.0.lock().unwrap_or_else(PoisonError::into_inner);
            *said = Some(decision.clone());
            Ok(decision)
        })
    }

    fn kind(&self) -> &'static str {
        self.asker.kind()
    }
}
