//! TFTP on paper: packets, option negotiation, and the two state machines that move a file.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or allocates per packet. Time is an
//! argument ([`Instant`]), datagrams are byte slices, and what to send is an answer the caller acts
//! on. Every protocol bug can therefore be replayed as a unit test with virtual time.
//!
//! Read [`Sender`] and [`Receiver`] first: each serves a server and a client alike, and lockstep
//! TFTP is the same machine with a window of one block.
//!
//! The rules kept are numbered in `spec/rules.md`; `// spec: ID` stands where each one is kept and
//! in the tests that prove it.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        clippy::wildcard_enum_match_arm,
    )
)]

pub mod block;
pub mod encode;
pub mod error;
pub mod negotiate;
pub mod netascii;
pub mod offer;
pub mod options;
pub mod packet;
pub mod receiver;
pub mod schedule;
pub mod sender;
pub mod time;
pub mod waits;

pub use block::Rollover;
pub use error::{ErrorCode, Malformed, Unacceptable};
pub use negotiate::{Agreed, Limits, negotiate};
pub use offer::Offer;
pub use options::{OptionKind, OptionSet, Options};
pub use packet::{Ack, Data, ErrorPacket, Mode, Op, Packet, Request};
pub use receiver::{Answer, ReceiveFailure, Receiver, ReceiverCounts, ReceiverStatus, Reception};
pub use schedule::{Evidence, Schedule};
pub use sender::{Available, Run, SendFailure, Sender, SenderCounts, SenderStatus, Transmit};
pub use time::Instant;
pub use waits::{Side, Waited};

/// The README's example is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
