//! Simulated machines: firmware and boot loaders that boot over TFTP as real ones do.
//!
//! A [`Machine`] asks what its firmware asks, with the same options in the same order, from the same
//! source ports, with the same probes and the same names that lead nowhere. What it boots stands in
//! the configuration the server gives it: it reads `grub.cfg`, `pxelinux.cfg` and iPXE scripts, and
//! asks for the kernel they name. It can get into [`Trouble`]: fall silent in mid file, start over,
//! hang. Other faults are the server's, or of its DHCP server: a kernel that is not there, a loader
//! for another processor, an iPXE that is sent to iPXE again.
//!
//! ```no_run
//! use bootwire_bench::boots::{Kind, Machine};
//!
//! # async fn example() {
//! let machine = Machine::new("node-7", Kind::Grub, "52:54:00:12:34:56".parse().unwrap());
//! let boot = machine.boot("127.0.0.1:6969".parse().unwrap(), 1, |_| {}).await;
//! println!("{}: {}", machine.name, boot.ending);
//! # }
//! ```
//!
//! [`Fleet`] lets many of them boot again and again. [`image`] makes files for them to boot from.

mod boot;
mod card;
mod ending;
mod event;
mod fetch;
mod fleet;
pub mod image;
mod loaders;
mod machine;
mod manners;
mod pace;
mod run;
mod scripts;

pub use ending::{Boot, Ending};
pub use event::{Event, Fetched, Got};
pub use fleet::{Fleet, Rest};
pub use machine::{Arch, Kind, Machine, Part, Trouble};
pub use pace::Pace;
