use super::*;

fn transfer(id: u64, bytes: u64) -> Transfer {
    Transfer {
        id,
        bytes,
        path: format!("/images/{id}"),
        peer: format!("10.0.0.{id}:2070"),
        size: Some(1_000),
        ..Transfer::default()
    }
}

fn looked(transfers: impl IntoIterator<Item = Transfer>) -> Arc<Looked> {
    Arc::new(Looked {
        at: "2027-01-15T08:00:00.000Z".to_owned(),
        transfers: transfers
            .into_iter()
            .map(|one| (one.id, Arc::new(one)))
            .collect(),
    })
}

/// What the events say.
fn told(events: &[Arc<str>]) -> Vec<TransfersEvent> {
    let told = |event: &Arc<str>| {
        let data = event.strip_prefix("event: transfers\ndata: ").unwrap();
        serde_json::from_str(data.trim_end()).unwrap()
    };
    events.iter().map(told).collect()
}

fn events(ticks: &Ticks, seen: u64) -> (Vec<TransfersEvent>, u64) {
    match ticks.since(seen) {
        Heard::Events(events, number) => (told(&events), number),
        Heard::Anew(looked, number) => (told(&anew(&looked)), number),
        Heard::Nothing => (Vec::new(), seen),
    }
}

#[test]
fn changes_are_told_and_not_whole_lists() {
    let mut ticks = Ticks::default();
    ticks.follow();
    assert!(matches!(ticks.since(0), Heard::Nothing));
    ticks.add(&looked([transfer(1, 0), transfer(2, 500)]));
    let (first, seen) = events(&ticks, 0);
    assert!(first[0].reset && first[0].began.len() == 2);

    let mut moved = transfer(1, 512);
    moved.phase = "client".to_owned();
    ticks.add(&looked([moved, transfer(3, 0)]));
    let (second, seen) = events(&ticks, seen);
    assert!(!second[0].reset);
    assert_eq!(second[0].ended, [2]);
    assert_eq!(second[0].began, [transfer(3, 0)]);
    let progress = &second[0].progress[0];
    assert_eq!((progress.id, progress.bytes), (1, Some(512)));
    assert_eq!(progress.phase.as_deref(), Some("client"));
    assert_eq!(progress.timeouts, None, "what did not change is not there");

    // The route became known: that is more than progress.
    let mut known = transfer(3, 0);
    known.route = Some("/{*path}".to_owned());
    let mut moved = transfer(1, 512);
    moved.phase = "client".to_owned();
    ticks.add(&looked([moved, known.clone()]));
    let (third, _) = events(&ticks, seen);
    assert_eq!(third[0].began, [known]);
    assert!(third[0].progress.is_empty());
}

#[test]
fn who_is_a_bit_behind_catches_up_and_who_is_far_behind_begins_anew() {
    let mut ticks = Ticks::default();
    ticks.follow();
    for bytes in 0..20 {
        ticks.add(&looked([transfer(1, bytes)]));
    }
    let (some, seen) = events(&ticks, 17);
    assert_eq!((some.len(), seen), (3, 20));
    assert!(some.iter().all(|event| !event.reset));
    let (all, seen) = events(&ticks, 3);
    assert!(all[0].reset && seen == 20);
    assert_eq!(all[0].began[0].bytes, 19);
}

#[test]
fn long_lists_come_in_pieces() {
    let many = looked((1..=1_200).map(|id| transfer(id, 0)));
    let pieces = told(&anew(&many));
    let sizes: Vec<_> = pieces.iter().map(|piece| piece.began.len()).collect();
    assert_eq!(sizes, [500, 500, 200]);
    assert_eq!(pieces.iter().filter(|piece| piece.reset).count(), 1);
    assert!(told(&anew(&looked([])))[0].reset);
    let pieces = told(&difference(&looked([]), &many));
    assert_eq!(
        pieces.iter().map(|piece| piece.began.len()).sum::<usize>(),
        1_200
    );
}

#[test]
fn a_page_is_sorted_filtered_and_bounded() {
    let mut odd = transfer(200, 999);
    odd.machine = Some("Web1".to_owned());
    let all = looked((1..=50).map(|id| transfer(id, id * 10)).chain([odd]));
    let page = all.page(&TransfersQuery {
        sort: Some(SortOrder::Progress),
        descending: Some(true),
        limit: Some(3),
        ..TransfersQuery::default()
    });
    let ids: Vec<_> = page.transfers.iter().map(|one| one.id).collect();
    assert_eq!((page.total, ids), (51, vec![200, 50, 49]));
    let search = |text: &str| {
        let search = Some(text.to_owned());
        let query = TransfersQuery {
            search,
            ..TransfersQuery::default()
        };
        all.page(&query).total
    };
    assert_eq!(
        (search("web"), search("/IMAGES/"), search("10.0.0.5:")),
        (1, 51, 1)
    );
    let beyond = all.page(&TransfersQuery {
        offset: Some(usize::MAX),
        limit: Some(usize::MAX),
        ..TransfersQuery::default()
    });
    assert!(beyond.transfers.is_empty());
    let peer = Some("10.0.0.7".to_owned());
    let query = TransfersQuery {
        peer,
        ..TransfersQuery::default()
    };
    assert_eq!(all.page(&query).total, 1);
}

#[test]
fn what_follows_makes_the_same_list() {
    let old = transfer(1, 100);
    let mut new = Transfer {
        bytes: 700,
        rate: Some(600),
        timeouts: 2,
        idle_us: 2_000_000,
        ..old.clone()
    };
    let mut followed = old.clone();
    followed.advance(&new.progress_since(&old).unwrap());
    assert_eq!(followed, new);
    // Heard again: silence is over.
    let before = new.clone();
    new.idle_us = 10;
    new.bytes = 800;
    followed.advance(&new.progress_since(&before).unwrap());
    assert_eq!(followed.idle_us, 0);
}

#[test]
fn rates_are_smooth() {
    let second = Duration::from_secs(1);
    let mut old = transfer(1, 0);
    assert_eq!(rate(&old, &transfer(1, 1_000), second), 1_000);
    old.rate = Some(2_000);
    assert_eq!(rate(&old, &transfer(1, 1_000), second), 1_500);
    assert_eq!(rate(&old, &transfer(1, 0), Duration::ZERO), 1_000);
}
