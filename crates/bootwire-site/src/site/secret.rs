//! Secrets in the names of uploads: for clients that can send a name and nothing else.

use std::borrow::Cow;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bootwire::{Op, Refusal, Request, TransferRecord};

/// Shortest secret, in bytes.
const LEAST: usize = 8;
/// What stands for a secret in the log.
const HIDDEN: &str = "***";
/// Why an upload is denied.
const LACKING: &str = "the name does not end in the secret";

/// What the name of an upload must end in: a dot and the secret. Empty if nobody knows it: then
/// every name lacks it.
pub(crate) struct Suffix(Vec<u8>);

/// Without the secret.
impl std::fmt::Debug for Suffix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Suffix")
    }
}

impl Suffix {
    /// Reads the secret; blanks and line ends around it do not count.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("secret_suffix_file: cannot read {shown}: {error}"))?;
        Self::new(text.trim()).map_err(|why| format!("secret_suffix_file: {shown}: {why}"))
    }

    /// Of a secret that may not be read.
    pub(super) const fn unknown() -> Self {
        Self(Vec::new())
    }

    fn new(secret: &str) -> Result<Self, String> {
        if secret.len() < LEAST {
            return Err(format!("a secret has at least {LEAST} characters"));
        }
        let is_fit = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '/' | '\\');
        if !secret.chars().all(is_fit) {
            return Err(
                "letters, digits and signs of ASCII, without slashes and blanks".to_owned(),
            );
        }
        Ok(Self(format!(".{secret}").into_bytes()))
    }

    /// What is left of `name` without the secret; `None` if it lacks it. Takes as long for a wrong
    /// secret as for a nearly right one.
    fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (rest, end) = name.split_at_checked(name.len().checked_sub(self.0.len())?)?;
        let differences = end
            .iter()
            .zip(&self.0)
            .fold(0, |all, (one, other)| black_box(all | (one ^ other)));
        let is_name = rest.last().is_some_and(|last| *last != b'/');
        (differences == 0 && is_name).then_some(rest)
    }

    /// The request for the name without the secret.
    ///
    /// # Errors
    /// Denies what lacks it.
    pub(super) fn cut(&self, request: &Request) -> Result<Request, Refusal> {
        let why = if self.0.is_empty() {
            "the secret could not be read"
        } else {
            LACKING
        };
        let denied = || Refusal::denied().because(why);
        let name = self.strip(request.rest_bytes()).ok_or_else(denied)?;
        let request = request.renamed(name).ok_or_else(denied)?;
        // Whatever is told of the upload hears of its parameters as well.
        Ok(request.map_params(|_, value| self.cut_value(value)))
    }

    /// The secret itself, without its dot.
    fn secret(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// What a parameter of the route is without the secret; `None` if it has nothing of it.
    fn cut_value(&self, value: &str) -> Option<String> {
        if let Some(rest) = self.strip(value.as_bytes()) {
            return Some(String::from_utf8_lossy(rest).into_owned());
        }
        // A pattern may have a parameter for the secret alone, or for its end if it has dots.
        let secret = self.secret();
        let is_end = value.len() >= LEAST / 2 && secret.ends_with(value.as_bytes());
        (is_end || find(value.as_bytes(), secret).is_some()).then(|| HIDDEN.to_owned())
    }

    /// Where in a name the secret begins, or what somebody took for it: a slip of the hand, a part
    /// of it, more than it. With the dot before it if there is one.
    fn near(&self, name: &[u8]) -> Option<usize> {
        let secret = self.secret();
        if secret.is_empty() {
            return None;
        }
        let dots = name
            .iter()
            .enumerate()
            .filter(|(_, letter)| **letter == b'.');
        let near = dots
            .map(|(at, _)| at)
            .find(|&at| is_near(&name[at + 1..], secret));
        near.or_else(|| find(name, secret))
    }
}

/// Whether a text was meant to be the secret.
fn is_near(text: &[u8], secret: &[u8]) -> bool {
    let half = secret.len() / 2;
    let same = text.iter().zip(secret);
    let same = same.take_while(|(one, other)| one.eq_ignore_ascii_case(other));
    same.count() >= half || is_within(text, secret, half / 2)
}

/// Whether at most so many letters have to be added, taken away or changed to make one of the other.
fn is_within(one: &[u8], other: &[u8], changes: usize) -> bool {
    if one.len().abs_diff(other.len()) > changes {
        return false;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], above + 1);
        for (at, wanted) in other.iter().enumerate() {
            let changed = corner + usize::from(!letter.eq_ignore_ascii_case(wanted));
            corner = row[at + 1];
            row[at + 1] = changed.min(corner + 1).min(row[at] + 1);
        }
    }
    row[other.len()] <= changes
}

/// Where one text is in another, whatever the case of its letters.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut places = text.windows(wanted.len().max(1));
    places.position(|place| place.eq_ignore_ascii_case(wanted))
}

/// The secrets of all routes, to keep them out of the log.
#[derive(Clone, Debug, Default)]
pub struct Secrets(pub(super) Arc<[Arc<Suffix>]>);

