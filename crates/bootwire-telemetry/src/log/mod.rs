//! The log: a line a transfer, for people or for programs.
//!
//! ```
//! use bootwire::{Router, Server};
//! use bootwire_telemetry::Telemetry;
//! use bootwire_telemetry::log::{Level, Log};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let dir = std::env::temp_dir();
//! let log = Log::json().file(dir.join("transfers.json")).level(Level::All);
//! log.open()?;
//! let telemetry = Telemetry::builder().log(&log).build();
//! let server = telemetry.attach(Server::bind("[::]:69").serve(Router::new()));
//! # std::fs::remove_file(dir.join("transfers.json"))
//! # }
//! ```

mod exporter;
mod file;
mod journal;
mod json;
mod level;
mod priority;
mod repeated;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_render::dialect;
use tokio::sync::Notify;

pub use journal::JOURNAL;
pub(crate) use json::RecordLine;
pub use level::Level;
pub use priority::Priority;

use writer::{Target, Writer};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Journal,
}

/// Where and how transfers are logged. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct Log {
    format: Format,
    level: Level,
    /// The file, or the socket of a journal. `None` for standard output.
    place: Option<PathBuf>,
    prefixed: bool,
    notes: Notes,
    shared: Arc<Shared>,
}

/// Hears lines about the log itself.
type Notes = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Shared {
    /// Open, and not yet in the hands of the exporter.
    writer: Mutex<Option<Writer>>,
    reopen: Notify,
    withheld: Arc<AtomicU64>,
}

impl Log {
    /// A line in plain words on standard output, for each transfer that matters.
    pub fn text() -> Self {
        Self::new(Format::Text, Level::Normal)
    }

    /// A JSON object on a line of standard output, for each transfer. `docs/reference/record.md` has its
    /// members.
    pub fn json() -> Self {
        Self::new(Format::Json, Level::All)
    }

    /// An entry in journald, with a priority and fields such as `BOOTWIRE_OUTCOME`.
    pub fn journald() -> Self {
        Self {
            place: Some(JOURNAL.into()),
            ..Self::new(Format::Journal, Level::Normal)
        }
    }

    fn new(format: Format, level: Level) -> Self {
        Self {
            format,
            level,
            place: None,
            prefixed: false,
            notes: Arc::new(|_| {}),
            shared: Arc::default(),
        }
    }

    /// Which transfers get a line.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Writes to a file instead: lines are added to it, and it is made if it is not there. For journald,
    /// the socket of another journal.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Some(path.into());
        self
    }

    /// Begins each line with its [priority](Priority::prefix), and leaves out the time: for standard
    /// output that leads to journald.
    pub const fn prefixed(mut self, prefixed: bool) -> Self {
        self.prefixed = prefixed;
        self
    }

    /// Hears lines about the log itself: a disk is full, a file was opened again.
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes = Arc::new(tell);
        self
    }

    /// Opens it. What is logged before waits in the exporter's queue.
    ///
    /// # Errors
    /// If the file cannot be opened or made.
    pub fn open(&self) -> io::Result<()> {
        let target = match (self.format, &self.place) {
            (Format::Journal, place) => {
                Target::journal(place.as_deref().unwrap_or(JOURNAL.as_ref()))?
            }
            (_, Some(path)) => Target::file(path)?,
            (_, None) => Target::stdout(self.prefixed),
        };
        let writer = Writer::new(self, target);
        *self.lock() = Some(writer);
        Ok(())
    }

    /// Where it is written to, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.place {
            Some(path) => path.display().to_string(),
            None => "standard output".to_owned(),
        }
    }

    /// Opens the file again by its name, because the one that is open was moved away. No line is lost:
    /// until the new one is open they go into the old one.
    pub fn reopen(&self) {
        self.shared.reopen.notify_one();
    }

    /// Requests that could not be read and got no line, since this was asked last: anyone can send
    /// those, and 20 lines in 10 seconds are enough.
    #[must_use]
    pub fn withheld(&self) -> u64 {
        self.shared.withheld.swap(0, Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Writer>> {
        let writer = self.shared.writer.lock();
        writer.unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("format", &self.format)
            .field("level", &self.level)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A transfer in one line of the log, without its end. Nothing in it can steer a terminal.
#[must_use]
pub fn line(record: &TransferRecord) -> String {
    let mut line = String::new();
    text::line(record, &mut line);
    line
}

/// Whether a boot loader asked for what it does without, and it was not there.
#[must_use]
pub fn is_search(record: &TransferRecord) -> bool {
    record.outcome == Outcome::NotFound
        && record.op == Op::Read
        && dialect::goes_on_without(&record.path)
}

/// An outcome in plain words: its name without underscores, but for the probe, which needs an
/// explanation.
#[must_use]
pub fn words(outcome: Outcome) -> String {
    let mut out = String::new();
    write_words(&mut out, outcome);
    out
}

/// Writes an outcome in plain [`words`].
fn write_words(out: &mut String, outcome: Outcome) {
    match outcome {
        Outcome::Probe => out.push_str("size probe"),
        other => out.extend(
            other
                .as_str()
                .split('_')
                .enumerate()
                .flat_map(|(at, word)| {
                    let space = if at > 0 { " " } else { "" };
                    [space, word]
                }),
        ),
    }
}
