//! Whatever is asked, by whatever limits: bounds that always hold.

use std::time::Duration;

use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{
    Limits, Mode, Offer, Op, OptionKind, Options, Packet, Request, Rollover, negotiate,
};
use proptest::prelude::*;

use crate::offer::OFFER;

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u64..70_000).prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "[0-9]{0,40}",
        1 => "[ -~]{0,12}",
        1 => Just("31416".to_owned()),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (prop::sample::select(OptionKind::ALL.to_vec()), any::<bool>()).prop_map(|(kind, upper)| {
            if upper { kind.name().to_uppercase() } else { kind.name().to_owned() }
        }),
        1 => "[a-z0-9]{0,10}",
    ]
}

fn any_options() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((any_name(), any_value()), 0..12)
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let rollover = prop::option::of(prop::sample::select(vec![
        Rollover::Zero,
        Rollover::One,
        Rollover::Refuse,
    ]));
    (
        8..=65_464_u16,
        1..=u16::MAX,
        any::<u32>(),
        rollover,
        prop::bool::weighted(0.9),
    )
        .prop_map(
            |(blksize_max, windowsize_max, window_bytes_max, rollover, options)| Limits {
                blksize_max,
                windowsize_max,
                window_bytes_max,
                rollover,
                options,
                ..Limits::default()
            },
        )
}

proptest! {
    // spec: clients-rule-2, clients-rule-4, clients-rule-5
    #[test]
    fn any_request_is_answered_within_all_bounds(
        options in any_options(),
        read in any::<bool>(),
        octet in any::<bool>(),
        size in prop::option::of(prop_oneof![Just(0), any::<u64>()]),
        limits in any_limits(),
    ) {
        let list: Vec<u8> =
            options.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()).collect();
        let op = if read { Op::Read } else { Op::Write };
        let mode = if octet { Mode::Octet } else { Mode::Netascii };
        let request = Request { op, filename: b"x", mode, options: Options::new(&list) };
        let agreed = negotiate(&request, size, &limits);

        // Granted is a subsequence of the first occurrences asked.
        let mut asked = Vec::new();
        for (name, _) in &options {
            asked.extend(OptionKind::from_name(name.as_bytes()).filter(|kind| !asked.contains(kind)));
        }
        let mut rest = asked.iter();
        for kind in agreed.granted() {
            prop_assert!(rest.any(|&other| other == kind), "{kind:?} is not asked, or out of order");
            prop_assert!(agreed.value(kind).is_some());
        }
        prop_assert_eq!(agreed.has_oack(), agreed.granted().next().is_some());
        for kind in OptionKind::ALL {
            prop_assert_eq!(agreed.value(kind).is_some(), agreed.granted().any(|granted| granted == kind));
        }

        // Nothing exceeds the limits.
        prop_assert!((8..=limits.blksize_max.max(512)).contains(&agreed.blksize));
        prop_assert!((1..=limits.windowsize_max).contains(&agreed.windowsize));
        prop_assert!((agreed.windowsize..=limits.windowsize_max).contains(&agreed.windowsize_max));
        let window_bytes = u64::from(agreed.windowsize_max) * u64::from(agreed.blksize);
        prop_assert!(window_bytes <= u64::from(limits.window_bytes_max) || agreed.windowsize_max == 1);
        if let Some(timeout) = agreed.timeout {
            prop_assert!((Duration::from_millis(10)..=Duration::from_secs(255)).contains(&timeout));
        }
        if let Some(forced) = limits.rollover {
            prop_assert_eq!(agreed.rollover, forced);
        }
        prop_assert!(!agreed.msftwindow || (read && octet));

        // The OACK says just that.
        let mut buffer = [0; MAX_OACK];
        let Ok(Packet::Oack(told)) = Packet::parse(agreed.encode_oack(&mut buffer)) else { panic!("an OACK") };
        let told: Vec<_> = told
            .iter()
            .map(|(name, value)| {
                let value: u64 = str::from_utf8(value).unwrap().parse().unwrap();
                (OptionKind::from_name(name).unwrap(), value)
            })
            .collect();
        let expected: Vec<_> =
            agreed.granted().map(|kind| (kind, agreed.value(kind).unwrap())).collect();
        prop_assert_eq!(told, expected);
    }

    // spec: rfc2347-client-checks
    #[test]
    fn a_client_accepts_whatever_a_server_grants_and_both_mean_the_same(
        blksize in prop::option::of(any::<u16>()),
        windowsize in prop::option::of(any::<u16>()),
        timeout in prop::option::of(any::<u8>()),
        tsize in prop::option::of(any::<u64>()),
        rollover in prop::option::of(prop::sample::select(vec![Rollover::Zero, Rollover::One])),
        read in any::<bool>(),
        limits in any_limits(),
    ) {
        let offer = Offer { blksize, windowsize, timeout, tsize, rollover };
        let op = if read { Op::Read } else { Op::Write };
        let mut datagram = Vec::new();
        offer.encode_request(op, b"x", Mode::Octet, &mut datagram);
        let Ok(Packet::Request(request)) = Packet::parse(&datagram) else { panic!("a request") };
        let served = negotiate(&request, Some(77), &limits);
        prop_assume!(served.has_oack());

        let mut buffer = [0; MAX_OACK];
        let Ok(Packet::Oack(oack)) = Packet::parse(served.encode_oack(&mut buffer)) else { panic!("an OACK") };
        let accepted = offer.accept(oack).unwrap();
        prop_assert!(accepted.granted().eq(served.granted()));
        for kind in OptionKind::ALL {
            prop_assert_eq!(accepted.value(kind), served.value(kind));
        }
        prop_assert_eq!(
            (accepted.blksize, accepted.windowsize, accepted.windowsize_max, accepted.timeout, accepted.tsize),
            (served.blksize, served.windowsize, served.windowsize_max, served.timeout, served.tsize)
        );
    }

    // spec: rfc2347-client-checks
    #[test]
    fn no_oack_makes_a_client_exceed_its_offer(options in any_options()) {
        let list: Vec<u8> =
            options.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()).collect();
        if let Ok(agreed) = OFFER.accept(Options::new(&list)) {
            prop_assert!((8..=1468).contains(&agreed.blksize));
            prop_assert!((1..=16).contains(&agreed.windowsize));
            prop_assert!(agreed.timeout.is_none_or(|timeout| timeout == Duration::from_secs(5)));
        }
    }

    #[test]
    fn no_bytes_in_an_option_list_make_either_side_panic(
        list in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..600),
        limits in any_limits(),
    ) {
        let request = Request { op: Op::Read, filename: b"x", mode: Mode::Octet, options: Options::new(&list) };
        let agreed = negotiate(&request, Some(1), &limits);
        prop_assert!(agreed.encode_oack(&mut [0; MAX_OACK]).len() >= 2);
        if let Ok(accepted) = OFFER.accept(Options::new(&list)) {
            prop_assert_eq!(accepted.granted().count(), Options::new(&list).iter().count());
        }
    }
}
