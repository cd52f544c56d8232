//! The client's side: what is asked, and which answers are accepted.

use std::time::Duration;

use bootwire_proto::{Agreed, Mode, Offer, Op, Options, Rollover, Unacceptable};

use crate::wire;

/// What this project's own client asks for.
pub(crate) const OFFER: Offer = Offer {
    blksize: Some(1468),
    windowsize: Some(16),
    timeout: Some(5),
    tsize: Some(0),
    rollover: Some(Rollover::Zero),
};

fn accept(offer: &Offer, oack: &str) -> Result<Agreed, Unacceptable> {
    offer.accept(Options::new(&wire(oack)))
}

#[test]
fn an_offer_is_encoded_in_the_usual_order() {
    let mut datagram = Vec::new();
    OFFER.encode_request(Op::Read, b"x", Mode::Octet, &mut datagram);
    let expected = wire("tsize=0 blksize=1468 windowsize=16 timeout=5 rollover=0");
    assert_eq!(datagram, [b"\0\x01x\0octet\0", &expected[..]].concat());
}

#[test]
fn an_offer_asks_for_no_value_a_server_may_not_grant() {
    let offer = Offer {
        blksize: Some(7),
        windowsize: Some(0),
        timeout: Some(0),
        tsize: None,
        rollover: Some(Rollover::Refuse),
    };
    assert!(offer.is_empty());
    assert!(
        Offer {
            blksize: Some(65_465),
            ..Offer::default()
        }
        .is_empty()
    );
    assert!(Offer::default().is_empty());
    assert!(!OFFER.is_empty());
    assert_eq!(accept(&offer, "").unwrap().rollover, Rollover::Refuse);
}

// spec: rfc2347-client-checks
#[test]
fn an_oack_within_the_offer_is_accepted() {
    let agreed = accept(
        &OFFER,
        "TSIZE=77 blksize=512 windowsize=4 timeout=5 rollover=1",
    )
    .unwrap();
    assert!(agreed.has_oack());
    assert_eq!(
        (agreed.blksize, agreed.windowsize, agreed.windowsize_max),
        (512, 4, 4)
    );
    assert_eq!(agreed.timeout, Some(Duration::from_secs(5)));
    assert_eq!(agreed.tsize, Some(77));
    assert_eq!(agreed.rollover, Rollover::One);

    let nothing = accept(&OFFER, "").unwrap();
    assert!(nothing.has_oack(), "an OACK came, so ACK 0 is due");
    assert_eq!(
        (nothing.blksize, nothing.windowsize, nothing.timeout),
        (512, 1, None)
    );
}

// spec: rfc2347-client-checks
#[test]
fn an_oack_beyond_the_offer_is_refused() {
    for out_of_range in [
        "blksize=1469",
        "blksize=7",
        "blksize=x",
        "blksize=67004",
        "windowsize=17",
        "windowsize=0",
        "windowsize=65552",
        "timeout=4",
        "timeout=0",
        "tsize=-1",
        "tsize=18446744073709551616",
        "tsize=",
        "rollover=2",
    ] {
        assert_eq!(
            accept(&OFFER, out_of_range),
            Err(Unacceptable::OutOfRange),
            "{out_of_range}"
        );
    }
}

// spec: rfc2347-client-checks
#[test]
fn an_oack_with_unasked_options_is_refused() {
    let small = Offer {
        blksize: Some(1024),
        ..Offer::default()
    };
    for unasked in [
        "tsize=77",
        "windowsize=1",
        "timeout=5",
        "rollover=0",
        "blksize2=512",
        "multicast=",
        "blksize=512 tsize=7",
    ] {
        assert_eq!(
            accept(&small, unasked),
            Err(Unacceptable::Unasked),
            "{unasked}"
        );
    }
    assert_eq!(
        accept(&small, "blksize=512 BLKSIZE=1024"),
        Err(Unacceptable::Unasked)
    );
}
