//! A network that moves no packets: it is told when one leaves, and says when it arrives, how often,
//! or that it never does. It reads no clock and draws everything from the generator it is given.

mod burst;
mod path;

pub use self::burst::Bursts;
pub use self::path::{Fate, Line, Lost, OverMtu, Path, Way};
