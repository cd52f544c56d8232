//! The only place that writes to the terminal: results to standard output, everything about them
//! to standard error.
//!
//! Write errors are ignored: a server whose log reader has gone away must go on serving, and a
//! closed pipe (`bootwire man | head`) is no mistake.

use std::io::{self, IsTerminal, Write};

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

/// Colours of a terminal, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// `text` in a colour if standard output is a terminal that shows colours, and nobody minds
/// (`NO_COLOR`).
pub(crate) fn coloured(text: &str, colour: Colour) -> String {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_dumb = set("TERM").is_none_or(|kind| kind == "dumb");
    if is_dumb || set("NO_COLOR").is_some() || !io::stdout().is_terminal() {
        return text.to_owned();
    }
    format!("\x1b[{}m{text}\x1b[0m", colour as u8)
}
