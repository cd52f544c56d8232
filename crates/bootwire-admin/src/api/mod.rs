//! What the API speaks: the values in requests, answers and events.
//!
//! Times are RFC 3339 in UTC, durations whole microseconds in members that end in `_us`, amounts
//! bytes, rates bytes a second. Members may be added, so whoever reads ignores what it does not
//! know. Text that came from clients is as they sent it: escape it for where you show it.

mod boots;
mod cache;
mod control;
mod events;
mod page;
mod records;
mod status;
mod transfers;

pub use boots::{
    Boot, BootDetail, BootStage, BootState, BootVerdict, BootsPage, BootsQuery, Machine,
    MachineDetail, MachinesPage, MachinesQuery,
};
pub use cache::{CacheView, OriginView, Prefetch, PrefetchReport, Prefetched, Purge, Purged};
pub use control::{
    ConfigKey, ConfigView, Draining, Explain, Explained, Health, InventoryView, Reloaded,
    SessionRequest,
};
pub use events::{EventsQuery, Hello, Lag, Progress, StatsEvent, Topic, TransfersEvent};
pub(crate) use page::limit;
pub use page::{LIMIT_DEFAULT, LIMIT_MAX};
pub use records::{Record, RecordFilter, RecordsPage, RecordsQuery};
pub use status::{Counts, ExporterDrops, History, Sample, Status};
pub use transfers::{SortOrder, Transfer, TransfersPage, TransfersQuery};

use std::time::{Duration, SystemTime};

/// A time as the API writes it.
pub(crate) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// A duration as the API writes it.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
