#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "http")]
mod client;
mod coalesce;
pub mod dialect;
pub mod hook;
pub mod identity;
pub mod inventory;
mod percent;
mod reload;
pub mod template;

pub use reload::Problem;
