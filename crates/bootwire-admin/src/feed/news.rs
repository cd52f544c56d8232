//! The last records and changes of boots, numbered.

use std::collections::VecDeque;
use std::sync::Arc;

use bootwire::TransferRecord;

use crate::api;

/// How many are kept.
pub(crate) const KEPT: usize = 2_000;

/// Something that happened.
#[derive(Clone)]
pub(crate) enum Item {
    /// A transfer ended.
    Record(Arc<TransferRecord>),
    /// A boot began, got on or ended.
    Boot(Arc<api::Boot>),
}

/// The newest items. The first of all had number 1.
#[derive(Default)]
pub(crate) struct News {
    items: VecDeque<Item>,
    /// Number of the newest.
    last: u64,
}

/// What is new for somebody.
pub(crate) struct Fresh {
    /// How many he missed.
    pub(crate) missed: u64,
    /// What is there, with numbers.
    pub(crate) items: Vec<(u64, Item)>,
}

impl News {
    pub(crate) fn add(&mut self, item: Item) {
        if self.items.len() == KEPT {
            self.items.pop_front();
        }
        self.items.push_back(item);
        self.last += 1;
    }

    /// Number of the newest.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Number before the oldest.
    fn gone(&self) -> u64 {
        self.last - self.items.len() as u64
    }

    /// What came after number `seen`, `max` items at most.
    pub(crate) fn since(&self, seen: u64, max: usize) -> Fresh {
        // Who has seen more than there is was here before a restart.
        let seen = seen.min(self.last);
        let missed = self.gone().saturating_sub(seen);
        let from = seen.max(self.gone());
        let skip = usize::try_from(from - self.gone()).unwrap_or(usize::MAX);
        let items = self.items.iter().skip(skip).take(max).cloned();
        Fresh {
            missed,
            items: (from + 1..).zip(items).collect(),
        }
    }

    /// The records, the newest first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Arc<TransferRecord>> {
        self.items.iter().rev().filter_map(|item| match item {
            Item::Record(record) => Some(record),
            Item::Boot(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(number: u64) -> Item {
        Item::Boot(Arc::new(api::Boot {
            bytes: number,
            ..api::Boot::default()
        }))
    }

    #[test]
    fn who_is_slow_is_told_what_he_missed() {
        let mut news = News::default();
        assert!(news.since(0, 10).items.is_empty());
        for number in 1..=3 {
            news.add(boot(number));
        }
        let fresh = news.since(1, 10);
        let numbers: Vec<_> = fresh.items.iter().map(|(number, _)| *number).collect();
        assert_eq!((fresh.missed, numbers), (0, vec![2, 3]));

        for number in 4..=KEPT as u64 + 5 {
            news.add(boot(number));
        }
        let fresh = news.since(1, 2);
        assert_eq!(fresh.missed, 4, "2 to 5 are gone");
        assert_eq!(fresh.items[0].0, 6);
        let Item::Boot(first) = &fresh.items[0].1 else {
            panic!("no boot");
        };
        assert_eq!(first.bytes, 6, "numbers are those of the items");
        assert_eq!(fresh.items.len(), 2);
        // After a restart a number may be from before.
        assert!(news.since(1_000_000, 10).items.is_empty());
    }
}
