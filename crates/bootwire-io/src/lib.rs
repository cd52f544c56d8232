#![doc = include_str!("../README.md")]

mod inherited;
mod interface;
mod kernel;
#[cfg(target_os = "linux")]
mod linux;
mod mapping;
mod memory;
mod poll;
mod prefetch;
mod priority;
mod receive;
mod reports;
mod ring;
mod send;
mod signal;
mod socket;

pub use inherited::{Inherited, duplicated, inherited};
pub use interface::{LocalAddress, interface_mtu, interface_name, local_addresses};
pub use kernel::Kernel;
pub use mapping::{MappedRange, Mapping, is_local, mappable};
pub use memory::{give_back_memory, share_free_memory};
pub use poll::{Poller, Ready};
pub use prefetch::prefetch;
pub use priority::step_back;
pub use receive::{Datagram, ReceiveBatch};
pub use reports::{reported, set_reports};
pub use ring::{Arrival, Ring, RingFailure};
pub use send::{
    Blocks, Destination, FailureKind, Full, MAX_DATAGRAM, MAX_RUN_BLOCKS, MAX_RUN_PIECES, Payload,
    Round, SendBatch, SendFailure, SendReport,
};
pub use signal::Waker;
pub use socket::{Socket, SocketOptions, UnboundSocket};
