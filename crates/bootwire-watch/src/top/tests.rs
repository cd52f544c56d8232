use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use bootwire_admin::api::{
    Boot, BootDetail, BootStage, BootState, BootVerdict, ExporterDrops, History, Machine,
    MachineDetail, Progress, Sample, SortOrder, StatsEvent, Status, Transfer, TransfersEvent,
};
use bootwire_admin::client::Event;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};

use super::feed::{Known, News};
use super::keys::{Wish, pressed};
use super::state::{Screen, State};
use super::view;

fn transfer(id: u64, path: &str) -> Transfer {
    Transfer {
        id,
        started: "2027-01-15T08:00:00.000Z".to_owned(),
        op: "read".to_owned(),
        peer: format!("10.0.{}.{}:49152", id / 250, id % 250 + 1),
        local: "10.0.0.254:69".to_owned(),
        path: path.to_owned(),
        phase: "client".to_owned(),
        blksize: 1468,
        windowsize: 16,
        size: Some(64 << 20),
        bytes: id * 1_000_000 % (64 << 20),
        rate: Some(id * 10_000 % 12_000_000),
        round_trip_us: Some(250 + id),
        ..Transfer::default()
    }
}

fn state() -> State {
    let mut state = State::new(
        "/run/bootwire/admin.sock".to_owned(),
        Status {
            name: "bootwire".to_owned(),
            version: "0.1.0".to_owned(),
            started: "2027-01-15T07:59:00.000Z".to_owned(),
            listen: vec!["[::]:69".to_owned()],
            ready: true,
            ..Status::default()
        },
        History::default(),
    );
    for second in 0..30 {
        let sample = Sample {
            time: format!("2027-01-15T08:01:{second:02}.000Z"),
            active: 4,
            completed: 3,
            bytes_out: 4_000_000 * second,
            blocks_resent: 12,
            failed: u64::from(second == 29),
            ..Sample::default()
        };
        hear(
            &mut state,
            Event::Stats(Box::new(StatsEvent {
                sample,
                counts: [("not_allowed".to_owned(), 7)].into(),
                load: vec![0.1, 0.42],
                exporters: vec![ExporterDrops {
                    name: "webhook".to_owned(),
                    dropped: 5,
                    ..ExporterDrops::default()
                }],
            })),
        );
    }
    let mut web = transfer(3, "/images/12.7/vmlinuz");
    web.machine = Some("web1".to_owned());
    let mut slow = transfer(20, "/images/12.7/initrd.img");
    slow.blocks_resent = 31;
    slow.phase = "network".to_owned();
    slow.idle_us = 3_200_000;
    let mut up = transfer(21, "/backups/router1.cfg");
    up.op = "write".to_owned();
    up.size = None;
    up.bytes = 4_096;
    let evil = transfer(22, "/x\u{1b}[2J\u{202e}y");
    began(&mut state, vec![web, slow, up, evil]);
    state
}

fn hear(state: &mut State, event: Event) {
    state.hear(News::Event(Box::new(event)));
}

fn began(state: &mut State, began: Vec<Transfer>) {
    hear(
        state,
        Event::Transfers(TransfersEvent {
            reset: true,
            total: began.len(),
            began,
            ..TransfersEvent::default()
        }),
    );
}

fn press(state: &mut State, code: KeyCode) -> Wish {
    pressed(state, &Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// The screen as text.
fn screen(state: &mut State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for line in buffer.content().chunks(usize::from(width)) {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The screen is as it was drawn before; with `RENEW=1` it is from now on.
#[track_caller]
fn expect(name: &str, shown: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/top/tests")
        .join(name);
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&file, shown).unwrap();
    }
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        before == shown,
        "{name} is another picture: RENEW=1 cargo test -p bootwire-watch top::\n{shown}"
    );
}

#[test]
fn transfers_are_a_list() {
    let mut state = state();
    press(&mut state, KeyCode::Down);
    expect("list.txt", &screen(&mut state, 130, 20));
}

#[test]
fn a_small_terminal_shows_what_matters() {
    expect("small.txt", &screen(&mut state(), 60, 10));
    // However small it is.
    for (width, height) in [(1, 1), (10, 2), (80, 3), (300, 5)] {
        screen(&mut state(), width, height);
    }
}

#[test]
fn any_column_sorts() {
    let mut state = state();
    let first = |state: &State| state.rows[0].id;
    assert_eq!(first(&state), 3);
    for _ in 0..4 {
        press(&mut state, KeyCode::Right);
    }
    assert_eq!((state.sort, state.descending), (SortOrder::Progress, true));
    assert_eq!(first(&state), 22);
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(first(&state), 3);
    press(&mut state, KeyCode::Char('9'));
    assert_eq!((state.sort, first(&state)), (SortOrder::Resent, 20));
    press(&mut state, KeyCode::Char('9'));
    assert!(!state.descending, "the same column again turns round");
    press(&mut state, KeyCode::Left);
    press(&mut state, KeyCode::Left);
    assert_eq!(state.sort, SortOrder::Rate);
}

#[test]
fn the_filter_works_as_it_is_typed() {
    let mut state = state();
    press(&mut state, KeyCode::Char('/'));
    for letter in "WEB".chars() {
        press(&mut state, KeyCode::Char(letter));
    }
    assert_eq!(state.rows.len(), 1, "a machine, whatever the case");
    expect("filter.txt", &screen(&mut state, 100, 16));
    press(&mut state, KeyCode::Enter);
    assert_eq!(press(&mut state, KeyCode::Char('q')), Wish::Quit);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.rows.len(), 4);
    press(&mut state, KeyCode::Char('/'));
    press(&mut state, KeyCode::Char('q'));
    assert_eq!(state.filter, "q", "letters are letters while it is typed");
    assert!(screen(&mut state, 100, 16).contains("no transfer has this"));
}

