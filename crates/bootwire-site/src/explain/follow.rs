//! Following a request through a site.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use bootwire::router::{App, Fit};
use bootwire::{Answer, BoxFuture, Op, Reason, Refusal, Reply, Request};
use bytes::Bytes;

use super::account::{Account, Attempt, Compared, Comparison, FromInventory, Outcome, Term};
use super::facts::{identity, is_served, question};
use super::phrases::{came, decided, object, shown_path};
use crate::server::LISTEN;
use crate::shown::word;
use crate::site::action::{OpenAction, OpenStep};
use crate::site::evaluate::{Learned, Observer, Tried};
use crate::site::routes::{LeadsTo, OpenRoute};
use crate::site::uploads::UploadRule;
use crate::site::{InForce, Site};

/// Most bytes of a text that are shown.
const TEXT_MAX: usize = 64 << 10;

impl Site {
    /// What comes of `request`, and why: see [`InForce::explain`].
    pub async fn explain(&self, request: &Request, ask: bool) -> Account {
        self.in_force().explain(request, ask).await
    }
}

impl InForce {
    /// What comes of `request`, and why: it follows the configuration's routes as one that is served
    /// does. Origins, hooks and services are asked only to `ask`, of a site that may.
    ///
    /// Routes that the program adds are not part of it.
    pub async fn explain(&self, request: &Request, ask: bool) -> Account {
        if self.config().document.traceparent {
            let traced = request.clone().as_traced();
            return self.follow_request(&traced, ask).await;
        }
        self.follow_request(request, ask).await
    }

    fn follow_request<'a>(&'a self, request: &'a Request, ask: bool) -> BoxFuture<'a, Account> {
        Box::pin(self.account(request, ask))
    }

    async fn account(&self, request: &Request, ask: bool) -> Account {
        let (routes, taken) = compare(self, request);
        let (route, seen) = match &taken {
            Some((route, seen)) => (Some(*route), seen),
            None => (None, request),
        };
        let who = self.parts().who.identify(seen).await;
        let inventory = match &self.parts().machines {
            None => None,
            Some(machines) => {
                let found = machines.inventory.find(&who).await;
                let (machine, error) = match found {
                    Ok(found) => (found.map(|machine| (*machine).clone()), None),
                    Err(error) => (None, Some(error.to_string())),
                };
                Some(FromInventory {
                    source: machines.shown().to_owned(),
                    machine,
                    error,
                })
            }
        };
        let journal = Arc::new(Journal {
            may_ask: ask && self.may_ask(),
            told: Mutex::default(),
        });
        let app = match route {
            Some(route) => {
                let observer: Arc<dyn Observer> = Arc::clone(&journal) as _;
                App::from(route.router(Some(&observer)))
            }
            // The router itself says why.
            None => self.parts().configured.clone(),
        };
        let answer = app.call(seen.clone()).await;
        let told = journal.told();
        let granted = match &answer {
            Ok(answer) => self.config().server(LISTEN).grants(seen, answer),
            Err(_) => Vec::new(),
        };
        Account {
            request: question(request),
            served: is_served(self.config(), request.peer_ip()),
            routes,
            params: seen
                .params()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            identity: identity(&who),
            inventory,
            terms: route.map_or_else(Vec::new, |route| terms(route, seen)),
            granted: granted.into_iter().collect(),
            outcome: outcome(answer, &told),
            steps: told.attempts,
        }
    }
}

