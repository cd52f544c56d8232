//! Boots and machines as of now: what the store has, and what it will have in a moment.
//!
//! Boots are written in batches. What waits for its turn is laid over what the store answers, so that
//! whoever was told of a change finds it in the next list.

use std::collections::HashMap;
use std::sync::Arc;

use super::Boots;
use super::write::Unwritten;
use crate::Boot;
use crate::store::{Filter, Listed, MachineSummary, Machines, Page, StoreError};

impl Boots {
    /// Boots as of now, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<Listed<Boot>, StoreError> {
        // Before the store is asked: what is written meanwhile is in both, and not in neither.
        let unwritten = self.shared.pending.unwritten();
        let mut listed = self.store().list(filter, page).await?;
        listed.items.retain(|boot| !unwritten.replaces(&boot.id));
        let is_here = |id: &String| {
            let is_later = page.after.as_ref().is_none_or(|after| id < after);
            is_later && listed.next.as_ref().is_none_or(|next| id >= next)
        };
        let mut newer: Vec<&Arc<Boot>> = unwritten
            .boots
            .iter()
            .filter(|(id, boot)| is_here(id) && filter.takes(boot))
            .map(|(_, boot)| boot)
            .collect();
        newer.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        let newer = newer.into_iter().take(page.size() + 1);
        listed.items.extend(newer.map(|boot| Boot::clone(boot)));
        listed.items.sort_by(|one, other| other.id.cmp(&one.id));
        if listed.items.len() > page.size() {
            listed.items.truncate(page.size());
            listed.next = listed.items.last().map(|boot| boot.id.clone());
        }
        Ok(listed)
    }

    /// One boot as of now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, id: &str) -> Result<Option<Boot>, StoreError> {
        let unwritten = self.shared.pending.unwritten();
        match unwritten.boots.get(id) {
            Some(boot) => Ok(Some(Boot::clone(boot))),
            None if unwritten.gone.contains(id) => Ok(None),
            None => self.store().get(id).await,
        }
    }

    /// Machines as of now, each with its last boot.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn machines(
        &self,
        filter: &Machines,
        page: &Page,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        let unwritten = self.shared.pending.unwritten();
        let mut listed = self.store().machines(filter, page).await?;
        let order = filter.order;
        let waiting = by_machine(&unwritten);
        listed.items.retain(|machine| {
            !waiting.contains_key(machine.machine.as_str()) && !unwritten.replaces(&machine.boot)
        });
        let is_here = |machine: &MachineSummary| {
            let after = page.after.as_ref();
            let next = listed.next.as_ref();
            after.is_none_or(|after| order.is_after(machine, after))
                && next.is_none_or(|next| !order.is_after(machine, next))
        };
        let mut newer: Vec<MachineSummary> = waiting
            .values()
            .filter_map(|boots| boots.last())
            .map(|boot| MachineSummary::of(boot, boot.started))
            .filter(|machine| is_here(machine) && filter.takes(machine))
            .collect();
        newer.sort_unstable_by(|one, other| order.compare(one, other));
        newer.truncate(page.size() + 1);
        for machine in newer {
            let boots = &waiting[machine.machine.as_str()];
            listed.items.push(self.completed(machine, boots).await?);
        }
        listed.items.sort_by(|one, other| order.compare(one, other));
        if listed.items.len() > page.size() {
            listed.items.truncate(page.size());
            listed.next = listed.items.last().map(|machine| order.place(machine));
        }
        Ok(listed)
    }

    /// One machine as of now, by its name or any of its keys.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn machine(&self, word: &str) -> Result<Option<MachineSummary>, StoreError> {
        let unwritten = self.shared.pending.unwritten();
        let filter = Filter::machine(word);
        let of_it = unwritten.boots.values().filter(|boot| filter.takes(boot));
        match of_it.max_by(|one, other| one.id.cmp(&other.id)) {
            Some(boot) => {
                let machine = MachineSummary::of(boot, boot.started);
                let waiting = by_machine(&unwritten);
                let boots = &waiting[machine.machine.as_str()];
                Ok(Some(self.completed(machine, boots).await?))
            }
            None => self.store().machine(word).await,
        }
    }

    /// With what the store knows of the machine; `waiting` are its boots that are not written.
    async fn completed(
        &self,
        mut machine: MachineSummary,
        waiting: &[&Arc<Boot>],
    ) -> Result<MachineSummary, StoreError> {
        if let Some(oldest) = waiting.first() {
            machine.first_seen = MachineSummary::of(oldest, machine.first_seen).first_seen;
        }
        let Some(stored) = self.store().machine(&machine.machine).await? else {
            machine.boots = waiting.len() as u64;
            return Ok(machine);
        };
        // What began later than the last one that is written is not written yet.
        let more = waiting.iter().filter(|boot| boot.id > stored.boot).count();
        let boots = stored.boots + more as u64;
        let first_seen = machine.first_seen.min(stored.first_seen);
        if stored.boot > machine.boot {
            machine = stored;
        }
        machine.boots = boots;
        machine.first_seen = first_seen;
        Ok(machine)
    }
}

/// Those that wait, machine by machine, the oldest first.
fn by_machine(unwritten: &Unwritten) -> HashMap<&str, Vec<&Arc<Boot>>> {
    let mut machines: HashMap<&str, Vec<&Arc<Boot>>> = HashMap::new();
    for boot in unwritten.boots.values() {
        machines.entry(&boot.machine).or_default().push(boot);
    }
    for boots in machines.values_mut() {
        boots.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    }
    machines
}
