//! What a step answers: one evaluation, to serve and to explain.
//!
//! A step becomes an [`Endpoint`] of the framework's parts. To explain, the same endpoint is made once
//! more with an [`Observer`] around each step; where nobody observes, nothing of that is there.

use std::sync::Arc;

use bootwire::router::{FirstOf, Layered};
use bootwire::{Accept, BoxFuture, Endpoint, Refusal, Reply, Request, Sink};
use bootwire_render::dialect::{EmptyLists, Probes};
use bootwire_render::hook::{Decision, Question};
use bootwire_render::identity::ClientMac;
use bytes::Bytes;

use super::action::{OpenAction, OpenStep, Probing};
use super::hooks::{Hooked, Said};
use super::inquiry::{Inquiry, Object};
use super::uploads::UploadRule;
use crate::text::Refused;

/// Hears of each step of a route as it is evaluated.
pub(crate) trait Observer: Send + Sync + 'static {
    /// Whether those who are elsewhere may be asked: origins, hooks.
    fn may_ask(&self) -> bool;
    /// What came of a step.
    fn tried(&self, step: &OpenStep, request: &Request, tried: &Tried<'_>);
    /// An upload is welcome, by this name.
    fn welcomes(&self, rule: &UploadRule, name: &[u8]);
}

/// What came of a step.
pub(crate) enum Tried<'a> {
    /// Somebody elsewhere would be asked, this. The evaluation ends here.
    NotAsked(String, Option<Box<Question>>),
    /// It is a boot loader's probe, and the action was not asked.
    Probe(&'a Result<Reply, Refusal>),
    /// A list of GRUB's that nothing of what was tried has.
    List(&'a Result<Reply, Refusal>),
    /// The action answered.
    Answered(&'a Result<Reply, Refusal>, Learned),
}

/// What is known besides the answer.
pub(crate) enum Learned {
    Nothing,
    /// What the origin said of the object.
    Object(Option<Object>),
    /// What the hook was asked, and decided.
    Decision(Box<Question>, Option<Decision>),
}

impl OpenStep {
    /// What answers, with `observer` around each step.
    pub(super) fn endpoint(
        self: &Arc<Self>,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Arc<dyn Endpoint<Reply>> {
        let (action, ear) = match (&self.action, observer) {
            (OpenAction::Try(tried), _) => {
                let tried = tried.iter().map(|step| step.endpoint(observer));
                (
                    Arc::new(FirstOf::new(tried)) as Arc<dyn Endpoint<Reply>>,
                    Ear::Deaf,
                )
            }
            (action, None) => (action.endpoint(), Ear::Deaf),
            (action, Some(_)) => Ear::at(action),
        };
        let mut endpoint = match self.probes {
            Probing::No => action,
            Probing::Before { lists } => Arc::new(Probes::before(action).lists(lists)),
            Probing::Behind => Arc::new(EmptyLists::behind(action)),
        };
        if let Some(observer) = observer {
            endpoint = Arc::new(Observed {
                step: Arc::clone(self),
                observer: Arc::clone(observer),
                ear,
                endpoint,
            });
        }
        if let OpenAction::Dir(dir) = &self.action
            && let Some(below) = &dir.below
        {
            endpoint = Arc::new(Layered::new(endpoint, below.clone()));
        }
        if let Some(to) = &self.rewrite {
            endpoint = Arc::new(Layered::new(endpoint, to.clone()));
        }
        match &self.client_mac {
            Some(who) => Arc::new(Layered::new(endpoint, ClientMac::new(who.clone()))),
            None => endpoint,
        }
    }
}

impl UploadRule {
    /// What takes uploads. To an observer it only says which it would.
    pub(super) fn endpoint(
        self: &Arc<Self>,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Arc<dyn Endpoint<Accept>> {
        self.guarding(match observer {
            Some(observer) => Arc::new(Welcomed {
                rule: Arc::clone(self),
                observer: Arc::clone(observer),
            }),
            None => self.takes(),
        })
    }
}

/// What listens to an action that is asked.
enum Ear {
    Deaf,
    Origin(Inquiry),
    Hook(Box<Hooked>, Said),
}

impl Ear {
    /// The action, and what listens to it.
    fn at(action: &OpenAction) -> (Arc<dyn Endpoint<Reply>>, Self) {
        match action {
            OpenAction::Http(hook) | OpenAction::Exec(hook) => {
                let (endpoint, said) = hook.overheard();
                (Arc::new(endpoint), Self::Hook(Box::new(hook.clone()), said))
            }
            OpenAction::Origin(source, _) => match source.inquiry() {
                Some(inquiry) => (Arc::new(inquiry.clone()), Self::Origin(inquiry)),
                None => (action.endpoint(), Self::Deaf),
            },
            action => (action.endpoint(), Self::Deaf),
        }
    }

    async fn question(&self, request: &Request) -> Option<Box<Question>> {
        match self {
            Self::Hook(hook, _) => Some(Box::new(hook.question(request).await)),
            Self::Origin(_) | Self::Deaf => None,
        }
    }

    fn learned(&self, question: Option<Box<Question>>) -> Learned {
        match (self, question) {
            (Self::Origin(inquiry), _) => Learned::Object(inquiry.object()),
            (Self::Hook(_, said), Some(question)) => Learned::Decision(question, said.decision()),
            (Self::Hook(..) | Self::Deaf, _) => Learned::Nothing,
        }
    }
}

/// A step whose observer is told what comes of it.
struct Observed {
    step: Arc<OpenStep>,
    observer: Arc<dyn Observer>,
    ear: Ear,
    endpoint: Arc<dyn Endpoint<Reply>>,
}

impl Observed {
    async fn answer(&self, request: Request) -> Result<Reply, Refusal> {
        let tell = |tried: &Tried<'_>| self.observer.tried(&self.step, &request, tried);
        if let OpenAction::Try(_) = self.step.action {
            let answer = self.endpoint.call(request.clone()).await;
            if self.step.probes == Probing::Behind && is_list(&request) {
                tell(&Tried::List(&answer));
            }
            return answer;
        }
        if matches!(self.step.probes, Probing::Before { .. }) && is_probe(&request) {
            let answer = self.endpoint.call(request.clone()).await;
            tell(&Tried::Probe(&answer));
            return answer;
        }
        let question = self.ear.question(&request).await;
        if !self.observer.may_ask()
            && let Some(who) = self.step.action.outside(&request)
        {
            let refusal = Refusal::origin().because(format_args!("{who} was not asked"));
            tell(&Tried::NotAsked(who, question));
            return Err(refusal);
        }
        let answer = self.endpoint.call(request.clone()).await;
        tell(&Tried::Answered(&answer, self.ear.learned(question)));
        answer
    }
}

impl Endpoint<Reply> for Observed {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(self.answer(request))
    }
}

/// Says which uploads would be taken, and takes none.
struct Welcomed {
    rule: Arc<UploadRule>,
    observer: Arc<dyn Observer>,
}

impl Endpoint<Accept> for Welcomed {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        self.observer.welcomes(&self.rule, request.rest_bytes());
        Box::pin(std::future::ready(Ok(Accept::into(Nowhere))))
    }
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

/// What finds nothing.
fn nothing() -> Refused {
    Refused(Refusal::not_found())
}

/// Whether [`Probes`] answer it by themselves.
fn is_probe(request: &Request) -> bool {
    struct Nobody;

    impl Endpoint<Reply> for Nobody {
        fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
            Box::pin(std::future::ready(Err(Refusal::not_found())))
        }
    }

    Probes::before(Nobody).at_hand(request).is_some()
}

/// Whether it is one of GRUB's lists.
fn is_list(request: &Request) -> bool {
    let answer = EmptyLists::behind(nothing()).at_hand(request);
    answer.is_some_and(|answer| answer.is_ok())
}
