//! What is being fetched: one question for each object, one filler for each version.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::disk::Disk;
use super::entry::Held;
use super::fault::{Fault, is_planted};
use super::filler::Filler;
use super::key::Key;
use super::questions::Questions;
use super::sendable::Sendable;
use super::source::Source;

/// See the module.
#[derive(Default)]
pub(crate) struct Fills {
    /// What origins are being asked about.
    pub(super) questions: Questions<Key, Sendable>,
    /// By the number of the version. Locked by those who may wait for the disk.
    fillers: Mutex<HashMap<u64, Weak<Filler>>>,
}

impl Fills {
    /// The filler of `entry` that is at work, or a new one, which fetches from `source` and
    /// `read_ahead` bytes ahead of readers. Blocks on the disk.
    pub(super) fn filler(
        &self,
        entry: &Held,
        (disk, source): (&Arc<Disk>, &Source),
        read_ahead: u64,
    ) -> io::Result<Arc<Filler>> {
        let fillers = self.fillers.lock();
        let mut fillers = fillers.unwrap_or_else(PoisonError::into_inner);
        let known = fillers.get(&entry.about.id).and_then(Weak::upgrade);
        let selfish = is_planted(&**disk.storage(), Fault::FetchedTwice);
        if let Some(known) = known.filter(|known| known.fills(entry) && !selfish) {
            return Ok(known);
        }
        let filler = Filler::open(entry, (disk, source), read_ahead)?;
        if fillers.len() == fillers.capacity() {
            fillers.retain(|_, filler| filler.strong_count() > 0);
        }
        fillers.insert(entry.about.id, Arc::downgrade(&filler));
        Ok(filler)
    }
}
