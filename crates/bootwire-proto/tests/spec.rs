//! `spec/rules.md` against the comments that cite it: no rule without code and test, no citation
//! without a rule.
#![expect(
    clippy::disallowed_methods,
    reason = "this test reads the sources; only the crate itself may not"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The id of each rule.
fn rules() -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/rules.md")).unwrap();
    for line in text.lines() {
        if let Some((id, _)) = line
            .strip_prefix("| `")
            .and_then(|row| row.split_once("` |"))
        {
            assert_eq!(
                line.matches('|').count(),
                4,
                "a row has three columns: {line}"
            );
            assert!(rules.insert(id.to_owned()), "{id} stands there twice");
        }
    }
    rules
}

/// The ids cited in `// spec: a, b` comments, in code and in tests.
#[derive(Default)]
struct Citations {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
}

impl Citations {
    /// Those of this crate and, where the whole workspace is there, of the server crate.
    fn collect() -> Self {
        let mut citations = Self::default();
        for krate in [".", "../bootwire"] {
            let krate = Path::new(env!("CARGO_MANIFEST_DIR")).join(krate);
            citations.read_folder(&krate.join("src"), false);
            citations.read_folder(&krate.join("tests"), true);
        }
        citations
    }

    fn read_folder(&mut self, folder: &Path, tests: bool) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let tests = tests || path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() {
                self.read_folder(&path, tests);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.read_file(&fs::read_to_string(path).unwrap(), tests);
            }
        }
    }

    /// Reads one file; what stands behind its first `#[cfg(test)]` is test.
    fn read_file(&mut self, text: &str, mut tests: bool) {
        for line in text.lines().map(str::trim_start) {
            tests |= line == "#[cfg(test)]";
            let Some(ids) = line.strip_prefix("// spec: ") else {
                continue;
            };
            let cited = if tests {
                &mut self.tests
            } else {
                &mut self.code
            };
            cited.extend(ids.split(',').map(|id| id.trim().to_owned()));
        }
    }
}

fn missing<'a>(
    ids: impl IntoIterator<Item = &'a String>,
    cited: &BTreeSet<String>,
) -> Vec<&'a String> {
    ids.into_iter().filter(|id| !cited.contains(*id)).collect()
}

#[test]
fn every_rule_is_cited_by_code_and_test() {
    let (rules, citations) = (rules(), Citations::collect());
    let ids = || rules.iter();
    assert!(ids().count() > 60, "rules.md is read");
    assert_eq!(missing(ids(), &citations.code), [""; 0], "cited by no code");
    assert_eq!(
        missing(ids(), &citations.tests),
        [""; 0],
        "cited by no test"
    );
}

#[test]
fn every_citation_names_a_rule() {
    let (known, citations) = (rules(), Citations::collect());
    assert_eq!(missing(&citations.code, &known), [""; 0]);
    assert_eq!(missing(&citations.tests, &known), [""; 0]);
}
