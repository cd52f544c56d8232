//! Points in time that several requests, or several transfers, have in common.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// A point in time, told apart from all others and nothing else.
///
/// A worker takes many requests from the kernel at once. Each of them was sent before that moment,
/// so what is looked up after it for one of them is as fresh for the others: a name need not be
/// looked up a hundred times because a hundred machines boot. See
/// [`Request::moment`](crate::Request::moment).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment(NonZeroU64);

impl Moment {
    /// Now: another one than all before.
    #[must_use]
    pub fn now() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// Its number, never 0.
    pub(crate) const fn number(self) -> u64 {
        self.0.get()
    }
}
