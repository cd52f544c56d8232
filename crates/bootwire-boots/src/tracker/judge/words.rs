//! Words of verdicts.

use bootwire::{amount, escape};

/// A path as a sentence has it.
pub(super) fn name(path: &str) -> String {
    const MAX: usize = 160;
    let shown = escape::escaped(path.as_bytes());
    if shown.chars().count() <= MAX {
        return shown;
    }
    let end: String = shown.chars().rev().take(MAX).collect();
    let end: String = end.chars().rev().collect();
    format!("...{end}")
}

/// Its last part.
pub(super) fn base(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    name(trimmed.rsplit('/').next().unwrap_or(trimmed))
}

/// A text of a program or a client, in one line.
pub(super) fn told(text: &str) -> String {
    name(text.trim())
}

/// How often: `twice`, `three times`, `14 times`.
pub(super) fn times(count: u32) -> String {
    const WORDS: [&str; 8] = [
        "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    match count {
        0 | 1 => "once".to_owned(),
        2 => "twice".to_owned(),
        3..=10 => format!("{} times", WORDS[count as usize - 3]),
        many => format!("{many} times"),
    }
}

pub(super) fn files(count: usize) -> String {
    amount::count(count as u64, "file", "files")
}
