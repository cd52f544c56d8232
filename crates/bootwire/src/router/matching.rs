//! Finding a pattern's parameters in a path.
//!
//! Each parameter takes as much as it can while the rest of the pattern still matches. Instead of
//! trying and going back, which can take exponential time, the ends are worked out from the last
//! parameter to the first: for each place a parameter might begin, where would it have to end? One
//! row of answers per parameter, so the time grows with parameters times path length and no faster.

use std::ops::Range;

use super::kind::Reach;
use super::shape::{Param, Shape};

/// The bytes of `path` each parameter takes, or `None` if the pattern does not match.
pub(super) fn find(shape: &Shape, path: &[u8], ignore_case: bool) -> Option<Vec<Range<usize>>> {
    let literal = Literal { ignore_case };
    if !literal.begins(path, &shape.start) {
        return None;
    }
    let offset = shape.start.len();
    let Some((first, others)) = shape.params.split_first() else {
        return (path.len() == offset).then(Vec::new);
    };
    let last = others.last().unwrap_or(first);
    if !literal.ends(&path[offset..], &last.then) {
        return None;
    }
    let text = &path[offset..path.len() - last.then.len()];

    // Whether `param` may end at `end`, given the row of the one behind it.
    let fits = |param: &Param, behind: Option<&Row>, end: usize| match behind {
        Some(row) => {
            literal.begins(&text[end..], &param.then) && row.end(end + param.then.len()).is_some()
        }
        None => end == text.len(),
    };
    // The last parameter's row comes first. The first parameter begins at 0 and needs no row.
    let mut rows: Vec<Row> = Vec::new();
    for param in others.iter().rev() {
        let row = row(param, text, |end| fits(param, rows.last(), end));
        if row.is_nowhere() {
            return None;
        }
        rows.push(row);
    }

    let mut ranges = Vec::with_capacity(shape.params.len());
    let mut end = longest(first, text, |end| fits(first, rows.last(), end))?;
    ranges.push(offset..offset + end);
    for (param, row) in shape.params.iter().zip(rows.iter().rev()) {
        let start = end + param.then.len();
        end = row.end(start)?;
        ranges.push(offset + start..offset + end);
    }
    Some(ranges)
}

/// Where a parameter that begins at each place of the text ends, the place behind it included; or
/// [`NOWHERE`].
struct Row(Vec<usize>);

/// The parameter cannot begin here.
const NOWHERE: usize = usize::MAX;

impl Row {
    /// Whether the parameter cannot begin anywhere, so that the pattern cannot match.
    fn is_nowhere(&self) -> bool {
        self.0.iter().all(|&end| end == NOWHERE)
    }

    fn end(&self, start: usize) -> Option<usize> {
        self.0.get(start).copied().filter(|&end| end != NOWHERE)
    }
}

fn row(param: &Param, text: &[u8], fits: impl Fn(usize) -> bool) -> Row {
    let mut ends = vec![NOWHERE; text.len() + 1];
    match param.kind.reach() {
        Reach::While(holds) => {
            // From right to left, the first end that fits is the furthest one, as long as the run
            // of suitable bytes is not broken.
            let mut furthest = NOWHERE;
            for (start, end) in ends.iter_mut().enumerate().rev() {
                if !text.get(start).is_some_and(|&byte| holds(byte)) {
                    furthest = NOWHERE;
                } else if furthest == NOWHERE && fits(start + 1) {
                    furthest = start + 1;
                }
                *end = furthest;
                if furthest == NOWHERE && param.optional && fits(start) {
                    *end = start;
                }
            }
        }
        Reach::Lengths(_) => {
            for (start, end) in ends.iter_mut().enumerate() {
                let longest = longest(param, &text[start..], |length| fits(start + length));
                *end = longest.map_or(NOWHERE, |length| start + length);
            }
        }
    }
    Row(ends)
}

/// The most a parameter can take from the beginning of `text` so that what follows fits.
fn longest(param: &Param, text: &[u8], fits: impl Fn(usize) -> bool) -> Option<usize> {
    let kind = param.kind;
    match kind.reach() {
        Reach::While(holds) => {
            let run = text.iter().take_while(|&&byte| holds(byte)).count();
            let least = usize::from(!param.optional);
            (least..=run).rev().find(|&end| fits(end))
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
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::super::parse::parse;
    use super::*;

    /// The definition of a match, tried out the slow way: every end, furthest first.
    fn by_trying(params: &[Param], text: &[u8], start: usize) -> Option<Vec<Range<usize>>> {
        let Some((param, others)) = params.split_first() else {
            return (start == text.len()).then(Vec::new);
        };
        (start + usize::from(!param.optional)..=text.len())
            .rev()
            .find_map(|end| {
                let is_value = match param.kind.reach() {
                    Reach::While(holds) => text[start..end].iter().all(|&byte| holds(byte)),
                    Reach::Lengths(_) => param.kind.value(&text[start..end]).is_some(),
                };
                let after = text[end..]
                    .strip_prefix(&*param.then)
                    .filter(|_| is_value)?;
                let mut ranges = by_trying(others, text, text.len() - after.len())?;
                ranges.insert(0, start..end);
                Some(ranges)
            })
    }

    fn small_pattern() -> impl Strategy<Value = String> {
        let text = "[a1/.-]{1,2}".prop_map(|text| text.replace("//", "/a").replace('.', ".a"));
        let kind = prop::sample::select(vec![
            ":name", ":int", ":serial", ":ip", ":arch", "?", ":int?",
        ]);
        (
            prop::collection::vec((text, kind), 0..4),
            "[a1.-]{0,2}",
            prop::sample::select(vec!["", "/{*rest}", "/{*rest?}", "/{*rest}.a"]),
        )
            .prop_map(|(parts, end, open)| {
                let mut pattern = "/".to_owned();
                for (index, (text, kind)) in parts.iter().enumerate() {
                    let text = text.trim_start_matches('/');
                    write!(pattern, "{text}{{p{index}{kind}}}").unwrap();
                }
                if open.is_empty() {
                    pattern + &end
                } else {
                    pattern.trim_end_matches('/').to_owned() + open
                }
            })
    }

    proptest! {
        #[test]
        fn finds_what_trying_every_way_finds(
            pattern in small_pattern(),
            path in "/[a1/.-]{0,9}|/(a|1|-|\\.|1\\.1\\.1\\.1|arm|arm64|::1){1,5}",
        ) {
            let Ok(shape) = parse(&pattern) else { return Ok(()) };
            let expected = path.as_bytes().starts_with(&shape.start)
                .then(|| by_trying(&shape.params, path.as_bytes(), shape.start.len()))
                .flatten();
            prop_assert_eq!(find(&shape, path.as_bytes(), false), expected, "{} {}", pattern, path);
        }
    }

    /// A matcher that goes back and tries again would still be busy when the sun burns out: there
    /// are more than 10^25 ways to place these dashes.
    #[test]
    fn hostile_paths_take_no_time() {
        for kind in ["name", "serial", "int", "ip", "mac", "arch"] {
            let params: Vec<_> = (0..16)
                .map(|index| format!("{{p{index}:{kind}}}"))
                .collect();
            let pattern = format!("/{}!", params.join("-"));
            let shape = parse(&pattern).unwrap();
            for unit in [
                "-",
                "1-",
                "-1",
                "1--",
                "::1-",
                "1.1.1.1-",
                "arm-",
                "525400123456-",
            ] {
                let path = format!("/{}/!", unit.repeat(500 / unit.len()));
                assert_eq!(
                    find(&shape, path.as_bytes(), false),
                    None,
                    "{pattern} {unit}"
                );
            }
        }
    }
}
