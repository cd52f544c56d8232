//! `grub.cfg`: words, quotes, variables, blocks, `if`.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Blocks within each other.
const DEPTH_MAX: usize = 16;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    Command(Vec<Word>),
    /// `menuentry` and `submenu`: title and options, then the block.
    Entry(Vec<Word>, Vec<Self>),
    If {
        condition: Vec<Word>,
        then: Vec<Self>,
        otherwise: Vec<Self>,
    },
}

/// A word, before variables are filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

impl Word {
    /// The word with its variables filled in; what is not set is empty.
    pub(crate) fn expand(&self, variables: &BTreeMap<String, String>) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Variable(name) => variables.get(name).map_or("", String::as_str),
        });
        pieces.collect()
    }

    /// Its text, if it is one word without variables.
    fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn push(&mut self, letter: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(letter),
            _ => self.0.push(Piece::Text(letter.to_string())),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    /// End of a line, or `;`.
    End,
    Open,
    Close,
}

/// Reads a configuration.
pub(crate) fn parse(text: &str) -> Vec<Statement> {
    let tokens = tokens(text);
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
    };
    parser.statements(&[], 0)
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    /// Statements up to one of these words, or the end of the block.
    fn statements(&mut self, until: &[&str], depth: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            match self.tokens.peek() {
                None | Some(Token::Close) => return statements,
                Some(Token::Word(word))
                    if word.plain().is_some_and(|word| until.contains(&word)) =>
                {
                    return statements;
                }
                Some(Token::End | Token::Open) => _ = self.tokens.next(),
                Some(Token::Word(_)) => statements.push(self.statement(depth)),
            }
        }
    }

    fn statement(&mut self, depth: usize) -> Statement {
        let words = self.words();
        match words.first().and_then(Word::plain) {
            Some("if") if depth < DEPTH_MAX => {
                self.condition(words.get(1..).unwrap_or_default().to_vec(), depth)
            }
            Some("menuentry" | "submenu" | "function") if depth < DEPTH_MAX => {
                let body = self.block(depth);
                match words.first().and_then(Word::plain) {
                    // Nobody calls functions here.
                    Some("function") => Statement::Command(words),
                    _ => Statement::Entry(words, body),
                }
            }
            _ => Statement::Command(words),
        }
    }

    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(Token::Word(_)) = self.tokens.peek() {
            if let Some(Token::Word(word)) = self.tokens.next() {
                words.push(word);
            }
        }
        words
    }

    fn block(&mut self, depth: usize) -> Vec<Statement> {
        while self.tokens.next_if_eq(&Token::End).is_some() {}
        if self.tokens.next_if_eq(&Token::Open).is_none() {
            return Vec::new();
        }
        let body = self.statements(&[], depth + 1);
        self.tokens.next_if_eq(&Token::Close);
        body
    }

    /// What follows `if` and its condition.
    fn condition(&mut self, condition: Vec<Word>, depth: usize) -> Statement {
        self.statements(&["then"], depth + 1);
        self.skip("then");
        let then = self.statements(&["else", "elif", "fi"], depth + 1);
        let otherwise = if self.skip("elif") {
            let condition = self.words();
            let nested = if depth < DEPTH_MAX {
                self.condition(condition, depth + 1)
            } else {
                Statement::Command(condition)
            };
            vec![nested]
        } else if self.skip("else") {
            let otherwise = self.statements(&["fi"], depth + 1);
            self.skip("fi");
            otherwise
        } else {
            self.skip("fi");
            Vec::new()
        };
        Statement::If {
            condition,
            then,
            otherwise,
        }
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let is_it =
            |token: &Token| matches!(token, Token::Word(word) if word.plain() == Some(wanted));
        self.tokens.next_if(is_it).is_some()
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(&letter) = letters.peek() {
        match letter {
            '\n' | ';' => {
                letters.next();
                tokens.push(Token::End);
            }
            '#' => while letters.next_if(|&letter| letter != '\n').is_some() {},
            '{' | '}' => {
                letters.next();
                let token = if letter == '{' {
                    Token::Open
                } else {
                    Token::Close
                };
                tokens.push(token);
            }
            letter if letter.is_whitespace() => _ = letters.next(),
            _ => tokens.push(Token::Word(word(&mut letters))),
        }
    }
    tokens
}

