//! What an exporter has taken and not yet brought.

use super::Account;

/// Items on their way: those that have not arrived when this is dropped count as failed. So the counts are
/// right also if an exporter is stopped in the middle.
#[must_use]
pub(crate) struct InFlight<'a> {
    account: &'a Account,
    items: u64,
}

impl<'a> InFlight<'a> {
    pub(crate) const fn new(account: &'a Account, items: u64) -> Self {
        Self { account, items }
    }

    /// So many of them arrived.
    pub(crate) fn arrived(&mut self, items: u64) {
        let arrived = items.min(self.items);
        self.items -= arrived;
        self.account.sent(arrived);
    }

    /// Somebody else counts so many of them from now on.
    pub(crate) const fn hand_over(&mut self, items: u64) {
        self.items = self.items.saturating_sub(items);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.account.failed(self.items);
    }
}
