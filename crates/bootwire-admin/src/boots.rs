//! Boots as they are kept, as the API shows them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire_boots::store::{Filter, MachineSummary, Machines, Page, StoreError};
use bootwire_boots::{Boot, Level, Step};

use crate::api::{self, BootState};
use crate::problem::Problem;
use crate::sources::{Asked, Boots};

/// Silence of a machine that is shown as a gap.
const GAP: Duration = Duration::from_secs(2);
/// A transfer of this length is worth a word about what held it up.
const LONG: Duration = Duration::from_secs(1);
/// Boots of a machine in its page.
const OF_MACHINE: u32 = 20;

/// Boots that are followed and kept.
pub(crate) struct Kept(pub(crate) bootwire_boots::Boots);

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
            let found = self.0.store().list(&filter, &page).await.map_err(failed)?;
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
            let open = self.0.open().into_iter().find(|boot| boot.id == id);
            let boot = match open {
                Some(boot) => Some(boot),
                None => self.0.store().get(&id).await.map_err(failed)?.map(Arc::new),
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
            let page = page(query.limit, query.after);
            let store = self.0.store();
            let found = match query.discovered {
                Some(true) => {
                    let is_known = async |machine: &MachineSummary| machine.keys.name.is_some();
                    store.discovered(&filter, &page, is_known).await
                }
                _ => store.machines(&filter, &page).await,
            };
            let found = found.map_err(failed)?;
            let machines = found.items.iter().map(machine);
            let wanted = |machine: &api::Machine| {
                let last = machine.last_boot.as_ref().map(|boot| boot.state);
                query.state.is_none_or(|state| last == Some(state))
            };
            Ok(api::MachinesPage {
                machines: machines.filter(wanted).collect(),
                next: found.next,
            })
        })
    }

    fn machine(&self, name: String) -> Asked<'_, (api::Machine, Vec<api::Boot>)> {
        Box::pin(async move {
            let store = self.0.store();
            let filter = Filter::machine(&name);
            let boots = store
                .list(&filter, &Page::first(OF_MACHINE))
                .await
                .map_err(failed)?;
            let boots: Vec<_> = boots.items.iter().map(shown).collect();
            let found = store.machine(&name).await.map_err(failed)?;
            let gone = || Problem::not_found(format!("nobody has heard of a machine {name}"));
            let mut found = found.as_ref().map(machine).ok_or_else(gone)?;
            found.boots = boots.len() as u64;
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

fn machine(summary: &MachineSummary) -> api::Machine {
    let verdict = summary.kind.map(|kind| api::BootVerdict {
        kind: kind.to_string(),
        text: summary.words.clone().unwrap_or_default(),
        advice: summary.advice.clone().filter(|advice| !advice.is_empty()),
    });
    api::Machine {
        machine: summary.machine.clone(),
        known: None,
        peer: summary.keys.ip.map(|ip| ip.to_string()),
        first_seen: Some(api::time(summary.first_seen)),
        last_seen: Some(api::time(summary.last_seen)),
        boots: 0,
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
