//! Admission as a whole, in virtual time.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn guarded(budgets: Budgets) -> Admission {
    let hasher = SeedableRandomState::fixed();
    let guard = Guard::new(budgets, Arc::default(), hasher);
    Admission::new(None, Arc::default(), 1000, 1000).guarded(Arc::new(guard))
}

fn asked(admission: &mut Admission, now: Instant, from: IpAddr) -> Result<Unanswered, Crowded> {
    let caller = admission.hear(now, (from, 2000).into(), None).unwrap();
    admission.wait(now, caller)
}

/// Places an address gets at once.
fn places(admission: &mut Admission, now: Instant, from: IpAddr) -> usize {
    (0..1000)
        .take_while(|_| asked(admission, now, from).is_ok())
        .count()
}

// spec: rfc1123-access
#[test]
fn only_the_allowed_networks_are_answered() {
    let allow = ["10.0.0.0/8", "fe80::/10"].map(|network| network.parse().unwrap());
    let admission = Admission::new(Some(allow.into()), Arc::default(), 10, 10);
    assert!(admission.allows(ip("10.200.0.1")));
    assert!(admission.allows(ip("fe80::1")));
    assert!(
        admission.allows(ip("::ffff:10.0.0.1")),
        "an IPv4 client of an IPv6 socket"
    );
    assert!(!admission.allows(ip("192.0.2.1")));
    assert!(!admission.allows(ip("2001:db8::1")));
    assert!(Admission::new(None, Arc::default(), 10, 10).allows(ip("192.0.2.1")));
}

// spec: unproven-places
#[test]
fn a_machine_that_has_proven_itself_is_not_locked_out_by_forged_neighbours() {
    let mut admission = guarded(Budgets::default());
    let machine = ip("203.0.113.200");
    let place = asked(&mut admission, Instant::ZERO, machine).unwrap();
    admission.proven(Instant::ZERO, place);
    let now = Instant::ZERO + Duration::from_secs(60);
    let forged: usize = (1..=100)
        .map(|last| places(&mut admission, now, IpAddr::from([203, 0, 113, last])))
        .sum();
    assert_eq!(forged, 64, "the network's budget");
    assert_eq!(
        places(&mut admission, now, ip("203.0.113.201")),
        0,
        "a stranger of that network waits"
    );
    assert_eq!(places(&mut admission, now, machine), 64);
    assert_eq!(
        places(&mut admission, now, ip("203.0.114.1")),
        8,
        "another network's affair"
    );
}

// spec: unproven-places
#[test]
fn who_asks_for_something_else_instead_of_answering_spends_his_budget() {
    let mut admission = guarded(Budgets::default());
    let from = ip("192.0.2.7");
    for _ in 0..8 {
        let place = asked(&mut admission, Instant::ZERO, from).unwrap();
        admission.hold(Instant::ZERO, place);
    }
    assert_eq!(admission.waiting(), 0);
    let due = admission.next_due().unwrap();
    assert_eq!(due, Instant::ZERO + HELD);
    assert!(asked(&mut admission, Instant::ZERO, from).is_err());
    admission.on_time(due);
    assert_eq!(admission.next_due(), None);
    assert_eq!(places(&mut admission, due, from), 8);
}

#[test]
fn requests_have_a_rate_for_each_address_and_for_each_network() {
    let admission = guarded(Budgets {
        requests_per_address: 10,
        requests_per_network: 25,
        ..Budgets::default()
    });
    let heard = |from: [u8; 4]| {
        (0..1000)
            .take_while(|_| {
                admission
                    .hear(Instant::ZERO, (from, 2000).into(), None)
                    .is_ok()
            })
            .count()
    };
    assert_eq!(heard([192, 0, 2, 1]), 10);
    assert_eq!(heard([192, 0, 2, 2]), 10);
    assert_eq!(heard([192, 0, 2, 3]), 5);
    assert_eq!(heard([192, 0, 3, 1]), 10);
    assert_eq!(heard([127, 0, 0, 1]), 1000, "loopback has no limit");
    let peer = SocketAddr::from(([192, 0, 2, 1], 2000));
    assert_eq!(
        admission.hear(Instant::ZERO, peer, None).unwrap_err(),
        DropReason::RateLimited
    );
}

#[test]
fn a_proven_address_has_the_rate_of_a_network() {
    let mut admission = guarded(Budgets {
        requests_per_address: 10,
        requests_per_network: 25,
        ..Budgets::default()
    });
    let from = ip("192.0.2.7");
    let place = asked(&mut admission, Instant::ZERO, from).unwrap();
    admission.proven(Instant::ZERO, place);
    let later = Instant::ZERO + Duration::from_secs(1);
    let heard = (0..1000)
        .take_while(|_| admission.hear(later, (from, 2000).into(), None).is_ok())
        .count();
    assert_eq!(heard, 25);
}

#[test]
fn our_own_sockets_and_low_ports_are_refused() {
    let own = Arc::new(OwnAddresses::default());
    own.add("10.0.0.1:69".parse().unwrap());
    let refused = |refuse_low_ports, peer: &str| {
        let budgets = Budgets {
            refuse_low_ports,
            ..Budgets::default()
        };
        let guard = Guard::new(budgets, Arc::clone(&own), SeedableRandomState::fixed());
        Admission::new(None, Arc::default(), 1, 1)
            .guarded(Arc::new(guard))
            .hear(Instant::ZERO, peer.parse().unwrap(), None)
            .err()
    };
    assert_eq!(refused(false, "10.0.0.1:69"), Some(DropReason::OwnAddress));
    assert_eq!(refused(false, "10.0.0.2:69"), None);
    assert_eq!(refused(false, "10.0.0.2:53"), None);
    assert_eq!(refused(true, "10.0.0.2:53"), Some(DropReason::LowPort));
    assert_eq!(refused(true, "10.0.0.2:1024"), None);
    assert_eq!(refused(true, "127.0.0.1:53"), Some(DropReason::LowPort));
}

#[test]
fn a_million_forged_addresses_leave_room_for_a_real_one() {
    let mut admission = guarded(Budgets::default());
    let mut admitted = Vec::new();
    for number in 0..1_000_000_u32 {
        let from = IpAddr::from((number.wrapping_mul(2_654_435_761) | 0x8000_0000).to_be_bytes());
        if let Ok(place) = asked(&mut admission, Instant::ZERO, from) {
            admitted.push(place);
        }
    }
    assert_eq!(
        admitted.len(),
        32_768 - 4_096,
        "the server's budget, but for what is kept for known addresses"
    );
    // Whoever it is that the engine gives up to make room, it is room for anybody.
    let machine = ip("10.1.2.3");
    assert!(matches!(
        asked(&mut admission, Instant::ZERO, machine),
        Err(Crowded::Server)
    ));
    admission.answered(admitted.pop().unwrap());
    assert!(asked(&mut admission, Instant::ZERO, machine).is_ok());
}
