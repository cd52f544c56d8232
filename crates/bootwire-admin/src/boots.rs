//! Boots as they are kept, as the API shows them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bootwire_boots::store::{Filter, MachineOrder, MachineSummary, Machines, Page, StoreError};
use bootwire_boots::{Boot, Level, Step};

use crate::api::{self, BootState};
use crate::known::Known;
use crate::problem::Problem;
use crate::sources::{Asked, Boots, Control};

/// Silence of a machine that is shown as a gap.
const GAP: Duration = Duration::from_secs(2);
/// A transfer of this length is worth a word about what held it up.
const LONG: Duration = Duration::from_secs(1);
/// Boots of a machine in its page.
const OF_MACHINE: u32 = 20;

/// How long machines are looked through for those that the inventory does not know.
const LOOK_FOR: Duration = Duration::from_secs(2);

/// Boots that are followed and kept.
pub(crate) struct Kept {
    boots: bootwire_boots::Boots,
    known: Known,
}

impl Kept {
    pub(crate) fn new(boots: bootwire_boots::Boots, control: Arc<dyn Control>) -> Self {
        Self {
            boots,
            known: Known::new(control),
        }
    }

    /// Machines as the API shows them.
    async fn shown(&self, machines: Vec<MachineSummary>) -> Vec<api::Machine> {
        let known = self.known.of(&machines).await;
        let all = machines.iter().zip(known);
        all.map(|(summary, known)| machine(summary, known))
            .collect()
    }
}

impl Boots for Kept {
    fn list(&self, query: api::BootsQuery) -> Asked<'_, api::BootsPage> {
        Box::pin(async move {
            let mut filter = Filter::all();
            filter.machine = query.machine;
            filter.text = query.search;
            filter.failed = query.state == Some(BootState::Failed);
            filter.over = query.state.map(|state| state != BootState::Running);
            filter.since = query.since.as_deref().map(time).transpose()?;
            let page = page(query.limit, query.after);
            let found = self.boots.list(&filter, &page).await.map_err(failed)?;
            let boots = found.items.iter().map(shown);
            let wanted = |boot: &api::Boot| query.state.is_none_or(|state| boot.state == state);
            Ok(api::BootsPage {
                boots: boots.filter(wanted).collect(),
                next: found.next,
            })
        })
    }

    fn boot(&self, id: String) -> Asked<'_, api::BootDetail> {
        Box::pin(async move {
            // One that is on changes faster than it is written.
            let open = self.boots.open().into_iter().find(|boot| boot.id == id);
            let boot = match open {
                Some(boot) => Some(boot),
                None => self.boots.get(&id).await.map_err(failed)?.map(Arc::new),
            };
            let gone = || Problem::not_found(format!("there is no boot {id}, or no longer"));
            let boot = boot.ok_or_else(gone)?;
            Ok(api::BootDetail {
                stages: stages(&boot),
                detail: serde_json::to_value(&*boot).unwrap_or_default(),
                boot: shown(&boot),
            })
        })
    }

    fn machines(&self, query: api::MachinesQuery) -> Asked<'_, api::MachinesPage> {
        Box::pin(async move {
            let mut filter = Machines::default();
            filter.text = query.search;
            filter.failed = query.state == Some(BootState::Failed);
            filter.order = MachineOrder::LastSeen;
            let mut page = page(query.limit, query.after);
            let discovered = query.discovered == Some(true);
            let wanted = |summary: &MachineSummary, machine: &api::Machine| {
                // Without an inventory to ask, a machine that has a name there once was known.
                let is_known = machine.known.unwrap_or(summary.keys.name.is_some());
                let last = machine.last_boot.as_ref().map(|boot| boot.state);
                query.state.is_none_or(|state| last == Some(state)) && !(discovered && is_known)
            };
            let until = Instant::now() + LOOK_FOR;
            let mut machines = Vec::new();
            let next = loop {
                let found = self.boots.machines(&filter, &page).await.map_err(failed)?;
                let shown = self.shown(found.items.clone()).await;
                let both = found.items.iter().zip(shown);
                let both = both.filter(|(summary, machine)| wanted(summary, machine));
                machines.extend(both.map(|(_, machine)| machine));
                // A page may end early, and have a next one.
                if found.next.is_none() || !machines.is_empty() || Instant::now() >= until {
                    break found.next;
                }
                page.after = found.next;
            };
            Ok(api::MachinesPage { machines, next })
        })
    }

    fn machine(&self, name: String) -> Asked<'_, (api::Machine, Vec<api::Boot>)> {
        Box::pin(async move {
            let filter = Filter::machine(&name);
            let boots = self
                .boots
                .list(&filter, &Page::first(OF_MACHINE))
                .await
                .map_err(failed)?;
            let boots: Vec<_> = boots.items.iter().map(shown).collect();
            let found = self.boots.machine(&name).await.map_err(failed)?;
            let gone = || Problem::not_found(format!("nobody has heard of a machine {name}"));
            let found = found.ok_or_else(gone)?;
            let mut found = self.shown(vec![found]).await.remove(0);
            found.last_boot = boots.first().cloned();
            Ok((found, boots))
        })
    }
}

