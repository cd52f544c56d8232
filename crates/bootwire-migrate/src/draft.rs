//! A configuration while it is written, and what it cannot say.

use std::fmt;

use crate::place::Place;
use crate::toml::{one_or_many, quoted, text};
use crate::words::Given;

/// Widest comment, in characters.
const WIDTH: usize = 100;
/// Most findings that are told one by one.
const FINDINGS_MAX: usize = 1000;

/// What kind of thing is said of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It cannot be carried over: the new server does something else.
    Lost,
    /// It is carried over, and differs in a way worth knowing.
    Differs,
    /// It needs no setting.
    Needless,
}

/// Something to know about the old configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it is from; `None` of what is true of the old server in any case.
    pub place: Option<Place>,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is about, and what to do.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// A configuration made from an old one.
#[derive(Clone, Debug)]
pub struct Migrated {
    text: String,
    findings: Vec<Finding>,
}

impl Migrated {
    /// The `bootwire.toml`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What there is to know, in the order of the old configuration.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether everything was carried over.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.kind != Kind::Lost)
    }
}

/// Keys with comments above them.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<String>);

impl Lines {
    /// Says what the next key is made of.
    pub(crate) fn from(&mut self, place: &Place, written: &str) -> &mut Self {
        let line = format!("# {place}: {}", quoted(written));
        // Two keys of one line need it once.
        if !self.0.contains(&line) {
            self.0.push(line);
        }
        self
    }

    /// Says something about the next key.
    pub(crate) fn note(&mut self, text: &str) -> &mut Self {
        self.0.extend(wrapped(text, "# ", "# "));
        self
    }

    /// Sets a key to a value, which is TOML.
    pub(crate) fn set(&mut self, key: &str, value: impl fmt::Display) -> &mut Self {
        self.0.push(format!("{key} = {value}"));
        self
    }
}

/// A configuration that grows.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    findings: Vec<Finding>,
    /// Keys before the first table.
    pub(crate) top: Lines,
    /// `[sandbox]`.
    pub(crate) sandbox: Lines,
    /// `[identity]`.
    pub(crate) identity: Lines,
    /// `[origin]`, with keys such as `images.url`.
    pub(crate) origin: Lines,
    tables: Vec<(&'static str, Lines)>,
}

impl Draft {
    fn find(&mut self, place: Option<&Place>, kind: Kind, what: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding {
                place: place.cloned(),
                kind,
                what: what.into(),
            });
        }
    }

    /// Something cannot be carried over.
    pub(crate) fn lost(&mut self, place: &Place, what: impl Into<String>) {
        self.find(Some(place), Kind::Lost, what);
    }

    /// Something is carried over, but not quite.
    pub(crate) fn differs(&mut self, place: &Place, what: impl Into<String>) {
        self.find(Some(place), Kind::Differs, what);
    }

    /// The old server differs in any case.
    pub(crate) fn always(&mut self, what: impl Into<String>) {
        self.find(None, Kind::Differs, what);
    }

    /// Something needs no setting.
    pub(crate) fn needless(&mut self, place: &Place, what: impl Into<String>) {
        self.find(Some(place), Kind::Needless, what);
    }

    /// A quirk for everybody that refuses these options, each with what it was told by.
    pub(crate) fn refuse_options(&mut self, refused: Vec<(&Given, String)>) {
        if refused.is_empty() {
            return;
        }
        let table = self.table("[[quirk]]");
        for (given, _) in &refused {
            table.from(&given.place, &given.written);
        }
        let mut names: Vec<String> = refused.into_iter().map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        table.set("name", text("refused options"));
        table.set("refuse_options", one_or_many(&names));
    }

    /// Begins a table: `[[route]]`.
    pub(crate) fn table(&mut self, header: &'static str) -> &mut Lines {
        self.tables.push((header, Lines::default()));
        let (_, lines) = self.tables.last_mut().expect("one was pushed");
        lines
    }

    /// Writes it all down.
    pub(crate) fn finish(self, title: &str) -> Migrated {
        let mut lines = wrapped(title, "# ", "# ");
        for (kind, heading) in [
            (Kind::Lost, "Not carried over:"),
            (Kind::Differs, "Different:"),
            (Kind::Needless, "Not needed here:"),
        ] {
            let of_kind: Vec<&Finding> = self.findings.iter().filter(|f| f.kind == kind).collect();
            if !of_kind.is_empty() {
                lines.extend(["#".to_owned(), format!("# {heading}")]);
                for finding in of_kind {
                    lines.extend(wrapped(&quoted_whole(&finding.to_string()), "# - ", "#   "));
                }
            }
        }
        let sections = [
            ("", self.top),
            ("[sandbox]", self.sandbox),
            ("[identity]", self.identity),
            ("[origin]", self.origin),
        ];
        for (header, section) in sections.into_iter().chain(self.tables) {
            if section.0.is_empty() {
                continue;
            }
            lines.push(String::new());
            if header.starts_with("[[") {
                // What a table is made of stands above it.
                let comments = section
                    .0
                    .iter()
                    .take_while(|line| line.starts_with('#'))
                    .count();
                lines.extend_from_slice(&section.0[..comments]);
                lines.push(header.to_owned());
                lines.extend_from_slice(&section.0[comments..]);
            } else {
                lines.extend((!header.is_empty()).then(|| header.to_owned()));
                lines.extend(section.0);
            }
        }
        lines.push(String::new());
        Migrated {
            text: lines.join("\n"),
            findings: self.findings,
        }
    }
}

/// A text of any length without line ends.
fn quoted_whole(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// A text in lines of bounded width, where it has spaces.
fn wrapped(text: &str, first: &str, more: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, more.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}
