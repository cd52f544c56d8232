//! What the tests share: a server to talk to, clients to talk with, content to compare.

mod content;
mod flood;
mod namespace;
mod output;
mod port;
mod records;
mod server;
mod tool;
mod wire;

pub(crate) use content::{noise, text};
pub(crate) use flood::{Flood, send_as};
pub(crate) use namespace::{Isolation, dropping_capabilities, is_root};
pub(crate) use output::Output;
pub(crate) use port::{Ports, run_to_end};
pub(crate) use records::Record;
pub(crate) use server::{Builder, Server, bootwire, expect_listing, give_to_nobody};
pub(crate) use tool::{Extras, Tool};
pub(crate) use wire::{Packet, Wire, rrq, wrq};
