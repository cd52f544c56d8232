#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod api;
mod boots;
pub mod client;
mod console;
pub mod endpoints;
mod feed;
mod known;
pub mod openapi;
mod problem;
pub mod reference;
#[cfg(test)]
mod renewed;
mod serve;
pub mod site;
pub mod sources;
mod view;

pub use client::Client;
pub use endpoints::{CHANGES, COOKIE};
pub use feed::live::sort;
pub use problem::Problem;
pub use serve::{
    Address, Admin, Certificate, CertificateError, ListenError, Listener, ParseAddressError,
    Running, TOKEN_LEAST,
};
