//! Whether the server is well, and clients that do not hear it.

use super::*;
use crate::checkup::Way;

fn text(sent: &Sent) -> &str {
    std::str::from_utf8(&sent.bytes[4..sent.bytes.len() - 1]).unwrap()
}

// spec: checkup
#[test]
fn a_check_is_answered_from_either_port_and_leaves_nothing() {
    let mut bench = Bench::new(&[]);
    let sent = bench.ask(peer(1), &Way::Transfer.request());
    assert_eq!((sent.len(), sent[0].error()), (1, Some(1)));
    assert_ne!(sent[0].lane, LISTENER);
    assert_eq!(Way::Transfer.read(text(&sent[0])), Some(peer(1)));

    let sent = bench.ask(peer(2), &Way::Listener.request());
    assert_eq!((sent.len(), sent[0].lane), (1, LISTENER));
    assert_eq!(text(&sent[0]), "asked at 10.0.0.1:69");

    assert!(bench.records().is_empty() && bench.calls() == 0);
    let stats = bench.stats();
    assert_eq!(
        (stats.reads, stats.malformed, stats.outcomes.iter().sum()),
        (0, 0, 0)
    );
    assert_eq!(bench.engine.active(), 0);
}

// spec: checkup
#[test]
fn a_server_that_goes_down_is_not_well() {
    let mut bench = Bench::new(&[]);
    bench.engine.drain();
    assert!(bench.ask(peer(1), &Way::Transfer.request()).is_empty());
}

/// It is there, as it asks again; so it does not hear what comes from another port.
#[test]
fn a_client_that_does_not_hear_another_port_is_told_of() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 6_000]))]);
    let detail = |bench: &Bench, nth: usize| bench.records()[nth].detail.clone().unwrap();
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.wait(Duration::from_secs(12));
    assert_eq!(detail(&bench, 0), "the client never answered");

    // Clients whose timer is longer than our patience ask for the second time.
    let sent = bench.ask(peer(1), &rrq("a", &[]));
    assert_ne!(sent[0].lane, lane);
    bench
        .engine
        .on_unreachable(bench.now, sent[0].lane, 0, peer(1));
    bench.wait(Duration::from_secs(12));
    let told = detail(&bench, 1);
    assert!(
        told.starts_with("the client asks again and does not hear"),
        "{told}"
    );
    assert!(
        told.contains("closed (ICMP): it was answered from port 4000"),
        "{told}"
    );
    assert!(told.ends_with("set single_port = true"), "{told}");

    // Those with a shorter one ask within the transfer.
    bench.ask(peer(2), &rrq("a", &[]));
    bench.wait(Duration::from_secs(2));
    bench.ask(peer(2), &rrq("a", &[]));
    bench.wait(Duration::from_secs(12));
    assert!(detail(&bench, 2).ends_with("set single_port = true"));
}