impl Secrets {
    /// The record with `***` in place of a secret in its path and file name, and of what looks like
    /// one: who mistypes a secret gives most of it away. Where a name was refused for lack of it, that
    /// is whatever follows its last dot.
    #[must_use]
    pub fn hidden<'a>(&self, record: &'a TransferRecord) -> Cow<'a, TransferRecord> {
        let is_lacking = record.op == Op::Write
            && record
                .detail
                .as_deref()
                .is_some_and(|detail| detail.contains(LACKING));
        let path = self.hidden_name(record.path.as_bytes(), is_lacking);
        let filename = self.hidden_name(&record.filename, is_lacking);
        if path.is_none() && filename.is_none() {
            return Cow::Borrowed(record);
        }
        let mut hidden = record.clone();
        if let Some(path) = path {
            hidden.path = String::from_utf8_lossy(&path).into_owned();
        }
        if let Some(filename) = filename {
            hidden.filename = filename;
        }
        Cow::Owned(hidden)
    }

    /// The path of a transfer that runs with `***` in place of a secret, as [`Secrets::hidden`] has it;
    /// `None` if there is nothing to hide. Whether it lacks the secret is not known before it is refused.
    #[must_use]
    pub fn hidden_path(&self, path: &str) -> Option<String> {
        let hidden = self.hidden_name(path.as_bytes(), false)?;
        Some(String::from_utf8_lossy(&hidden).into_owned())
    }

    /// The name with its end hidden; `None` if there is nothing to hide.
    fn hidden_name(&self, name: &[u8], is_lacking: bool) -> Option<Vec<u8>> {
        let near = self.0.iter().filter_map(|suffix| suffix.near(name)).min();
        let dot = || {
            name.iter()
                .rposition(|letter| matches!(letter, b'.' | b'/'))
        };
        let last = is_lacking.then(dot).flatten();
        let last = last.filter(|&at| name[at] == b'.');
        let at = near.into_iter().chain(last).min()?;
        let kept = name[..at].strip_suffix(b".").unwrap_or(&name[..at]);
        Some([kept, b".", HIDDEN.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use bootwire::Reason;

    use super::super::tests::put;
    use super::*;

    #[test]
    fn the_secret_is_cut_off_and_nothing_else_gets_in() {
        let suffix = Suffix::new("tr0ub4dor").unwrap();
        let admitted = suffix
            .cut(&put("/router1.cfg.tr0ub4dor", "10.0.0.7"))
            .unwrap();
        assert_eq!(admitted.rest_bytes(), b"router1.cfg");
        for name in [
            "/router1.cfg",
            "/router1.cfg.tr0ub4doR",
            "/router1.cfg.tr0ub4dor2",
            "/router1.cfgtr0ub4dor",
            "/.tr0ub4dor",
            "/a/.tr0ub4dor",
            "/x",
        ] {
            let refusal = suffix.cut(&put(name, "10.0.0.7")).unwrap_err();
            assert_eq!(refusal.reason(), Reason::Denied, "{name}");
            assert!(!refusal.to_string().contains("tr0ub4dor"));
        }
    }

    #[test]
    fn what_looks_like_the_secret_is_not_logged_either() {
        let secrets = Secrets([Arc::new(Suffix::new("tr0ub4dor").unwrap())].into());
        let shown = |name: &str, is_lacking| {
            let hidden = secrets.hidden_name(name.as_bytes(), is_lacking);
            hidden.map(|name| String::from_utf8(name).unwrap())
        };
        for name in [
            "/up/r1.tr0ub4dor",
            "/up/r1.tr0ub4doR",
            "/up/r1.tr0ub4dor2",
            "/up/r1.tr0ub4dor.cfg",
            "/up/r1.tr0ub4",
            "/up/r1.tr00b4dor",
            "/up/r1.r0ub4dor",
            "/up/r1.TR0UB4DOR ",
            "/up/r1tr0ub4dor",
            "/up/r1..tr0ub4dor",
        ] {
            assert_eq!(shown(name, false).as_deref(), Some("/up/r1.***"), "{name}");
        }
        for name in [
            "/up/r1.cfg",
            "/boot/vmlinuz",
            "/up/r1.tr0",
            "/a.b/troubadour",
        ] {
            assert_eq!(shown(name, false), None, "{name}");
        }
        assert_eq!(shown("/up/r1.guess", true).unwrap(), "/up/r1.***");
        assert_eq!(shown("/up.d/r1", true), None);
    }

    /// Hooks and programs are told the parameters of the route.
    #[test]
    fn parameters_lose_the_secret_too() {
        let suffix = Suffix::new("tr0ub4.dor").unwrap();
        for (value, cut) in [
            ("up/router1.cfg.tr0ub4.dor", Some("up/router1.cfg")),
            ("tr0ub4.dor", Some("***")),
            ("r.tr0ub4.dor.x", Some("***")),
            ("router1", None),
            ("dor", None),
        ] {
            assert_eq!(suffix.cut_value(value).as_deref(), cut, "{value}");
        }
    }

    #[test]
    fn a_secret_is_no_word_of_four_letters_and_no_path() {
        for secret in ["", "short", "a/b/c/d/e/f", "with blank", "größeres"] {
            assert!(Suffix::new(secret).is_err(), "{secret}");
        }
        assert!(!format!("{:?}", Suffix::new("tr0ub4dor")).contains("tr0ub4dor"));
        assert!(Suffix::unknown().cut(&put("/x.", "10.0.0.7")).is_err());
    }

    #[test]
    fn it_is_read_from_a_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "tr0ub4dor\n").unwrap();
        let suffix = Suffix::read(&file).unwrap();
        assert_eq!(suffix.strip(b"x.tr0ub4dor"), Some(&b"x"[..]));
        let error = Suffix::read(&dir.path().join("none")).unwrap_err();
        assert!(error.contains("none: "), "{error}");
    }
}
