//! The same seed gives the same run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bootwire_sim::{Kind, Scenario, Trace, play, run};

#[test]
fn the_same_seed_gives_the_same_run() {
    let kinds = [
        Kind::Calm,
        Kind::Lossy,
        Kind::Doubling,
        Kind::Harsh,
        Kind::Hostile,
        Kind::Crush,
    ];
    for kind in kinds {
        for seed in 1..=40 {
            let digests = [(); 2].map(|()| play(seed, Some(kind)).digest);
            assert_eq!(digests[0], digests[1], "{} {seed}", kind.name());
        }
    }
}

#[test]
fn another_seed_gives_another_run() {
    let digests = [1, 2].map(|seed| play(seed, Some(Kind::Harsh)).digest);
    assert_ne!(digests[0], digests[1]);
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_trace_shows_every_packet_and_is_the_same_each_time() {
    let traces = [(); 2].map(|()| {
        let kept = Kept::default();
        let trace = Trace::to(Box::new(kept.clone()));
        let report = run(Scenario::draw(5, Kind::Lossy), trace);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let sent = text.lines().filter(|line| line.contains(" <- ")).count();
        assert_eq!(sent as u64, report.stats.packets_out);
        text
    });
    assert_eq!(traces[0], traces[1]);
    for word in ["RRQ", "DATA 1", "ACK 1", "record 1"] {
        assert!(traces[0].contains(word), "no {word} in\n{}", traces[0]);
    }
}