/// The routes the request was compared with, and the one that took it, with the request as it
/// sees it.
fn compare<'a>(
    site: &'a InForce,
    request: &Request,
) -> (Vec<Compared>, Option<(&'a OpenRoute, Request)>) {
    let mut came = site.parts().configured.compare(request).into_iter();
    let (mut routes, mut taken) = (Vec::new(), None);
    let (known, mut next) = (site.routes(), 0);
    while let Some(route) = known.get(next) {
        let index = next;
        next += 1;
        let verdict = if route.is_for(request.op()) {
            match came.next() {
                None => break,
                Some(Fit::KeptOut(seen)) => {
                    let why = route.conditions.why_not(&seen);
                    Comparison::KeptOut(why.unwrap_or_else(|| "not now".to_owned()))
                }
                Some(Fit::Renamed(seen)) => Comparison::Renamed(shown_path(&seen)),
                Some(Fit::Restarted(seen)) => {
                    next = 0;
                    Comparison::Restarted(shown_path(&seen))
                }
                Some(Fit::NoPath(_)) => Comparison::No("its new name is no path".to_owned()),
                Some(Fit::Taken(seen)) => {
                    taken = Some((route, seen));
                    Comparison::Taken
                }
                Some(_) => Comparison::No("another path".to_owned()),
            }
        } else {
            Comparison::No(match request.op() {
                Op::Read => "only writes".to_owned(),
                Op::Write => "only reads".to_owned(),
            })
        };
        let is_last = matches!(verdict, Comparison::Taken);
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

fn terms(route: &OpenRoute, request: &Request) -> Vec<Term> {
    if let LeadsTo::Rename(_) = route.leads_to {
        return Vec::new();
    }
    let terms = route.terms(request);
    terms
        .map(|(quirk, terms)| Term {
            by: quirk.map_or_else(|| "route".to_owned(), |name| format!("quirk {name}")),
            terms: terms.to_string(),
        })
        .collect()
}

fn outcome(answer: Result<Answer, Refusal>, told: &Told) -> Outcome {
    match (answer, &told.not_asked, &told.upload) {
        (Err(_), Some(who), _) => Outcome::NotAsked { who: who.clone() },
        (Err(refusal), None, _) => Outcome::Refused {
            code: refusal.reason().code().wire(),
            text: refusal.client_text().to_owned(),
            detail: refusal.detail().map(str::to_owned),
        },
        (Ok(Answer::Accept(_)), _, name) => Outcome::Upload {
            name: name.clone().unwrap_or_default(),
        },
        (Ok(Answer::Reply(reply)), ..) => Outcome::Content {
            size: reply.size(),
            text: reply.content().and_then(text),
        },
    }
}

/// Content as text, if it is one.
fn text(content: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let end = text.floor_char_boundary(TEXT_MAX);
    Some(text[..end].to_owned())
}

/// Writes down what is tried.
struct Journal {
    may_ask: bool,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    attempts: Vec<Attempt>,
    /// Whether the last one has no such file.
    is_missing: bool,
    not_asked: Option<String>,
    /// The name of an upload.
    upload: Option<String>,
}

impl Journal {
    fn told(&self) -> Told {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut told)
    }

    fn add(&self, attempt: Attempt, change: impl FnOnce(&mut Told)) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.attempts.push(attempt);
        change(&mut told);
    }
}

fn is_missing(answer: &Result<Reply, Refusal>) -> bool {
    matches!(answer, Err(refusal) if refusal.reason() == Reason::NotFound)
}

impl Observer for Journal {
    fn may_ask(&self) -> bool {
        self.may_ask
    }

    fn tried(&self, step: &OpenStep, request: &Request, tried: &Tried<'_>) {
        let mut attempt = Attempt {
            action: step.to_string(),
            path: step.rewrite.is_some().then(|| shown_path(request)),
            result: String::new(),
            question: None,
        };
        match tried {
            Tried::NotAsked(who, question) => {
                attempt.result = format!("{who} would be asked (--run does)");
                attempt.question = serde_json::to_value(question).ok();
                attempt.question.take_if(|question| question.is_null());
                self.add(attempt, |told| told.not_asked = Some(who.clone()));
            }
            Tried::Probe(answer) => {
                let came = came(answer);
                attempt.result = format!("not asked, this is a boot loader's probe: {came}");
                self.add(attempt, |told| told.is_missing = is_missing(answer));
            }
            Tried::List(answer) => {
                let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                let nobody_has_it = told.is_missing && answer.is_ok();
                drop(told);
                if nobody_has_it {
                    attempt.action = "none of them has it".to_owned();
                    attempt.path = None;
                    attempt.result = format!("one of GRUB's lists: {}", came(answer));
                    self.add(attempt, |_| ());
                }
            }
            Tried::Answered(answer, learned) => {
                let came = came(answer);
                attempt.result = match learned {
                    Learned::Decision(_, Some(decision)) => {
                        format!("it decides: {}; {came}", decided(decision))
                    }
                    Learned::Object(Some(known)) => {
                        format!("{came}{}", object(known, &step.action))
                    }
                    _ => format!("{came}{}", file(&step.action, request, answer)),
                };
                if let Learned::Decision(question, _) = learned {
                    attempt.question = serde_json::to_value(question).ok();
                }
                self.add(attempt, |told| told.is_missing = is_missing(answer));
            }
        }
    }

    fn welcomes(&self, rule: &UploadRule, name: &[u8]) {
        let name = word(name);
        let attempt = Attempt {
            action: format!("an upload into {}", rule.describe()),
            path: None,
            result: format!("as {name}, if the directory allows it"),
            question: None,
        };
        self.add(attempt, |told| told.upload = Some(name));
    }
}

/// The file of a directory that was found.
fn file(action: &OpenAction, request: &Request, answer: &Result<Reply, Refusal>) -> String {
    let (OpenAction::Dir(dir), Ok(_)) = (action, answer) else {
        return String::new();
    };
    // Looked for once more: a reply does not say where it is from.
    let path = dir.path_of(request);
    path.map_or_else(String::new, |path| {
        format!(", {}", word(path.as_os_str().as_bytes()))
    })
}
