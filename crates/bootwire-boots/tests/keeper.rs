//! Boots that are followed and kept: what was told is in the next list.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_boots::store::{Filter, MachineOrder, Machines, Page, Sqlite, Store};
use bootwire_boots::{Boots, Change, Limits};

fn record(machine: u8, path: &str, outcome: Outcome) -> TransferRecord {
    let peer = (Ipv4Addr::new(10, 0, 1, machine), 2070).into();
    let mut record = TransferRecord::new(Op::Read, peer, path);
    record.started = SystemTime::now();
    record.outcome = outcome;
    record
}

/// Boots are written once a second. Who hears of one finds it in each list at once, and counted.
async fn what_was_told_is_listed(store: Store) {
    let mut limits = Limits::default();
    limits.silence = Duration::from_millis(1);
    limits.settle = Duration::from_millis(1);
    let boots = Boots::builder().limits(limits).start(store).unwrap();
    let mut changes = boots.subscribe();
    let mut seen = HashMap::new();
    for round in 1..=2 {
        for machine in 0..3 {
            boots.observe(&[record(machine, "/pxelinux.0", Outcome::NotFound)]);
        }
        let mut ended = 0;
        while ended < 3 {
            let change = changes.next().await.unwrap();
            let boot = change.boot();
            let listed = boots.list(&Filter::all(), &Page::default()).await.unwrap();
            let here = listed.items.iter().find(|one| one.id == boot.id);
            assert!(
                here.is_some_and(|here| here.over >= boot.over),
                "{change:?}"
            );
            let got = boots.get(&boot.id).await.unwrap().unwrap();
            assert!(got.over >= boot.over);
            let Change::Ended(boot) = &change else {
                continue;
            };
            ended += 1;
            let failed = boots
                .list(&Filter::failed(), &Page::default())
                .await
                .unwrap();
            assert!(failed.items.iter().any(|one| one.id == boot.id));
            let machine = boots.machine(&boot.machine).await.unwrap().unwrap();
            assert_eq!((&machine.boot, machine.boots), (&boot.id, round));
            // When it came first does not change, whatever of it is written.
            let first = *seen
                .entry(boot.machine.clone())
                .or_insert(machine.first_seen);
            assert_eq!(machine.first_seen, first);
            let mut all = Machines::default();
            all.order = MachineOrder::LastSeen;
            let machines = boots.machines(&all, &Page::default()).await.unwrap().items;
            assert_eq!(machines.len(), 3);
            let here = machines.iter().find(|one| one.machine == boot.machine);
            assert_eq!(here, Some(&machine));
        }
        // Page by page they come once each.
        let (mut page, mut ids) = (Page::first(2), Vec::new());
        loop {
            let listed = boots.list(&Filter::all(), &page).await.unwrap();
            ids.extend(listed.items.into_iter().map(|boot| boot.id));
            match listed.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert!(ids.windows(2).all(|two| two[0] > two[1]), "{ids:?}");
        assert_eq!(ids.len() as u64, 3 * round);
    }
    boots.close(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_listed_from_memory() {
    Box::pin(what_was_told_is_listed(Store::memory(100))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_listed_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = Sqlite::open(dir.path().join("boots.db")).await.unwrap();
    Box::pin(what_was_told_is_listed(Store::from(file))).await;
}
