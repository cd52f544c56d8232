//! From what a client asks to what both sides do (RFC 2347, 2348, 2349, 7440), by the rules that
//! satisfy the firmware in the field.

use core::time::Duration;

use crate::encode::{Decimal, Writer};
use crate::options::{decimal, decimal_saturating};
use crate::time::Micros;
use crate::{Mode, Op, OptionKind, OptionSet, Request, Rollover};

/// Largest OACK [`Agreed::encode_oack`] writes, in bytes.
pub const MAX_OACK: usize = 160;

/// Options of one request that are looked at; the rest is ignored. Real clients send eight at most.
pub const MAX_OPTIONS: usize = 32;

/// Smallest and largest block (RFC 2348).
pub(crate) const BLKSIZE: (u16, u16) = (8, 65_464);

/// What `msftwindow` is asked with, and what grants it.
const MSFTWINDOW: (u64, u64) = (31_416, 27_182);

/// What a server is willing to grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest block, 8 to 65464 bytes; usually the interface's MTU less headers.
    pub blksize_max: u16,
    /// Largest window in blocks, at least 1.
    pub windowsize_max: u16,
    /// Most bytes in one window: windowsize is cut so that windowsize × blksize stays below.
    pub window_bytes_max: u32,
    /// Rollover forced by a rule; `None` lets the client choose and takes 0 if it does not.
    pub rollover: Option<Rollover>,
    /// Whether options are looked at all: `false` answers as an RFC 1350 server.
    pub options: bool,
    /// Options that are never granted, as if the client had not asked for them.
    pub refused: OptionSet,
}

impl Default for Limits {
    /// 65464-byte blocks, windows of 64 blocks and 4 MiB at most.
    fn default() -> Self {
        Self {
            blksize_max: 65_464,
            windowsize_max: 64,
            window_bytes_max: 4 << 20,
            rollover: None,
            options: true,
            refused: OptionSet::new(),
        }
    }
}

/// What both sides agreed on: the parameters of one transfer and the OACK that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Bytes in a full block, 8 to 65464.
    pub blksize: u16,
    /// Blocks in a window, at least 1.
    pub windowsize: u16,
    /// Most blocks a client may ask for in one window by `msftwindow`; without it, `windowsize`.
    pub windowsize_max: u16,
    /// The negotiated retransmission timeout: ceiling of the adaptive one.
    pub timeout: Option<Duration>,
    /// The size of the content as told in the OACK (reads) or by the client (writes), in bytes.
    pub tsize: Option<u64>,
    /// What follows block 65535.
    pub rollover: Rollover,
    /// Whether ACKs carry the size of the next window.
    pub msftwindow: bool,
    pub(crate) granted: Granted,
    pub(crate) oack: bool,
}

/// Options in the order asked; of each pair of alternatives (blksize and blksize2, timeout and
/// utimeout) there is at most one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted([Option<OptionKind>; 6]);

