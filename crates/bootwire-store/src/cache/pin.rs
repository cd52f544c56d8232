//! What one machine's boot has seen, so that it goes on seeing the same.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// Milliseconds from then on.
    lasts: u64,
    /// A version it had begun with is gone, and it was told so.
    broken: bool,
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

    /// What `machine` should get at `now` of the object with the number `object`, its boot taking
    /// `lasts` from its first request on.
    pub(crate) fn find(&self, machine: &str, object: u64, lasts: Duration, now: u64) -> Pinned {
        let mut boots = self.lock();
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        if let Some(boot) = boots.by_machine.get(machine)
            && now.saturating_sub(boot.began) < lasts
            && !boot.starts_over(object)
        {
            let mut known = boot.versions.iter();
            return match known.find(|(seen, _)| *seen == object) {
                Some(&(_, version)) => Pinned::Version(version),
                None => Pinned::AsOf(boot.began),
            };
        }
        boots.begin(machine, now, lasts);
        Pinned::AsOf(now)
    }

    /// A version that `machine` began with is gone, and it was told. Once it asks again for what it
    /// asked for first, another boot has begun.
    pub(crate) fn broke(&self, machine: &str) {
        if let Some(boot) = self.lock().by_machine.get_mut(machine) {
            boot.broken = true;
        }
    }

    /// When the oldest boot began that is under way at `now`.
    pub(crate) fn oldest(&self, now: u64) -> Option<u64> {
        let mut boots = self.lock();
        loop {
            let (began, machine) = boots.order.front().cloned()?;
            let boot = boots.by_machine.get(&machine);
            match boot.filter(|boot| boot.began == began) {
                Some(boot) if now < began.saturating_add(boot.lasts) => return Some(began),
                Some(_) => {
                    boots.by_machine.remove(&machine);
                }
                None => {}
            }
            boots.order.pop_front();
        }
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

impl Boot {
    fn starts_over(&self, object: u64) -> bool {
        let first = self.versions.first();
        self.broken && first.is_none_or(|(seen, _)| *seen == object)
    }
}

impl Boots {
    fn begin(&mut self, machine: &str, now: u64, lasts: u64) {
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
        let boot = Boot {
            began: now,
            lasts,
            broken: false,
            versions: Vec::new(),
        };
        self.by_machine.insert(machine.into(), boot);
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
        let Pinned::AsOf(began) = pins.find("10.0.0.7", 1, MINUTE, 1000) else {
            panic!("nothing was seen yet")
        };
        pins.note("10.0.0.7", 1, 100);
        assert_eq!(pins.find("10.0.0.7", 1, MINUTE, 1000), Pinned::Version(100));
        assert_eq!(pins.find("10.0.0.7", 2, MINUTE, 1000), Pinned::AsOf(began));
        assert!(matches!(
            pins.find("10.0.0.8", 1, MINUTE, 1000),
            Pinned::AsOf(_)
        ));
        pins.find("10.0.0.7", 1, Duration::ZERO, 1000);
        assert!(
            matches!(pins.find("10.0.0.7", 1, MINUTE, 1000), Pinned::AsOf(_)),
            "another boot began"
        );
    }

    #[test]
    fn a_boot_that_lost_a_version_begins_anew_with_its_first_object() {
        let pins = Pins::default();
        for (object, version) in [(1, 100), (2, 200)] {
            pins.find("10.0.0.7", object, MINUTE, 1000);
            pins.note("10.0.0.7", object, version);
        }
        pins.broke("10.0.0.7");
        assert_eq!(pins.find("10.0.0.7", 2, MINUTE, 1000), Pinned::Version(200));
        assert!(matches!(
            pins.find("10.0.0.7", 1, MINUTE, 1000),
            Pinned::AsOf(_)
        ));
        assert!(matches!(
            pins.find("10.0.0.7", 2, MINUTE, 1000),
            Pinned::AsOf(_)
        ));
    }

    #[test]
    fn the_oldest_boot_is_one_that_is_under_way() {
        let pins = Pins::default();
        assert_eq!(pins.oldest(1000), None);
        pins.find("10.0.0.7", 1, Duration::ZERO, 1000);
        assert_eq!(pins.oldest(1000), None, "it is over");
        let Pinned::AsOf(began) = pins.find("10.0.0.8", 1, MINUTE, 1000) else {
            panic!("nothing was seen yet")
        };
        pins.find("10.0.0.9", 1, MINUTE, 1000);
        assert_eq!(pins.oldest(1000), Some(began));
        assert_eq!(pins.lock().by_machine.len(), 2);
    }

    #[test]
    fn boots_and_what_they_saw_are_bounded() {
        let pins = Pins::default();
        for number in 0..BOOTS_MAX + 1000 {
            pins.find(&number.to_string(), 1, MINUTE, 1000);
        }
        for _ in 0..3 * BOOTS_MAX {
            pins.find("one", 1, Duration::ZERO, 1000);
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
