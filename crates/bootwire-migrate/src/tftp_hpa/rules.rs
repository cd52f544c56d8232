//! A map's rules, each as the routes that do the same.

use super::Served;
use super::map::{Case, Letters, Map, Piece, Rule};
use super::posix::{Translated, translate};
use crate::draft::{Draft, Lines};
use crate::toml::{braces, text};

/// Longest expression of a route, in bytes.
const REGEX_MAX: usize = 500;
/// Longest text of a refusal, in characters.
const TEXT_MAX: usize = 60;

/// Writes the routes of a map.
pub(super) fn write(map: &Map, served: &Served, draft: &mut Draft) {
    for (place, why) in &map.wrong {
        draft.lost(place, why.clone());
    }
    for rule in &map.rules {
        if let Err(why) = one(rule, served, draft) {
            draft.lost(&rule.place, format!("{}: {why}", rule.written));
        }
    }
    if let Some(rule) = map.rules.iter().find(|rule| rule.letters.restart)
        && map.rules.len() > 1
    {
        let what = "\"s\" begins anew with the first rule; in.tftpd 5.2 begins with the second";
        draft.differs(&rule.place, what);
    }
}

/// The routes of one rule.
fn one(rule: &Rule, served: &Served, draft: &mut Draft) -> Result<(), String> {
    let letters = rule.letters;
    let mut found = translate(&rule.regex)?;
    let to = replacement(rule, &mut found)?;
    if found.regex.len() > REGEX_MAX {
        return Err(format!("its expression has more than {REGEX_MAX} bytes"));
    }
    if found.alternatives && letters.rewrite {
        let what = format!(
            "{}: of alternatives that match at the same place the first counts; for in.tftpd the \
             longest",
            rule.written
        );
        draft.differs(&rule.place, what);
    }
    if letters.abort {
        refuse(rule, &found, draft);
        return Ok(());
    }
    if letters.exit {
        let Some(root) = served.root() else {
            return Err(
                "\"e\" without --secure: there is no route that leaves a map early and looks \
                        for whole paths"
                    .to_owned(),
            );
        };
        for upload in [false, true] {
            if upload && letters.get && !letters.put || !upload && letters.put && !letters.get {
                continue;
            }
            let table = draft.table("[[route]]");
            table.from(&rule.place, &rule.written);
            conditions(letters, &found, false, table);
            replace(letters, to.as_deref(), table);
            served.action(root, upload, table);
        }
        return Ok(());
    }
    if letters.restart && !letters.rewrite {
        // It would begin anew for ever, and in.tftpd ends that with a refusal.
        refuse(rule, &found, draft);
        return Ok(());
    }
    if !letters.rewrite {
        draft.needless(&rule.place, format!("{}: it does nothing", rule.written));
        return Ok(());
    }
    let table = draft.table("[[route]]");
    table.from(&rule.place, &rule.written);
    conditions(letters, &found, true, table);
    replace(letters, to.as_deref(), table);
    if letters.restart {
        table.set("restart", true);
    }
    Ok(())
}

/// Which requests a rule is for.
fn conditions(letters: Letters, found: &Translated, with_op: bool, table: &mut Lines) {
    let key = if letters.inverse {
        "not_regex"
    } else {
        "regex"
    };
    table.set(key, text(&found.regex)).set("as_sent", true);
    if letters.ignore_case {
        table.set("case", text("ignore"));
    }
    if with_op && letters.get != letters.put {
        table.set("op", text(if letters.get { "read" } else { "write" }));
    }
    match (letters.ipv4, letters.ipv6) {
        (true, false) => {
            table.set("from", text("0.0.0.0/0"));
        }
        (false, true) => {
            table.set("from", text("::/0"));
        }
        _ => {}
    }
}

fn replace(letters: Letters, to: Option<&str>, table: &mut Lines) {
    if let Some(to) = to {
        table.set("replace", text(to));
        if letters.global {
            table.set("repeat", true);
        }
    }
}

/// `a`: for reads, and for writes.
fn refuse(rule: &Rule, found: &Translated, draft: &mut Draft) {
    let letters = rule.letters;
    let mut answer = text("denied");
    let plain: Option<String> = rule
        .replacement
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match plain {
        Some(words) if words.is_empty() || !letters.abort => {}
        Some(words) if words.chars().count() <= TEXT_MAX && words.chars().all(is_printable) => {
            answer = format!("{{ code = 2, text = {} }}", text(&words));
        }
        _ => {
            let what = format!(
                "{}: it is refused with another text; texts have no parameters and {TEXT_MAX} \
                 letters at most",
                rule.written
            );
            draft.differs(&rule.place, what);
        }
    }
    for (op, is_meant) in [
        ("read", letters.get || !letters.put),
        ("write", letters.put || !letters.get),
    ] {
        if is_meant {
            let table = draft.table("[[route]]");
            table.from(&rule.place, &rule.written);
            conditions(letters, found, false, table);
            table.set("op", text(op)).set("refuse", &answer);
        }
    }
}

const fn is_printable(letter: char) -> bool {
    letter.is_ascii_graphic() || letter == ' '
}

/// What takes the place of what is found, with parameters. `{0}` has one spelling alone: where it needs
/// another, the whole expression becomes a group.
fn replacement(rule: &Rule, found: &mut Translated) -> Result<Option<String>, String> {
    if !rule.letters.rewrite {
        return Ok(None);
    }
    let whole = |piece: &Piece| matches!(piece, Piece::Group(0, Case::Lower | Case::Upper));
    let shift = usize::from(rule.replacement.iter().any(whole));
    if shift == 1 {
        found.regex = format!("({})", found.regex);
    }
    let mut to = String::new();
    for piece in &rule.replacement {
        match piece {
            Piece::Text(text) => to.push_str(&braces(text)),
            Piece::Group(0, Case::Same) => to.push_str("{0}"),
            // Groups that are not there are empty.
            Piece::Group(number, _) if *number > found.groups => {}
            Piece::Group(number, case) => {
                let number = number + shift;
                let spelling = match case {
                    Case::Same => "",
                    Case::Lower => ":lower",
                    Case::Upper => ":upper",
                };
                to.extend(["{", &number.to_string(), spelling, "}"]);
            }
            Piece::Address => to.push_str("{client}"),
            Piece::HexAddress(Case::Lower) => {
                return Err("\\x in lower case, after \\L".to_owned());
            }
            Piece::HexAddress(_) => to.push_str("{client:hex}"),
        }
    }
    Ok(Some(to))
}
