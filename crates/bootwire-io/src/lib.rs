//! The kernel under a TFTP engine: UDP sockets in batches, readiness, and mapped files.

mod interface;
mod kernel;
mod mapping;
mod poll;
mod receive;
mod send;
mod socket;

pub use interface::{interface_mtu, interface_name};
pub use kernel::Kernel;
pub use mapping::{MappedRange, Mapping, mappable};
pub use poll::{Poller, Ready, Waker};
pub use receive::{Datagram, ReceiveBatch};
pub use send::{
    Destination, FailureKind, Full, MAX_DATAGRAM, MAX_RUN_BLOCKS, MAX_RUN_PIECES, Payload, Round,
    SendBatch, SendFailure, SendReport,
};
pub use socket::{Socket, SocketOptions};
