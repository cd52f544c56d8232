//! Options: any request by any limits, and the client's view of the answer.

use std::time::Duration;

use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{
    Agreed, Limits, Mode, Offer, Op, OptionKind, Options, Packet, Request, Rollover, negotiate,
};

/// The first bytes are limits and an offer, the others a list of options. What a server grants must
/// be asked, in the order asked, and within the limits; the OACK must say just that; and a client
/// must read it so, or refuse it.
///
/// # Panics
/// If any of that does not hold.
pub fn negotiate_both_ways(bytes: &[u8]) {
    let Some((head, list)) = bytes.split_first_chunk::<24>() else {
        return;
    };
    let short = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let rollovers = [
        None,
        Some(Rollover::Zero),
        Some(Rollover::One),
        Some(Rollover::Refuse),
    ];
    let limits = Limits {
        blksize_max: short(0).clamp(8, 65_464),
        windowsize_max: short(2).max(1),
        window_bytes_max: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        rollover: rollovers[usize::from(head[8] % 4)],
        options: head[9] != 0,
        ..Limits::default()
    };
    let size = (head[10] & 1 == 1).then(|| u64::from(short(11)));
    let op = if head[13] & 1 == 0 {
        Op::Read
    } else {
        Op::Write
    };
    let mode = if head[13] & 2 == 0 {
        Mode::Octet
    } else {
        Mode::Netascii
    };

    let options = Options::new(list);
    let request = Request {
        op,
        filename: b"f",
        mode,
        options,
    };
    let agreed = negotiate(&request, size, &limits);
    expect_subsequence(&agreed, options);
    expect_within(&agreed, &limits, op, mode);
    let mut buffer = [0; MAX_OACK];
    expect_told(&agreed, agreed.encode_oack(&mut buffer));

    let offer = Offer {
        blksize: Some(short(14)).filter(|&blksize| blksize != 0),
        windowsize: Some(short(16)).filter(|&blocks| blocks != 0),
        timeout: Some(head[18]).filter(|&seconds| seconds != 0),
        tsize: (head[19] & 1 == 1).then(|| u64::from(short(20))),
        rollover: rollovers[usize::from(head[22] % 3)],
    };
    expect_agreement(&offer, op, size, &limits);
    // The list taken as an OACK: a client is not led beyond what it offered.
    if let Ok(accepted) = offer.accept(options) {
        for (name, _) in options.iter() {
            assert!(
                OptionKind::from_name(name).is_some(),
                "an unknown option accepted"
            );
        }
        assert!(
            offer
                .blksize
                .is_none_or(|asked| accepted.blksize <= asked.max(512))
        );
        assert!(accepted.windowsize <= offer.windowsize.unwrap_or(1));
    }
}

/// Granted is part of what was asked first under each name, in that order.
fn expect_subsequence(agreed: &Agreed, options: Options<'_>) {
    let mut asked = Vec::new();
    for (name, _) in options.iter() {
        asked.extend(OptionKind::from_name(name).filter(|kind| !asked.contains(kind)));
    }
    let mut rest = asked.iter();
    for kind in agreed.granted() {
        assert!(rest.any(|&other| other == kind), "{kind:?} of {asked:?}");
    }
    for (one, other) in [
        (OptionKind::Blksize, OptionKind::Blksize2),
        (OptionKind::Timeout, OptionKind::Utimeout),
    ] {
        assert!(agreed.value(one).is_none() || agreed.value(other).is_none());
    }
}

fn expect_within(agreed: &Agreed, limits: &Limits, op: Op, mode: Mode) {
    let granted = |kind| agreed.value(kind).is_some();
    if granted(OptionKind::Blksize) || granted(OptionKind::Blksize2) {
        assert!((8..=limits.blksize_max).contains(&agreed.blksize));
    } else {
        assert_eq!(agreed.blksize, 512);
    }
    assert!(!granted(OptionKind::Blksize2) || agreed.blksize.is_power_of_two());
    assert!((1..=limits.windowsize_max).contains(&agreed.windowsize));
    assert!((agreed.windowsize..=limits.windowsize_max).contains(&agreed.windowsize_max));
    let window = u64::from(agreed.windowsize_max) * u64::from(agreed.blksize);
    assert!(window <= u64::from(limits.window_bytes_max) || agreed.windowsize_max == 1);
    let timeouts = Duration::from_millis(10)..=Duration::from_secs(255);
    assert!(
        agreed
            .timeout
            .is_none_or(|timeout| timeouts.contains(&timeout))
    );
    assert!(
        limits
            .rollover
            .is_none_or(|forced| forced == agreed.rollover)
    );
    assert!(!agreed.msftwindow || (op == Op::Read && mode == Mode::Octet));
    assert!(limits.options || !agreed.has_oack());
    assert_eq!(agreed.has_oack(), agreed.granted().next().is_some());
}

/// The OACK says what was granted and nothing else.
fn expect_told(agreed: &Agreed, oack: &[u8]) {
    let Ok(Packet::Oack(told)) = Packet::parse(oack) else {
        panic!("{oack:?} is no OACK");
    };
    let told: Vec<_> = told
        .iter()
        .map(|(name, value)| {
            let value = std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse().ok());
            (OptionKind::from_name(name), value)
        })
        .collect();
    let granted: Vec<_> = agreed
        .granted()
        .map(|kind| (Some(kind), agreed.value(kind)))
        .collect();
    assert_eq!(told, granted);
}

/// A client of ours and a server of ours mean the same.
fn expect_agreement(offer: &Offer, op: Op, size: Option<u64>, limits: &Limits) {
    let mut datagram = Vec::new();
    offer.encode_request(op, b"f", Mode::Octet, &mut datagram);
    let Ok(Packet::Request(request)) = Packet::parse(&datagram) else {
        panic!("{datagram:?} is no request");
    };
    let served = negotiate(&request, size, limits);
    if !served.has_oack() {
        return;
    }
    let mut buffer = [0; MAX_OACK];
    let Ok(Packet::Oack(oack)) = Packet::parse(served.encode_oack(&mut buffer)) else {
        panic!("no OACK");
    };
    let accepted = offer.accept(oack).expect("within the offer");
    for kind in OptionKind::ALL {
        assert_eq!(accepted.value(kind), served.value(kind), "{kind:?}");
    }
    assert_eq!(
        (accepted.blksize, accepted.windowsize, accepted.timeout),
        (served.blksize, served.windowsize, served.timeout)
    );
}
