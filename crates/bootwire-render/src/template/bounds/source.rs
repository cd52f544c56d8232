//! Templates, written so that what can grow is a call of one of [`super::operators`].
//!
//! `a ~ b ~ c` becomes `__concat(a, b, c)`, and so on, with lines kept. Only where operators and
//! their operands begin and end has to be known for that, which [`tokens`] and the engine's rules of
//! precedence tell; whether it is a valid template is for the engine to say.

mod tokens;

use std::fmt::Write as _;

use super::operators::{ADD, CONCAT, CUT, LITERAL, MULTIPLY, TEXT};
use tokens::{Kind, Piece, Token};

/// Text this long is counted each time it is written.
const COUNTED: usize = 32;
/// Brackets inside each other; the engine's parser takes 150.
const NESTED_MAX: usize = 150;
/// Arguments of one call; the engine takes 2000.
const ARGUMENTS_MAX: usize = 1000;

/// Words that stand between operands.
const WORDS: [&str; 7] = ["and", "or", "not", "in", "if", "else", "elif"];

/// The byte of a template where it stops making sense.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::template) struct Confused(pub(in crate::template) usize);

/// Rewrites a template.
pub(in crate::template) fn bounded(source: &str) -> Result<String, Confused> {
    let mut out = String::with_capacity(source.len() + source.len() / 4);
    for piece in tokens::pieces(source)? {
        match piece {
            Piece::Text { text, is_cut } => counted(text, is_cut, &mut out),
            Piece::Verbatim(text) => out.push_str(text),
            Piece::Tag {
                begin,
                tokens,
                end,
                is_block,
            } => {
                out.push_str(&source[begin.clone()]);
                let mut tag = Tag {
                    source,
                    tokens: &tokens,
                    next: 0,
                    from: begin.end,
                    depth: 0,
                };
                out.push_str(&tag.all(is_block)?);
                out.push_str(&source[tag.from..end]);
            }
        }
    }
    Ok(out)
}

/// Text of the template, with a note of its length in it, where the engine takes away blanks as it
/// would without.
fn counted(text: &str, is_cut: bool, out: &mut String) {
    let blanks = text.len() - text.trim_start().len();
    let place = if blanks < text.len() {
        Some(blanks)
    } else if is_cut {
        // All of it is taken away.
        None
    } else {
        // The line end it begins with may go, and what is behind the last one.
        let begin = text.len() - text.trim_start_matches(['\r', '\n']).len();
        let end = text.rfind('\n').unwrap_or(text.len());
        (begin <= end).then_some(begin)
    };
    match place.filter(|_| text.len() >= COUNTED) {
        Some(place) => {
            let (before, after) = text.split_at(place);
            let _ = write!(out, "{before}{{{{ {TEXT}({}) }}}}{after}", text.len());
        }
        None => out.push_str(text),
    }
}

/// What is between `{{` and `}}`, or `{%` and `%}`.
struct Tag<'a> {
    source: &'a str,
    tokens: &'a [Token],
    next: usize,
    /// Where what has not been written begins: blanks before the next token.
    from: usize,
    depth: usize,
}

/// An operand, or several with operators between them.
struct Written {
    text: String,
    /// A call that can take another argument.
    open: Option<(&'static str, usize)>,
}

impl Written {
    /// `NAME(self, other)`.
    fn call(self, name: &'static str, other: &str) -> Self {
        match self.open {
            Some((open, arguments)) if open == name && arguments < ARGUMENTS_MAX => Self {
                text: format!("{},{other}", self.text),
                open: Some((name, arguments + 1)),
            },
            _ => {
                let first = self.close();
                Self {
                    // A blank keeps it apart from a word before.
                    text: format!(" {name}({first},{other}"),
                    open: Some((name, 2)),
                }
            }
        }
    }

    fn close(self) -> String {
        match self.open {
            Some(_) => self.text + ")",
            None => self.text,
        }
    }
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self { text, open: None }
    }
}

