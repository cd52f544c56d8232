//! Expressions as egrep and the GNU C library read them, written for Rust's `regex`.

/// An expression, and what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) regex: String,
    /// How many groups it has.
    pub(super) groups: usize,
    /// Whether it has alternatives: there the longest counts, here the first.
    pub(super) alternatives: bool,
}

/// Letters that mean something outside of brackets.
const SPECIAL: &str = r"\.+*?()|[]{}^$";

/// Writes a POSIX extended expression anew.
///
/// # Errors
/// In words: what cannot be said.
pub(super) fn translate(posix: &str) -> Result<Translated, String> {
    let mut reader = Reader {
        rest: posix.chars().peekable(),
        out: String::new(),
        groups: 0,
        alternatives: false,
        open: Vec::new(),
        atom: Atom::None,
    };
    while let Some(letter) = reader.rest.next() {
        reader.letter(letter)?;
    }
    if !reader.open.is_empty() {
        return Err("a group is never closed".to_owned());
    }
    Ok(Translated {
        regex: reader.out,
        groups: reader.groups,
        alternatives: reader.alternatives,
    })
}

/// What stands before, for a quantifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Atom {
    None,
    /// From here on, and whether it is quantified already.
    At(usize, bool),
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    groups: usize,
    alternatives: bool,
    /// Where open groups begin.
    open: Vec<usize>,
    atom: Atom,
}

