mod documented;
mod fuzzed;
mod layers;
mod page;
mod refused;
mod rewrites;

use super::assemble::{Assembled, Text, assemble};
use super::*;

/// What is wrong with a file called `boot.toml`, a line each.
fn problems(text: &str) -> Vec<String> {
    let lines = assembled(text, &[], &[]).err();
    let lines = lines.into_iter().flat_map(|problems| problems.0);
    lines.map(|problem| problem.to_string()).collect()
}

fn assembled(
    main: &str,
    drop_ins: &[&str],
    environment: &[(&str, &str)],
) -> Result<Assembled, Problems> {
    let text = |name: String, text: &str| Text {
        name,
        text: text.to_owned(),
    };
    let drop_ins: Vec<_> = drop_ins
        .iter()
        .enumerate()
        .map(|(number, drop_in)| text(format!("{number}.toml"), drop_in))
        .collect();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assemble(
        &text("boot.toml".to_owned(), main),
        &drop_ins,
        environment,
        &Flags::default(),
    )
}

#[track_caller]
fn good(main: &str, drop_ins: &[&str], environment: &[(&str, &str)]) -> Assembled {
    assembled(main, drop_ins, environment).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let found = problems(text);
    assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.contains(expected),
            "{text}: {found} has no {expected}"
        );
    }
}

/// A route, so that nothing else is wrong.
const ROUTE: &str = "[[route]]\ndir = \"/srv/tftp\"\n";

#[test]
fn nothing_is_a_configuration() {
    let config = good("", &[], &[]);
    assert!(config.document.route.is_empty() && config.warnings.is_empty());
}

#[test]
fn routes_nobody_reaches_are_warned_of() {
    for (text, warning) in [
        (
            "[[route]]\ndir = \"/a\"\n[[route]]\npath = \"/x\"\ntext = \"y\"\n",
            "boot.toml:3: no request gets here",
        ),
        (
            "[[route]]\npath = \"/x\"\ntext = \"x\"\n[[route]]\npath = \"/x\"\ntext = \"y\"\n",
            "boot.toml:4: no request gets here",
        ),
        (
            "[[route]]\ndir = \"/a\"\n[origin.a]\nurl = \"http://h/\"\n",
            "boot.toml:3: no route asks the origin \"a\"",
        ),
        (
            "[cache]\ndir = \"/x\"\n",
            "boot.toml:1: this cache is not used",
        ),
    ] {
        assert_eq!(good(text, &[], &[]).warnings.len(), 1, "{text}");
        let warnings = good(text, &[], &[]).warnings;
        assert!(warnings[0].starts_with(warning), "{warnings:?}");
    }
    for text in [
        // Uploads are not reads, conditions let others by, hooks pass, rewrites go on.
        "[[route]]\ndir = \"/a\"\n[[route]]\nupload = \"/b\"\n",
        "[[route]]\nfrom = \"10.0.0.0/8\"\ndir = \"/a\"\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nhttp = { post = \"http://h/\" }\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nrewrite = \"/x/{path}\"\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nhttp = { post = \"http://h/\" }\n[origin.a]\nurl = \"http://h/\"\n",
    ] {
        let warnings = good(text, &[], &[]).warnings;
        assert!(warnings.is_empty(), "{text}: {warnings:?}");
    }
}
