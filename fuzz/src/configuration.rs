//! The configuration file: of any text either a configuration or mistakes with their lines.

use std::cell::RefCell;
use std::fs;

use bootwire_site::Config;
use tempfile::TempDir;

thread_local! {
    static PLACE: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// A configuration in a file of its own.
pub fn config(bytes: &[u8]) {
    PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(|| tempfile::tempdir().expect("a directory"));
        let path = place.path().join("boot.toml");
        fs::write(&path, bytes).expect("a file");
        let lines = bytes.split(|byte| *byte == b'\n').count();
        match Config::load_with(&path, std::iter::empty()) {
            Ok(config) => {
                for place in config.route_places() {
                    assert!(line_of(&place).is_some_and(|line| line <= lines), "{place}");
                }
            }
            Err(problems) => {
                assert!(!problems.0.is_empty());
                // What is not UTF-8 has no lines.
                if std::str::from_utf8(bytes).is_err() {
                    return;
                }
                for problem in &problems.0 {
                    let told = problem.to_string();
                    let line = line_of(&told);
                    assert!(
                        told.starts_with("and: ") || line.is_some_and(|line| line <= lines),
                        "{told}"
                    );
                }
            }
        }
    });
}

/// The number behind the name of the file.
fn line_of(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("boot.toml:")?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|line| *line > 0)
}
