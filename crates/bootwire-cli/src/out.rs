//! The only place that writes to the terminal: results to standard output, everything about them
//! to standard error.
//!
//! Write errors are ignored: a server whose log reader has gone away must go on serving, and a
//! closed pipe (`bootwire man | head`) is no mistake.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::time::Duration;

use bootwire_telemetry::log::Priority;
pub(crate) use bootwire_watch::colour::{Colour, coloured};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether standard error leads to journald, which takes the priority of a line from its beginning.
static STDERR_IS_JOURNAL: LazyLock<bool> = LazyLock::new(|| is_journal(io::stderr()));

/// A line of results: a transfer's log line.
pub(crate) fn result(line: &str) {
    let _ = try_result(line);
}

/// A line of results, for who ends when nobody reads any more.
pub(crate) fn try_result(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
}

/// Results as bytes: a man page, a completion script.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// How often it is looked whether somebody still reads.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until nobody reads standard output any more: for commands that print when something
/// happens, and would wait for ever behind `| head`. Never, where that cannot be told.
pub(crate) async fn reader_has_gone() {
    loop {
        let stdout = io::stdout();
        // Errors are told without being asked for.
        let mut looked = [PollFd::new(&stdout, PollFlags::empty())];
        let gone = PollFlags::ERR | PollFlags::HUP;
        if poll(&mut looked, Some(&Timespec::default())).is_ok()
            && looked[0].revents().intersects(gone)
        {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A line about what is going on.
pub(crate) fn note(line: &str) {
    let is_bad = ["warning: ", "problem: "]
        .iter()
        .any(|word| line.starts_with(word));
    let priority = if is_bad {
        Priority::Warning
    } else {
        Priority::Info
    };
    write_note(priority, line);
}

/// What went wrong, in one line.
pub(crate) fn complaint(line: &str) {
    write_note(Priority::Error, &format!("bootwire: {line}"));
}

fn write_note(priority: Priority, line: &str) {
    let prefix = if *STDERR_IS_JOURNAL {
        priority.prefix()
    } else {
        ""
    };
    let _ = writeln!(io::stderr().lock(), "{prefix}{line}");
}

/// Whether standard output leads to journald.
pub(crate) fn stdout_is_journal() -> bool {
    is_journal(io::stdout())
}

/// Whether systemd has connected this stream to journald: it says so by device and inode.
fn is_journal(stream: impl AsFd) -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(is) = rustix::fs::fstat(stream) else {
        return false;
    };
    said == format!("{}:{}", is.st_dev, is.st_ino)
}
