//! What is fuzzed: one function for each target, which takes any bytes and panics if a promise is
//! broken.
//!
//! Those of the protocol crate are shared with its property tests.

mod configuration;
mod engine;
mod migrate;
mod names;
mod routes;

pub use configuration::config;
pub use engine::engine;
pub use migrate::migrate;
pub use names::names;
pub use routes::routes;

/// A datagram: read, compared with a simple reader, written, read again.
pub fn packets(bytes: &[u8]) {
    bootwire_harness::packets::read_and_write(bytes);
}

/// Options, by any limits: what is granted is asked and within them.
pub fn negotiation(bytes: &[u8]) {
    bootwire_harness::negotiation::negotiate_both_ways(bytes);
}

/// netascii both ways against simple converters.
pub fn netascii(bytes: &[u8]) {
    bootwire_harness::netascii::convert_both_ways(bytes);
}

/// A server's sender driven by operations.
pub fn sender(bytes: &[u8]) {
    bootwire_harness::machines::drive_sender(bytes);
}

/// A server's receiver driven by operations.
pub fn receiver(bytes: &[u8]) {
    bootwire_harness::machines::drive_receiver(bytes);
}
