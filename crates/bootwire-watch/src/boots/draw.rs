//! Boots as bars on a timeline.

use std::io::IsTerminal;
use std::time::{Duration, SystemTime};

use bootwire::Outcome;
use bootwire_boots::{Boot, Stage, Step};

use super::told::{length, paint, stamp};
use crate::colour::{Colour, coloured};
use crate::{shown, size};

/// Times without a transfer that are told.
const GAP: Duration = Duration::from_secs(5);
/// Letters of a path.
const PATH_MAX: usize = 44;
/// Columns where nobody says how many there are.
const COLUMNS: usize = 100;
/// Fewest and most cells of a bar.
const BAR: std::ops::RangeInclusive<usize> = 12..=60;

/// Where it is drawn: how many columns there are, and whether there is more than ASCII.
#[derive(Clone, Copy, Debug)]
pub struct Canvas {
    columns: usize,
    /// Whether somebody says how many there are; else lines may be longer.
    is_bounded: bool,
    /// Whether more than ASCII can be shown.
    unicode: bool,
}

impl Canvas {
    /// Standard output as it is. Where it is no terminal, `COLUMNS` says how wide it is.
    #[must_use]
    pub fn of_terminal() -> Self {
        let stdout = std::io::stdout();
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let by_terminal = || {
            let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
            (size.ws_col > 0).then_some(usize::from(size.ws_col))
        };
        let columns = match stdout.is_terminal() {
            true => by_terminal(),
            false => set("COLUMNS").and_then(|text| text.parse().ok()),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        Self {
            is_bounded: columns.is_some(),
            columns: columns.unwrap_or(COLUMNS).clamp(40, 400),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// Columns that a line may take, if there is a bound.
    pub(super) fn bound(self) -> Option<usize> {
        self.is_bounded.then_some(self.columns)
    }

    const fn full(self) -> char {
        if self.unicode { '█' } else { '#' }
    }

    const fn thin(self) -> char {
        if self.unicode { '▏' } else { '|' }
    }

    const fn idle(self) -> char {
        if self.unicode { '·' } else { '.' }
    }

    const fn broken(self) -> char {
        if self.unicode { '✗' } else { 'x' }
    }

    /// One bar for a whole boot: where something was fetched, and where nothing was.
    pub(super) fn summary(self, boot: &Boot, cells: usize) -> String {
        let mut bar = vec![self.idle(); cells];
        for step in &boot.steps {
            let (from, to) = place(boot, step, cells);
            bar[from..=to].fill(self.full());
        }
        if boot.is_failure()
            && let Some(last) = boot.steps.last()
        {
            let (_, at) = place(boot, last, cells);
            bar[at] = self.broken();
        }
        bar.into_iter().collect()
    }

    /// The bar of a step.
    fn bar(self, boot: &Boot, step: &Step, cells: usize) -> String {
        let (from, to) = place(boot, step, cells);
        let is_short = from == to && step.duration < Duration::from_millis(300);
        let mut bar = " ".repeat(from);
        for at in from..=to {
            let is_end = at == to && is_broken(step);
            bar.push(match is_end {
                true => self.broken(),
                false if is_short => self.thin(),
                false => self.full(),
            });
        }
        bar.extend(std::iter::repeat_n(' ', cells - to - 1));
        bar
    }
}

/// The first and the last cell of a step's bar.
fn place(boot: &Boot, step: &Step, cells: usize) -> (usize, usize) {
    let whole = boot.duration().as_secs_f64().max(1e-6);
    let since = |time: SystemTime| {
        let since = time.duration_since(boot.started).unwrap_or_default();
        since.as_secs_f64() / whole * cells as f64
    };
    let last = cells - 1;
    let from = (since(step.started) as usize).min(last);
    let to = (since(step.ended()).ceil() as usize).saturating_sub(1);
    (from, to.clamp(from, last))
}

/// Whether a step came to nothing, and that matters.
fn is_broken(step: &Step) -> bool {
    let is_well = matches!(step.outcome, Outcome::Complete | Outcome::Probe);
    !is_well && step.stage != Stage::Search
}

/// A boot, step by step, a line each: what it is and what became of it, then a bar for each step.
#[must_use]
pub fn timeline(boot: &Boot, canvas: &Canvas) -> Vec<String> {
    let mut facts = vec![stamp(boot.started)];
    facts.extend(boot.loader.as_ref().map(ToString::to_string));
    facts.extend(boot.arch.map(|arch| arch.to_string()));
    facts.push(boot.peer.to_string());
    let machine = shown::word(boot.machine.as_bytes());
    let mut lines = vec![format!("{machine}  {}", facts.join(", "))];
    if let Some(verdict) = &boot.verdict {
        let words = wrapped(&verdict.words, canvas.columns - 2);
        lines.extend(words.map(|line| format!("  {}", paint(boot, &line))));
        if !verdict.advice.is_empty() {
            lines.extend(
                wrapped(&verdict.advice, canvas.columns - 2).map(|line| format!("  {line}")),
            );
        }
    }
    let notes: Vec<String> = boot.steps.iter().map(note).collect();
    let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
    // Names give way before bars do.
    let taken = 2 + 10 + 2 + 2 + BAR.start() + 2 + width(&notes).unwrap_or_default();
    let most = canvas.columns.saturating_sub(taken).clamp(16, PATH_MAX);
    let names: Vec<String> = boot.steps.iter().map(|step| name(step, most)).collect();
    let name_width = width(&names).unwrap_or_default();
    let note_width = width(&notes).unwrap_or_default();
    // Stage, name, bar, note, with spaces in between.
    let left = canvas
        .columns
        .saturating_sub(2 + 10 + 2 + name_width + 2 + 2 + note_width);
    let cells = left.clamp(*BAR.start(), *BAR.end());
    let mut until = boot.started;
    for ((step, name), note) in boot.steps.iter().zip(&names).zip(&notes) {
        let gap = step.started.duration_since(until).unwrap_or_default();
        if gap >= GAP {
            lines.push(format!("  {:10}  nothing for {}", "", length(gap)));
        }
        until = until.max(step.ended());
        let bar = canvas.bar(boot, step, cells);
        let line = format!(
            "  {:10}  {name:<name_width$}  {bar}  {note}",
            step.stage.as_str()
        );
        let line = line.trim_end();
        lines.push(match is_broken(step) {
            true => coloured(line, Colour::Red),
            false => line.to_owned(),
        });
    }
    if boot.more > 0 {
        let more = size::count(boot.more, "transfer", "transfers");
        lines.push(format!("  {more} in between not shown"));
    }
    if !boot.over || boot.is_failure() {
        for expected in boot.expected.iter().take(3) {
            let path = cut(&shown::escaped(expected.path.as_bytes()), PATH_MAX);
            let stage = expected.stage.as_str();
            let named_by = shown::escaped(expected.named_by.as_bytes());
            let named_by = named_by.rsplit('/').next().unwrap_or_default();
            lines.push(format!(
                "  {stage:10}  {path}  not asked for yet, {named_by} names it"
            ));
        }
    }
    lines
}

/// What a step is called.
fn name(step: &Step, most: usize) -> String {
    let path = shown::escaped(step.path.as_bytes());
    let text = match (step.stage, step.files) {
        (Stage::Search, 1) => format!("{path} not there"),
        (Stage::Search, files) => format!("{files} names tried"),
        (_, 1) => path,
        (_, files) => {
            let last = path.rsplit('/').next().unwrap_or_default();
            format!("{files} files, the last {last}")
        }
    };
    cut(&text, most)
}

/// The end of a path says more than its beginning.
fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - most + 3).collect();
    format!("...{end}")
}

/// Size, time, and what is special.
fn note(step: &Step) -> String {
    if step.stage == Stage::Search {
        return String::new();
    }
    let mut notes = Vec::new();
    match step.outcome {
        Outcome::Complete => {
            notes.push(size::bytes(step.bytes));
            notes.push(length(step.duration));
        }
        Outcome::Probe => notes.push("size only".to_owned()),
        outcome => {
            notes.push(outcome.as_str().replace('_', " "));
            if step.bytes > 0 {
                notes.extend(step.percent().map(|percent| format!("at {percent} %")));
            }
        }
    }
    if step.loss() >= 0.5 {
        notes.push(format!("{:.0} % lost", step.loss()));
    }
    if step.repeats > 0 && step.files == 1 {
        notes.push(format!("{} times", step.repeats + 1));
    }
    notes.join(", ")
}

/// A text in lines of so many letters.
fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = String> + use<> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use bootwire::{Op, TransferRecord};
    use bootwire_boots::{Limits, Tracker};

