//! What a route answers with: its table becomes one action, with the keys that belong to it.

mod dir;
mod hook;
mod upload;

use bootwire::router::Pattern;
use bootwire::{Reason, Refusal};

pub(super) use self::dir::hardware;
use crate::config::model::{self, Document, Unknown};
use crate::config::route::{Action, Step};
use crate::config::rules::Report;
use crate::config::tree::Spot;
use crate::text::Text;

/// An action: the key that stands for it, those it takes besides, and how it is read.
struct Kind {
    key: &'static str,
    takes: &'static [&'static str],
    parse: fn(&Written<'_>, &mut Report) -> Option<Action>,
}

/// All actions there are.
const KINDS: [Kind; 10] = [
    Kind {
        key: "dir",
        takes: &[
            "links",
            "case_insensitive",
            "per_client",
            "fallback",
            "public_only",
        ],
        parse: dir::parse,
    },
    Kind {
        key: "origin",
        takes: &[],
        parse: origin,
    },
    Kind {
        key: "template",
        takes: &["unknown", "vars", "probes"],
        parse: template,
    },
    Kind {
        key: "text",
        takes: &[],
        parse: text,
    },
    Kind {
        key: "empty",
        takes: &[],
        parse: empty,
    },
    Kind {
        key: "refuse",
        takes: &[],
        parse: refuse,
    },
    Kind {
        key: "http",
        takes: &["probes"],
        parse: hook::http,
    },
    Kind {
        key: "exec",
        takes: &["probes"],
        parse: hook::exec,
    },
    Kind {
        key: "upload",
        takes: &[
            "existing",
            "size_max",
            "keep_free",
            "create_dirs",
            "public_only",
            "mode",
            "secret_suffix_file",
            "finished",
        ],
        parse: upload::parse,
    },
    Kind {
        key: "try",
        takes: &[],
        parse: tries,
    },
];

/// Longest text of an ERROR, in bytes.
const TEXT_MAX: usize = 60;

/// A table of a route, or of one of its tries.
pub(super) struct Written<'a> {
    pub(super) document: &'a Document,
    pub(super) table: &'a model::Route,
    pub(super) here: Spot<'a>,
    /// The route's, if it is one.
    pub(super) pattern: Option<&'a Pattern>,
}

/// Whether it is the key of an action, or one that an action takes.
#[cfg(test)]
pub(super) fn is_key(key: &str) -> bool {
    let mut kinds = KINDS.iter();
    kinds.any(|kind| kind.key == key || kind.takes.contains(&key))
}

/// Whether a table has an action.
pub(super) fn is_there(here: Spot<'_>) -> bool {
    KINDS.iter().any(|kind| here.has(kind.key))
}

/// The one action of the table. Without one it has mistakes, or was damaged before.
pub(super) fn parse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let here = written.here;
    let key = report.exactly_one(here, "a route", &KINDS.map(|kind| kind.key));
    for key in here.keys() {
        let takes = |kind: &&Kind| kind.takes.contains(&key);
        let owners: Vec<_> = KINDS.iter().filter(takes).map(|kind| kind.key).collect();
        if !owners.is_empty() {
            report.belongs(here, &[key], &owners);
        }
    }
    let kind = KINDS.iter().find(|kind| Some(kind.key) == key)?;
    (kind.parse)(written, report)
}

fn origin(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let name = written.table.origin.as_ref()?;
    let known: Vec<_> = written.document.origin.keys().map(String::as_str).collect();
    let spot = written.here.key("origin");
    report
        .known(spot, "origin", name, &known)
        .then(|| Action::Origin(name.clone()))
}

fn template(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    let name = table.template.clone()?;
    if name.trim().is_empty() {
        report.wrong(here.key("template"), "the name of the template is missing");
    }
    if let Some(unknown) = &table.unknown {
        unknown_machine(written.document, unknown, here.key("unknown"), report);
    }
    Some(Action::Template {
        name,
        unknown: table.unknown.clone(),
        vars: table.vars.clone().into_iter().collect(),
        probes: table.probes.unwrap_or(true),
    })
}

fn unknown_machine(document: &Document, unknown: &Unknown, here: Spot<'_>, report: &mut Report) {
    let inventory = &document.inventory;
    let has_inventory = inventory.files.is_some()
        || inventory.sqlite.is_some()
        || inventory.postgres.is_some()
        || inventory.http.is_some();
    if matches!(unknown, Unknown::NotFound | Unknown::Denied) && !has_inventory {
        let what =
            "without an [inventory] every machine is unknown: no client would get the template";
        report.wrong(here, what);
    }
    if matches!(unknown, Unknown::Profile(profile) if profile.trim().is_empty()) {
        report.wrong(here, "the name of the profile is missing");
    }
}

fn text(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    match Text::parse(written.table.text.as_ref()?, written.pattern?) {
        Ok(text) => {
            if text.needs_client_mac() {
                hardware(written, written.here.key("text"), "{client:mac}", report);
            }
            Some(Action::Text(text))
        }
        Err(what) => {
            report.wrong(written.here.key("text"), what);
            None
        }
    }
}

fn empty(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    if written.table.empty == Some(false) {
        let what = "write \"empty = true\", or leave it out";
        report.wrong(written.here.key("empty"), what);
    }
    Some(Action::Text(Text::default()))
}

fn refuse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let refuse = written.table.refuse.as_ref()?;
    let here = written.here.key("refuse");
    let reason = match refuse.code {
        0 => Reason::Busy,
        1 => Reason::NotFound,
        2 => Reason::Denied,
        code => {
            let what = format!(
                "code {code} is not for refusing: write 0 (the client may ask again), 1 (no such \
                 file) or 2 (denied)"
            );
            report.wrong(here.key("code"), what);
            return None;
        }
    };
    let refusal = Refusal::new(reason).because("the configuration refuses it");
    let Some(text) = &refuse.text else {
        return Some(Action::Refuse(refusal));
    };
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let what = if text.trim().is_empty() {
        "the text is empty: leave it out, or say why".to_owned()
    } else if text.len() > TEXT_MAX {
        format!(
            "the text has {} bytes: boot screens show {TEXT_MAX}",
            text.len()
        )
    } else if !text.bytes().all(is_printable) {
        "the text has more than printable ASCII, which boot screens cannot show".to_owned()
    } else {
        return Some(Action::Refuse(refusal.text(text.clone())));
    };
    report.wrong(here.key("text"), what);
    None
}

fn tries(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let here = written.here.key("try");
    let tables = &written.table.r#try;
    if tables.is_empty() && !written.here.is_damaged() {
        report.wrong(here, "nothing to try: list answers");
    }
    let tried = tables.iter().enumerate().map(|(index, table)| {
        let written = Written {
            table,
            here: here.index(index),
            ..*written
        };
        super::attempt(&written, report)
    });
    let tried: Vec<Option<Step>> = tried.collect();
    tried
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .map(Action::Try)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::KINDS;
    use crate::config::schema;

    /// Editors show it: whoever writes a route learns there which actions there are.
    #[test]
    fn the_schema_names_every_action() {
        let schema: Value = serde_json::from_str(&schema::text()).unwrap();
        let told = schema["definitions"]["Route"]["description"].as_str();
        let told = told.unwrap().replace('\n', " ");
        let list = told.split(['(', ')']).nth(1).unwrap();
        let mut named: Vec<&str> = list.split(", ").collect();
        let mut keys = KINDS.map(|kind| kind.key).to_vec();
        named.sort_unstable();
        keys.sort_unstable();
        assert_eq!(named, keys);
    }
}
