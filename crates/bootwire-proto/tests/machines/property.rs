//! What holds for every network and every order of events.

use bootwire_harness::machines::{drive_receiver, drive_sender};
use bootwire_proto::{Agreed, Schedule, SenderStatus};
use proptest::prelude::*;

use crate::common::ends::{Receiving, Sending};
use crate::common::{Fate, Net, Passage, To, content, ms, secs, windowed};

/// Fates of the first packets each way; later ones arrive after a millisecond.
type Troubles = Vec<Vec<u8>>;

/// Up to forty packets each way that are lost, late, or doubled.
fn troubles() -> impl Strategy<Value = (Troubles, Troubles)> {
    let delays = prop_oneof![
        2 => Just(vec![]),
        5 => Just(vec![1]),
        2 => prop::collection::vec(1_u8..=120, 1..=3),
    ];
    let one_way = prop::collection::vec(delays, 0..40);
    (one_way.clone(), one_way)
}

fn fates((to_client, to_server): (Troubles, Troubles)) -> impl FnMut(Passage<'_>) -> Fate {
    move |passage| {
        let script = match passage.to {
            To::Client => &to_client,
            To::Server => &to_server,
        };
        let delays = usize::try_from(passage.index)
            .ok()
            .and_then(|index| script.get(index));
        delays.map_or_else(
            || vec![ms(1)],
            |delays| delays.iter().map(|delay| ms(u64::from(*delay))).collect(),
        )
    }
}

fn agreements() -> impl Strategy<Value = Agreed> {
    prop_oneof![
        Just(Agreed::plain()),
        Just(windowed(32, 1)),
        Just(windowed(32, 2)),
        Just(windowed(32, 4)),
        Just(windowed(32, 16)),
        Just(windowed(32, 64)),
    ]
}

/// Patient enough to outlast all trouble there can be: forty packets each way, five seconds each.
fn patient() -> Schedule {
    Schedule {
        unproven_resends: 100,
        unproven_life: secs(600),
        give_up: secs(1000),
        linger: secs(500),
        ..Schedule::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_read_through_any_finite_trouble_is_exact(
        agreed in agreements(),
        len in 0_usize..6000,
        troubles in troubles(),
    ) {
        let content = content(len);
        let client = Receiving::client(agreed, patient());
        let server = Sending::server(content.clone(), agreed, patient());
        let mut net = Net::new(client, server, fates(troubles));
        net.run(secs(1500), 4 * (len as u64 / 32 + 64) + 2000);
        prop_assert_eq!(&net.client.stored, &content);
        prop_assert!(matches!(net.server.status(), SenderStatus::Complete { .. }), "{:?}", net.server.status());
    }

    #[test]
    fn a_write_through_any_finite_trouble_is_exact(
        agreed in agreements(),
        len in 0_usize..6000,
        troubles in troubles(),
    ) {
        let content = content(len);
        let client = Sending::client(content.clone(), agreed, patient());
        let server = Receiving::server(agreed, patient());
        let mut net = Net::new(client, server, fates(troubles));
        net.run(secs(1500), 4 * (len as u64 / 32 + 64) + 2000);
        prop_assert_eq!(&net.server.stored, &content);
        prop_assert!(matches!(net.client.status(), SenderStatus::Complete { .. }), "{:?}", net.client.status());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_operations_make_a_sender_break_its_promises(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drive_sender(&bytes);
    }

    #[test]
    fn no_operations_make_a_receiver_break_its_promises(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drive_receiver(&bytes);
    }
}
