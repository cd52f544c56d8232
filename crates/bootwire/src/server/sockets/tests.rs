//! Sockets made as clients ask, and what comes while one is not watched.

use super::*;

fn sockets(single_port: bool) -> Sockets {
    let kernel = Kernel::probe();
    let listener = Socket::bind(([0, 0, 0, 0], 0).into(), &SocketOptions::default()).unwrap();
    let own = Arc::default();
    Sockets::new(kernel, vec![listener], single_port, false, Vec::new(), own).unwrap()
}

fn asked(sockets: &mut Sockets, number: u8, turn: u16) -> Lane {
    let address = IpAddr::from([127, 0, 1, number]);
    let lane = sockets.lane(0, Some(address), 1, turn).unwrap();
    assert_eq!(
        lane.local.ip(),
        address,
        "answers come from the address asked"
    );
    assert_eq!(sockets.front(0, Some(address), 1), Some(lane.front));
    lane
}

#[test]
fn each_address_has_ports_of_its_own_and_successive_turns_differ() {
    let mut sockets = sockets(false);
    let lanes: Vec<_> = (0..4).map(|turn| asked(&mut sockets, 1, turn).id).collect();
    let another = asked(&mut sockets, 2, 0);
    assert!(!lanes.contains(&another.id) && !lanes.contains(&0));
    let mut unique = lanes;
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), LANES_PER_FRONT);
    assert_eq!(another.from, None, "the socket is bound to the address");
}

#[test]
fn addresses_without_number_take_no_sockets_without_number() {
    let mut sockets = sockets(false);
    for number in 0..=255 {
        asked(&mut sockets, number, 0);
    }
    assert_eq!(sockets.ports.len(), 1 + FRONTS_MAX * LANES_PER_FRONT);
    assert_eq!(sockets.fronts.len(), FRONTS_MAX + 1);
    let late = asked(&mut sockets, 255, 0);
    assert_eq!(late.id, 0, "the listening socket answers");
    assert_eq!(late.from, Some(1));
    assert_ne!(asked(&mut sockets, 0, 0).id, 0);
}

#[test]
fn what_came_while_a_socket_was_not_watched_is_told_when_it_is_again() {
    let mut sockets = sockets(false);
    let lane = asked(&mut sockets, 1, 0);
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut ready = Vec::new();
    for _ in 0..3 {
        assert!(sockets.unwatch(lane.id));
        assert!(!sockets.unwatch(lane.id), "it was not watched any more");
        peer.send_to(b"late", lane.local).unwrap();
        sockets.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert_eq!(ready, []);
        assert!(sockets.watch(lane.id));
        sockets.wait(None, &mut ready).unwrap();
        assert_eq!(ready[0].token, usize::from(lane.id));
    }
    sockets.block(lane.id, 0);
    assert!(!sockets.unwatch(lane.id), "a transfer waits for room");
}

#[test]
fn sockets_set_aside_are_the_first_to_be_used() {
    let mut sockets = sockets(false);
    sockets.set_aside();
    let all = SITES_SET_ASIDE * LANES_PER_FRONT;
    assert_eq!(sockets.set_aside.len(), all);
    asked(&mut sockets, 1, 0);
    assert_eq!(sockets.set_aside.len(), all - LANES_PER_FRONT);
    for number in 2..=10 {
        asked(&mut sockets, number, 0);
    }
    assert_eq!(sockets.set_aside.len(), 0);
    assert_eq!(sockets.ports.len(), 1 + 10 * LANES_PER_FRONT);
}

#[test]
fn a_single_port_sets_nothing_aside() {
    let mut sockets = sockets(true);
    sockets.set_aside();
    assert!(sockets.set_aside.is_empty());
}

#[test]
fn a_single_port_answers_for_every_address() {
    let mut sockets = sockets(true);
    for number in 1..=3 {
        let lane = asked(&mut sockets, number, u16::from(number));
        assert_eq!(lane.id, 0);
        assert_eq!(lane.from, Some(1));
    }
    assert_eq!(sockets.ports.len(), 1);
}
