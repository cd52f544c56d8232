//! Colours on standard output, where they are seen.

use std::io::{self, IsTerminal};

/// What a word is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// It failed.
    Red = 31,
    /// All is well.
    Green = 32,
    /// Somebody should look.
    Yellow = 33,
}

/// The text in a colour, if standard output is a terminal that has colours and nobody said `NO_COLOR`.
#[must_use]
pub fn coloured(text: &str, colour: Colour) -> String {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_dumb = set("TERM").is_none_or(|kind| kind == "dumb");
    if is_dumb || set("NO_COLOR").is_some() || !io::stdout().is_terminal() {
        return text.to_owned();
    }
    format!("\x1b[{}m{text}\x1b[0m", colour as u8)
}
