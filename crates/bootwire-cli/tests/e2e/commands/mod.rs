//! The commands that the guides show are commands: each is run here, or named with why it is not.
//!
//! They run in a network and a mount table of the test's own, with an `/etc`, `/run` and `/srv` that
//! nobody else sees, against a server with the packaged configuration, as the guides have it.

mod lists;
mod place;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lists::{ELSEWHERE, HERE};
use place::Place;

/// The pages, in docs/how-to.
const PAGES: [&str; 5] = [
    "install",
    "containers",
    "kubernetes",
    "migrating",
    "troubleshooting",
];

/// How a command ends that is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// Well.
    Well,
    /// With this code.
    With(i32),
    /// Not by itself: a server, for the commands behind it.
    Never,
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    let path = top().join("docs/how-to").join(format!("{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The commands of a page: lines of its blocks for a shell, those that go on behind `\` as one, and what
/// stands behind `$` where answers are shown too. Comments are left out.
fn commands(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut language, mut goes_on) = (None, false);
    for line in page.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            language = match language {
                None => Some(fence),
                Some(_) => None,
            };
            continue;
        }
        let shown = match language {
            Some("sh") => Some(line),
            Some("console") if goes_on => Some(line),
            Some("console") => line.strip_prefix("$ "),
            _ => None,
        };
        let Some(shown) = shown else { continue };
        let shown = shown.split(" # ").next().unwrap_or(shown).trim();
        let (words, more) = match shown.strip_suffix('\\') {
            Some(words) => (words.trim_end(), true),
            None => (shown, false),
        };
        match found.last_mut().filter(|_| goes_on) {
            Some(last) => *last = format!("{last} {words}"),
            None if words.is_empty() || words.starts_with('#') => {}
            None => found.push(words.to_owned()),
        }
        goes_on = more;
    }
    found
}

#[test]
fn commands_are_found_in_blocks() {
    let text = "`not this`\n```sh\n# a comment\na   # why\nb \\\n    c\n```\n```toml\nd = 1\n```\n\
                ```console\n$ e\nits answer\n$ f\n```\n";
    assert_eq!(commands(text), ["a", "b c", "e", "f"]);
}

#[test]
fn every_command_of_the_guides_is_run_or_named_with_why_not() {
    let mut shown = BTreeSet::new();
    for name in PAGES {
        shown.extend(commands(&page(name)).into_iter().map(|line| (name, line)));
    }
    let here = HERE.iter().map(|&(page, line, _)| (page, line.to_owned()));
    let elsewhere = ELSEWHERE.iter();
    let elsewhere = elsewhere.map(|&(page, line, _)| (page, line.to_owned()));
    let mut listed = BTreeSet::new();
    for command in here.chain(elsewhere) {
        assert!(
            shown.contains(&command),
            "no page shows {command:?}: take it out of lists.rs"
        );
        assert!(
            listed.insert(command.clone()),
            "{command:?} is listed twice"
        );
    }
    let missing: Vec<_> = shown.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "put these into HERE, or into ELSEWHERE with why, in lists.rs: {missing:#?}"
    );
    assert!(ELSEWHERE.iter().all(|(.., why)| !why.is_empty()));
}

#[test]
fn commands_of_the_guides_do_what_they_say() {
    let name = "commands::commands_of_the_guides_do_what_they_say";
    let Some(place) = Place::enter(name) else {
        return;
    };
    let mut wrong = Vec::new();
    for page_name in PAGES {
        let mut page_place = place.page();
        // In the order of the page: some are about what those before made.
        for line in commands(&page(page_name)) {
            let listed = HERE
                .iter()
                .find(|(page, known, _)| (*page, *known) == (page_name, line.as_str()));
            if let Some((.., ends)) = listed
                && let Err(why) = page_place.run(&line, *ends)
            {
                wrong.push(format!("{page_name}.md: {line}\n{why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
