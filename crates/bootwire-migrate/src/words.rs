//! Command lines, and files of shell variables.

use crate::place::{Place, Source};

/// A variable of a file like `/etc/default/tftpd-hpa`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// What it is set to, without quotes.
    pub value: String,
}

/// What inetd gives to a server: the words behind its program, if `line` of `/etc/inetd.conf` starts one
/// of `programs` for UDP.
pub(crate) fn of_inetd<'a>(line: &'a str, programs: &[&str]) -> Option<Vec<&'a str>> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let program = words.iter().rposition(|word| {
        let name = word.rsplit('/').next().unwrap_or_default();
        programs.contains(&name)
    })?;
    let starts = words.len() > 5 && !words[0].starts_with('#') && words[2].starts_with("udp");
    starts.then(|| words.split_off(program + 1))
}

/// Reads `NAME="value"` lines. Other variables of the same file are filled in.
pub(crate) fn settings(source: Source<'_>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for (place, line) in source.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            continue;
        }
        let value = unquoted(value, &settings);
        settings.push(Setting {
            place,
            name: name.to_owned(),
            value,
        });
    }
    settings
}

/// Longest value with the variables in it filled in.
const VALUE_MAX: usize = 16 << 10;

/// A value as the shell reads it: quotes taken away, `$NAME` filled in, up to an unquoted space.
fn unquoted(text: &str, known: &[Setting]) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, letter) if letter.is_whitespace() => break,
            (Some('"') | None, '\\') => value.extend(letters.next()),
            (Some('"') | None, '$') => {
                let braced = letters.next_if_eq(&'{').is_some();
                let mut name = String::new();
                while let Some(letter) =
                    letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                {
                    name.push(letter);
                }
                if braced {
                    letters.next_if_eq(&'}');
                }
                let of_name = known.iter().rfind(|setting| setting.name == name);
                if let Some(setting) = of_name
                    && value.len() + setting.value.len() <= VALUE_MAX
                {
                    value.push_str(&setting.value);
                }
            }
            _ => value.push(letter),
        }
    }
    value
}

/// An option of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) place: Place,
    /// As it was written.
    pub(crate) written: String,
    /// Its long name, without dashes.
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Value,
    /// Only behind an equal sign.
    MaybeValue,
}

/// An option that a server has.
pub(crate) struct Known {
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) takes: Takes,
}

impl Known {
    pub(crate) const fn new(short: Option<char>, long: &'static str, takes: Takes) -> Self {
        Self { short, long, takes }
    }
}

/// What a command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) options: Vec<Given>,
    /// Words that are no options.
    pub(crate) operands: Vec<(Place, String)>,
    /// Options that nobody knows.
    pub(crate) unknown: Vec<(Place, String)>,
}

impl CommandLine {
    /// Adds words, as getopt_long reads them.
    pub(crate) fn read<S: AsRef<str>>(
        &mut self,
        place: &Place,
        words: impl IntoIterator<Item = S>,
        known: &[Known],
    ) {
        let mut words = words.into_iter();
        let mut only_operands = false;
        while let Some(word) = words.next() {
            let word = word.as_ref();
            if only_operands || word == "-" || !word.starts_with('-') {
                self.operands.push((place.clone(), word.to_owned()));
            } else if word == "--" {
                only_operands = true;
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let Some(option) = by_long_name(known, name) else {
                    self.unknown.push((place.clone(), word.to_owned()));
                    continue;
                };
                let next = || words.next().map(|next| next.as_ref().to_owned());
                self.add(place, word, option, value, next);
            } else {
                self.cluster(place, word, &mut words, known);
            }
        }
    }

    /// `-lsu tftp`, `-utftp`.
    fn cluster<S: AsRef<str>>(
        &mut self,
        place: &Place,
        word: &str,
        words: &mut impl Iterator<Item = S>,
        known: &[Known],
    ) {
        let letters = &word[1..];
        for (at, letter) in letters.char_indices() {
            let Some(option) = known.iter().find(|option| option.short == Some(letter)) else {
                self.unknown.push((place.clone(), format!("-{letter}")));
                continue;
            };
            let written = format!("-{letter}");
            if option.takes == Takes::Value {
                let rest = &letters[at + letter.len_utf8()..];
                let value = (!rest.is_empty()).then(|| rest.to_owned());
                let next = || words.next().map(|next| next.as_ref().to_owned());
                self.add(place, &written, option, value, next);
                break;
            }
            self.add(place, &written, option, None, || None);
        }
    }

