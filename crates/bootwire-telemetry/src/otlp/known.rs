//! Which boot a transfer belongs to.
//!
//! A transfer is told of when it ends, what became of its boot up to a second later. So spans wait a
//! moment, and then look here.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bootwire::TransferRecord;
use bootwire_boots::{Boot, Change};

use super::trace::root_of;

/// Clients whose boots are known; the one that came first makes room.
const CLIENTS_MAX: usize = 16_384;

/// The boots of late, by the address of their machine.
#[derive(Debug, Default)]
pub(crate) struct KnownBoots(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    boots: HashMap<IpAddr, KnownBoot>,
    /// The keys, as they came.
    order: VecDeque<IpAddr>,
}

/// What spans say of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownBoot {
    pub(super) id: String,
    pub(super) machine: String,
    pub(super) trace: [u8; 16],
    pub(super) root: [u8; 8],
    started: SystemTime,
}

impl KnownBoot {
    pub(super) fn of(boot: &Boot) -> Self {
        let (trace, root) = root_of(boot);
        Self {
            id: boot.id.clone(),
            machine: boot.machine.clone(),
            trace,
            root,
            started: boot.started,
        }
    }
}

impl KnownBoots {
    /// Hears what became of a boot.
    pub(super) fn hear(&self, change: &Change) {
        let boot = change.boot();
        let peer = boot.peer.to_canonical();
        let mut table = self.lock();
        // What ends now may be older than what the machine does.
        let is_newer = table
            .boots
            .get(&peer)
            .is_none_or(|known| known.started <= boot.started);
        if !is_newer {
            return;
        }
        if table.boots.insert(peer, KnownBoot::of(boot)).is_none() {
            table.order.push_back(peer);
        }
        if table.order.len() > CLIENTS_MAX
            && let Some(first) = table.order.pop_front()
        {
            table.boots.remove(&first);
        }
    }

    /// The boot that a transfer belongs to.
    pub(super) fn of(&self, record: &TransferRecord) -> Option<KnownBoot> {
        let table = self.lock();
        let known = table.boots.get(&record.peer.ip().to_canonical())?;
        (known.started <= record.started).then(|| known.clone())
    }

    /// Nothing is left half done by a panic under this lock.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
