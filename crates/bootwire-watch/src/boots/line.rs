//! A boot in a line.

use bootwire_boots::Boot;

use super::draw::Canvas;
use super::told::{paint, stamp};
use crate::shown;

/// Letters of a machine's name in a list: what a hardware address takes.
const NAME: usize = 17;
/// Cells of the bar in a list, and in a terminal that is not wide.
const BAR: (usize, usize) = (16, 8);
/// From so many columns on there is room for the year, and for a bar that tells more.
const WIDE: usize = 150;
/// With fewer columns there is no room for a bar.
const NARROW: usize = 110;

/// `2026-11-30 14:03:11  node-7             ######..##  complete: 5 files, 42.6 MiB in 17 s`: one line of
/// the terminal, and no longer.
#[must_use]
pub fn line(boot: &Boot, canvas: &Canvas) -> String {
    let name = shown::word(boot.machine.as_bytes());
    let words = match (&boot.verdict, boot.over) {
        (Some(verdict), _) => verdict.words.clone(),
        (None, false) => match boot.steps.last() {
            Some(step) => format!("on: {}", shown::escaped(step.path.as_bytes())),
            None => "on".to_owned(),
        },
        (None, true) => String::new(),
    };
    let bound = canvas.bound();
    let is_wide = bound.is_none_or(|columns| columns >= WIDE);
    let stamp = stamp(boot.started);
    let (stamp, cells) = match is_wide {
        true => (stamp.as_str(), BAR.0),
        // Without the year.
        false => (stamp.get(5..).unwrap_or(&stamp), BAR.1),
    };
    let bar = match bound.is_some_and(|columns| columns < NARROW) {
        true => String::new(),
        false => canvas.summary(boot, cells) + "  ",
    };
    let before = format!("{stamp}  {name:<NAME$}  {bar}");
    let words = match bound {
        Some(columns) => fitted(
            &words,
            columns.saturating_sub(before.chars().count()).max(20),
        ),
        None => words,
    };
    format!("{before}{}", paint(boot, &words))
}

/// A sentence in so many columns: directories give way first, then what is in the middle, as the end
/// often says most. All of it is in `bootwire boots MACHINE`.
fn fitted(words: &str, columns: usize) -> String {
    let length = |text: &str| text.chars().count();
    let mut parts: Vec<String> = words.split(' ').map(str::to_owned).collect();
    while length(&parts.join(" ")) > columns {
        let longest = parts
            .iter_mut()
            .filter_map(|part| without_directories(part).map(|short| (part, short)))
            .max_by_key(|(part, _)| part.len());
        let Some((part, short)) = longest else { break };
        *part = short;
    }
    let words = parts.join(" ");
    let letters: Vec<char> = words.chars().collect();
    if letters.len() <= columns {
        return words;
    }
    let end = columns * 2 / 5;
    let begin = columns - end - 3;
    let begin = letters[..begin].iter();
    begin
        .chain(&['.'; 3])
        .chain(&letters[letters.len() - end..])
        .collect()
}

/// `(/images/12.7/initrd.gz)` as `(.../initrd.gz)`, if that is shorter.
fn without_directories(word: &str) -> Option<String> {
    let from = word.find('/')?;
    let from = word[..from].rfind(['(', '"']).map_or(0, |at| at + 1);
    let name = word.trim_end_matches('/').rfind('/')?;
    (name > from + 3).then(|| format!("{}...{}", &word[..from], &word[name..]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The verdicts of all cases that the judge is tested with.
    fn verdicts() -> Vec<String> {
        let cases = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../bootwire-boots/tests/verdicts/cases"
        );
        let mut all = Vec::new();
        for file in fs::read_dir(Path::new(cases)).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let told = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("> "));
            all.extend(told.map(|line| line.split_once(" | ").unwrap().1.to_owned()));
        }
        all
    }

    #[test]
    fn every_verdict_fits_on_a_line_of_120_columns() {
        let all = verdicts();
        assert!(all.len() >= 80, "{}", all.len());
        // Time, name, bar, and what is between.
        let left = 120 - (14 + 2 + NAME + 2 + BAR.1 + 2);
        let mut cut = 0;
        for words in &all {
            let shown = fitted(words, left);
            assert!(shown.chars().count() <= left, "{shown}");
            cut += usize::from(shown.contains("...") && !shown.contains(".../"));
            let last = words.rsplit(['/', ' ']).next().unwrap();
            assert!(shown.ends_with(last), "{shown}");
        }
        // Few need more than shorter paths.
        assert!(cut * 20 <= all.len(), "{cut} of {}", all.len());
    }

    #[test]
    fn directories_give_way_before_words_do() {
        let words =
            "stopped after a.cfg: never asked for the kernel it names (/images/12.7/vmlinuz)";
        assert_eq!(fitted(words, 200), words);
        assert_eq!(
            fitted(words, 75),
            "stopped after a.cfg: never asked for the kernel it names (.../vmlinuz)"
        );
        assert_eq!(
            fitted(words, 40),
            "stopped after a.cfg: ...es (.../vmlinuz)"
        );
        assert_eq!(
            fitted(
                "grub.cfg sends it on to http://web.example.com:8080/debian/vmlinuz",
                40
            ),
            "grub.cfg sends it on to .../vmlinuz"
        );
        let long = fitted(&"x".repeat(500), 60);
        assert_eq!(long.chars().count(), 60);
    }
}
