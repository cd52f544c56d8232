//! Tests of the cache's parts together.

#![expect(clippy::print_stdout, reason = "tests tell what they found")]

mod disk;
mod evicted;
mod gate;
mod lookups;
mod simulation;
mod slow;
mod strangers;
