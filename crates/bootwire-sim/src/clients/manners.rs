//! How a boot loader behaves in a transfer.

use std::time::Duration;

/// What a client with a window says to a block that is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing.
    Silent,
    /// The last block in order, each time (EDK2).
    AckEach,
    /// The same, once for each block expected (U-Boot).
    AckOnce,
}

/// How a boot loader behaves in a transfer. The default is a lockstep client of the better kind.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Time before it repeats its request.
    pub ask_every: Duration,
    /// How often it asks in all.
    pub asks: u32,
    /// Time of silence before it repeats its last ACK; `None`: never.
    pub repeat_ack: Option<Duration>,
    /// Time without a new block after which it gives up.
    pub patience: Duration,
    /// What it says to a block that is not the next one.
    pub gaps: Gaps,
    /// It acknowledges each block it has had before.
    pub ack_old: bool,
    /// It waits for an OACK or an ERROR and takes nothing else for an answer.
    pub wants_oack: bool,
    /// It takes an OACK with options it did not ask for as the answer to an earlier request.
    pub is_picky: bool,
    /// It ends the transfer as soon as it knows the size, with this code.
    pub leaves_at_oack: Option<u16>,
    /// It ends the transfer after this many blocks, with code 0.
    pub leaves_after: Option<u64>,
    /// It falls silent for good after this many blocks.
    pub vanishes_after: Option<u64>,
    /// It never acknowledges the last block.
    pub withholds_last: bool,
    /// It acknowledges ERRORs.
    pub acks_errors: bool,
    /// After so many blocks it does nothing for so long.
    pub stalls: Option<(u64, Duration)>,
    /// It takes so many blocks of a burst; a burst ends after so long without a block.
    pub takes: Option<(u32, Duration)>,
    /// It takes every block for the next one, whatever its number.
    pub counts_duplicates: bool,
    /// Its network card has so many buffers; one packet more while it is busy, and it is deaf.
    pub buffers: Option<usize>,
    /// What arrives while it does nothing is looked at afterwards.
    pub queues: bool,
    /// Its own timer starts anew with each packet, also with those it ignores.
    pub restarts: bool,
    /// That it gives up is the server's fault.
    pub never_gives_up: bool,
    /// It says with each ACK how large the next window may be.
    pub resizes: bool,
    /// It tells strangers that they are wrong here.
    pub corrects_strangers: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            ask_every: Duration::from_secs(1),
            asks: 6,
            repeat_ack: Some(Duration::from_secs(1)),
            patience: Duration::from_secs(20),
            gaps: Gaps::Silent,
            ack_old: true,
            wants_oack: false,
            is_picky: false,
            leaves_at_oack: None,
            leaves_after: None,
            vanishes_after: None,
            withholds_last: false,
            acks_errors: false,
            stalls: None,
            takes: None,
            counts_duplicates: false,
            buffers: None,
            queues: false,
            restarts: false,
            never_gives_up: false,
            resizes: false,
            corrects_strangers: false,
        }
    }
}
