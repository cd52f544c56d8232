//! The documentation holds together: links lead somewhere, and every page is on the map and in the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the top of the repository")
}

/// All pages below a directory, as paths from the top.
fn pages_below(directory: &str, pages: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(top().join(directory)).expect("a directory");
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{directory}/{name}");
        // What is built lies there too, and is not ours to judge.
        if entry.path().is_dir() && !name.starts_with('.') && name != "target" {
            pages_below(&path, pages);
        } else if name.ends_with(".md") {
            pages.push(normal(Path::new(&path)));
        }
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                assert!(plain.pop(), "{} leaves the repository", path.display());
            }
            other => plain.push(other),
        }
    }
    plain
}

fn read(page: &Path) -> String {
    fs::read_to_string(top().join(page)).expect("a page")
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Where the links of a page lead, as written: those to other sites left out.
fn links(text: &str) -> Vec<String> {
    let text = prose(text).collect::<Vec<_>>().join("\n");
    // What stands in backticks is no link; every second piece does.
    let text: String = text.split('`').step_by(2).collect::<Vec<_>>().join("code");
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.starts_with("http") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// The anchors of a page's headings, as forges and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let letters = words.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        let anchor: String = letters.collect();
        let mut unique = anchor.clone();
        let mut count = 0;
        while !anchors.insert(unique.clone()) {
            count += 1;
            unique = format!("{anchor}-{count}");
        }
    }
    anchors
}

/// Every page: of the repository's top, of the documentation, of crates, examples and tools.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(top()).expect("the top") {
        let name = PathBuf::from(entry.expect("an entry").file_name());
        if name.extension().is_some_and(|ending| ending == "md") {
            pages.push(name);
        }
    }
    for directory in ["bindings", "docs", "crates", "examples", "fuzz", "perf"] {
        pages_below(directory, &mut pages);
    }
    pages
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            checked += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => normal(&page.parent().expect("a directory").join(path)),
            };
            let shown = format!("{}: {link}", page.display());
            if !top().join(&target).exists() {
                wrong.push(format!("{shown}: there is no {}", target.display()));
            } else if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
                wrong.push(format!("{shown}: {} has no such heading", target.display()));
            }
            // The book holds the documentation and nothing else of the repository.
            if page.starts_with("docs") && !target.starts_with("docs") {
                wrong.push(format!(
                    "{shown}: leads out of the book; name the file instead"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 60, "{checked}");
}

#[test]
fn every_page_is_on_the_map_and_in_the_book() {
    let mut pages = Vec::new();
    pages_below("docs", &mut pages);
    for list in ["docs/README.md", "docs/SUMMARY.md"] {
        let text = read(Path::new(list));
        let listed: BTreeSet<_> = links(&text)
            .iter()
            .map(|link| normal(&Path::new("docs").join(link)))
            .collect();
        for page in &pages {
            let is_list = ["docs/README.md", "docs/SUMMARY.md"]
                .map(Path::new)
                .contains(&&**page);
            assert!(
                is_list || listed.contains(page),
                "{list} has no {}",
                page.display()
            );
        }
    }
}

#[test]
fn anchors_are_made_as_forges_make_them() {
    let text =
        "# The page\n## `[[route]]`\n## How it's sent\n## How it's sent\n```\n# no heading\n```\n";
    let expected = ["how-its-sent", "how-its-sent-1", "route", "the-page"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
    let text = "[a](b.md#c) `[x](y)` [d](https://e.example)\n```\n[f](g)\n```\n[h](#i)";
    assert_eq!(links(text), ["b.md#c", "#i"]);
}

/// The page about loss shows rows of the simulated table; a test of `bootwire-proto` keeps that true.
#[test]
fn the_page_about_loss_has_the_simulations_figures() {
    let page = read(Path::new("docs/explanation/loss.md"));
    let table = "crates/bootwire-proto/tests/machines/loss_table/silent.txt";
    let table = read(Path::new(table));
    let rounded = |text: &str, digits: usize| {
        let number: f64 = text.parse().expect("a number");
        format!("{number:.digits$}")
    };
    let mut rows = 0;
    for line in table.lines().filter(|line| line.contains(" x")) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [loss, "%", trip, oracle, one, _, share, sixteen, _, many, _] = words[..] else {
            panic!("{line:?}");
        };
        if loss == "0" {
            continue;
        }
        let share = rounded(share.trim_start_matches('x'), 2);
        let [oracle, one, sixteen, many] = [oracle, one, sixteen, many].map(|ms| rounded(ms, 0));
        let row =
            format!("| {loss} % | {trip} ms | {oracle} | {one} (×{share}) | {sixteen} | {many} |");
        assert!(page.contains(&row), "no row {row}");
        rows += 1;
    }
    assert_eq!(rows, 12);
}
