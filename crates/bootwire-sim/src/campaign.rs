//! Many seeds, on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Kind, play};

/// Failures after which a campaign ends: the first ones tell the story.
const FAILURES_MAX: usize = 5;

/// How many seeds are played.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The first seed; the others follow it.
    pub first: u64,
    /// The most that are played.
    pub seeds: u64,
    /// Real time after which no more are begun.
    pub limit: Option<Duration>,
    /// Plays scenarios of this kind only.
    pub kind: Option<Kind>,
}

/// What a campaign came to.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Scenarios played.
    pub played: u64,
    /// Seeds that failed, and how.
    pub failures: Vec<(u64, String)>,
}

impl Campaign {
    /// Plays the seeds.
    #[must_use]
    pub fn run(self) -> Results {
        let begin = Instant::now();
        let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let results = Mutex::new(Results::default());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            while !over.load(Ordering::Relaxed) {
                let offset = next.fetch_add(1, Ordering::Relaxed);
                if offset >= self.seeds || self.limit.is_some_and(|limit| begin.elapsed() >= limit)
                {
                    return;
                }
                let seed = self.first.wrapping_add(offset);
                let failure = failure_of(seed, self.kind);
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.played += 1;
                results.failures.extend(failure.map(|text| (seed, text)));
                if results.failures.len() >= FAILURES_MAX {
                    over.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(work);
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.failures.sort_unstable();
        results
    }
}

/// What was wrong with one seed, if anything; a panic is.
fn failure_of(seed: u64, kind: Option<Kind>) -> Option<String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, kind)));
    let Ok(report) = played else {
        return Some("it panicked".to_owned());
    };
    let violations: Vec<_> = report.violations.iter().map(ToString::to_string).collect();
    (!violations.is_empty()).then(|| violations.join("\n"))
}

/// The failures for people: seed, commit, and how to see them again.
#[must_use]
pub fn explain(failures: &[(u64, String)], kind: Option<Kind>) -> String {
    let commit = commit();
    failures
        .iter()
        .map(|(seed, text)| {
            let kind = kind.unwrap_or_else(|| Kind::of(*seed)).name();
            format!(
                "seed {seed} ({kind}) at commit {commit}:\n{text}\n\
                 replay: cargo run --release -p bootwire-sim -- --scenario {kind} --seed {seed} --trace\n"
            )
        })
        .collect()
}

/// The commit that is checked out, as far as git knows.
#[must_use]
pub fn commit() -> String {
    let output = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
