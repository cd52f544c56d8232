//! The sending and the receiving state machine: against each other over a network in memory,
//! against scripted boot loaders, call by call, by their state tables, under whatever order of
//! events chance brings, and for what lost packets cost them.

mod common;
mod loss_table;
mod pair;
mod property;
mod state_tables;
