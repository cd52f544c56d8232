//! Secrets in the names of uploads: for clients that can send a name and nothing else.

use std::borrow::Cow;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bootwire::{Refusal, Request, TransferRecord};

/// Shortest secret, in bytes.
const LEAST: usize = 8;
/// What stands for a secret in the log.
const HIDDEN: &str = "***";

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
            "the name does not end in the secret"
        };
        let denied = || Refusal::denied().because(why);
        let name = self.strip(request.rest_bytes()).ok_or_else(denied)?;
        request.renamed(name).ok_or_else(denied)
    }
}

/// The secrets of all routes, to keep them out of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(pub(super) Arc<[Arc<Suffix>]>);

impl Secrets {
    /// The record with `***` in place of a secret at the end of its path and file name.
    pub(crate) fn hidden<'a>(&self, record: &'a TransferRecord) -> Cow<'a, TransferRecord> {
        let found = self.0.iter().find_map(|suffix| {
            let path = suffix.strip(record.path.as_bytes())?;
            Some((path, suffix))
        });
        let Some((path, suffix)) = found else {
            return Cow::Borrowed(record);
        };
        let mut hidden = record.clone();
        hidden.path = format!("{}.{HIDDEN}", String::from_utf8_lossy(path));
        hidden.filename = match suffix.strip(&record.filename) {
            Some(name) => [name, b".", HIDDEN.as_bytes()].concat(),
            None => hidden.path.clone().into_bytes(),
        };
        Cow::Owned(hidden)
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
