//! Words, times and colours of boots.

use std::time::{Duration, SystemTime};

use bootwire_boots::{Boot, Level};

use crate::colour::{Colour, coloured};

/// Words in the colour of the verdict.
pub(super) fn paint(boot: &Boot, words: &str) -> String {
    match boot.verdict.as_ref().map(|verdict| verdict.level) {
        Some(Level::Good) => coloured(words, Colour::Green),
        Some(Level::Bad) => coloured(words, Colour::Red),
        Some(Level::Open) => coloured(words, Colour::Yellow),
        None => words.to_owned(),
    }
}

/// A time to the second, UTC: `2026-11-30 14:03:11`.
pub(super) fn stamp(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

/// How long ago: `3 min ago`.
#[must_use]
pub fn ago(time: SystemTime) -> String {
    let since = SystemTime::now().duration_since(time).unwrap_or_default();
    format!("{} ago", length(since))
}

/// A duration in its largest unit: `350 ms`, `1.5 s`, `40 s`, `3 min`, `2 h`, `5 days`.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1000.0),
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        _ if seconds < 119.5 => format!("{seconds:.0} s"),
        _ if seconds < 7170.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}
