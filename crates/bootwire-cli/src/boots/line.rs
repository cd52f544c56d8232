//! A boot in a line.

use bootwire_boots::Boot;

use super::draw::Canvas;
use super::told::{paint, stamp};
use crate::shown;

/// Letters of a machine's name in a list.
const NAME: usize = 20;
/// Cells of the bar in a list.
const BAR: usize = 16;

/// `2026-11-30 14:03:11  node-7  ######..##  complete: 5 files, 42.6 MiB in 17 s`
pub(super) fn line(boot: &Boot, canvas: &Canvas) -> String {
    let name = shown::word(boot.machine.as_bytes());
    let bar = canvas.summary(boot, BAR);
    let words = match (&boot.verdict, boot.over) {
        (Some(verdict), _) => verdict.words.clone(),
        (None, false) => match boot.steps.last() {
            Some(step) => format!("on: {}", shown::escaped(step.path.as_bytes())),
            None => "on".to_owned(),
        },
        (None, true) => String::new(),
    };
    format!(
        "{}  {name:<NAME$}  {bar}  {}",
        stamp(boot.started),
        paint(boot, &words)
    )
}
