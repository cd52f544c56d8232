#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod append;
mod database;
mod error;
mod import;
mod inventory;

pub use append::append;
pub use database::Database;
pub use error::MachinesError;
pub use import::File;
pub use inventory::{Inventory, answers_to, entry};