#[test]
fn what_is_chosen_stays_chosen_where_it_goes() {
    let mut state = state();
    began(&mut state, (1..=100).map(|id| transfer(id, "/x")).collect());
    for _ in 0..3 {
        press(&mut state, KeyCode::PageDown);
    }
    let chosen = state.chosen.unwrap();
    assert_eq!(chosen, 41);
    assert!(screen(&mut state, 100, 20).contains("10.0.0.42:49152"));
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(state.row(), Some(59));
    assert!(
        screen(&mut state, 100, 20).contains("10.0.0.42:49152"),
        "it is on the screen"
    );
    press(&mut state, KeyCode::End);
    assert_eq!(state.row(), Some(99));
    press(&mut state, KeyCode::Home);
    assert_eq!(state.row(), Some(0));
    // It ends: nothing is chosen, and nothing breaks.
    let ended = vec![state.chosen.unwrap()];
    hear(
        &mut state,
        Event::Transfers(TransfersEvent {
            ended,
            ..TransfersEvent::default()
        }),
    );
    assert_eq!((state.row(), state.rows.len()), (None, 99));
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.screen, Screen::List);
}

#[test]
fn a_machine_shows_its_boot() {
    let mut state = state();
    press(&mut state, KeyCode::Down);
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Wish::Machine("web1".to_owned())
    );
    assert!(screen(&mut state, 120, 24).contains("asking the server"));
    let boot = Boot {
        id: "17".to_owned(),
        machine: "web1".to_owned(),
        started: "2027-01-15T08:00:00.000Z".to_owned(),
        state: BootState::Failed,
        verdict: Some(BootVerdict {
            kind: "stopped_config".to_owned(),
            text:
                "stopped after grub.cfg: never asked for the kernel it names (/images/12.7/vmlinuz)"
                    .to_owned(),
            advice: Some("Look at the machine's screen: a menu may wait for a choice.".to_owned()),
        }),
        transfers: 9,
        bytes: 3_400_000,
        duration_us: 4_000_000,
        ..Boot::default()
    };
    let stage = |stage: &str, path: &str, start_us, duration_us, outcome: &str, count| BootStage {
        stage: stage.to_owned(),
        path: path.to_owned(),
        start_us,
        duration_us,
        outcome: outcome.to_owned(),
        count,
        ..BootStage::default()
    };
    let stages = vec![
        stage("loader", "/grubx64.efi", 0, 900_000, "complete", 2),
        stage(
            "module",
            "/grub/x86_64-efi/normal.mod",
            900_000,
            400_000,
            "complete",
            5,
        ),
        stage("gap", "", 1_300_000, 1_700_000, "", 0),
        stage(
            "config",
            "/grub/grub.cfg-01-52-54-00-12-34-56",
            3_000_000,
            4_000,
            "not_found",
            1,
        ),
        stage(
            "config",
            "/grub/grub.cfg",
            3_900_000,
            100_000,
            "complete",
            1,
        ),
    ];
    state.hear(News::Machine(Box::new(Known {
        name: "web1".to_owned(),
        machine: Some(MachineDetail {
            machine: Machine {
                machine: "web1".to_owned(),
                peer: Some("10.0.0.4".to_owned()),
                known: Some(false),
                boots: 2,
                ..Machine::default()
            },
            boots: vec![
                boot.clone(),
                Boot {
                    state: BootState::Complete,
                    verdict: None,
                    ..boot.clone()
                },
            ],
            ..MachineDetail::default()
        }),
        boot: Some(BootDetail {
            boot,
            stages,
            ..BootDetail::default()
        }),
        ..Known::default()
    })));
    expect("machine.txt", &screen(&mut state, 120, 24));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.screen, Screen::List);
    // Another machine's answer that comes late is nothing.
    press(&mut state, KeyCode::Enter);
    state.hear(News::Machine(Box::default()));
    assert!(state.known.is_none());
}

#[test]
fn a_server_that_has_gone_is_told() {
    let mut state = state();
    state.hear(News::Gone("it has ended".to_owned()));
    assert!(screen(&mut state, 100, 16).contains("admin.sock: it has ended"));
    press(&mut state, KeyCode::Char('?'));
    expect("help.txt", &screen(&mut state, 100, 20));
}

#[test]
fn five_thousand_transfers_are_drawn_quickly() {
    let mut state = state();
    began(
        &mut state,
        (1..=5_000)
            .map(|id| transfer(id, "/images/12.7/initrd.img"))
            .collect(),
    );
    press(&mut state, KeyCode::Char('7'));
    let begun = Instant::now();
    for second in 0..10 {
        let progress = (1..=5_000).map(|id| Progress {
            id,
            bytes: Some(second * 1_000_000),
            rate: Some(id * 1_000),
            ..Progress::default()
        });
        let progress = progress.collect();
        hear(
            &mut state,
            Event::Transfers(TransfersEvent {
                progress,
                ..TransfersEvent::default()
            }),
        );
        assert!(
            screen(&mut state, 150, 50).contains("10.0.20.1:49152"),
            "the fastest is on top"
        );
    }
    // Ten seconds of a server take a fraction of one here; the rest is a busy machine.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
