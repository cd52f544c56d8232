//! A template, cut into texts and tags, and tags into tokens, as the engine does it.

use std::ops::Range;

use super::Confused;

pub(super) enum Piece<'a> {
    /// To be written as it is, but for blanks next to tags.
    Text {
        text: &'a str,
        /// Whether the tag before or behind it takes all blanks there away.
        is_cut: bool,
    },
    /// A comment, or a block that begins with `raw`.
    Verbatim(&'a str),
    /// An expression or a statement.
    Tag {
        /// `{{`, `{%-` and so on.
        begin: Range<usize>,
        tokens: Vec<Token>,
        /// Where it ends, behind `}}` or `%}`.
        end: usize,
        is_block: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Quoted,
    /// With the bracket.
    Open(u8),
    Close,
    Dot,
    Pipe,
    Plus,
    Minus,
    Tilde,
    Times,
    /// `/`, `//` or `%`.
    Divided,
    Power,
    /// Comma, colon, `=` and comparisons.
    Between,
}

pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// All of a template.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece<'_>>, Confused> {
    let bytes = source.as_bytes();
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = source[at..].find('{') {
        let open = at + found;
        let Some(kind @ (b'{' | b'%' | b'#')) = bytes.get(open + 1).copied() else {
            at = open + 1;
            continue;
        };
        pieces.push(text(source, from..open));
        let end = match kind {
            b'#' => {
                let length = source[open + 2..].find("#}").ok_or(Confused(open))?;
                let end = open + 2 + length + 2;
                pieces.push(Piece::Verbatim(&source[open..end]));
                end
            }
            b'%' if let Some(inside) = basic(source, open + 2, "raw") => {
                let end = end_of_raw(source, inside).ok_or(Confused(open))?;
                pieces.push(Piece::Verbatim(&source[open..end]));
                end
            }
            _ => {
                let marked = usize::from(matches!(bytes.get(open + 2), Some(b'-' | b'+')));
                let begin = open..open + 2 + marked;
                let close = if kind == b'%' { b'%' } else { b'}' };
                let (tokens, end) = tokens(bytes, begin.end, close)?;
                let is_block = kind == b'%';
                pieces.push(Piece::Tag {
                    begin,
                    tokens,
                    end,
                    is_block,
                });
                end
            }
        };
        (from, at) = (end, end);
    }
    pieces.push(text(source, from..source.len()));
    Ok(pieces)
}

fn text(source: &str, range: Range<usize>) -> Piece<'_> {
    let before = &source[..range.start];
    let behind = source.as_bytes().get(range.end + 2);
    let is_cut = ["-%}", "-}}", "-#}"]
        .iter()
        .any(|end| before.ends_with(end));
    Piece::Text {
        text: &source[range],
        is_cut: is_cut || behind == Some(&b'-'),
    }
}

/// Where a tag of one word ends that begins, behind its `{%`, at `at`.
fn basic(source: &str, at: usize, word: &str) -> Option<usize> {
    let rest = source[at..].trim_start_matches(['-', '+']);
    let rest = rest.trim_start().strip_prefix(word)?.trim_start();
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest.strip_prefix("%}")?;
    Some(source.len() - rest.len())
}

fn end_of_raw(source: &str, inside: usize) -> Option<usize> {
    let mut at = inside;
    loop {
        at += source[at..].find("{%")? + 2;
        if let Some(end) = basic(source, at, "endraw") {
            return Some(end);
        }
    }
}

/// The tokens from `at` on, and where the tag ends that `close` and a brace close.
fn tokens(bytes: &[u8], mut at: usize, close: u8) -> Result<(Vec<Token>, usize), Confused> {
    let (mut tokens, mut depth) = (Vec::<Token>::new(), 0_usize);
    loop {
        let rest = &bytes[at.min(bytes.len())..];
        let first = *rest.first().ok_or(Confused(at))?;
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if depth == 0 {
            let marked = usize::from(matches!(first, b'-' | b'+'));
            if rest[marked..].starts_with(&[close, b'}']) {
                return Ok((tokens, at + marked + 2));
            }
        }
        let (kind, length) = match rest {
            [b'*', b'*', ..] => (Kind::Power, 2),
            [b'/', b'/', ..] => (Kind::Divided, 2),
            [b'=' | b'!' | b'<' | b'>', b'=', ..] => (Kind::Between, 2),
            [b'=' | b'<' | b'>' | b',' | b':', ..] => (Kind::Between, 1),
            [b'+', ..] => (Kind::Plus, 1),
            [b'-', ..] => (Kind::Minus, 1),
            [b'*', ..] => (Kind::Times, 1),
            [b'/' | b'%', ..] => (Kind::Divided, 1),
            [b'~', ..] => (Kind::Tilde, 1),
            [b'.', ..] => (Kind::Dot, 1),
            [b'|', ..] => (Kind::Pipe, 1),
            [b'(' | b'[' | b'{', ..] => (Kind::Open(first), 1),
            [b')' | b']' | b'}', ..] => (Kind::Close, 1),
            [b'"' | b'\'', ..] => (Kind::Quoted, quoted(rest).ok_or(Confused(at))?),
            [b'0'..=b'9', ..] => {
                let is_index = tokens
                    .last()
                    .is_some_and(|token| token.kind == Kind::Dot && token.end == at);
                (Kind::Number, number(rest, is_index))
            }
            _ => {
                let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                (Kind::Word, rest.iter().take_while(is_word).count())
            }
        };
        if length == 0 {
            return Err(Confused(at));
        }
        match kind {
            Kind::Open(_) => depth += 1,
            Kind::Close => depth = depth.checked_sub(1).ok_or(Confused(at))?,
            _ => {}
        }
        tokens.push(Token {
            kind,
            begin: at,
            end: at + length,
        });
        at += length;
    }
}

/// The length of a text in quotes.
fn quoted(rest: &[u8]) -> Option<usize> {
    let quote = *rest.first()?;
    let mut at = 1;
    loop {
        match *rest.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The length of a number. Behind a dot it is an index, which has no fraction.
fn number(rest: &[u8], is_index: bool) -> usize {
    let is_hex = rest.len() > 1 && rest[0] == b'0' && rest[1] | 0x20 == b'x';
    let is_radix =
        is_hex || rest.len() > 1 && rest[0] == b'0' && matches!(rest[1] | 0x20, b'b' | b'o');
    let mut at = if is_radix { 2 } else { 0 };
    let (mut fraction, mut exponent) = (is_index || is_radix, is_radix);
    while let Some(byte) = rest.get(at) {
        let next = rest.get(at + 1).copied().unwrap_or(b' ');
        match byte {
            b'0'..=b'9' | b'_' => {}
            b'a'..=b'f' | b'A'..=b'F' if is_hex => {}
            b'.' if !fraction => {
                let behind = rest.get(at + 2).copied().unwrap_or(b' ');
                let is_exponent =
                    next | 0x20 == b'e' && matches!(behind, b'+' | b'-' | b'0'..=b'9');
                if !is_exponent && (next.is_ascii_alphabetic() || next == b'_') {
                    break;
                }
                fraction = true;
            }
            b'e' | b'E' if !exponent => {
                (fraction, exponent) = (true, true);
                if matches!(next, b'+' | b'-') {
                    at += 1;
                }
            }
            _ => break,
        }
        at += 1;
    }
    at
}
