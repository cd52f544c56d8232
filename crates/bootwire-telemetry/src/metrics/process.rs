//! What the kernel says of this process.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

use super::list;
use super::snapshot::{Sheet, Value};

/// Counts pages of memory; opened once, as a sandbox leaves no way to it later.
const MEMORY: &str = "/proc/self/statm";

/// This process.
pub(super) struct Process {
    memory: Option<File>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self {
            memory: File::open(MEMORY).ok(),
        }
    }

    pub(super) fn write(&self, started: SystemTime, sheet: &mut Sheet) {
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        let spent = spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9;
        sheet.number(&list::PROCESS_CPU, spent);
        if let Some((all, mapped)) = self.memory() {
            sheet.count(&list::OWN_MEMORY, all.saturating_sub(mapped));
            sheet.count(&list::PROCESS_MEMORY, all);
        }
        let since = started.duration_since(SystemTime::UNIX_EPOCH);
        sheet.number(
            &list::PROCESS_START,
            since.unwrap_or_default().as_secs_f64(),
        );
        let build = [
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
        ];
        sheet.add(&list::BUILD, build, Value::Info);
    }

    /// Bytes of memory, and how many of them are mapped files; `None` where the kernel does not say.
    pub(super) fn memory(&self) -> Option<(u64, u64)> {
        let mut text = [0; 128];
        let length = self.memory.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(&text[..length]).ok()?;
        let mut pages = text.split_whitespace().skip(1);
        let mut bytes = || {
            let pages: u64 = pages.next()?.parse().ok()?;
            Some(pages * rustix::param::page_size() as u64)
        };
        Some((bytes()?, bytes()?))
    }
}