fn word(letters: &mut Peekable<Chars<'_>>) -> Word {
    let mut word = Word::default();
    while let Some(letter) = letters.next_if(|&letter| !letter.is_whitespace() && letter != ';') {
        match letter {
            '\'' => {
                // An empty word is one, too.
                word.0.push(Piece::Text(String::new()));
                letters
                    .by_ref()
                    .take_while(|&letter| letter != '\'')
                    .for_each(|letter| word.push(letter));
            }
            '"' => {
                word.0.push(Piece::Text(String::new()));
                quoted(letters, &mut word);
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some(letter) => word.push(letter),
            },
            '$' => variable(letters, &mut word),
            letter => word.push(letter),
        }
    }
    word
}

fn quoted(letters: &mut Peekable<Chars<'_>>, word: &mut Word) {
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return,
            '\\' => {
                let escaped = letters.next_if(|&letter| matches!(letter, '"' | '\\' | '$'));
                word.push(escaped.unwrap_or('\\'));
            }
            '$' => variable(letters, word),
            letter => word.push(letter),
        }
    }
}

fn variable(letters: &mut Peekable<Chars<'_>>, word: &mut Word) {
    let mut name = String::new();
    if letters.next_if_eq(&'{').is_some() {
        name.extend(letters.by_ref().take_while(|&letter| letter != '}'));
    } else {
        let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        while let Some(letter) = letters.next_if(is_name) {
            name.push(letter);
        }
    }
    if name.is_empty() {
        word.push('$');
    } else {
        word.0.push(Piece::Variable(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(statements: &[Statement]) -> String {
        let variables = BTreeMap::from([("prefix".to_owned(), "/grub".to_owned())]);
        let words = |words: &[Word]| {
            let words = words.iter().map(|word| word.expand(&variables));
            words.collect::<Vec<_>>().join("|")
        };
        let one = |statement: &Statement| match statement {
            Statement::Command(command) => words(command),
            Statement::Entry(title, body) => format!("{}{{{}}}", words(title), shown(body)),
            Statement::If {
                condition,
                then,
                otherwise,
            } => format!(
                "if({})({})({})",
                words(condition),
                shown(then),
                shown(otherwise)
            ),
        };
        statements.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn words_quotes_variables_and_blocks() {
        for (text, expected) in [
            ("set timeout=3 # soon\n", "set|timeout=3"),
            ("set default='0'; insmod gzio", "set|default=0; insmod|gzio"),
            (
                "menuentry 'Debian 12.7 on node-7' --id x {\n  linux /vmlinuz root='/dev/vda'\n  initrd /i\n}\n",
                "menuentry|Debian 12.7 on node-7|--id|x{linux|/vmlinuz|root=/dev/vda; initrd|/i}",
            ),
            ("configfile ${prefix}/x.cfg", "configfile|/grub/x.cfg"),
            (
                "echo \"$prefix \\\"x\\\" \\$y\" a\\ b",
                "echo|/grub \"x\" $y|a b",
            ),
            ("echo '' x", "echo||x"),
            (
                "if [ -n \"$prefix\" ]; then a; else b; fi; c",
                "if([|-n|/grub|])(a)(b); c",
            ),
            (
                "if x\nthen\n a\nelif y; then\n b\nfi\nc",
                "if(x)(a)(if(y)(b)()); c",
            ),
            (
                "submenu 'more' { menuentry 'a' { b } }",
                "submenu|more{menuentry|a{b}}",
            ),
            ("linux /a \\\n  b", "linux|/a||b"),
        ] {
            assert_eq!(shown(&parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn nonsense_ends() {
        for text in [
            "}",
            "menuentry {",
            "if if if then",
            "'",
            "\"$",
            "${",
            "{{{{}}}",
            &"menuentry 'x' {".repeat(1000),
            &"if a; then ".repeat(1000),
        ] {
            parse(text);
        }
    }
}
