//! The schema in the docs: `RENEW=1 cargo test -p bootwire renewed` writes it.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn the_schema_of_the_record_in_the_docs_is_renewed() {
    let schema = schemars::schema_for!(TransferRecord);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/record.schema.json");
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "{} is stale: run RENEW=1 cargo test -p bootwire renewed",
        path.display()
    );
}

#[test]
fn the_schema_has_every_member_and_no_other() {
    let schema = schemars::schema_for!(TransferRecord).to_value();
    let record = TransferRecord::new(Op::Read, ([10, 0, 0, 7], 2070).into(), "/a");
    let record = serde_json::to_value(record).unwrap();
    let names = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&schema["properties"]), names(&record));
    let waits = &schema["$defs"]["Waits"]["properties"];
    assert_eq!(names(waits), names(&record["waits"]));
    for (name, member) in schema["properties"].as_object().unwrap() {
        let described = member["description"].as_str().unwrap_or_default();
        assert!(described.ends_with('.'), "{name}: {described}");
    }
}

#[test]
fn what_a_block_took_is_told_of_both_sides() {
    let mut record = TransferRecord::new(Op::Read, ([10, 0, 0, 7], 2070).into(), "/a");
    assert_eq!(
        (record.client_per_block(), record.server_per_block()),
        (None, None)
    );
    record.blocks = 1000;
    record.waits.client = Duration::from_millis(1900);
    record.waits.server = Duration::from_millis(50);
    assert_eq!(record.client_per_block(), Some(Duration::from_micros(1900)));
    assert_eq!(record.server_per_block(), Some(Duration::from_micros(50)));
}
