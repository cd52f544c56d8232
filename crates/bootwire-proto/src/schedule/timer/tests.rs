use super::*;

const MS: fn(u64) -> Micros = Micros::millis;

fn timer(seed: u32) -> Timer {
    Timer::new(&Schedule::default(), seed)
}

#[track_caller]
fn within_a_tenth(actual: Micros, nominal: Micros) {
    assert!(
        (nominal.get()..=nominal.get() + nominal.get() / 10).contains(&actual.get()),
        "{actual:?}, not {nominal:?}"
    );
}

// spec: rfc6298-backoff
#[test]
fn intervals_grow_up_to_the_ceiling() {
    let mut timer = timer(1);
    for nominal in [1000, 2000, 4000] {
        within_a_tenth(timer.interval(), MS(nominal));
        timer.expired();
    }
    for _ in 0..300 {
        assert!(timer.interval() <= MS(8000) && timer.interval() >= MS(7200));
        timer.expired();
    }
    let schedule = Schedule {
        quick_opening: true,
        ..Schedule::default()
    };
    within_a_tenth(Timer::new(&schedule, 1).interval(), MS(250));
}

// spec: rfc1123-adaptive-timeout, polite-until-proven
#[test]
fn steady_round_trips_bring_the_timeout_close_to_them_once_loss_is_proven() {
    let mut timer = timer(7);
    for _ in 0..50 {
        timer.sample(MS(100));
    }
    assert_eq!(timer.round_trip(), Some(MS(100)));
    within_a_tenth(timer.interval(), MS(1000));
    assert!(timer.unhurried() >= MS(105) && timer.unhurried() <= MS(107));
    timer.lossy();
    assert!(
        timer.interval() >= MS(105) && timer.interval() <= MS(117),
        "{:?}",
        timer.interval()
    );
}

// spec: polite-until-proven
#[test]
fn a_long_round_trip_raises_the_polite_timeout() {
    let mut timer = timer(7);
    timer.sample(MS(900));
    within_a_tenth(timer.interval(), MS(2700));
}

// spec: polite-until-proven
#[test]
fn a_window_waits_for_a_fifth() {
    let mut timer = timer(7);
    timer.agree(None, 16);
    within_a_tenth(timer.interval(), MS(1000));
    timer.sample(MS(2));
    within_a_tenth(timer.interval(), MS(200));
    within_a_tenth(timer.calm_interval(), MS(1250));
    timer.lossy();
    within_a_tenth(timer.interval(), MS(10));
}

// spec: rfc2349-timeout-floor
#[test]
fn a_granted_timeout_is_the_floor_until_loss_is_proven() {
    for granted in [10, 700, 5000, 255_000] {
        let mut timer = timer(3);
        timer.agree(Some(MS(granted).duration()), 1);
        within_a_tenth(timer.interval(), MS(granted));
        timer.sample(Micros::new(50));
        within_a_tenth(timer.interval(), MS(granted));
        timer.lossy();
        within_a_tenth(timer.interval(), MS(10));
    }
    let mut window = timer(3);
    window.agree(Some(MS(5000).duration()), 16);
    window.sample(MS(2));
    within_a_tenth(window.interval(), MS(5000));
}

// spec: no-stand-off
#[test]
fn resends_leave_a_gap_longer_than_the_client_s_timer() {
    for (granted, gap) in [(1, 7200), (5, 7200), (30, 43_200)] {
        let mut timer = timer(3);
        timer.agree(Some(Duration::from_secs(granted)), 1);
        (0..20).for_each(|_| timer.expired());
        assert!(
            timer.interval() >= MS(gap),
            "{granted}: {:?}",
            timer.interval()
        );
    }
}

// spec: resend-min
#[test]
fn a_least_time_holds_whatever_was_granted_measured_or_proven() {
    let schedule = Schedule {
        resend_min: Some(MS(300).duration()),
        ..Schedule::default()
    };
    let mut timer = Timer::new(&schedule, 3);
    timer.agree(Some(MS(5000).duration()), 1);
    timer.recall(Evidence::Loss, &schedule);
    timer.sample(MS(1));
    timer.lossy();
    (0..9).for_each(|_| timer.needed(true));
    within_a_tenth(timer.interval(), MS(300));
    assert_eq!(timer.evidence(), None);
    timer.agree(None, 64);
    within_a_tenth(timer.interval(), MS(300));
    within_a_tenth(timer.patient_interval(), MS(600));
}

