//! What only Linux has: `recvmmsg`, `sendmmsg`, GSO, packet information, epoll.

mod address;
mod control;
pub(crate) mod epoll;
pub(crate) mod options;
pub(crate) mod probe;
pub(crate) mod receive;
#[cfg(feature = "uring")]
pub(crate) mod ring;
pub(crate) mod send;
