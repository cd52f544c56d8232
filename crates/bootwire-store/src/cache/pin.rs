//! What one machine's boot has seen, so that it goes on seeing the same.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::entry::now;

/// Boots remembered, at most; the oldest is forgotten for a new one.
const BOOTS_MAX: usize = 65_536;
/// Objects remembered of a boot, at most.
const OBJECTS_MAX: usize = 64;

/// Boots that are under way.
#[derive(Default)]
pub(crate) struct Pins {
    boots: Mutex<Boots>,
}

#[derive(Default)]
struct Boots {
    by_machine: HashMap<Box<str>, Boot>,
    /// In the order they began; a boot that began anew is in it twice.
    order: VecDeque<(u64, Box<str>)>,
}

struct Boot {
    began: u64,
    /// Numbers of objects and of the versions this machine got.
    versions: Vec<(u64, u64)>,
}

/// What a machine should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// The version with this number: it got that before.
    Version(u64),
    /// The version that was current at this time, when its boot began.
    AsOf(u64),
}

impl Pins {
    fn lock(&self) -> MutexGuard<'_, Boots> {
        self.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `machine` should get of the object with the number `object`, its boot taking `lasts`
    /// from its first request on.
    pub(crate) fn find(&self, machine: &str, object: u64, lasts: Duration) -> Pinned {
        let now = now();
        let mut boots = self.lock();
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        if let Some(boot) = boots.by_machine.get(machine)
            && now.saturating_sub(boot.began) < lasts
        {
            let mut known = boot.versions.iter();
            return match known.find(|(seen, _)| *seen == object) {
                Some(&(_, version)) => Pinned::Version(version),
                None => Pinned::AsOf(boot.began),
            };
        }
        boots.begin(machine, now);
        Pinned::AsOf(now)
    }

    /// `machine` got this version.
    pub(crate) fn note(&self, machine: &str, object: u64, version: u64) {
        let mut boots = self.lock();
        let Some(boot) = boots.by_machine.get_mut(machine) else {
            return;
        };
        let mut known = boot.versions.iter_mut();
        if let Some((_, known)) = known.find(|(seen, _)| *seen == object) {
            *known = version;
        } else if boot.versions.len() < OBJECTS_MAX {
            boot.versions.push((object, version));
        }
    }
}

impl Boots {
    fn begin(&mut self, machine: &str, now: u64) {
        while self.by_machine.len() >= BOOTS_MAX || self.order.len() >= 2 * BOOTS_MAX {
            let Some((began, oldest)) = self.order.pop_front() else {
                break;
            };
            if self
                .by_machine
                .get(&oldest)
                .is_some_and(|boot| boot.began == began)
            {
                self.by_machine.remove(&oldest);
            }
        }
        let versions = Vec::new();
        let began = now;
        self.by_machine
            .insert(machine.into(), Boot { began, versions });
        self.order.push_back((now, machine.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_boot_keeps_the_versions_it_began_with() {
        let pins = Pins::default();
        let Pinned::AsOf(began) = pins.find("10.0.0.7", 1, MINUTE) else {
            panic!("nothing was seen yet")
        };
        pins.note("10.0.0.7", 1, 100);
        assert_eq!(pins.find("10.0.0.7", 1, MINUTE), Pinned::Version(100));
        assert_eq!(pins.find("10.0.0.7", 2, MINUTE), Pinned::AsOf(began));
        assert!(matches!(pins.find("10.0.0.8", 1, MINUTE), Pinned::AsOf(_)));
        pins.find("10.0.0.7", 1, Duration::ZERO);
        assert!(
            matches!(pins.find("10.0.0.7", 1, MINUTE), Pinned::AsOf(_)),
            "another boot began"
        );
    }

    #[test]
    fn boots_and_what_they_saw_are_bounded() {
        let pins = Pins::default();
        for number in 0..BOOTS_MAX + 1000 {
            pins.find(&number.to_string(), 1, MINUTE);
        }
        for _ in 0..3 * BOOTS_MAX {
            pins.find("one", 1, Duration::ZERO);
        }
        for object in 0..1000 {
            pins.note("one", object, 1);
        }
        let boots = pins.lock();
        assert!(boots.by_machine.len() <= BOOTS_MAX);
        assert!(boots.order.len() <= 2 * BOOTS_MAX);
        assert_eq!(boots.by_machine["one"].versions.len(), OBJECTS_MAX);
    }
}
