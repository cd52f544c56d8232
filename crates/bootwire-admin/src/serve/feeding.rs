//! What happens reaches those who follow.

use std::sync::Arc;
use std::time::Duration;

use bootwire::TransferRecord;
use bootwire_boots::Changes;
use bootwire_telemetry::hub::{Interrupted, Subscription};

use super::{Shared, shutdown};
use crate::boots::shown;
use crate::feed::history;
use crate::feed::news::Item;

/// Records that are taken from the hub at a time.
const BATCH: usize = 512;

/// Looks at the server each second.
pub(super) async fn tick(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(Duration::from_millis(history::EVERY_MS));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ending = shared.ending.subscribe();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shutdown(&mut ending) => return,
        }
        let exporters = shared.exporters();
        shared.feed.tick(&*shared.live, exporters).await;
    }
}

/// Records become news.
pub(super) async fn listen_to(shared: Arc<Shared>, mut records: Subscription<TransferRecord>) {
    let mut ending = shared.ending.subscribe();
    loop {
        let batch = tokio::select! {
            batch = records.batch(BATCH) => batch,
            () = shutdown(&mut ending) => return,
        };
        match batch {
            Ok(batch) => shared.feed.tell(batch.into_iter().map(Item::Record)),
            // The hub counts them.
            Err(Interrupted::Lagged(_)) => {}
            Err(Interrupted::Closed) => return,
        }
    }
}

/// Changes of boots become news.
pub(super) async fn follow_boots(shared: Arc<Shared>, mut changes: Changes) {
    let mut ending = shared.ending.subscribe();
    loop {
        let change = tokio::select! {
            change = changes.next() => change,
            () = shutdown(&mut ending) => return,
        };
        let Some(change) = change else {
            return;
        };
        shared
            .feed
            .tell([Item::Boot(Arc::new(shown(change.boot())))]);
    }
}
