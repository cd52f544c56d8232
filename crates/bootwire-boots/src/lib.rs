//! Boots: the transfers of one machine that belong together, and a verdict on each.
//!
//! A [`Tracker`] puts [`TransferRecord`](bootwire::TransferRecord)s together to [`Boot`]s. When one is
//! over it has a [`Verdict`]: what happened, and what to do about it. The tracker does no I/O and has no
//! clock.
//!
//! [`Boots`] follows a server with one, and keeps what comes of it in a [`Store`](store::Store): memory,
//! SQLite or PostgreSQL (the last two with the feature `store`).
#![forbid(unsafe_code)]

mod arch;
mod boot;
mod keeper;
pub mod scripts;
mod stage;
pub mod store;
mod times;
mod tracker;
mod verdict;

pub use arch::Arch;
pub use boot::{Boot, Change, Expected, Keys, Step};
pub use keeper::{Boots, BootsBuilder, Changes, Drops, Reader};
pub use stage::{ParseStageError, Stage};
pub use tracker::{Limits, Tracker};
pub use verdict::{Level, ParseVerdictError, Verdict, VerdictKind};
