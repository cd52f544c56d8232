//! The only place that writes to the terminal: results to standard output, everything about them
//! to standard error.
//!
//! Write errors are ignored: a server whose log reader has gone away must go on serving, and a
//! closed pipe (`bootwire man | head`) is no mistake.

use std::io::{self, Write};

/// A line of results: a transfer's log line.
pub(crate) fn result(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Results as bytes: a man page, a completion script.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// A line about what is going on.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What went wrong, in one line.
pub(crate) fn complaint(line: &str) {
    note(&format!("bootwire: {line}"));
}
