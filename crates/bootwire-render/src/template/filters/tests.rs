//! Each filter against the grammar of those who read what it writes: what was filtered is one word, or
//! the same words, with the same content, and nothing else on its line changes its meaning.

use minijinja::value::Value;
use proptest::prelude::*;

use super::{grub_line, ipxe, ipxe_line, line, percent, quoted, word};

/// A word, or something that does more than stand there.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// An operator, an expansion, a comment, a quote that does not end.
    Active(String),
}

fn words(words: &[&str]) -> Vec<Token> {
    words
        .iter()
        .map(|word| Token::Word((*word).to_owned()))
        .collect()
}

/// GRUB's scripts: quotes, backslashes, variables, `{}|&;<>`, comments, and the wildcards its module
/// `regexp` gives them.
fn grub(text: &str) -> Vec<Token> {
    script(text, "{}|&;<>", "$", "*?[]")
}

/// A POSIX shell: the same, with more that is special.
fn shell(text: &str) -> Vec<Token> {
    script(text, "{}|&;<>()!", "$`", "*?[]~")
}

fn script(text: &str, operators: &str, expansions: &str, wildcards: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => tokens.extend(word.take().map(Token::Word)),
            '\n' => {
                tokens.extend(word.take().map(Token::Word));
                tokens.push(Token::Active("end of line".to_owned()));
            }
            '#' if word.is_none() => {
                tokens.push(Token::Active("comment".to_owned()));
                return tokens;
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(end) if end == letter => break,
                        Some('\\') if letter == '"' => word.extend(letters.next()),
                        Some(inside) if letter == '"' && expansions.contains(inside) => {
                            tokens.push(Token::Active(inside.to_string()));
                        }
                        Some(inside) => word.push(inside),
                        None => {
                            tokens.push(Token::Active("open quote".to_owned()));
                            return tokens;
                        }
                    }
                }
            }
            _ if [operators, expansions, wildcards]
                .iter()
                .any(|special| special.contains(letter)) =>
            {
                tokens.extend(word.take().map(Token::Word));
                tokens.push(Token::Active(letter.to_string()));
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    tokens.extend(word.map(Token::Word));
    tokens
}

/// iPXE: words between blanks, `${…}`, three operators between blanks, words that begin with `#`; and,
/// behind the command, options until there is something else.
fn ipxe_words(text: &str) -> Vec<Token> {
    if text.contains("${") || text.contains('\n') || text.contains('\r') {
        return vec![Token::Active(text.to_owned())];
    }
    let mut tokens = Vec::new();
    let blank = |letter: char| letter.is_ascii_whitespace() || letter == '\u{b}';
    let mut may_be_option = true;
    for (place, word) in text
        .split(blank)
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        let is_option = place > 0 && may_be_option && word.starts_with('-');
        may_be_option &= place == 0 || is_option;
        if word.starts_with('#') {
            tokens.push(Token::Active("comment".to_owned()));
            return tokens;
        }
        tokens.push(if is_option || matches!(word, "||" | "&&" | ";") {
            Token::Active(word.to_owned())
        } else {
            Token::Word(word.to_owned())
        });
    }
    tokens
}

/// The Linux kernel's command line: words between blanks that are not in quotation marks.
fn kernel(text: &str) -> Vec<Token> {
    let (mut tokens, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' | '\n' if !is_quoted => {
                tokens.push(Token::Word(std::mem::take(&mut word)));
            }
            letter => word.push(letter),
        }
    }
    tokens.push(Token::Word(word));
    if is_quoted {
        tokens.push(Token::Active("open quote".to_owned()));
    }
    tokens.retain(|token| *token != Token::Word(String::new()));
    tokens
}

/// PXELINUX: a keyword and the rest of its line, without the blanks around it.
fn pxelinux(text: &str) -> Vec<Token> {
    let mut lines = text.split(['\n', '\r']);
    let first = lines.next().unwrap_or_default();
    let (keyword, rest) = first.split_once([' ', '\t']).unwrap_or((first, ""));
    let mut tokens = words(&[keyword, rest.trim_matches([' ', '\t'])]);
    tokens.extend(lines.map(|line| Token::Active(line.to_owned())));
    tokens
}

/// What RFC 3986 says a percent-encoded text is; `None` if it is none.
fn decoded(text: &str, slashes: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => bytes.push(byte),
            b'/' if slashes => bytes.push(byte),
            _ => return None,
        }
    }
    Some(bytes)
}

/// Texts made of what some loader sees something in.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a-c$;{}|&<>#*?!\\[\\]()`~'\"\\\\=,/.%@-]{0,12}",
        "(-|--|#|;|&&|\\|\\||\\$\\{|\\}|\\$root|x;reboot|\\{a,b\\}| |'|\"|\\\\|a|é|\u{a0}|\n|\t|\u{85}){0,6}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn grub_reads_one_word(text in text()) {
        if let Ok(written) = quoted(&Value::from(text.as_str())) {
            prop_assert_eq!(grub(&format!("linux x={written} y")), words(&["linux", &format!("x={text}"), "y"]));
            prop_assert_eq!(grub(&format!("echo {written}")), words(&["echo", &text]));
        }
    }

    #[test]
    fn a_shell_reads_one_word(text in text()) {
        if let Ok(written) = quoted(&Value::from(text.as_str())) {
            prop_assert_eq!(shell(&format!("echo {written} y")), words(&["echo", &text, "y"]));
        }
    }

    #[test]
    fn grub_reads_the_words_the_kernel_would(text in text()) {
        if let Ok(written) = grub_line(&Value::from(text.as_str())) {
            let mut expected = words(&["linux"]);
            expected.extend(kernel(&text));
            prop_assert_eq!(grub(&format!("linux {written}")), expected);
        }
    }

    #[test]
    fn ipxe_reads_one_argument(text in text()) {
        if let Ok(written) = ipxe(&Value::from(text.as_str())) {
            prop_assert_eq!(ipxe_words(&format!("kernel {written} y")), words(&["kernel", &text, "y"]));
            prop_assert_eq!(ipxe_words(&format!("kernel {written}{{x}}")).len(), 2);
        }
    }

    #[test]
    fn ipxe_reads_the_words_there_are(text in text()) {
        if let Ok(written) = ipxe_line(&Value::from(text.as_str())) {
            let all: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
            let read = ipxe_words(&format!("kernel uri {written}"));
            prop_assert_eq!(read, words(&[&["kernel", "uri"], &all[..]].concat()));
        }
    }

    #[test]
    fn kernels_and_pxelinux_read_one_word(text in text()) {
        if let Ok(written) = word(&Value::from(text.as_str())) {
            prop_assert_eq!(kernel(&format!("quiet x={written} y")), words(&["quiet", &format!("x={text}"), "y"]));
            prop_assert_eq!(pxelinux(&format!("KERNEL {written}")), words(&["KERNEL", &text]));
        }
    }

    #[test]
    fn pxelinux_reads_one_line(text in text()) {
        if let Ok(written) = line(&Value::from(text.as_str())) {
            prop_assert_eq!(pxelinux(&format!("APPEND {written}")), words(&["APPEND", text.trim_matches(' ')]));
        }
    }

    #[test]
    fn urls_hold_what_was_put_into_them(text in text()) {
        let value = Value::from(text.as_str());
        for slashes in [false, true] {
            let written = percent(&value, slashes).unwrap();
            prop_assert_eq!(decoded(&written, slashes), Some(text.clone().into_bytes()));
        }
    }
}
