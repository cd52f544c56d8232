//! The page of all keys, and the schema: what is made of the table of settings is renewed by
//! `RENEW=1 cargo test -p bootwire-site renewed`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::good;
use crate::config::model::SETTINGS;
use crate::config::schema;
use crate::config::setting::Kind;

/// The documentation.
const PAGE: &str = include_str!("../../../../../docs/reference/configuration.md");

/// The configurations it shows.
pub(super) fn examples() -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("\n```toml\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap_or(block))
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    assert!(examples().count() > 2);
    for (number, example) in examples().enumerate() {
        let config = good(example, &[], &[]);
        // The first has it all.
        assert!(
            number > 0 || config.warnings.is_empty(),
            "{:?}",
            config.warnings
        );
    }
}

#[test]
fn the_documentation_has_every_key() {
    let schema = serde_json::to_value(schema::schema()).unwrap();
    let tables = schema["definitions"].as_object().unwrap().values();
    let properties = tables
        .chain([&schema])
        .filter_map(|table| table["properties"].as_object());
    let mut keys: Vec<_> = properties.flat_map(|table| table.keys()).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 100, "{keys:?}");
    for key in keys {
        let shown = [
            format!("`{key}`"),
            format!("`[{key}]`"),
            format!("`[[{key}]]`"),
        ];
        let words = [format!("{key} = "), format!("`[{key}.NAME]`")];
        let is_there = shown
            .iter()
            .chain(&words)
            .any(|shown| PAGE.contains(shown.as_str()));
        assert!(
            is_there,
            "docs/reference/configuration.md says nothing of {key:?}"
        );
    }
}

/// Other tables may have keys of the same name.
#[test]
fn a_section_about_a_table_has_its_keys() {
    let schema = serde_json::to_value(schema::schema()).unwrap();
    let sections = PAGE.split("\n## ").skip(1);
    let sections = sections.filter_map(|section| section.split_once('\n'));
    let mut tables = 0;
    for (heading, section) in sections.filter(|(heading, _)| heading.starts_with("`[")) {
        let name = heading.trim_matches(['`', '[', ']']);
        let property = &schema["properties"][name.trim_end_matches(".NAME")];
        let property = property.to_string();
        let mut definitions = schema["definitions"].as_object().unwrap().iter();
        let (_, table) = definitions
            .find(|(name, _)| property.contains(&format!("\"#/definitions/{name}\"")))
            .unwrap_or_else(|| panic!("{heading}: {property}"));
        for key in table["properties"].as_object().unwrap().keys() {
            let is_there =
                section.contains(&format!("`{key}`")) || section.contains(&format!("{key} = "));
            assert!(
                is_there,
                "docs/reference/configuration.md says nothing of {key:?} under {heading}"
            );
        }
        tables += 1;
    }
    assert!(tables > 5, "{tables}");
}

fn reference(name: &str) -> PathBuf {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    reference.join(name)
}

/// Compares a file with what it should be, or makes it so.
fn expect_renewed(path: &Path, text: &str) {
    if std::env::var_os("RENEW").is_some() {
        fs::write(path, text).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap_or_default() == text,
        "{} is stale: run RENEW=1 cargo test -p bootwire-site renewed",
        path.display()
    );
}

#[test]
fn the_schema_in_the_docs_is_renewed() {
    expect_renewed(&reference("bootwire.schema.json"), &schema::text());
}

/// The keys of a table of settings, as the page has them.
fn table(name: &str) -> String {
    let mut text =
        "| key | | default | flag | a change is in force |\n|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.table == name) {
        let range = setting.range().map(|range| format!(": {range}"));
        let many = if setting.is_list { "; one or many" } else { "" };
        let words = match setting.kind {
            Kind::Word(words) => words
                .iter()
                .map(|(word, help)| format!("; `\"{word}\"`: {help}"))
                .collect(),
            _ => String::new(),
        };
        let default = match (setting.default_value(), setting.kind) {
            (None, _) => setting.default().unwrap_or_else(|| "none".to_owned()),
            (Some(value), Kind::Switch | Kind::Number(..)) => format!("`{value}`"),
            (Some(value), _) => format!("`\"{value}\"`"),
        };
        let flag = match setting.flag {
            Some(_) => format!("`--{}`", setting.flag_name()),
            None => String::new(),
        };
        let when = if setting.needs_restart {
            "after a restart"
        } else {
            "at once"
        };
        let (key, help, range) = (setting.key, setting.help, range.unwrap_or_default());
        writeln!(
            text,
            "| `{key}` | {help}{range}{many}{words} | {default} | {flag} | {when} |"
        )
        .unwrap();
    }
    text
}

#[test]
fn the_tables_of_the_page_are_renewed() {
    let path = reference("configuration.md");
    let mut page = fs::read_to_string(&path).unwrap();
    let tables = [
        "", "budgets", "sandbox", "admin", "cache", "metrics", "boots",
    ];
    for name in tables {
        let begin = match name {
            "" => "<!-- settings -->\n".to_owned(),
            name => format!("<!-- settings: {name} -->\n"),
        };
        let (before, rest) = page.split_once(&begin).expect(&begin);
        let (_, after) = rest.split_once("<!-- end -->").expect("an end");
        page = format!("{before}{begin}{}<!-- end -->{after}", table(name));
    }
    expect_renewed(&path, &page);
}

/// Ranges, defaults and names are told by the table, not by its texts.
#[test]
fn no_setting_says_anything_twice() {
    let mut names = BTreeSet::new();
    for setting in SETTINGS {
        let path = setting.path();
        assert!(names.insert(path.clone()), "{path} is there twice");
        if setting.flag.is_some() {
            let flag = format!("--{}", setting.flag_name());
            assert!(names.insert(flag.clone()), "{flag} is there twice");
        }
        assert!(
            !setting.help.contains("default"),
            "{path}: {}",
            setting.help
        );
        if let Some(range) = setting.range() {
            assert!(!setting.help.contains(&range), "{path}: {}", setting.help);
        }
        let is_told =
            setting.default().is_some() || matches!(setting.kind, Kind::Switch | Kind::Text);
        assert!(is_told, "{path} has no default");
    }
}