impl Granted {
    pub(crate) fn push(&mut self, kind: OptionKind) {
        if let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(kind);
        }
    }

    fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    fn remove(&mut self, kind: OptionKind) {
        for slot in &mut self.0 {
            slot.take_if(|granted| *granted == kind);
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = OptionKind> {
        self.0.into_iter().flatten()
    }

    pub(crate) fn contains(self, kind: OptionKind) -> bool {
        self.iter().any(|granted| granted == kind)
    }
}

impl Agreed {
    /// A transfer without options (RFC 1350): 512-byte blocks, one at a time.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            blksize: 512,
            windowsize: 1,
            windowsize_max: 1,
            timeout: None,
            tsize: None,
            rollover: Rollover::Zero,
            msftwindow: false,
            granted: Granted([None; 6]),
            oack: false,
        }
    }

    /// Whether an OACK opens the transfer: owed by the server, or received by the client.
    #[must_use]
    pub fn has_oack(&self) -> bool {
        self.oack
    }

    /// The options granted, in the order asked.
    pub fn granted(&self) -> impl Iterator<Item = OptionKind> + '_ {
        self.granted.iter()
    }

    /// The value an OACK carries for `kind`, if it was granted.
    #[must_use]
    pub fn value(&self, kind: OptionKind) -> Option<u64> {
        if !self.granted.contains(kind) {
            return None;
        }
        match kind {
            OptionKind::Blksize | OptionKind::Blksize2 => Some(u64::from(self.blksize)),
            OptionKind::Timeout => self.timeout.map(|timeout| timeout.as_secs()),
            OptionKind::Utimeout => self.timeout.map(|timeout| Micros::of(timeout).get()),
            OptionKind::Tsize => self.tsize,
            OptionKind::Windowsize => Some(u64::from(self.windowsize)),
            OptionKind::Rollover => self.rollover.option_value(),
            OptionKind::Msftwindow => Some(MSFTWINDOW.1),
        }
    }

    /// Writes the OACK, options in the order asked.
    pub fn encode_oack<'b>(&self, buffer: &'b mut [u8; MAX_OACK]) -> &'b [u8] {
        // spec: clients-rule-2, rfc2347-option-list
        let mut out = Writer::new(buffer);
        out.put(&[0, 6]);
        for kind in self.granted() {
            let Some(value) = self.value(kind) else {
                continue;
            };
            out.put(kind.name().as_bytes());
            out.put(&[0]);
            out.put(Decimal::new(value).digits());
            out.put(&[0]);
        }
        out.finish()
    }
}

/// Decides what a server grants for `request`.
///
/// `size` is the exact number of bytes that will be transferred (after netascii conversion), or
/// `None` where it is not known; on writes it is ignored and the client's tsize is repeated.
///
/// Values outside an option's range drop the option; no option ever fails a request.
#[must_use]
pub fn negotiate(request: &Request<'_>, size: Option<u64>, limits: &Limits) -> Agreed {
    let mut negotiation = Negotiation {
        request,
        size,
        limits,
        // A forced rollover is a rule about the transfer, so it holds without options too.
        agreed: Agreed {
            rollover: limits.rollover.unwrap_or_default(),
            ..Agreed::plain()
        },
        windowsize: None,
    };
    if limits.options {
        negotiation.run();
    }
    negotiation.agreed
}

/// A negotiation under way.
struct Negotiation<'a> {
    request: &'a Request<'a>,
    size: Option<u64>,
    limits: &'a Limits,
    agreed: Agreed,
    /// The window asked for, in blocks. Its cap in bytes depends on the block size, which may be
    /// asked for later.
    windowsize: Option<u64>,
}

