//! Boots in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::StoreError;
use super::filter::{
    Filter, Listed, MachineSummary, Machines, Page, canonical, left_behind, names,
};
use crate::Boot;

/// The last boots, by their identifiers.
#[derive(Debug)]
pub(super) struct Memory {
    most: usize,
    boots: Mutex<BTreeMap<String, Arc<Boot>>>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "databases answer the same questions, and can fail"
)]
impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            boots: Mutex::default(),
        }
    }

    fn boots(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Boot>>> {
        self.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, boots: &[Arc<Boot>], gone: &[String]) -> Result<(), StoreError> {
        let mut kept = self.boots();
        for id in gone {
            kept.remove(id);
        }
        for boot in boots {
            kept.insert(boot.id.clone(), Arc::clone(boot));
        }
        while kept.len() > self.most {
            kept.pop_first();
        }
        Ok(())
    }

    pub(super) fn list(&self, filter: &Filter, page: &Page) -> Result<Listed<Boot>, StoreError> {
        let kept = self.boots();
        let until = page.after.clone();
        let older = kept
            .iter()
            .rev()
            .filter(|(id, _)| until.as_ref().is_none_or(|until| *id < until));
        let mut found = older.filter(|(_, boot)| filter.takes(boot));
        let items: Vec<Boot> = found
            .by_ref()
            .take(page.size())
            .map(|(_, boot)| Boot::clone(boot))
            .collect();
        let next = found.next().and(items.last()).map(|boot| boot.id.clone());
        Ok(Listed { items, next })
    }

    pub(super) fn get(&self, id: &str) -> Result<Option<Boot>, StoreError> {
        Ok(self.boots().get(id).map(|boot| Boot::clone(boot)))
    }

    /// Machines, each as of its last boot.
    fn every_machine(&self) -> impl Iterator<Item = MachineSummary> + use<> {
        struct Of {
            last: Arc<Boot>,
            first_seen: SystemTime,
            boots: u64,
        }
        let mut machines: HashMap<String, Of> = HashMap::new();
        for boot in self.boots().values() {
            match machines.get_mut(&boot.machine) {
                Some(of) => {
                    of.last = Arc::clone(boot);
                    of.boots += 1;
                }
                None => {
                    let of = Of {
                        last: Arc::clone(boot),
                        first_seen: boot.started,
                        boots: 1,
                    };
                    machines.insert(boot.machine.clone(), of);
                }
            }
        }
        machines.into_values().map(|of| {
            let mut summary = MachineSummary::of(&of.last, of.first_seen);
            summary.boots = of.boots;
            summary
        })
    }

    pub(super) fn machines(
        &self,
        filter: &Machines,
        page: &Page,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        let order = filter.order;
        let later = self.every_machine().filter(|one| {
            let after = page.after.as_ref();
            after.is_none_or(|after| order.is_after(one, after))
        });
        let mut items: Vec<_> = later.filter(|one| filter.takes(one)).collect();
        items.sort_unstable_by(|one, other| order.compare(one, other));
        let has_more = items.len() > page.size();
        items.truncate(page.size());
        let next = items.last().filter(|_| has_more);
        let next = next.map(|one| order.place(one));
        Ok(Listed { items, next })
    }

    pub(super) fn machine(&self, word: &str) -> Result<Option<MachineSummary>, StoreError> {
        let word = canonical(word);
        let mut machines = self.every_machine();
        Ok(machines.find(|one| {
            names(&one.machine, &one.keys).any(|name| name.eq_ignore_ascii_case(&word))
        }))
    }

    pub(super) fn prune(&self, before: SystemTime, size_max: u64) -> Result<u64, StoreError> {
        let mut kept = self.boots();
        let had = kept.len();
        kept.retain(|_, boot| boot.last >= before);
        let size = |boot: &Boot| 600 + 400 * boot.steps.len() as u64;
        let mut total: u64 = kept.values().map(|boot| size(boot)).sum();
        while total > size_max
            && let Some((_, boot)) = kept.pop_first()
        {
            total -= size(&boot);
        }
        Ok((had - kept.len()) as u64)
    }

    pub(super) fn interrupted(&self, before: SystemTime) -> Result<u64, StoreError> {
        let mut count = 0;
        for boot in self.boots().values_mut() {
            if !boot.over && boot.last < before {
                left_behind(Arc::make_mut(boot));
                count += 1;
            }
        }
        Ok(count)
    }
}