fn page(limit: Option<usize>, after: Option<String>) -> Page {
    let limit = u32::try_from(api::limit(limit)).unwrap_or(u32::MAX);
    Page { limit, after }
}

fn time(text: &str) -> Result<SystemTime, Problem> {
    let wrong = |_| {
        Problem::query(format!(
            "since {text:?} is no time: write 2026-11-30T14:00:00Z"
        ))
    };
    humantime::parse_rfc3339(text).map_err(wrong)
}

#[expect(clippy::needless_pass_by_value, reason = "an error that is mapped")]
fn failed(error: StoreError) -> Problem {
    Problem::failed(format!("boots cannot be read: {error}"))
}

/// A boot in a list.
pub(crate) fn shown(boot: &Boot) -> api::Boot {
    let verdict = boot.verdict.as_ref();
    api::Boot {
        id: boot.id.clone(),
        machine: boot.machine.clone(),
        peer: boot.peer.to_string(),
        started: api::time(boot.started),
        last: api::time(boot.last),
        state: state(boot.over, verdict.map(|verdict| verdict.level)),
        stage: boot.steps.last().map(|step| step.stage.to_string()),
        verdict: verdict.map(|verdict| api::BootVerdict {
            kind: verdict.kind.to_string(),
            text: verdict.words.clone(),
            advice: Some(verdict.advice.clone()).filter(|advice| !advice.is_empty()),
        }),
        transfers: boot.transfers,
        bytes: boot.bytes,
        duration_us: api::micros(boot.duration()),
    }
}

const fn state(over: bool, level: Option<Level>) -> BootState {
    match (over, level) {
        (false, _) => BootState::Running,
        (true, Some(Level::Good)) => BootState::Complete,
        (true, Some(Level::Bad)) => BootState::Failed,
        (true, _) => BootState::Unknown,
    }
}

fn machine(summary: &MachineSummary, known: Option<bool>) -> api::Machine {
    let verdict = summary.kind.map(|kind| api::BootVerdict {
        kind: kind.to_string(),
        text: summary.words.clone().unwrap_or_default(),
        advice: summary.advice.clone().filter(|advice| !advice.is_empty()),
    });
    api::Machine {
        machine: summary.machine.clone(),
        mac: summary.keys.mac.clone(),
        known,
        peer: summary.keys.ip.map(|ip| ip.to_string()),
        first_seen: Some(api::time(summary.first_seen)),
        last_seen: Some(api::time(summary.last_seen)),
        boots: summary.boots,
        last_boot: Some(api::Boot {
            id: summary.boot.clone(),
            machine: summary.machine.clone(),
            started: api::time(summary.started),
            last: api::time(summary.last_seen),
            state: state(summary.over, summary.level),
            verdict,
            ..api::Boot::default()
        }),
    }
}

/// The bars of a timeline: what was asked for, and the gaps between.
fn stages(boot: &Boot) -> Vec<api::BootStage> {
    let since =
        |time: SystemTime| api::micros(time.duration_since(boot.started).unwrap_or_default());
    let steps = boot.steps.iter().map(|step| api::BootStage {
        stage: step.stage.to_string(),
        path: step.path.clone(),
        start_us: since(step.started),
        duration_us: api::micros(step.duration),
        outcome: step.outcome.as_str().to_owned(),
        bytes: step.bytes,
        size: step.size,
        count: u64::from(step.transfers),
        blocks_resent: step.resent,
        note: note(step),
    });
    let gaps = boot.gaps(GAP).map(|(from, gap)| api::BootStage {
        stage: "gap".to_owned(),
        start_us: since(from),
        duration_us: api::micros(gap),
        ..api::BootStage::default()
    });
    let mut stages: Vec<_> = steps.chain(gaps).collect();
    stages.sort_by_key(|stage| stage.start_us);
    stages
}

/// What is worth a word.
fn note(step: &Step) -> Option<String> {
    if let Some(error) = &step.error {
        return Some(error.clone());
    }
    let by = step
        .limited_by
        .as_deref()
        .filter(|_| step.duration >= LONG)?;
    Some(format!("limited by the {by}"))
}
