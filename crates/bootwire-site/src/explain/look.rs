//! Following a request through a site.

use std::collections::BTreeMap;

use bootwire::router::Verdict as Came;
use bootwire::{
    Accept, Answer, BoxFuture, Endpoint, Op, Reason, Refusal, Reply, Request, Server, Sink,
};
use bootwire_render::dialect::{EmptyLists, Probes};
use bytes::Bytes;

use super::account::{Account, Compared, Found, Outcome, Step, Term, Verdict};
use super::facts::{identity, is_served, question, server};
use super::words::{came, decided, detail, outside, shown_path};
use crate::config::Config;
use crate::shown::word;
use crate::site::Site;
use crate::site::hooks::Decider;
use crate::site::routes::{self, Action, LeadsTo, Route, WriteAction};

/// Most bytes of a text that are shown.
const TEXT_MAX: usize = 64 << 10;

type ReadStep = routes::Step<Reply, Action>;
type WriteStep = routes::Step<Accept, WriteAction>;

/// What comes of `request`. Hooks and origins are asked only to `run`.
pub(super) async fn follow(config: &Config, site: &Site, request: &Request, run: bool) -> Account {
    let (routes, taken) = compare(site, request);
    let (route, seen) = match &taken {
        Some((route, seen)) => (Some(*route), seen),
        None => (None, request),
    };
    let who = site.who.identify(seen).await;
    let inventory = match &site.machines {
        None => None,
        Some(machines) => Some(match machines.inventory.find(&who).await {
            Ok(found) => Found {
                source: machines.shown().to_owned(),
                machine: found.map(|machine| (*machine).clone()),
                error: None,
            },
            Err(error) => Found {
                source: machines.shown().to_owned(),
                machine: None,
                error: Some(error.to_string()),
            },
        }),
    };
    let mut way = Way {
        run,
        steps: Vec::new(),
        server: server(config),
        granted: BTreeMap::new(),
    };
    let (terms, outcome) = match route.map(|route| &route.leads_to) {
        Some(LeadsTo::Read(step)) => (terms(step, seen), way.read(step, seen).await),
        Some(LeadsTo::Write(step)) => (terms(step, seen), way.write(step, seen)),
        // Nobody took it, or its new name is none: the router itself says so.
        Some(LeadsTo::Rename(_)) | None => (Vec::new(), refused_by(site, request).await),
    };
    Account {
        request: question(request),
        served: is_served(config, request.peer_ip()),
        routes,
        params: seen
            .params()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        identity: identity(&who),
        inventory,
        steps: way.steps,
        terms,
        outcome,
        granted: way.granted,
    }
}

