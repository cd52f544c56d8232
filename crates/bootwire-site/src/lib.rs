//! Configurations of Bootwire: a file becomes an application that answers TFTP requests.
//!
//! [`config`] reads and understands the file, [`site`] opens what it names, [`explain`] says what a
//! client would get, [`check`] whether everything works.
#![forbid(unsafe_code)]

pub mod check;
pub mod config;
pub mod explain;
pub mod networks;
mod out;
pub mod ports;
pub mod site;

use bootwire::{amount as size, escape as shown};

pub use config::{Config, Problem, Problems};
pub use site::Site;
