//! Programs and HTTP services that decide.

use std::sync::{Arc, Mutex, PoisonError};

use bootwire::{BoxFuture, Refusal, Request};
use bootwire_render::hook::{Asker, Decision, Exec, Hook, HookError, HttpHook, Output, Question};
use bootwire_render::identity::Identifier;
use bootwire_render::template::Templates;

use super::http::{self, Reaching, options};
use super::origins::Origins;
use super::{Purpose, templates};
use crate::config::{Config, model};

/// A hook, and what it said last if somebody wants to know.
#[derive(Clone)]
pub(crate) struct Decider {
    pub(super) hook: Hook,
    said: Said,
    /// The program or URL, for the log.
    pub(crate) shown: String,
    anonymous: bool,
    who: Identifier,
}

type Said = Arc<Mutex<Option<Decision>>>;

/// The bounds that both kinds have.
struct Bounds<'a> {
    deadline: Option<&'a crate::config::value::Time>,
    concurrency: Option<usize>,
    queue: Option<usize>,
    anonymous: bool,
}

impl Decider {
    pub(super) fn http(
        table: &model::Http,
        config: &Config,
        site: &Around<'_>,
    ) -> Result<Self, String> {
        let reaching = Reaching::read(
            (config, site.purpose),
            &table.headers,
            table.bearer_file.as_deref(),
            table.bearer_env.as_deref(),
            table.ca.as_deref(),
        )?;
        let options = options(&reaching)?;
        let (hook, shown) = match (&table.post, &table.get) {
            (Some(url), None) => (
                HttpHook::post(url, options),
                format!("POST {}", http::shown(url)),
            ),
            (None, Some(url)) => (
                HttpHook::get(url, options),
                format!("GET {}", http::shown(url)),
            ),
            _ => return Err("http needs a URL to post to or to get".to_owned()),
        };
        let mut hook = hook.map_err(|error| error.to_string())?;
        if let Some(output) = table.output {
            hook = hook.output(read_as(output));
        }
        if let Some(size) = table.size_max {
            hook = hook.size_max(usize::try_from(size.0).unwrap_or(usize::MAX));
        }
        let bounds = Bounds {
            deadline: table.deadline.as_ref(),
            concurrency: table.concurrency,
            queue: table.queue,
            anonymous: table.anonymous.unwrap_or(false),
        };
        Ok(Self::new(hook, shown, &bounds, config, site))
    }

    pub(super) fn exec(table: &model::Exec, config: &Config, site: &Around<'_>) -> Self {
        let path = config.path(&table.program);
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
        let bounds = Bounds {
            deadline: table.deadline.as_ref(),
            concurrency: table.concurrency,
            queue: table.queue,
            anonymous: table.anonymous.unwrap_or(false),
        };
        Self::new(exec, path.display().to_string(), &bounds, config, site)
    }

    fn new(
        asker: impl Asker,
        shown: String,
        bounds: &Bounds<'_>,
        config: &Config,
        site: &Around<'_>,
    ) -> Self {
        let said = Said::default();
        let mut hook = match site.purpose {
            Purpose::Serve => Hook::new(asker),
            Purpose::Explain { .. } => Hook::new(Overheard {
                asker,
                said: Arc::clone(&said),
            }),
        };
        if let Some(limit) = bounds.deadline {
            hook = hook.deadline(limit.0);
        }
        if let Some(max) = bounds.concurrency {
            hook = hook.concurrency(max);
        }
        if let Some(max) = bounds.queue {
            hook = hook.queue(max);
        }
        for (name, value) in &config.document.templates.vars {
            hook = hook.var(name, value.clone());
        }
        for (name, value) in &config.document.templates.vars {
            hook = hook.var(name, value.clone());
        }
        let (origins, who) = (Arc::clone(site.origins), site.who.clone());
        let hook = hook
            .anonymous(bounds.anonymous)
            .identifier(site.who.clone())
            .templates(site.templates)
            .limits(templates::limits(&config.document.templates))
            .redirects(move |redirect, request| {
                let (origins, who) = (Arc::clone(&origins), who.clone());
                async move {
                    let origin = origins.get(&redirect.origin);
                    let origin = origin.ok_or_else(|| no_origin(&redirect.origin))?;
                    origin.fetch(&redirect.path, &request, &who).await
                }
            });
        Self {
            hook,
            said,
            shown,
            anonymous: bounds.anonymous,
            who: site.who.clone(),
        }
    }

    /// What the hook said last, to explain.
    pub(crate) fn said(&self) -> Option<Decision> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// What the hook would be asked about this request.
    pub(crate) async fn question(&self, request: &Request) -> Question {
        let who = self.who.identify(request).await;
        Question::new(request, &who, self.anonymous)
    }
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Decider").field(&self.shown).finish()
    }
}

/// What a hook may point to.
pub(super) struct Around<'a> {
    pub(super) purpose: Purpose,
    pub(super) origins: &'a Arc<Origins>,
    pub(super) templates: &'a Templates,
    pub(super) who: &'a Identifier,
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

/// An asker whose decisions are noted.
struct Overheard<A> {
    asker: A,
    said: Said,
}

impl<A: Asker> Asker for Overheard<A> {
    fn ask(&self, question: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>> {
        let (asked, said) = (self.asker.ask(question), Arc::clone(&self.said));
        Box::pin(async move {
            let decision = asked.await?;
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            *said = Some(decision.clone());
            Ok(decision)
        })
    }
}
