//! What a machine tells of its boot.

use std::time::Duration;

use super::{Ending, Part};

/// Something happened to a machine.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It was switched on, or starts over.
    Started,
    /// It asks for a file.
    Asks {
        /// The name as sent.
        path: &'a str,
        /// What the file is to it.
        part: Part,
    },
    /// It has got an answer to what it asked, or has given up.
    Fetched(&'a Fetched),
    /// The boot is over.
    Ended(&'a Ending),
}

/// One request and what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The name as sent.
    pub path: String,
    /// What the file is to the machine.
    pub part: Part,
    /// The port it asked from.
    pub port: u16,
    /// Bytes it took.
    pub bytes: u64,
    /// A sum over them, see [`image::checksum`](super::image::checksum).
    pub checksum: u64,
    /// From the request to the end.
    pub duration: Duration,
    /// How it ended, as the machine sees it.
    pub got: Got,
}

/// How a request ended, as the machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// The file is here.
    Whole,
    /// An ERROR came.
    Refused {
        /// Its code.
        code: u16,
        /// Its text.
        text: String,
    },
    /// It only wanted to know the size, or had seen enough, and said so.
    Left {
        /// The size it was told.
        size: Option<u64>,
    },
    /// The server did not answer, or stopped answering.
    NoAnswer,
    /// The file did not have the size it should have.
    WrongSize,
    /// The machine lost its power.
    Silent,
    /// The machine started over.
    Reset,
}