/// The routes the request was compared with, and the one that took it, with the request as it
/// sees it.
fn compare<'a>(site: &'a Site, request: &Request) -> (Vec<Compared>, Option<(&'a Route, Request)>) {
    let mut came = site.app.compare(request).into_iter();
    let (mut routes, mut taken) = (Vec::new(), None);
    for (index, route) in site.routes.iter().enumerate() {
        let verdict = if route.is_for(request.op()) {
            match came.next() {
                None => break,
                Some(Came::KeptOut(seen)) => {
                    let why = route.conditions.why_not(&seen);
                    Verdict::KeptOut(why.unwrap_or_else(|| "not now".to_owned()))
                }
                Some(Came::Renamed(seen)) => Verdict::Renamed(shown_path(&seen)),
                Some(Came::NoPath(_)) => Verdict::No("its new name is no path".to_owned()),
                Some(Came::Taken(seen)) => {
                    taken = Some((route, seen));
                    Verdict::Taken
                }
                Some(_) => Verdict::No("another path".to_owned()),
            }
        } else {
            Verdict::No(match request.op() {
                Op::Read => "only writes".to_owned(),
                Op::Write => "only reads".to_owned(),
            })
        };
        let is_last = matches!(verdict, Verdict::Taken);
        routes.push(Compared {
            number: index + 1,
            place: route.place.clone(),
            pattern: route.pattern.to_string(),
            leads_to: route.leads_to.to_string(),
            verdict,
        });
        if is_last {
            break;
        }
    }
    (routes, taken)
}

/// The way through the steps of a route.
struct Way {
    run: bool,
    steps: Vec<Step>,
    server: Server,
    granted: BTreeMap<String, u64>,
}

/// What a step answers; `Err` holds who would have been asked.
type Answered = Result<Result<Reply, Refusal>, String>;

impl Way {
    async fn read(&mut self, step: &ReadStep, request: &Request) -> Outcome {
        let reply = match self.answer(step, request).await {
            Err(who) => return Outcome::NotAsked { who },
            Ok(Err(refusal)) => return refused(&refusal),
            Ok(Ok(reply)) => reply,
        };
        let outcome = Outcome::Content {
            size: reply.size(),
            text: reply.content().and_then(text),
        };
        self.grant(request, &Answer::Reply(reply));
        outcome
    }

    fn write(&mut self, step: &WriteStep, request: &Request) -> Outcome {
        let rule = match &step.action {
            WriteAction::Upload(rule) => rule,
            WriteAction::Refuse(refusal) => return refused(refusal),
        };
        let renamed = step
            .renamed
            .as_ref()
            .map_or_else(|| Some(request.clone()), |to| to.apply(request));
        let admitted = renamed
            .ok_or_else(|| Refusal::denied().text("Bad file name"))
            .and_then(|renamed| rule.admit(&renamed));
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return refused(&refusal),
        };
        let name = word(admitted.rest_bytes());
        self.steps.push(Step {
            action: format!("an upload into {}", rule.describe()),
            path: None,
            result: format!("as {name}, if the directory allows it"),
            question: None,
        });
        let accept = step.on_terms(request, Accept::into(Nowhere));
        self.grant(request, &Answer::Accept(accept));
        Outcome::Upload { name }
    }

    fn grant(&mut self, request: &Request, answer: &Answer) {
        self.granted = self.server.grants(request, answer).into_iter().collect();
    }

    /// What comes of a request that none of those that were tried answers.
    async fn nothing_has_it(&mut self, request: &Request) -> Answered {
        let answer = EmptyLists::behind(Nothing).call(request.clone()).await;
        if answer.is_ok() {
            self.steps.push(Step {
                action: "none of them has it".to_owned(),
                path: None,
                result: format!("one of GRUB's lists: {}", came(&answer)),
                question: None,
            });
        }
        Ok(answer)
    }

    /// What a step answers. What it tries is asked one by one, to tell of each.
    fn answer<'a>(
        &'a mut self,
        step: &'a ReadStep,
        request: &'a Request,
    ) -> BoxFuture<'a, Answered> {
        Box::pin(async move {
            let renamed = step.renamed.as_ref().and_then(|to| to.apply(request));
            let inner = renamed.as_ref().unwrap_or(request);
            if let Action::Try(tried) = &step.action {
                let mut last = Ok(Err(Refusal::not_found()));
                for one in tried {
                    last = self.answer(one, inner).await;
                    let leads_on =
                        matches!(&last, Ok(Err(refusal)) if refusal.reason() == Reason::NotFound);
                    if !leads_on {
                        break;
                    }
                }
                if step.probes
                    && matches!(&last, Ok(Err(refusal)) if refusal.reason() == Reason::NotFound)
                {
                    last = self.nothing_has_it(inner).await;
                }
                return last.map(|answer| answer.map(|reply| step.on_terms(request, reply)));
            }
            let mut told = Step {
                action: step.to_string(),
                path: renamed.as_ref().map(shown_path),
                result: String::new(),
                question: None,
            };
            if step.probes && is_probe(request) {
                let answer = step.endpoint.call(request.clone()).await;
                told.result = format!(
                    "not asked, this is a boot loader's probe: {}",
                    came(&answer)
                );
                self.steps.push(told);
                return Ok(answer);
            }
            let decider = decider(&step.action);
            if let Some(decider) = decider {
                told.question = serde_json::to_value(decider.question(inner).await).ok();
            }
            if !self.run
                && let Some(who) = outside(&step.action, inner)
            {
                told.result = format!("{who} would be asked (--run does)");
                self.steps.push(told);
                return Err(who);
            }
            let answer = step.endpoint.call(request.clone()).await;
            told.result = match decider.and_then(Decider::said) {
                Some(decision) => format!("it decides: {}; {}", decided(&decision), came(&answer)),
                None => format!("{}{}", came(&answer), detail(&step.action, inner, &answer)),
            };
            self.steps.push(told);
            Ok(answer)
        })
    }
}

/// Finds nothing.
struct Nothing;

impl Endpoint<Reply> for Nothing {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(std::future::ready(Err(Refusal::not_found())))
    }
}

/// Whether [`Probes`] answer it by themselves.
fn is_probe(request: &Request) -> bool {
    Probes::before(Nothing).at_hand(request).is_some()
}

const fn decider(action: &Action) -> Option<&Decider> {
    match action {
        Action::Http(decider) | Action::Exec(decider) => Some(decider),
        _ => None,
    }
}

fn terms<A, W>(step: &routes::Step<A, W>, request: &Request) -> Vec<Term>
where
    A: crate::site::terms::Adjustable,
{
    let terms = step.terms(request).into_iter();
    terms
        .map(|(quirk, terms)| Term {
            by: quirk.map_or_else(|| "route".to_owned(), |name| format!("quirk {name}")),
            terms: terms.to_string(),
        })
        .collect()
}

async fn refused_by(site: &Site, request: &Request) -> Outcome {
    match site.app.call(request.clone()).await {
        Err(refusal) => refused(&refusal),
        // Nothing else is left for it.
        Ok(_) => refused(&Refusal::internal()),
    }
}

fn refused(refusal: &Refusal) -> Outcome {
    Outcome::Refused {
        code: refusal.reason().code().wire(),
        text: refusal.client_text().to_owned(),
        detail: refusal.detail().map(str::to_owned),
    }
}

/// Content as text, if it is one.
fn text(content: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let end = text.floor_char_boundary(TEXT_MAX);
    Some(text[..end].to_owned())
}

/// Where uploads go that nobody sends.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
