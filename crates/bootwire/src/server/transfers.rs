//! Transfers, found by slot or by peer.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;

use super::inbox::TransferKey;
use super::transfer::Transfer;

/// The transfers of one worker. A peer (address and port) has at most one at each front.
pub(super) struct Transfers {
    slots: Vec<Option<Transfer>>,
    /// Slots without a transfer.
    free: Vec<u32>,
    by_peer: HashTable<u32>,
    /// Seeded: strangers choose the addresses and ports that are hashed.
    hasher: foldhash::quality::RandomState,
    generation: u32,
}

impl Transfers {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_peer: HashTable::new(),
            hasher: foldhash::quality::RandomState::default(),
            generation: 0,
        }
    }

    /// The transfer of `peer` at the local address `front`.
    pub(super) fn find(&self, peer: SocketAddr, front: u16) -> Option<u32> {
        let hash = hash(&self.hasher, peer, front);
        let found = self.by_peer.find(hash, |&index| {
            // If it is this one, its packet is next.
            self.prefetch(index);
            self.get(index)
                .is_some_and(|transfer| transfer.peer == peer && transfer.lane.front == front)
        });
        found.copied()
    }

    /// The transfer's turn comes soon: has what it will touch brought into the cache.
    #[inline]
    pub(super) fn prefetch(&self, index: u32) {
        if let Some(slot) = self.slots.get(index as usize) {
            bootwire_io::prefetch(slot, Transfer::HOT);
        }
    }

    /// Adds a transfer whose peer and front have none.
    pub(super) fn insert(&mut self, make: impl FnOnce(TransferKey) -> Transfer) -> TransferKey {
        self.generation = self.generation.wrapping_add(1);
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        let key = TransferKey {
            index,
            generation: self.generation,
        };
        let transfer = self.slots[index as usize].insert(make(key));
        let hash = hash(&self.hasher, transfer.peer, transfer.lane.front);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_peer.insert_unique(hash, index, |&other| {
            let other = slots[other as usize].as_ref();
            other.map_or(0, |other| self::hash(hasher, other.peer, other.lane.front))
        });
        key
    }

    /// Drops a transfer where it stands: it is large.
    pub(super) fn remove(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return;
        };
        let Some(transfer) = slot else {
            return;
        };
        let hash = hash(&self.hasher, transfer.peer, transfer.lane.front);
        if let Ok(entry) = self.by_peer.find_entry(hash, |&other| other == index) {
            entry.remove();
        }
        *slot = None;
        self.free.push(index);
    }

    pub(super) fn get(&self, index: u32) -> Option<&Transfer> {
        self.slots.get(index as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Transfer> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// The transfer `key` names, unless it has ended.
    pub(super) fn by_key(&mut self, key: TransferKey) -> Option<&mut Transfer> {
        self.get_mut(key.index)
            .filter(|transfer| transfer.key == key)
    }

    /// Transfers, those included that have ended and are kept for repeats.
    pub(super) fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.slots.iter().flatten()
    }

    /// Slots there are, in use or not.
    pub(super) const fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The slots in use.
    pub(super) fn indices(&self) -> Vec<u32> {
        self.transfers()
            .map(|transfer| transfer.key.index)
            .collect()
    }
}

/// An IPv4 peer and its front fit one word: this is asked for each packet, and their parts would be
/// hashed one by one.
fn hash(hasher: &impl BuildHasher, peer: SocketAddr, front: u16) -> u64 {
    let mut hasher = hasher.build_hasher();
    let place = u64::from(peer.port()) << 16 | u64::from(front);
    match peer.ip() {
        IpAddr::V4(ip) => hasher.write_u64(u64::from(ip.to_bits()) << 32 | place),
        IpAddr::V6(ip) => {
            hasher.write_u128(ip.to_bits());
            hasher.write_u64(place);
        }
    }
    hasher.finish()
}
