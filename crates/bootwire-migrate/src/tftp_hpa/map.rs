//! Map files: rules of letters, an expression, and what to write instead.

use crate::place::{Place, Source};

/// Most rules of a map.
const RULES_MAX: usize = 4096;

/// A map, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    pub(super) rules: Vec<Rule>,
    /// Lines that are no rules, and why.
    pub(super) wrong: Vec<(Place, String)>,
}

/// A line of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) place: Place,
    /// The line without its comment.
    pub(super) written: String,
    pub(super) letters: Letters,
    /// As egrep has it.
    pub(super) regex: String,
    /// What takes its place, or the text of a refusal.
    pub(super) replacement: Vec<Piece>,
}

/// What a rule does, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter of its own")]
pub(super) struct Letters {
    pub(super) rewrite: bool,
    pub(super) global: bool,
    pub(super) ignore_case: bool,
    pub(super) exit: bool,
    pub(super) restart: bool,
    pub(super) abort: bool,
    pub(super) get: bool,
    pub(super) put: bool,
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
    pub(super) inverse: bool,
}

/// A piece of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `\0` to `\9`.
    Group(usize, Case),
    /// `\i`.
    Address,
    /// `\x`.
    HexAddress(Case),
}

/// Which capitals the letters get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Same,
    Lower,
    Upper,
}

impl Map {
    /// Reads a map.
    #[must_use]
    pub fn read(source: Source<'_>) -> Self {
        let mut map = Self::default();
        for (place, line) in source.lines() {
            if map.rules.len() == RULES_MAX {
                let what = format!("it has more than {RULES_MAX} rules: the rest is left out");
                map.wrong.push((place, what));
                break;
            }
            match rule(&place, line) {
                Ok(rule) => map.rules.extend(rule),
                Err(what) => map.wrong.push((place, what)),
            }
        }
        map
    }
}

fn rule(place: &Place, line: &str) -> Result<Option<Rule>, String> {
    let mut rest = line;
    let Some(word) = field(&mut rest) else {
        return Ok(None);
    };
    let letters = letters(word)?;
    let Some(regex) = field(&mut rest) else {
        return Err(format!("{word:?} without an expression"));
    };
    let replacement = field(&mut rest).unwrap_or_default();
    let end = line.len() - rest.len();
    Ok(Some(Rule {
        place: place.clone(),
        written: line[..end].to_owned(),
        letters,
        regex: regex.to_owned(),
        replacement: pieces(replacement),
    }))
}

/// Up to the next space or hash mark that has no backslash before it.
fn field<'l>(rest: &mut &'l str) -> Option<&'l str> {
    let text = rest.trim_start();
    let mut escaped = false;
    let end = text.char_indices().find(|(_, letter)| {
        let ends = !escaped && (letter.is_ascii_whitespace() || *letter == '#');
        escaped = !escaped && *letter == '\\';
        ends
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    let (field, after) = text.split_at(end);
    *rest = after;
    (!field.is_empty()).then_some(field)
}

fn letters(word: &str) -> Result<Letters, String> {
    let mut letters = Letters::default();
    for letter in word.chars() {
        let flag = match letter {
            'r' => &mut letters.rewrite,
            'g' => &mut letters.global,
            'i' => &mut letters.ignore_case,
            'e' => &mut letters.exit,
            's' => &mut letters.restart,
            'a' => &mut letters.abort,
            'G' => &mut letters.get,
            'P' => &mut letters.put,
            '4' => &mut letters.ipv4,
            '6' => &mut letters.ipv6,
            '~' => &mut letters.inverse,
            'E' | 'j' => {
                return Err(format!(
                    "the letter {letter:?} is newer than tftp-hpa 5.2, and has no equal"
                ));
            }
            letter => return Err(format!("no rule has a letter {letter:?}")),
        };
        if std::mem::replace(flag, true) && letter == 'g' {
            return Err("\"gg\" is newer than tftp-hpa 5.2, and has no equal".to_owned());
        }
    }
    if letters.rewrite && letters.inverse {
        return Err("\"r\" and \"~\" together: tftpd does not start with it".to_owned());
    }
    Ok(letters)
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut case = Case::Same;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let text = match letter {
            '\\' => match letters.next() {
                Some(digit @ '0'..='9') => {
                    let number = digit as usize - '0' as usize;
                    pieces.push(Piece::Group(number, case));
                    continue;
                }
                Some('i') => {
                    pieces.push(Piece::Address);
                    continue;
                }
                Some('x') => {
                    pieces.push(Piece::HexAddress(case));
                    continue;
                }
                Some('L') => {
                    case = Case::Lower;
                    continue;
                }
                Some('U') => {
                    case = Case::Upper;
                    continue;
                }
                Some('E') => {
                    case = Case::Same;
                    continue;
                }
                Some(other) => other,
                None => '\\',
            },
            letter => letter,
        };
        let text = match case {
            Case::Same => text,
            Case::Lower => text.to_ascii_lowercase(),
            Case::Upper => text.to_ascii_uppercase(),
        };
        match pieces.last_mut() {
            Some(Piece::Text(before)) => before.push(text),
            _ => pieces.push(Piece::Text(text.to_string())),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Map {
        Map::read(Source::new("map", text))
    }

    #[test]
    fn a_rule_has_letters_an_expression_and_a_replacement() {
        let map = read("# comment\n\nrig\t^a\\ b\\#\tx\\ \\1\\i # more\n");
        assert!(map.wrong.is_empty());
        let [rule] = &map.rules[..] else {
            panic!("{map:?}")
        };
        assert_eq!(rule.place.to_string(), "map:3");
        assert!(rule.letters.rewrite && rule.letters.ignore_case && rule.letters.global);
        assert_eq!(rule.regex, "^a\\ b\\#");
        assert_eq!(rule.written, "rig\t^a\\ b\\#\tx\\ \\1\\i");
        let expected = [
            Piece::Text("x ".to_owned()),
            Piece::Group(1, Case::Same),
            Piece::Address,
        ];
        assert_eq!(rule.replacement, expected);
    }

    #[test]
    fn letters_change_their_case() {
        let expected = [
            Piece::Text("abC".to_owned()),
            Piece::Group(0, Case::Upper),
            Piece::Text("D".to_owned()),
            Piece::HexAddress(Case::Same),
        ];
        assert_eq!(pieces(r"\LAb\EC\U\0d\E\x"), expected);
    }

    #[test]
    fn what_is_no_rule_is_kept_with_its_line() {
        let map = read("z ^a b\nr\nrE ^a b\n~r ^a b\nrgg ^a b\nr ^ok x\n");
        let wrong: Vec<_> = map
            .wrong
            .iter()
            .map(|(place, what)| format!("{place}: {what}"))
            .collect();
        assert_eq!(map.rules.len(), 1);
        for (line, words) in wrong.iter().zip([
            "map:1: no rule has a letter 'z'",
            "map:2: \"r\" without an expression",
            "map:3: the letter 'E' is newer",
            "map:4: \"r\" and \"~\"",
            "map:5: \"gg\" is newer",
        ]) {
            assert!(line.starts_with(words), "{line}");
        }
        assert_eq!(wrong.len(), 5);
    }
}
