//! Faults planted back: the simulation finds each of them, so it would have found the first.

use std::time::Duration;

use bootwire_sim::{Kind, Scenario, Trace, run};

/// The first of 300 scenarios of this kind in which something is wrong with the server so adjusted.
fn finds(kind: Kind, plant: impl Fn(&mut Scenario), symptom: &str) {
    for planted in [false, true] {
        let found = (1..=300).find_map(|seed| {
            let mut scenario = Scenario::draw(seed, kind);
            if planted {
                plant(&mut scenario);
            }
            let report = run(scenario, Trace::quiet());
            let mut texts = report.violations.into_iter().map(|wrong| wrong.text);
            texts.find(|text| text.contains(symptom))
        });
        assert_eq!(found.is_some(), planted, "{found:?}");
    }
}

/// What was sent again after 10 ms reached clients that were only busy for a moment.
#[test]
fn a_floor_of_ten_milliseconds() {
    let plant = |scenario: &mut Scenario| {
        scenario.settings.schedule.resend_min = Some(Duration::from_millis(10));
    };
    finds(Kind::Pausing, plant, "again although none was lost");
}

/// A Raspberry Pi's second stage takes the second copy for the next block.
#[test]
fn a_duplicate_for_who_counts_them() {
    let plant = |scenario: &mut Scenario| {
        scenario.settings.schedule.resend_min = Some(Duration::from_millis(10));
        // That alone would fill the list of what is wrong.
        scenario.rules.no_resends.clear();
    };
    finds(Kind::Pausing, plant, "counts-duplicates");
}

/// A first burst of 64 blocks for a network card with 32 buffers.
#[test]
fn a_first_window_of_sixty_four() {
    let plant = |scenario: &mut Scenario| {
        scenario.settings.windowsize_first = 64;
        // What is sent again to the deaf would fill the list of what is wrong.
        scenario.rules.no_resends.clear();
    };
    finds(Kind::Pausing, plant, "overran 32 buffers");
}

/// Resends every 1.6 s keep starting the timer anew that would make atftp repeat its lost ACK.
#[test]
fn a_stand_off_with_a_client_that_ignores_old_blocks() {
    let plant = |scenario: &mut Scenario| {
        scenario.settings.schedule.ceiling = Duration::from_millis(1600);
    };
    finds(Kind::Lossy, plant, "nothing new for");
}