    use super::*;

    fn sample() -> Boot {
        let mut tracker = Tracker::new(Limits::default());
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (at, took, path, outcome, size) in [
            (0, 1, "/grubx64.efi", Outcome::Complete, 1 << 20),
            (
                2,
                0,
                "/grub/grub.cfg-01-52-54-00-12-34-56",
                Outcome::NotFound,
                0,
            ),
            (3, 0, "/grub/grub.cfg", Outcome::Complete, 1000),
            (10, 4, "/vmlinuz", Outcome::Complete, 8 << 20),
            (14, 6, "/initrd.gz", Outcome::ClientAbort, 30 << 20),
        ] {
            let mut record = TransferRecord::new(Op::Read, ([192, 0, 2, 7], 2070).into(), path);
            record.started = start + Duration::from_secs(at);
            record.duration = Duration::from_secs(took);
            record.outcome = outcome;
            record.size = Some(size);
            record.bytes = if outcome == Outcome::Complete {
                size
            } else {
                size / 4
            };
            tracker.record(&record);
        }
        let changes = tracker.tick(start + Duration::from_secs(1000));
        Boot::clone(changes.last().unwrap().boot())
    }

    #[test]
    fn a_boot_is_drawn_within_its_columns() {
        for unicode in [false, true] {
            for columns in [60, 100, 200] {
                let canvas = Canvas {
                    columns,
                    is_bounded: true,
                    unicode,
                };
                let lines = timeline(&sample(), &canvas);
                let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
                assert!(
                    widest <= columns.max(84),
                    "{widest} of {columns}: {lines:#?}"
                );
                assert!(unicode || lines.iter().all(|line| line.is_ascii()));
            }
        }
        let canvas = Canvas {
            columns: 100,
            is_bounded: true,
            unicode: false,
        };
        let lines = timeline(&sample(), &canvas);
        assert_eq!(
            &lines[..3],
            [
                "52:54:00:12:34:56  2027-01-15 08:00:00, grub, 192.0.2.7",
                "  initrd /initrd.gz: it ended the transfer at 25 %",
                "  Its ERROR says why. Look at its screen, and at its memory.",
            ]
        );
        assert!(
            lines.iter().any(|line| line.ends_with("nothing for 7.0 s")),
            "{lines:#?}"
        );
    }

    #[test]
    fn a_line_shows_where_something_was_fetched() {
        let canvas = Canvas {
            columns: 100,
            is_bounded: true,
            unicode: false,
        };
        assert_eq!(canvas.summary(&sample(), 20), "#.##......#########x");
    }
}
