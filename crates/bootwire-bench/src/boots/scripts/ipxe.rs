//! iPXE's scripts: commands, `||` and `&&`, labels, settings.

use std::collections::BTreeMap;

/// A line: commands, and what must have come of the one before for each to run.
pub(crate) type Line = Vec<(Runs, Vec<String>)>;

/// When a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    Always,
    AfterSuccess,
    AfterFailure,
}

/// A script; `None` if the text is none.
pub(crate) fn parse(text: &str) -> Option<Vec<Line>> {
    let mut lines = text.lines();
    if !lines.next()?.starts_with("#!ipxe") {
        return None;
    }
    Some(lines.map(line).collect())
}

fn line(text: &str) -> Line {
    let mut commands = vec![(Runs::Always, Vec::new())];
    for word in text.split_whitespace() {
        if word.starts_with('#') {
            break;
        }
        match word {
            "||" => commands.push((Runs::AfterFailure, Vec::new())),
            "&&" => commands.push((Runs::AfterSuccess, Vec::new())),
            word => {
                if let Some((_, words)) = commands.last_mut() {
                    words.push(word.to_owned());
                }
            }
        }
    }
    commands.retain(|(runs, words)| !words.is_empty() || *runs == Runs::AfterFailure);
    commands
}

/// Whether this line is the label `name`.
pub(crate) fn is_label(line: &Line, name: &str) -> bool {
    let first = line.first().and_then(|(_, words)| words.first());
    first.and_then(|word| word.strip_prefix(':')) == Some(name)
}

/// A text with its settings filled in: `${net0/mac:hexhyp}`.
pub(crate) fn expand(text: &str, settings: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, behind)) = behind.split_once('}') else {
            return expanded + "${" + behind;
        };
        expanded.push_str(&setting(name, settings));
        rest = behind;
    }
    expanded + rest
}

fn setting(name: &str, settings: &BTreeMap<String, String>) -> String {
    let (name, kind) = name.split_once(':').unwrap_or((name, ""));
    let name = name.rsplit('/').next().unwrap_or(name);
    let value = settings.get(name).cloned().unwrap_or_default();
    match kind {
        "hexhyp" => value.replace(':', "-"),
        "hexraw" => value.replace(':', ""),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_commands_operators_and_labels() {
        let script = parse("#!ipxe\n# a remark\nchain x || goto end\n:end\ndhcp && boot # now\n");
        let script = script.unwrap();
        let words = |line: &Line| {
            let words = line.iter().map(|(runs, words)| (*runs, words.join(" ")));
            words.collect::<Vec<_>>()
        };
        assert_eq!(words(&script[0]), []);
        assert_eq!(
            words(&script[1]),
            [
                (Runs::Always, "chain x".to_owned()),
                (Runs::AfterFailure, "goto end".to_owned())
            ]
        );
        assert!(is_label(&script[2], "end") && !is_label(&script[1], "end"));
        assert_eq!(script[3].len(), 2);
        assert_eq!(parse("MZ"), None);
        assert_eq!(parse(""), None);
        let ignored = parse("#!ipxe\nchain x ||\n").unwrap();
        assert_eq!(ignored[0].len(), 2, "what fails does not matter");
    }

    #[test]
    fn settings_are_filled_in() {
        let settings = BTreeMap::from([("mac".to_owned(), "52:54:00:12:34:56".to_owned())]);
        for (text, expected) in [
            ("${mac}", "52:54:00:12:34:56"),
            ("/x-${net0/mac:hexhyp}.ipxe", "/x-52-54-00-12-34-56.ipxe"),
            ("${mac:hexraw}${nothing}!", "525400123456!"),
            ("a ${ b", "a ${ b"),
        ] {
            assert_eq!(expand(text, &settings), expected);
        }
    }
}
