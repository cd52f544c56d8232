//! Tests of the cache's parts together.

mod disk;
mod lookups;
mod strangers;
