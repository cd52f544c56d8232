#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod boots;
pub mod colour;
pub mod tail;
pub mod top;

use bootwire::{amount as size, escape as shown};
