//! The whole engine of Bootwire in virtual time, from a seed.
//!
//! A seed draws a [`Scenario`]: files, clients with the habits of real boot loaders, a network with
//! its faults, hostile peers, limits. [`run`] plays it against the real engine and lets checks that
//! know nothing of the engine's inside watch. The same seed gives the same run, packet by packet.
//!
//! Start with [`scenario`] for what is drawn, [`check`] for what must hold, and `bootwire-sim
//! --seed 1 --trace` for what a run looks like.
#![forbid(unsafe_code)]

pub mod app;
pub mod campaign;
pub mod check;
pub mod clients;
pub mod content;
pub mod hostile;
pub mod net;
pub mod node;
pub mod packet;
pub mod random;
pub mod scenario;
pub mod trace;
mod world;

pub use self::scenario::{Kind, Link, Scenario};
pub use self::trace::Trace;
pub use self::world::{Client, Report};

/// Plays a scenario to its end.
///
/// # Panics
/// If the engine does, or if tokio cannot make a runtime.
#[must_use]
pub fn run(scenario: Scenario, trace: Trace) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing from the system");
    runtime.block_on(async { world::World::new(scenario, trace).run().await })
}

/// Plays the scenario of `seed`, of its own kind or the one given, and says what was wrong.
#[must_use]
pub fn play(seed: u64, kind: Option<Kind>) -> Report {
    let kind = kind.unwrap_or_else(|| Kind::of(seed));
    run(Scenario::draw(seed, kind), Trace::quiet())
}
