#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod holder;
mod host;
mod listen;
mod server;
mod way;

pub use holder::holder_of;
pub use host::{Hindrance, hindrances};
pub use listen::{cannot_listen, capped_receive_buffer, is_without_ipv6};
pub use server::{DEFAULT, ask, fetch, reachable, resolve};
pub use way::{Found, findings};
