//! What the server says of the boots: read where it keeps them, as `bootwire boots` does.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use bootwire_boots::store::{Filter, Page, Sqlite, Store};
use bootwire_boots::{Boot, Level};
use tokio::time::sleep;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Boots that are looked at: those of the last minutes.
const PAGE: u32 = 200;

/// Tells the verdicts on boots that did not go well, each once, when the boot is over.
pub(crate) async fn follow(path: PathBuf, tell: impl Fn(&Boot)) {
    let store: Store = loop {
        // The server makes it when it starts.
        match Sqlite::read(&path).await {
            Ok(store) => break store.into(),
            Err(_) => sleep(EVERY).await,
        }
    };
    let mut told = HashSet::new();
    loop {
        sleep(EVERY).await;
        // The server may be busy with it; the next look will do.
        let Ok(listed) = store.list(&Filter::all(), &Page::first(PAGE)).await else {
            continue;
        };
        for boot in listed.items.iter().rev() {
            if boot.over && is_worth_telling(boot) && told.insert(boot.id.clone()) {
                tell(boot);
            }
        }
    }
}

fn is_worth_telling(boot: &Boot) -> bool {
    let level = boot.verdict.as_ref().map(|verdict| verdict.level);
    level.is_some_and(|level| level != Level::Good)
}
