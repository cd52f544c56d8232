//! Records become lines, and lines get somewhere. All of it may block.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use bootwire::{TransferRecord, amount};

use super::file::{LogFile, count};
use super::journal::Journal;
use super::priority::Priority;
use super::repeated::{More, Repeated, Verdict};
use super::{Format, Level, Log, Notes, json, text};

/// Bytes written at once, if they are more than one line: what a pipe takes whole, so that no line
/// of another writer gets into one of ours.
const WRITE_MAX: usize = 4096;

/// Where lines go.
pub(super) enum Target {
    Stdout { prefixed: bool },
    File(LogFile),
    Journal(Journal),
}

/// Writes the lines of a log.
pub(super) struct Writer {
    format: Format,
    level: Level,
    notes: Notes,
    withheld: Arc<AtomicU64>,
    target: Target,
    repeated: Repeated,
    lines: String,
    /// Lines lost since it went wrong; `None` while all is well.
    lost: Option<u64>,
    /// Of the records it was given last.
    failed: u64,
}

impl Target {
    pub(super) const fn stdout(prefixed: bool) -> Self {
        Self::Stdout { prefixed }
    }

    pub(super) fn file(path: &Path) -> io::Result<Self> {
        LogFile::open(path).map(Self::File)
    }

    pub(super) fn journal(path: &Path) -> io::Result<Self> {
        Journal::new(path).map(Self::Journal)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout { .. } => f.write_str("standard output"),
            Self::File(file) => file.path().display().fmt(f),
            Self::Journal(journal) => journal.path().display().fmt(f),
        }
    }
}

impl Writer {
    pub(super) fn new(log: &Log, target: Target) -> Self {
        Self {
            format: log.format,
            level: log.level,
            notes: Arc::clone(&log.notes),
            withheld: Arc::clone(&log.shared.withheld),
            target,
            repeated: Repeated::new(),
            lines: String::new(),
            lost: None,
            failed: 0,
        }
    }

    /// When to call [`Writer::sum_up`], if no records come before.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.repeated.due()
    }

    /// Writes what these records have to say. Answers how many lines got lost.
    pub(super) fn records(&mut self, records: &[Arc<TransferRecord>]) -> u64 {
        self.sum_up();
        let now = Instant::now();
        let level = self.level;
        // A program reads JSON, and can count.
        let sums_up = level.sums_up() && self.format != Format::Json;
        for record in records.iter().filter(|record| level.shows(record)) {
            match self.repeated.take(record, sums_up, now) {
                Verdict::Line => self.record(record),
                Verdict::Counted => {}
                Verdict::Withheld => {
                    self.withheld.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.flush();
        std::mem::take(&mut self.failed)
    }

    /// Writes lines about errors that were counted long enough.
    pub(super) fn sum_up(&mut self) {
        let over = self.repeated.over(Instant::now());
        over.iter().for_each(|more| self.more(more));
        self.flush();
    }

    /// Writes lines about all that was counted: the end.
    pub(super) fn end(&mut self) {
        let rest = self.repeated.rest();
        rest.iter().for_each(|more| self.more(more));
        self.flush();
    }

    /// Opens a file again.
    pub(super) fn reopen(&mut self) {
        let Target::File(file) = &mut self.target else {
            return;
        };
        let reopened = file.reopen();
        let target = &self.target;
        match reopened {
            Ok(()) => self.tell(format_args!("log: opened {target} again")),
            Err(why) => self.tell(format_args!(
                "warning: log: cannot open {target} again: {why}; lines go on into the old file"
            )),
        }
    }

    fn record(&mut self, record: &TransferRecord) {
        if let Target::Journal(journal) = &mut self.target {
            let sent = journal.record(record);
            return self.account(sent.map_err(|why| (1, why)));
        }
        self.line(
            Priority::of(record.outcome),
            |format, timed, lines| match format {
                Format::Json => lines.push_str(&json::line(record)),
                _ if timed => text::line(record, lines),
                _ => text::told(record, lines),
            },
        );
    }

    fn more(&mut self, more: &More) {
        if let Target::Journal(journal) = &mut self.target {
            // It stands for no record, and so none is lost with it.
            let _ = journal.more(more);
            return;
        }
        self.line(Priority::of(more.like.outcome), |_, timed, lines| {
            if timed {
                text::write_time(lines, SystemTime::now());
            }
            more.write(lines);
        });
    }

    /// Adds a line, and writes those before it if that makes too many.
    fn line(&mut self, priority: Priority, write: impl FnOnce(Format, bool, &mut String)) {
        let whole = self.lines.len();
        let prefixed = matches!(self.target, Target::Stdout { prefixed: true });
        if prefixed {
            self.lines.push_str(priority.prefix());
        }
        write(self.format, !prefixed, &mut self.lines);
        self.lines.push('\n');
        if self.lines.len() > WRITE_MAX && whole > 0 {
            let begun = self.lines.split_off(whole);
            self.flush();
            self.lines = begun;
        }
    }

    fn flush(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let mut lines = std::mem::take(&mut self.lines);
        let written = match &mut self.target {
            Target::Stdout { .. } => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(lines.as_bytes());
                let written = written.and_then(|()| stdout.flush());
                written.map_err(|why| (count(lines.as_bytes()), why))
            }
            Target::File(file) => file.write(lines.as_bytes()),
            Target::Journal(_) => Ok(()),
        };
        self.account(written);
        lines.clear();
        self.lines = lines;
    }

    /// Says once that lines get lost, and once that they do no more.
    fn account(&mut self, written: Result<(), (u64, io::Error)>) {
        match written {
            Ok(()) => {
                let Some(lost) = self.lost.take() else {
                    return;
                };
                let lost = amount::count(lost, "line was lost", "lines were lost");
                let target = &self.target;
                self.tell(format_args!("log: {target} takes lines again; {lost}"));
            }
            Err((lost, why)) => {
                if self.lost.is_none() {
                    let target = &self.target;
                    self.tell(format_args!(
                        "warning: log: {target}: {why}; lines get lost until it works again"
                    ));
                }
                *self.lost.get_or_insert(0) += lost;
                self.failed += lost;
            }
        }
    }

    fn tell(&self, line: fmt::Arguments<'_>) {
        (self.notes)(&line.to_string());
    }
}