    fn add(
        &mut self,
        place: &Place,
        word: &str,
        option: &Known,
        value: Option<String>,
        next: impl FnOnce() -> Option<String>,
    ) {
        let mut written = word.to_owned();
        let value = match (option.takes, value) {
            (Takes::Nothing, _) => None,
            (Takes::MaybeValue, value) => value,
            (Takes::Value, Some(value)) => {
                if !word.contains('=') {
                    written = format!("{word} {value}");
                }
                Some(value)
            }
            (Takes::Value, None) => {
                let Some(value) = next() else {
                    self.unknown
                        .push((place.clone(), format!("{word} without a value")));
                    return;
                };
                written = format!("{word} {value}");
                Some(value)
            }
        };
        self.options.push(Given {
            place: place.clone(),
            written,
            name: option.long,
            value,
        });
    }

    /// The option that counts: the last one.
    pub(crate) fn last(&self, name: &str) -> Option<&Given> {
        self.options.iter().rfind(|given| given.name == name)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Given> {
        self.options.iter().filter(move |given| given.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }
}

/// Long options may be cut short where that is clear.
fn by_long_name<'k>(known: &'k [Known], name: &str) -> Option<&'k Known> {
    let exact = known.iter().find(|option| option.long == name);
    exact.or_else(|| {
        let mut like = known.iter().filter(|option| option.long.starts_with(name));
        like.next()
            .filter(|_| !name.is_empty() && like.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_the_shell_does() {
        let text =
            "# no\nDIR=/srv\nA=\"--secure  $DIR\"\nexport B='$DIR' # x\nC=a\\ b${DIR}/x\nno\n";
        let settings = settings(Source::new("f", text));
        let all: Vec<_> = settings
            .iter()
            .map(|s| (s.place.to_string(), s.name.as_str(), s.value.as_str()))
            .collect();
        assert_eq!(
            all,
            [
                ("f:2".to_owned(), "DIR", "/srv"),
                ("f:3".to_owned(), "A", "--secure  /srv"),
                ("f:4".to_owned(), "B", "$DIR"),
                ("f:5".to_owned(), "C", "a b/srv/x"),
            ]
        );
    }

    #[test]
    fn options_are_read_as_getopt_does() {
        let known = [
            Known::new(Some('l'), "listen", Takes::Nothing),
            Known::new(Some('u'), "user", Takes::Value),
            Known::new(None, "umask", Takes::Value),
            Known::new(Some('v'), "verbose", Takes::MaybeValue),
        ];
        let mut line = CommandLine::default();
        let words = [
            "-lu",
            "me",
            "-uyou",
            "--use=x",
            "--u",
            "-q",
            "dir",
            "--verbose=3",
            "--",
            "-l",
        ];
        line.read(&Place::whole("c"), words, &known);
        let all: Vec<_> = line
            .options
            .iter()
            .map(|given| (given.written.as_str(), given.name, given.value.as_deref()))
            .collect();
        assert_eq!(
            all,
            [
                ("-l", "listen", None),
                ("-u me", "user", Some("me")),
                ("-u you", "user", Some("you")),
                ("--use=x", "user", Some("x")),
                ("--verbose=3", "verbose", Some("3")),
            ]
        );
        let words =
            |list: &[(Place, String)]| list.iter().map(|(_, w)| w.clone()).collect::<Vec<_>>();
        assert_eq!(words(&line.unknown), ["--u", "-q"]);
        assert_eq!(words(&line.operands), ["dir", "-l"]);
        let mut line = CommandLine::default();
        line.read(&Place::whole("c"), ["-u"], &known);
        assert_eq!(words(&line.unknown), ["-u without a value"]);
    }
}
