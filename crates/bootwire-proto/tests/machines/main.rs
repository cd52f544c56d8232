//! The sending and the receiving state machine: against each other over a network in memory,
//! against scripted boot loaders, call by call, by their state tables, and under whatever order of
//! events chance brings.

mod common;
mod pair;
mod property;
mod state_tables;
