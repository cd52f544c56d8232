//! A record as answers and events show it.

use bootwire::TransferRecord;
use bootwire_telemetry::log::is_search;
use serde::Serialize;

/// A record as the API shows it: as in the log.
#[derive(Serialize)]
pub(super) struct Shown<'r> {
    #[serde(flatten)]
    record: &'r TransferRecord,
    /// Not found, and its boot loader goes on without.
    search: bool,
    /// In one line, as in the log, for who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl<'r> Shown<'r> {
    pub(super) fn new(record: &'r TransferRecord) -> Self {
        Self {
            record,
            search: is_search(record),
            text: None,
        }
    }

    pub(super) fn with_text(mut self, text: Option<String>) -> Self {
        self.text = text;
        self
    }
}