#[test]
fn the_back_off_outlives_unmeasured_progress_up_to_the_first_timeout() {
    let mut timer = timer(5);
    timer.lossy();
    timer.sample(MS(2));
    timer.expired();
    timer.expired();
    timer.relax();
    within_a_tenth(timer.interval(), MS(40));
    (0..20).for_each(|_| timer.expired());
    timer.relax();
    assert!(timer.interval() <= MS(1100));
    timer.sample(MS(2));
    within_a_tenth(timer.interval(), MS(10));
}

// spec: earned-haste
#[test]
fn the_floor_is_earned_and_forgotten() {
    let mut timer = timer(5);
    timer.sample(Micros::new(50));
    timer.needed(true);
    within_a_tenth(timer.interval(), MS(10));
    timer.needed(true);
    within_a_tenth(timer.interval(), MS(5));
    (0..20).for_each(|_| timer.needed(true));
    assert!(
        (313..=625).contains(&timer.interval().get()),
        "{:?}",
        timer.interval()
    );
    assert_eq!(timer.evidence(), Some(Evidence::Loss));
    timer.needless();
    within_a_tenth(timer.interval(), Micros::new(4 * 312));
    (0..3000).for_each(|_| timer.sample(Micros::new(50)));
    within_a_tenth(timer.interval(), MS(10));
    timer.needless();
    within_a_tenth(timer.interval(), MS(40));
    assert_eq!(timer.evidence(), Some(Evidence::None), "the contrary");
    (0..20).for_each(|_| timer.needless());
    within_a_tenth(timer.interval(), MS(1000));
    (0..20).for_each(|_| timer.needed(false));
    within_a_tenth(timer.interval(), Micros::new(2500));
}

// spec: polite-until-proven
#[test]
fn a_needless_resend_leaves_a_polite_timer_polite() {
    let mut timer = timer(5);
    timer.sample(MS(1));
    timer.needless();
    within_a_tenth(timer.interval(), MS(1000));
    assert_eq!(timer.evidence(), None);
    timer.lossy();
    within_a_tenth(timer.interval(), MS(10));
}

// spec: evidence-remembered
#[test]
fn what_was_shown_before_counts_from_the_first_packet() {
    let schedule = Schedule::default();
    let mut lossy = timer(5);
    lossy.agree(Some(MS(5000).duration()), 1);
    lossy.recall(Evidence::Loss, &schedule);
    within_a_tenth(lossy.interval(), MS(250));
    lossy.sample(MS(1));
    within_a_tenth(lossy.interval(), MS(10));
    let mut counts = timer(5);
    counts.recall(Evidence::CountsDuplicates, &schedule);
    counts.sample(MS(1));
    counts.lossy();
    counts.needed(true);
    within_a_tenth(counts.interval(), MS(1000));
}

#[test]
fn extreme_schedules_do_not_overflow() {
    let endless = Schedule {
        resend_min: Some(Duration::MAX),
        quick_opening: true,
        first: Duration::MAX,
        ceiling: Duration::MAX,
        unproven_resends: u8::MAX,
        unproven_life: Duration::MAX,
        give_up: Duration::MAX,
        linger: Duration::MAX,
    };
    let zero = Schedule {
        resend_min: Some(Duration::ZERO),
        quick_opening: false,
        first: Duration::ZERO,
        ceiling: Duration::ZERO,
        unproven_resends: 0,
        unproven_life: Duration::ZERO,
        give_up: Duration::ZERO,
        linger: Duration::ZERO,
    };
    let adaptive = Schedule {
        resend_min: None,
        ..endless
    };
    for schedule in [endless, zero, adaptive] {
        let mut timer = Timer::new(&schedule, 0);
        for granted in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
            timer.agree(granted, 16);
            for _ in 0..300 {
                timer.sample(Micros::of(Duration::MAX));
                timer.expired();
                timer.relax();
                timer.lossy();
                timer.needless();
                assert!(
                    timer.interval() > Micros::default()
                        || timer.interval() == timer.patient_interval()
                );
            }
        }
    }
}
