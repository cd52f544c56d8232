//! Finding a pattern's parameters in a path.
//!
//! Each parameter takes as much as it can while the rest of the pattern still matches. Instead of
//! trying and going back, which can take exponential time, the ends are worked out from the last
//! parameter to the first: for each place a parameter might begin, where would it have to end? One
//! row of answers per parameter, so the time grows with parameters times path length and no faster.

use std::ops::Range;

use super::kind::{Kind, Reach};
use super::pattern::{Param, Pattern};

/// The bytes of `path` each parameter takes, or `None` if the pattern does not match.
pub(super) fn find(pattern: &Pattern, path: &[u8], ignore_case: bool) -> Option<Vec<Range<usize>>> {
    let literal = Literal { ignore_case };
    if !literal.begins(path, &pattern.start) {
        return None;
    }
    let offset = pattern.start.len();
    let Some((last, before)) = pattern.params.split_last() else {
        return (path.len() == offset).then(Vec::new);
    };
    if !literal.ends(&path[offset..], &last.then) {
        return None;
    }
    let text = &path[offset..path.len() - last.then.len()];

    // Rows of the parameters after the first; the last parameter must end where the text does.
    let mut rows: Vec<Row> = Vec::new();
    let Some((first, middle)) = before.split_first() else {
        let end = longest(last.kind, text, |end| end == text.len())?;
        return Some(vec![offset..offset + end]);
    };
    rows.push(row(last.kind, text, |end| end == text.len()));
    for param in middle.iter().rev() {
        let next = rows.last()?;
        let row = row(param.kind, text, |end| {
            literal.joins(text, end, param, next)
        });
        rows.push(row);
    }
    let next = rows.last()?;
    let end = longest(first.kind, text, |end| {
        literal.joins(text, end, first, next)
    })?;

    let mut ranges = Vec::with_capacity(pattern.params.len());
    ranges.push(offset..offset + end);
    let mut end = end;
    for (param, row) in before.iter().zip(rows.iter().rev()) {
        let start = end + param.then.len();
        end = row.end(start)?;
        ranges.push(offset + start..offset + end);
    }
    Some(ranges)
}

/// Where a parameter that begins at each place of the text ends; 0 where it cannot begin, as a
/// parameter takes at least one byte.
struct Row(Vec<usize>);

impl Row {
    fn end(&self, start: usize) -> Option<usize> {
        self.0.get(start).copied().filter(|&end| end != 0)
    }
}

fn row(kind: Kind, text: &[u8], fits: impl Fn(usize) -> bool) -> Row {
    let mut ends = vec![0; text.len()];
    match kind.reach() {
        Reach::While(holds) => {
            // From right to left, the first end that fits is the furthest one, as long as the run
            // of suitable bytes is not broken.
            let mut furthest = 0;
            for start in (0..text.len()).rev() {
                if !holds(text[start]) {
                    furthest = 0;
                } else if furthest == 0 && fits(start + 1) {
                    furthest = start + 1;
                }
                ends[start] = furthest;
            }
        }
        Reach::Lengths(_) => {
            for (start, end) in ends.iter_mut().enumerate() {
                let longest = longest(kind, &text[start..], |length| fits(start + length));
                *end = longest.map_or(0, |length| start + length);
            }
        }
    }
    Row(ends)
}

/// The most a parameter can take from the beginning of `text` so that what follows fits.
fn longest(kind: Kind, text: &[u8], fits: impl Fn(usize) -> bool) -> Option<usize> {
    match kind.reach() {
        Reach::While(holds) => {
            let run = text.iter().take_while(|&&byte| holds(byte)).count();
            (1..=run).rev().find(|&end| fits(end))
        }
        Reach::Lengths(lengths) => lengths
            .iter()
            .copied()
            .find(|&end| end <= text.len() && fits(end) && kind.value(&text[..end]).is_some()),
    }
}

/// Comparing literal text.
#[derive(Clone, Copy)]
struct Literal {
    ignore_case: bool,
}

impl Literal {
    fn same(self, text: &[u8], literal: &[u8]) -> bool {
        if self.ignore_case {
            text.eq_ignore_ascii_case(literal)
        } else {
            text == literal
        }
    }

    fn begins(self, text: &[u8], literal: &[u8]) -> bool {
        text.get(..literal.len())
            .is_some_and(|text| self.same(text, literal))
    }

    fn ends(self, text: &[u8], literal: &[u8]) -> bool {
        text.len()
            .checked_sub(literal.len())
            .is_some_and(|start| self.same(&text[start..], literal))
    }

    /// Whether the text after `param` is at `end`, and the next parameter can begin behind it.
    fn joins(self, text: &[u8], end: usize, param: &Param, next: &Row) -> bool {
        self.begins(&text[end..], &param.then) && next.end(end + param.then.len()).is_some()
    }
}
