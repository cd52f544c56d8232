//! What happens from now on.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bootwire_boots::store::{Filter, Page, Store};
use bootwire_boots::{Boot, VerdictKind};

use super::Args;
use crate::exit::Failure;
use crate::out;

/// How often the database is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How far back boots may still change.
const BACK: Duration = Duration::from_secs(3600);
/// How often it may fail in a row.
const PATIENCE: u32 = 30;

/// What of a boot was shown.
type Shown = (bool, Option<VerdictKind>, u64);

/// Shows boots as they change, until somebody stops it.
pub(super) async fn follow(
    args: &Args,
    store: &Store,
    mut filter: Filter,
    shown: &[Boot],
) -> Result<(), Failure> {
    let mut known: HashMap<String, Shown> = HashMap::new();
    for boot in shown {
        known.insert(boot.id.clone(), state(boot));
    }
    let mut failures = 0;
    // What was there before and not shown is no news.
    let mut is_first = true;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = &mut interrupt => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        filter.since = SystemTime::now().checked_sub(BACK);
        // Those that are on are shown too: whether they fail is not known yet.
        let listed = match store.list(&filter, &Page::first(1000)).await {
            Ok(listed) => listed.items,
            Err(error) if failures >= PATIENCE => return Err(super::failed(&error)),
            Err(error) => {
                if failures == 0 {
                    out::note(&format!("cannot read boots at the moment: {error}"));
                }
                failures += 1;
                continue;
            }
        };
        failures = 0;
        for boot in listed.iter().rev() {
            let now = state(boot);
            let before = known.insert(boot.id.clone(), now);
            let is_news = before != Some(now) && !(is_first && boot.over && before.is_none());
            // Progress is for machines that read; people want beginnings and ends.
            let is_turn = before.is_none_or(|before| (before.0, before.1) != (now.0, now.1));
            if is_news && (is_turn || args.json) {
                args.tell(boot)?;
            }
        }
        is_first = false;
        if known.len() > 100_000 {
            known.retain(|id, _| listed.iter().any(|boot| boot.id == *id));
        }
    }
}

fn state(boot: &Boot) -> Shown {
    let kind = boot.verdict.as_ref().map(|verdict| verdict.kind);
    (boot.over, kind, boot.transfers)
}
