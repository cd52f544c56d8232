//! The page of verdicts has what the code has. `RENEW=1 cargo test -p bootwire-boots renewed` writes it.

use std::fmt::Write;
use std::path::PathBuf;

use bootwire_boots::VerdictKind;

fn reference(page: &str) -> PathBuf {
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    top.join("docs/reference").join(page)
}

#[test]
fn the_table_of_verdicts_is_renewed() {
    let path = reference("verdicts.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut table = String::new();
    for kind in VerdictKind::ALL {
        let (level, meaning, advice) = (kind.level().as_str(), kind.meaning(), kind.advice());
        writeln!(table, "| `{kind}` | {level} | {meaning} | {advice} |").unwrap();
    }
    let (before, rest) = page.split_once("<!-- verdicts -->\n").expect("a beginning");
    let (_, after) = rest.split_once("<!-- end -->").expect("an end");
    let renewed = format!("{before}<!-- verdicts -->\n{table}<!-- end -->{after}");
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&path, &renewed).unwrap();
        return;
    }
    assert_eq!(
        page, renewed,
        "stale: run RENEW=1 cargo test -p bootwire-boots renewed"
    );
}

/// Every member of a boot and of a step is in the page.
#[test]
fn the_members_of_boots_are_documented() {
    let page = std::fs::read_to_string(reference("boots.md")).unwrap();
    let mut tracker = bootwire_boots::Tracker::new(bootwire_boots::Limits::default());
    let peer = ([192, 0, 2, 7], 2070).into();
    let record = bootwire::TransferRecord::new(bootwire::Op::Read, peer, "/pxelinux.0");
    tracker.record(&record);
    let changes = tracker.tick(record.started + std::time::Duration::from_secs(300));
    let boot = serde_json::to_value(&**changes.last().unwrap().boot()).unwrap();
    let members = |value: &serde_json::Value| {
        let object = value.as_object().unwrap();
        object.keys().cloned().collect::<Vec<_>>()
    };
    for member in members(&boot).into_iter().chain(members(&boot["steps"][0])) {
        assert!(
            page.contains(&format!("| `{member}` |")),
            "{member} is not in boots.md"
        );
    }
    for stage in bootwire_boots::Stage::ALL {
        assert!(
            page.contains(&format!("| `{stage}` |")),
            "{stage} is not in boots.md"
        );
    }
}