impl Reader<'_> {
    fn atom(&mut self, text: &str) {
        self.atom = Atom::At(self.out.len(), false);
        self.out.push_str(text);
    }

    fn literal(&mut self, letter: char) {
        self.atom = Atom::At(self.out.len(), false);
        if SPECIAL.contains(letter) {
            self.out.push('\\');
        }
        self.out.push(letter);
    }

    fn letter(&mut self, letter: char) -> Result<(), String> {
        match letter {
            '\\' => self.escaped()?,
            '[' => self.bracket()?,
            '(' => {
                self.groups += 1;
                self.open.push(self.out.len());
                self.out.push('(');
                self.atom = Atom::None;
            }
            // One that closes nothing is a letter.
            ')' => match self.open.pop() {
                Some(start) => {
                    self.out.push(')');
                    self.atom = Atom::At(start, false);
                }
                None => self.literal(')'),
            },
            '|' => {
                self.alternatives = true;
                self.out.push('|');
                self.atom = Atom::None;
            }
            '^' | '$' => {
                self.out.push(letter);
                self.atom = Atom::None;
            }
            '.' => self.atom("."),
            '*' | '+' | '?' => self.quantifier(&letter.to_string())?,
            '{' => match self.interval() {
                Some(interval) => self.quantifier(&interval)?,
                None => self.literal('{'),
            },
            letter => self.literal(letter),
        }
        Ok(())
    }

    fn quantifier(&mut self, text: &str) -> Result<(), String> {
        match self.atom {
            Atom::None => Err(format!("{text:?} repeats nothing")),
            Atom::At(start, again) => {
                // A second one would mean something else to Rust: a*? is lazy there.
                if again {
                    self.out.insert_str(start, "(?:");
                    self.out.push(')');
                }
                self.out.push_str(text);
                self.atom = Atom::At(start, true);
                Ok(())
            }
        }
    }

    /// What stands between braces, if it is an interval.
    fn interval(&mut self) -> Option<String> {
        let inner: String = self
            .rest
            .clone()
            .take_while(|letter| *letter != '}')
            .take(12)
            .collect();
        let is_closed = self.rest.clone().nth(inner.chars().count()) == Some('}');
        let (low, high) = match inner.split_once(',') {
            Some((low, high)) => (low, Some(high)),
            None => (inner.as_str(), None),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_closed
            || !is_number(low)
            || !high.is_none_or(is_number)
            || low.is_empty() && high.is_none_or(str::is_empty)
        {
            return None;
        }
        let low = if low.is_empty() { "0" } else { low };
        let interval = match high {
            Some(high) => format!("{{{low},{high}}}"),
            None => format!("{{{low}}}"),
        };
        self.rest.nth(inner.chars().count());
        Some(interval)
    }

    fn escaped(&mut self) -> Result<(), String> {
        let Some(letter) = self.rest.next() else {
            return Err("a backslash ends it".to_owned());
        };
        match letter {
            '1'..='9' => return Err(format!("it refers to its own group, \\{letter}")),
            'w' => self.atom("[_[:alnum:]]"),
            'W' => self.atom("[^_[:alnum:]]"),
            's' => self.atom("[[:space:]]"),
            'S' => self.atom("[^[:space:]]"),
            '<' => self.anchor(r"\b{start}"),
            '>' => self.anchor(r"\b{end}"),
            'b' | 'B' => self.anchor(&format!("\\{letter}")),
            '`' => self.anchor(r"\A"),
            '\'' => self.anchor(r"\z"),
            letter => self.literal(letter),
        }
        Ok(())
    }

    fn anchor(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = Atom::None;
    }

    /// `[^]a-z[:digit:]\]`: backslashes are letters there.
    fn bracket(&mut self) -> Result<(), String> {
        let never_closed = || "a bracket is never closed".to_owned();
        let start = self.out.len();
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let letter = self.rest.next().ok_or_else(never_closed)?;
            match letter {
                ']' if !is_first => break,
                '[' if self.rest.peek() == Some(&':') => {
                    let mut class = String::new();
                    while !class.ends_with(":]") {
                        class.push(self.rest.next().ok_or_else(never_closed)?);
                    }
                    self.out.push('[');
                    self.out.push_str(&class);
                }
                '[' if matches!(self.rest.peek(), Some('.' | '=')) => {
                    return Err("it has a collating element in brackets".to_owned());
                }
                // A range, unless it is the first or the last.
                '-' if !is_first && self.rest.peek() != Some(&']') => self.out.push('-'),
                '\\' | '[' | ']' | '^' | '&' | '~' | '-' => {
                    self.out.push('\\');
                    self.out.push(letter);
                }
                letter => self.out.push(letter),
            }
            is_first = false;
        }
        self.out.push(']');
        self.atom = Atom::At(start, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(posix: &str) -> String {
        translate(posix).unwrap().regex
    }

    #[test]
    fn what_means_the_same_stays() {
        for same in [
            r"^ok/",
            r"\.pvt$",
            "/../",
            "^[a-z]:",
            "^[^/]",
            "^(.*)[.]x$",
            "a|b",
            "[[:digit:]]+",
            "x{2}",
            "x{2,}",
            "x{2,3}",
            "()",
            r"\bx\B",
        ] {
            assert_eq!(regex(same), same);
        }
    }

    #[test]
    fn what_does_not_is_written_anew() {
        for (posix, rust) in [
            (r"\#", "#"),
            (r"\/", "/"),
            (r"\ ", " "),
            (r"\\", r"\\"),
            (r"[\.]", r"[\\.]"),
            ("[]a]", r"[\]a]"),
            ("[^]a-]", r"[^\]a\-]"),
            ("[a&&b~]", r"[a\&\&b\~]"),
            ("[[a]", r"[\[a]"),
            ("a*?", "(?:a*)?"),
            ("(ab)+*", "(?:(ab)+)*"),
            ("x{,3}", "x{0,3}"),
            ("{x}", r"\{x\}"),
            ("a)b", r"a\)b"),
            (r"\<a\>", r"\b{start}a\b{end}"),
            (r"\w", "[_[:alnum:]]"),
        ] {
            assert_eq!(regex(posix), rust, "{posix}");
        }
        assert_eq!(translate("(a)(b(c))").unwrap().groups, 3);
        assert!(translate("a|b").unwrap().alternatives);
    }

    #[test]
    fn what_cannot_be_said_is_told() {
        for (posix, words) in [
            (r"(a)\1", "its own group"),
            ("*a", "repeats nothing"),
            ("(a", "never closed"),
            ("[a", "never closed"),
            ("[[.a.]]", "collating"),
            ("a\\", "backslash"),
        ] {
            assert!(translate(posix).unwrap_err().contains(words), "{posix}");
        }
    }
}
