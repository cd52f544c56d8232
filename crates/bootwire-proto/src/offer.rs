//! The client's side of negotiation: what to ask for, and whether the answer keeps to it.

use core::time::Duration;

use crate::negotiate::BLKSIZE;
use crate::options::decimal;
use crate::{Agreed, Mode, Op, OptionKind, Options, Rollover, Unacceptable, encode};

/// What a client asks for, to be encoded into a request and compared with the OACK.
///
/// A value no server may grant (a block size outside 8 to 65464, a window or timeout of 0,
/// [`Rollover::Refuse`]) is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// `blksize` to ask for.
    pub blksize: Option<u16>,
    /// `windowsize` to ask for.
    pub windowsize: Option<u16>,
    /// `timeout` to ask for, in seconds.
    pub timeout: Option<u8>,
    /// `tsize`: 0 on reads, the size on writes.
    pub tsize: Option<u64>,
    /// `rollover` to ask for. [`Rollover::Refuse`] is the client's own affair and not asked for.
    pub rollover: Option<Rollover>,
}

impl Offer {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked().next().is_none()
    }

    /// Appends the request that carries this offer.
    pub fn encode_request(&self, op: Op, filename: &[u8], mode: Mode, out: &mut Vec<u8>) {
        let asked: Vec<_> = self.asked().collect();
        encode::request(op, filename, mode, &asked, out);
    }

    /// Reads the server's OACK.
    ///
    /// # Errors
    /// [`Unacceptable`] if the server granted what was not asked, or more than was asked.
    pub fn accept(&self, oack: Options<'_>) -> Result<Agreed, Unacceptable> {
        // spec: rfc2347-client-checks
        let mut agreed = Agreed {
            oack: true,
            ..Agreed::plain()
        };
        if self.rollover == Some(Rollover::Refuse) {
            agreed.rollover = Rollover::Refuse;
        }
        for (name, value) in oack.iter() {
            let kind = OptionKind::from_name(name).ok_or(Unacceptable::Unasked)?;
            let asked = self.value(kind).ok_or(Unacceptable::Unasked)?;
            // Granted twice is once more than asked, and leaves open which value the server means.
            if agreed.granted.contains(kind) {
                return Err(Unacceptable::Unasked);
            }
            agreed.granted.push(kind);
            let value = decimal(value).ok_or(Unacceptable::OutOfRange)?;
            agreed
                .set(kind, value, asked)
                .ok_or(Unacceptable::OutOfRange)?;
        }
        agreed.windowsize_max = agreed.windowsize;
        Ok(agreed)
    }

    /// The options asked for, in the order in which most clients send them.
    fn asked(&self) -> impl Iterator<Item = (OptionKind, u64)> {
        const ORDER: [OptionKind; 5] = [
            OptionKind::Tsize,
            OptionKind::Blksize,
            OptionKind::Windowsize,
            OptionKind::Timeout,
            OptionKind::Rollover,
        ];
        ORDER
            .into_iter()
            .filter_map(|kind| Some((kind, self.value(kind)?)))
    }

    /// The value asked for, if any.
    fn value(&self, kind: OptionKind) -> Option<u64> {
        match kind {
            OptionKind::Blksize => self
                .blksize
                .filter(|blksize| (BLKSIZE.0..=BLKSIZE.1).contains(blksize))
                .map(u64::from),
            OptionKind::Windowsize => self.windowsize.filter(|&blocks| blocks > 0).map(u64::from),
            OptionKind::Timeout => self.timeout.filter(|&seconds| seconds > 0).map(u64::from),
            OptionKind::Tsize => self.tsize,
            OptionKind::Rollover => self.rollover.and_then(Rollover::option_value),
            OptionKind::Blksize2 | OptionKind::Utimeout | OptionKind::Msftwindow => None,
        }
    }
}

impl Agreed {
    /// Takes over what the server granted for an option that was asked with `asked`; `None` if the
    /// value is outside the offer.
    fn set(&mut self, kind: OptionKind, value: u64, asked: u64) -> Option<()> {
        match kind {
            OptionKind::Blksize => {
                self.blksize = u16::try_from(value)
                    .ok()
                    .filter(|_| (u64::from(BLKSIZE.0)..=asked).contains(&value))?;
            }
            OptionKind::Windowsize => {
                self.windowsize = u16::try_from(value)
                    .ok()
                    .filter(|_| (1..=asked).contains(&value))?;
            }
            OptionKind::Timeout => {
                self.timeout = (value == asked)
                    .then_some(Duration::from_secs(value))
                    .map(Some)?;
            }
            OptionKind::Tsize => self.tsize = Some(value),
            OptionKind::Rollover => self.rollover = Rollover::from_option_value(value)?,
            OptionKind::Blksize2 | OptionKind::Utimeout | OptionKind::Msftwindow => return None,
        }
        Some(())
    }
}
