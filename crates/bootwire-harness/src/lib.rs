//! What tests of several crates share.
//!
//! [`packets`], [`negotiation`], [`netascii`] and [`machines`] take any bytes, and panic where the
//! protocol crate breaks a promise: its property tests run them on random ones, `fuzz/` at length. Each
//! has a model that is simpler than the code, and compares. `origin` is a web server that does as it is
//! told, `postgres` a database of a test's own.
#![forbid(unsafe_code)]

pub mod machines;
pub mod negotiation;
pub mod netascii;
#[cfg(feature = "origin")]
pub mod origin;
pub mod packets;
#[cfg(feature = "postgres")]
pub mod postgres;