impl<'a> Tag<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    fn kind(&self) -> Option<Kind> {
        self.peek().map(|token| token.kind)
    }

    fn text_at(&self, index: usize) -> &'a str {
        self.tokens
            .get(index)
            .map_or("", |token| &self.source[token.begin..token.end])
    }

    fn word(&self) -> &'a str {
        match self.kind() {
            Some(Kind::Word) => self.text_at(self.next),
            _ => "",
        }
    }

    /// The next token with the blanks before it.
    fn take(&mut self) -> &'a str {
        let Some(token) = self.peek() else {
            return "";
        };
        let text = &self.source[self.from..token.end];
        self.from = token.end;
        self.next += 1;
        text
    }

    /// The blanks before the next token, which is left out.
    fn skip(&mut self) -> &'a str {
        let Some(token) = self.peek() else {
            return "";
        };
        let text = &self.source[self.from..token.begin];
        self.from = token.end;
        self.next += 1;
        text
    }

    fn confused<T>(&self) -> Result<T, Confused> {
        Err(Confused(self.from))
    }

    /// All of it.
    fn all(&mut self, is_block: bool) -> Result<String, Confused> {
        let mut out = String::new();
        if is_block {
            let statement = self.word();
            out.push_str(self.take());
            match statement {
                "set" => return self.set(out),
                // Names in brackets are no tuple.
                "for" | "call" => self.names(&mut out),
                "with" => return self.with(out),
                _ => {}
            }
        }
        self.rest(&mut out)?;
        match self.peek() {
            None => Ok(out),
            // A bracket that was never opened.
            Some(_) => self.confused(),
        }
    }

    /// `for (a, b)`, `call(a, b)`: up to the bracket's end, or to `in`.
    fn names(&mut self, out: &mut String) {
        let mut depth = 0;
        while let Some(kind) = self.kind() {
            match kind {
                Kind::Open(b'(') => depth += 1,
                Kind::Word | Kind::Between if depth > 0 => {}
                Kind::Close if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        out.push_str(self.take());
                        return;
                    }
                }
                _ => return,
            }
            out.push_str(self.take());
        }
    }

    /// `set a, b.c = x, y` makes a tuple of `x` and `y`.
    fn set(&mut self, mut out: String) -> Result<String, Confused> {
        while let Some(kind) = self.kind() {
            let is_equal = self.text_at(self.next) == "=";
            match kind {
                Kind::Word | Kind::Between | Kind::Dot | Kind::Open(b'(') | Kind::Close => {
                    out.push_str(self.take());
                }
                _ => break,
            }
            if is_equal {
                let mut value = String::new();
                let commas = self.rest(&mut value)?;
                if commas > 0 {
                    let _ = write!(out, " {LITERAL}(({value}))");
                } else {
                    out.push_str(&value);
                }
                break;
            }
        }
        // `set a | upper`, for a block.
        self.hung_on(&mut out)?;
        match self.peek() {
            None => Ok(out),
            Some(_) => self.confused(),
        }
    }

    /// `with (a, b) = x, c = y`.
    fn with(&mut self, mut out: String) -> Result<String, Confused> {
        loop {
            self.names(&mut out);
            while self.kind().is_some() && self.text_at(self.next) != "," {
                if matches!(self.kind(), Some(Kind::Close)) {
                    return self.confused();
                }
                self.step(&mut out)?;
            }
            if self.peek().is_none() {
                return Ok(out);
            }
            out.push_str(self.take());
        }
    }

    /// All up to the end or to the bracket that closes. Gives the number of commas.
    fn rest(&mut self, out: &mut String) -> Result<usize, Confused> {
        let mut commas = 0;
        while let Some(kind) = self.kind() {
            if kind == Kind::Close {
                break;
            }
            commas += usize::from(self.text_at(self.next) == ",");
            self.step(out)?;
        }
        Ok(commas)
    }

    /// An expression without comparisons, or what stands between two.
    fn step(&mut self, out: &mut String) -> Result<(), Confused> {
        let is_between = match self.kind() {
            Some(Kind::Between) => true,
            Some(Kind::Word) => WORDS.contains(&self.word()),
            // `f(*list, **map)`
            Some(Kind::Times | Kind::Power) => true,
            _ => false,
        };
        if is_between {
            out.push_str(self.take());
        } else {
            let sum = self.sum()?;
            out.push_str(&sum);
        }
        Ok(())
    }

    fn sum(&mut self) -> Result<String, Confused> {
        let mut left = Written::from(self.concatenation()?);
        loop {
            match self.kind() {
                Some(Kind::Plus) => {
                    let blank = self.skip();
                    let right = self.concatenation()?;
                    left = left.call(ADD, &format!("{blank}{right}"));
                }
                Some(Kind::Minus) => {
                    let operator = self.take();
                    let right = self.concatenation()?;
                    left = Written::from(format!("{}{operator}{right}", left.close()));
                }
                _ => return Ok(left.close()),
            }
        }
    }

    fn concatenation(&mut self) -> Result<String, Confused> {
        let mut left = Written::from(self.product()?);
        while self.kind() == Some(Kind::Tilde) {
            let blank = self.skip();
            let right = self.product()?;
            left = left.call(CONCAT, &format!("{blank}{right}"));
        }
        Ok(left.close())
    }

    fn product(&mut self) -> Result<String, Confused> {
        let mut left = Written::from(self.power()?);
        loop {
            match self.kind() {
                Some(Kind::Times) => {
                    let blank = self.skip();
                    let right = self.power()?;
                    left = left.call(MULTIPLY, &format!("{blank}{right}"));
                }
                Some(Kind::Divided) => {
                    let operator = self.take();
                    let right = self.power()?;
                    left = Written::from(format!("{}{operator}{right}", left.close()));
                }
                _ => return Ok(left.close()),
            }
        }
    }

    fn power(&mut self) -> Result<String, Confused> {
        let mut out = self.operand()?;
        while self.kind() == Some(Kind::Power) {
            out.push_str(self.take());
            out.push_str(&self.operand()?);
        }
        Ok(out)
    }

    /// One value with all that hangs on it: `-x.y[1](2) | f(3) is g`.
    fn operand(&mut self) -> Result<String, Confused> {
        let mut out = String::new();
        while self.kind() == Some(Kind::Minus) {
            out.push_str(self.take());
        }
        out.push_str(&self.value()?);
        self.hung_on(&mut out)?;
        Ok(out)
    }

    /// Filters and tests.
    fn hung_on(&mut self, out: &mut String) -> Result<(), Confused> {
        loop {
            if self.kind() == Some(Kind::Pipe) {
                out.push_str(self.take());
                self.name(out)?;
                self.arguments(out)?;
            } else if self.word() == "is" {
                out.push_str(self.take());
                if self.word() == "not" {
                    out.push_str(self.take());
                }
                self.name(out)?;
                self.test_argument(out)?;
            } else {
                return Ok(());
            }
        }
    }

    /// A filter's or test's.
    fn name(&mut self, out: &mut String) -> Result<(), Confused> {
        loop {
            if self.kind() != Some(Kind::Word) {
                return self.confused();
            }
            out.push_str(self.take());
            if self.kind() != Some(Kind::Dot) {
                return Ok(());
            }
            out.push_str(self.take());
        }
    }

    fn arguments(&mut self, out: &mut String) -> Result<(), Confused> {
        if self.kind() == Some(Kind::Open(b'(')) {
            self.brackets(out)?;
        }
        Ok(())
    }

    /// `is divisibleby 3`, `is divisibleby(3)`.
    fn test_argument(&mut self, out: &mut String) -> Result<(), Confused> {
        match self.kind() {
            Some(Kind::Open(b'(')) => self.arguments(out),
            Some(Kind::Word) if ["and", "or", "else", "is"].contains(&self.word()) => Ok(()),
            Some(Kind::Word | Kind::Number | Kind::Quoted | Kind::Minus | Kind::Open(_)) => {
                while self.kind() == Some(Kind::Minus) {
                    out.push_str(self.take());
                }
                out.push_str(&self.value()?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A name, a number, a text or what is in brackets, with `.x`, `[y]` and `(z)` behind it.
    fn value(&mut self) -> Result<String, Confused> {
        let mut out = String::new();
        match self.kind() {
            Some(Kind::Word) if WORDS.contains(&self.word()) => return self.confused(),
            Some(Kind::Word | Kind::Number) => out.push_str(self.take()),
            Some(Kind::Quoted) => {
                while self.kind() == Some(Kind::Quoted) {
                    out.push_str(self.take());
                }
            }
            Some(Kind::Open(bracket)) => {
                let inside = self.next;
                let commas = self.brackets(&mut out)?;
                let is_made = self.tokens[inside..self.next]
                    .iter()
                    .any(|token| token.kind == Kind::Word);
                // One of constants is no larger than the template.
                if is_made && (bracket != b'(' || commas > 0) {
                    out = format!(" {LITERAL}({out})");
                }
            }
            _ => return self.confused(),
        }
        loop {
            match self.kind() {
                Some(Kind::Dot) => {
                    out.push_str(self.take());
                    if !matches!(self.kind(), Some(Kind::Word | Kind::Number)) {
                        return self.confused();
                    }
                    out.push_str(self.take());
                }
                Some(Kind::Open(b'(')) => {
                    self.brackets(&mut out)?;
                }
                Some(Kind::Open(b'[')) => {
                    let is_slice = self.has_colon();
                    self.brackets(&mut out)?;
                    if is_slice {
                        out = format!(" ({out}|{CUT})");
                    }
                }
                _ => return Ok(out),
            }
        }
    }

    /// Whether there is a colon in the brackets that begin here, and not in others inside them.
    fn has_colon(&self) -> bool {
        let mut depth = 0;
        for (index, token) in self.tokens.iter().enumerate().skip(self.next) {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close => depth -= 1,
                Kind::Between if depth == 1 && self.text_at(index) == ":" => return true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        false
    }

    /// From one bracket to the one that closes it. Gives the number of commas between.
    fn brackets(&mut self, out: &mut String) -> Result<usize, Confused> {
        if self.depth >= NESTED_MAX {
            return self.confused();
        }
        self.depth += 1;
        out.push_str(self.take());
        let commas = self.rest(out)?;
        if self.kind() != Some(Kind::Close) {
            return self.confused();
        }
        out.push_str(self.take());
        self.depth -= 1;
        Ok(commas)
    }
}
