//! What each look is called.

use super::*;

/// Whether it is a warning, and whether it is a failure.
const OK: (bool, bool) = (false, false);
const WARNING: (bool, bool) = (true, false);
const FAILURE: (bool, bool) = (false, true);

fn level(found: &Found) -> (bool, bool) {
    (found.is_warning(), found.is_failure())
}

const WITHIN: Duration = Duration::from_secs(5);

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn told(found: &[Found]) -> String {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What is told of a server at 10.0.0.9 that was asked from 10.1.0.2:4711: where a transfer's answer
/// came from, whom it names, and where the question arrived.
fn look(from: Option<&str>, seen: Option<&str>, reached: Option<&str>) -> Vec<Found> {
    let transfer = from.map(|from| (at(from), seen.map(at)));
    let listener = reached.map(|reached| (at("10.0.0.9:69"), Some(at(reached))));
    let checkup = Checkup::made(at("10.0.0.9:69"), at("10.1.0.2:4711"), transfer, listener);
    findings(&checkup, WITHIN)
}

#[test]
fn a_server_that_is_well_is_one_line() {
    let found = look(
        Some("10.0.0.9:4001"),
        Some("10.1.0.2:4711"),
        Some("10.0.0.9:69"),
    );
    assert_eq!(told(&found), "10.0.0.9:69 answered in 0.0 ms");
    assert_eq!(level(&found[0]), OK);
    // Any other server.
    let found = look(Some("10.0.0.9:4001"), None, None);
    assert!(
        told(&found).ends_with("it is another server"),
        "{}",
        told(&found)
    );
    assert_eq!(level(&found[0]), OK);
}

#[test]
fn an_answer_from_elsewhere_is_named() {
    let found = look(
        Some("10.0.0.5:4001"),
        Some("10.1.0.2:4711"),
        Some("10.0.0.9:69"),
    );
    let text = told(&found);
    assert!(
        text.starts_with("you asked 10.0.0.9 and were answered from 10.0.0.5"),
        "{text}"
    );
    assert_eq!((found.len(), level(&found[0])), (1, FAILURE));

    let text = told(&look(Some("10.2.0.5:4001"), None, Some("10.2.0.5:6969")));
    assert!(
        text.contains("is translated (NAT) to 10.2.0.5:6969"),
        "{text}"
    );
    assert!(text.ends_with("Set single_port = true"), "{text}");
}

#[test]
fn a_port_that_answers_do_not_come_from_is_named() {
    let text = told(&look(None, None, Some("10.2.0.5:6969")));
    assert!(text.contains("translated (NAT) to 10.2.0.5:6969"), "{text}");
    let text = told(&look(None, None, Some("10.0.0.9:69")));
    assert!(text.contains("NAT or a firewall lets through"), "{text}");
    assert!(text.contains("single_port = true"), "{text}");
}

#[test]
fn translations_that_work_are_told() {
    let found = look(
        Some("10.0.0.9:69"),
        Some("10.2.0.1:4711"),
        Some("10.2.0.5:6969"),
    );
    let levels: Vec<_> = found.iter().map(level).collect();
    assert_eq!(levels, [OK, OK, WARNING]);
    let text = told(&found);
    assert!(
        text.contains("sees you as 10.2.0.1:4711, not as 10.1.0.2:4711"),
        "{text}"
    );
    assert!(text.contains("externalTrafficPolicy"), "{text}");
    // Only the port.
    let text = told(&look(
        Some("10.0.0.9:69"),
        Some("10.1.0.2:1024"),
        Some("10.0.0.9:69"),
    ));
    assert!(text.contains("something rewrites your port 4711"), "{text}");
    // By luck: the translation knows TFTP.
    let text = told(&look(Some("10.0.0.9:4001"), Some("10.2.0.1:1"), None));
    assert!(text.contains("from port 4001, not from the one"), "{text}");
}

#[test]
fn silence_has_causes() {
    assert!(told(&look(None, None, None)).contains("does not answer within 5 s"));
    let mut checkup = Checkup::made(at("10.0.0.9:69"), at("10.1.0.2:4711"), None, None);
    checkup.refused = true;
    let text = told(&findings(&checkup, WITHIN));
    assert!(text.contains("nothing listens on that port"), "{text}");
    checkup.unsent = Some("Operation not permitted (os error 1)".to_owned());
    let text = told(&findings(&checkup, WITHIN));
    assert!(text.contains("a firewall of this host"), "{text}");
}
