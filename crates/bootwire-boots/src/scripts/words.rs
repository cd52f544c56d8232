//! Lines, words and variables, as shells have them.

use std::collections::HashMap;

/// Variables that are kept.
const VARIABLES_MAX: usize = 128;
/// Bytes of a value.
const VALUE_MAX: usize = 1024;
/// Words of a line.
const WORDS_MAX: usize = 256;

/// What variables stand for.
#[derive(Debug, Default)]
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    /// Sets one. The value has no variables any more, so that none can double another.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let known = self.0.contains_key(name);
        if value.len() > VALUE_MAX || name.len() > 64 || (!known && self.0.len() >= VARIABLES_MAX) {
            return;
        }
        self.0.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `text` with the values of `${name}`, and of `$name` if `bare` says so. What is not known is a
    /// star.
    pub(super) fn filled(&self, text: &str, bare: bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            let (name, after) = if let Some(inner) = behind.strip_prefix('{') {
                match inner.find('}') {
                    Some(end) => (&inner[..end], &inner[end + 1..]),
                    None => (inner, ""),
                }
            } else {
                let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = behind.find(|letter| !is_part(letter));
                behind.split_at(end.unwrap_or(behind.len()))
            };
            let braced = behind.starts_with('{');
            if !braced && (!bare || name.is_empty()) {
                out.push('$');
                rest = behind;
                continue;
            }
            // iPXE: ${net0/mac:hexhyp}, ${arg:uristring}.
            let plain = name.split(':').next().unwrap_or_default();
            out.push_str(self.get(plain).unwrap_or("*"));
            rest = after;
            if out.len() > VALUE_MAX {
                break;
            }
        }
        if out.len() <= VALUE_MAX {
            out.push_str(rest);
        }
        out
    }
}

/// Lines, with those put together that end in a backslash. Comments and empty ones are left out.
pub(super) fn lines(text: &str, comment: char) -> impl Iterator<Item = String> + '_ {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        loop {
            let mut line = lines.next()?.trim().to_owned();
            while line.ends_with('\\') && line.len() < 4 * VALUE_MAX {
                line.pop();
                match lines.next() {
                    Some(more) => line.push_str(more.trim_end()),
                    None => break,
                }
            }
            if !line.is_empty() && !line.starts_with(comment) {
                return Some(line);
            }
        }
    })
}

/// A word, and whether it is one of those that mean something by themselves: `{`, `}`, `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Text(String),
    Mark(char),
}

/// The words of a line of GRUB's: quotes and backslashes as in a shell, variables filled in
/// outside of single quotes.
pub(super) fn words(line: &str, variables: &Variables) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut piece = String::new();
    let mut letters = line.chars();
    let mut quote = None;
    // What may have variables in it is gathered in `piece`.
    let flush = |piece: &mut String, word: &mut Option<String>| {
        if !piece.is_empty() {
            let filled = variables.filled(piece, true);
            word.get_or_insert_default().push_str(&filled);
            piece.clear();
        }
    };
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('\''), '\'') | (Some('"'), '"') => {
                flush(&mut piece, &mut word);
                quote = None;
            }
            (Some('\''), letter) => word.get_or_insert_default().push(letter),
            (_, '\\') => {
                flush(&mut piece, &mut word);
                word.get_or_insert_default().extend(letters.next());
            }
            (Some(_), letter) => piece.push(letter),
            (None, '\'' | '"') => {
                flush(&mut piece, &mut word);
                word.get_or_insert_default();
                quote = Some(letter);
            }
            // ${name} is no block.
            (None, '{') if piece.ends_with('$') => {
                piece.push('{');
                for inner in letters.by_ref() {
                    piece.push(inner);
                    if inner == '}' {
                        break;
                    }
                }
            }
            (None, '{' | '}' | ';') => {
                flush(&mut piece, &mut word);
                words.extend(word.take().map(Word::Text));
                words.push(Word::Mark(letter));
            }
            (None, '#') if word.is_none() && piece.is_empty() => break,
            (None, letter) if letter.is_whitespace() => {
                flush(&mut piece, &mut word);
                words.extend(word.take().map(Word::Text));
            }
            (None, letter) => piece.push(letter),
        }
        if words.len() >= WORDS_MAX {
            return words;
        }
    }
    flush(&mut piece, &mut word);
    words.extend(word.map(Word::Text));
    words
}
