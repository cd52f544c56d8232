//! What the crate promises, tried over the loopback interface: with everything this kernel has,
//! without GSO, and with plain calls.

#[cfg(target_os = "linux")] // others tell no addresses
mod addresses;
mod batches;
mod common;
#[cfg(target_os = "linux")] // others tell them otherwise
mod failures;
mod poller;
mod property;
mod runs;