impl Negotiation<'_> {
    fn run(&mut self) {
        // A bit for each kind.
        let mut asked = 0_u8;
        let bit = |kind: OptionKind| 1_u8 << kind as u8;
        for (name, value) in self.request.options.iter().take(MAX_OPTIONS) {
            // spec: clients-rule-1
            let Some(kind) = OptionKind::from_name(name) else {
                continue;
            };
            if self.limits.refused.contains(kind) {
                continue;
            }
            if asked & (bit(kind) | kind.alternative().map_or(0, bit)) != 0 {
                continue;
            }
            asked |= bit(kind);
            if self.grant(kind, value).is_some() {
                // spec: clients-rule-2
                self.agreed.granted.push(kind);
            }
        }
        self.fit_window();
        self.spare_empty_file();

        // An OACK without options would grant nothing, and RFC 2347 has every client ready for a
        // server that ignores options: so where nothing is granted the answer is DATA 1 or ACK 0.
        // GRUB, which waits for an OACK, never gets here: its blksize=1024 can always be granted.
        // spec: clients-rule-3, oack-never-empty
        self.agreed.oack = !self.agreed.granted.is_empty();
    }

    /// Takes over what is granted for one option; `None` drops it.
    fn grant(&mut self, kind: OptionKind, value: &[u8]) -> Option<()> {
        let agreed = &mut self.agreed;
        match kind {
            OptionKind::Blksize | OptionKind::Blksize2 => {
                agreed.blksize = grant_blksize(kind, value, self.limits)?;
            }
            OptionKind::Timeout | OptionKind::Utimeout => {
                agreed.timeout = Some(grant_timeout(kind, value)?);
            }
            OptionKind::Tsize => {
                // spec: clients-rule-6
                let told = decimal(value)?;
                agreed.tsize = Some(match self.request.op {
                    Op::Read => self.size?,
                    Op::Write => told,
                });
            }
            OptionKind::Windowsize => {
                // spec: clients-rule-5
                self.windowsize = Some(decimal_saturating(value).filter(|&blocks| blocks > 0)?);
            }
            OptionKind::Rollover => {
                agreed.rollover = grant_rollover(value, self.limits.rollover)?;
            }
            OptionKind::Msftwindow => {
                // spec: msftwindow-grant
                let octet_read = self.request.op == Op::Read && self.request.mode == Mode::Octet;
                agreed.msftwindow = octet_read && decimal(value) == Some(MSFTWINDOW.0);
                agreed.msftwindow.then_some(())?;
            }
        }
        Some(())
    }

    /// Fits the window to the block size now that it is known.
    fn fit_window(&mut self) {
        let agreed = &mut self.agreed;
        let windowsize_max = self.limits.windowsize_max(agreed.blksize);
        if let Some(blocks) = self.windowsize {
            // spec: clients-rule-5
            agreed.windowsize = u16::try_from(blocks)
                .unwrap_or(u16::MAX)
                .min(windowsize_max);
        }
        agreed.windowsize_max = if agreed.msftwindow {
            windowsize_max
        } else {
            agreed.windowsize
        };
    }

    /// Leaves out the tsize of an empty file: curl 7.88 stops when an OACK says `tsize=0`. Where
    /// it is all there is to grant it stays: such a client wants to know, and curl asks for more.
    fn spare_empty_file(&mut self) {
        // spec: tsize-of-empty-file
        let agreed = &mut self.agreed;
        let others = agreed.granted.iter().any(|kind| kind != OptionKind::Tsize);
        if self.request.op == Op::Read && agreed.tsize == Some(0) && others {
            agreed.granted.remove(OptionKind::Tsize);
            agreed.tsize = None;
        }
    }
}

impl Limits {
    /// Most blocks of `blksize` bytes in one window.
    fn windowsize_max(&self, blksize: u16) -> u16 {
        // spec: clients-rule-5
        let fitting = self
            .window_bytes_max
            .checked_div(u32::from(blksize))
            .unwrap_or(1);
        u16::try_from(fitting)
            .unwrap_or(u16::MAX)
            .min(self.windowsize_max)
            .max(1)
    }
}

/// The block size granted for blksize or blksize2.
fn grant_blksize(kind: OptionKind, value: &[u8], limits: &Limits) -> Option<u16> {
    // spec: clients-rule-4
    let (smallest, largest) = BLKSIZE;
    let asked = decimal_saturating(value).filter(|&asked| asked >= u64::from(smallest))?;
    let cap = limits.blksize_max.clamp(smallest, largest);
    let blksize = u16::try_from(asked).unwrap_or(u16::MAX).min(cap);
    if kind == OptionKind::Blksize {
        return Some(blksize);
    }
    // spec: blksize2-power-of-two
    blksize
        .checked_ilog2()
        .and_then(|log| 1_u16.checked_shl(log))
}

/// The timeout granted for timeout or utimeout.
fn grant_timeout(kind: OptionKind, value: &[u8]) -> Option<Duration> {
    let asked = decimal(value)?;
    if kind == OptionKind::Timeout {
        // spec: clients-rule-7
        (1..=255)
            .contains(&asked)
            .then_some(Duration::from_secs(asked))
    } else {
        // spec: utimeout-range
        (10_000..=255_000_000)
            .contains(&asked)
            .then_some(Duration::from_micros(asked))
    }
}

/// The rollover granted: what was asked, unless the server forces another one.
fn grant_rollover(value: &[u8], forced: Option<Rollover>) -> Option<Rollover> {
    // spec: rollover-option, clients-rule-10
    let asked = Rollover::from_option_value(decimal(value)?)?;
    forced.is_none_or(|forced| forced == asked).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_each_transfer_stays_small() {
        assert!(size_of::<Agreed>() <= 56, "{} bytes", size_of::<Agreed>());
    }
}
