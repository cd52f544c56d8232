//! Fetching and sending files: [`Client::get`] and [`Client::put`].
//!
//! ```no_run
//! # async fn example() -> Result<(), bootwire::client::ClientError> {
//! use bootwire::client::Client;
//!
//! let mut kernel = Vec::new();
//! let done = Client::new("192.0.2.1:69".parse().expect("an address"))
//!     .windowsize(32)
//!     .get("boot/vmlinuz", &mut kernel)
//!     .await?;
//! println!("{} bytes in {:?}", done.bytes, done.duration);
//! # Ok(())
//! # }
//! ```
//!
//! The client asks for blocks of 1428 bytes, windows of 16 and the size of the file, takes what the
//! server grants, and goes on without options where a server does not know or does not like them.
//! A received size that differs from the one announced is an error, never a short file.

mod checkup;
mod content;
mod error;
mod get;
mod link;
mod put;
mod summary;
mod target;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::{Agreed, Mode, Offer, Rollover, Schedule};
use tokio::io::{AsyncRead, AsyncWrite};

pub use bootwire_proto::{Malformed, Unacceptable};
pub use checkup::{Checkup, Heard};
pub use error::ClientError;
pub use summary::{Progress, Summary};
pub use target::{ParseTargetError, Target};

use content::Content;
use error::Stop;

/// Block size asked for by default: fits Ethernet below IPv6, UDP and a tunnel or VLAN header.
pub const DEFAULT_BLKSIZE: u16 = 1428;

/// Window asked for by default, in blocks: what small receivers can still take as one burst.
pub const DEFAULT_WINDOWSIZE: u16 = 16;

/// Requests sent again without options after no answer came to those with options.
const PLAIN_RESENDS_MAX: u8 = 1;

/// Receives progress reports.
type Observer = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A TFTP client for one server. Cheap to clone; each transfer has a socket of its own.
///
/// Dropping the future of a transfer ends it: the server is told by an ERROR, as far as that is
/// possible without waiting.
#[derive(Clone)]
pub struct Client {
    server: SocketAddr,
    local: SocketAddr,
    options: bool,
    offer: Offer,
    mode: Mode,
    schedule: Schedule,
    observer: Option<Observer>,
}

impl Client {
    /// A client of the server that listens on `server`, usually port 69.
    ///
    /// Answers count only if they come from this address (from any port, as RFC 1350 section 4 has
    /// it, and from then on from that port alone).
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        let local = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        Self {
            server,
            local,
            options: true,
            offer: Offer {
                blksize: Some(DEFAULT_BLKSIZE),
                windowsize: Some(DEFAULT_WINDOWSIZE),
                ..Offer::default()
            },
            mode: Mode::Octet,
            schedule: Schedule {
                quick_opening: true,
                unproven_resends: 3,
                give_up: Duration::from_secs(30),
                ..Schedule::default()
            },
            observer: None,
        }
    }

    /// The block size to ask for, 8 to 65464 bytes; 512 does not ask. Default
    /// [`DEFAULT_BLKSIZE`]. Blocks larger than the path's MTU travel as IP fragments, which some
    /// networks drop.
    #[must_use]
    pub fn blksize(mut self, bytes: u16) -> Self {
        self.offer.blksize = (bytes != 512).then_some(bytes);
        self
    }

    /// The window to ask for, 1 to 65535 blocks; 1 does not ask. Default [`DEFAULT_WINDOWSIZE`].
    /// A get asks for no more than its socket's receive buffer can hold.
    #[must_use]
    pub fn windowsize(mut self, blocks: u16) -> Self {
        self.offer.windowsize = (blocks > 1).then_some(blocks);
        self
    }

    /// What follows block 65535. Default [`Rollover::Zero`], without asking. [`Rollover::One`] is
    /// asked for, and used if granted; [`Rollover::Refuse`] ends a file that needs more blocks.
    #[must_use]
    pub fn rollover(mut self, rollover: Rollover) -> Self {
        self.offer.rollover = (rollover != Rollover::Zero).then_some(rollover);
        self
    }

    /// Asks for no option at all: RFC 1350 as it was, 512 bytes at a time, size unknown.
    #[must_use]
    pub fn without_options(mut self) -> Self {
        self.options = false;
        self
    }

    /// The transfer mode. Default [`Mode::Octet`]. In [`Mode::Netascii`] line ends are converted
    /// (LF here, CR LF on the wire) and the size is not asked for.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// How long the first request waits for its answer before it is sent again. Default 250 ms, then
    /// 1 s. Later waits follow the measured round trip.
    #[must_use]
    pub fn timeout(mut self, wait: Duration) -> Self {
        self.schedule.first = wait;
        self.schedule.quick_opening = false;
        self.schedule.ceiling = self.schedule.ceiling.max(wait);
        self
    }

    /// How often a request that nobody answers is sent again. Default 3. If it asked for options
    /// it is sent once or twice more without, for servers that choke on options.
    #[must_use]
    pub fn retries(mut self, count: u8) -> Self {
        self.schedule.unproven_resends = count;
        self
    }

    /// How long a server that did answer may be silent before it is given up. Default 30 s.
    #[must_use]
    pub fn give_up(mut self, silence: Duration) -> Self {
        self.schedule.give_up = silence;
        self
    }

    /// The local address to send from. Default: any address, any port.
    #[must_use]
    pub fn local_addr(mut self, address: SocketAddr) -> Self {
        self.local = address;
        self
    }

    /// Calls `observer` when the transfer begins, about ten times a second while it moves, and at
    /// its end. It runs between two packets, so it should be quick.
    #[must_use]
    pub fn on_progress(mut self, observer: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Reads the file `path` from the server into `sink`.
    ///
    /// The last block is acknowledged only after `sink` took everything and was flushed. If
    /// packets were lost on the way, the client then stays for up to half a second to repeat
    /// that ACK; on a clean path it returns at once (should the last ACK be the one that is lost,
    /// the server counts the transfer as complete without it).
    ///
    /// # Errors
    /// [`ClientError`]. What `sink` holds then is incomplete.
    pub async fn get<W>(&self, path: impl AsRef<[u8]>, sink: &mut W) -> Result<Summary, ClientError>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let path = checked(path.as_ref())?;
        // A size in netascii is the one before conversion with some servers, and a reason to
        // refuse with others.
        let offer = self.asking(self.octet().then_some(0));
        match get::run(self, path, sink, &offer, &self.schedule).await {
            Err(Stop::WithoutOptions(_)) => {
                let (offer, schedule) = self.plainly();
                Ok(Summary {
                    options_refused: true,
                    ..get::run(self, path, sink, &offer, &schedule).await?
                })
            }
            other => Ok(other?),
        }
    }

    /// Writes everything `source` has to the file `path` on the server. `size`, if known, is told
    /// to the server, which may refuse at once what it has no room for; in octet mode a source
    /// that has more or less then fails the transfer.
    ///
    /// # Errors
    /// [`ClientError`]. Whether the server keeps a file that arrived in part is its own affair.
    pub async fn put<R>(
        &self,
        path: impl AsRef<[u8]>,
        source: R,
        size: Option<u64>,
    ) -> Result<Summary, ClientError>
    where
        R: AsyncRead + Unpin,
    {
        let path = checked(path.as_ref())?;
        let size = size.filter(|_| self.octet());
        let mut content = Content::new(source, self.mode, size);
        let offer = self.asking(size);
        match put::run(self, path, &mut content, &offer, &self.schedule).await {
            Err(Stop::WithoutOptions(_)) => {
                let (offer, schedule) = self.plainly();
                Ok(Summary {
                    options_refused: true,
                    ..put::run(self, path, &mut content, &offer, &schedule).await?
                })
            }
            other => Ok(other?),
        }
    }

    /// Asks whether the server is well, and what becomes of packets on the way: see [`Checkup`].
    /// Takes as long as the answers do, and up to `within` for those that do not come.
    ///
    /// A Bootwire server makes no transfer and no record of it; another one is asked for a file that
    /// hardly anybody has.
    ///
    /// # Errors
    /// [`ClientError::Network`] if the question cannot be sent. That nobody answers is no error.
    pub async fn check_up(&self, within: Duration) -> Result<Checkup, ClientError> {
        checkup::run(self.server, self.local, within).await
    }

    /// What to ask for at first.
    fn asking(&self, tsize: Option<u64>) -> Offer {
        if self.options {
            Offer {
                tsize,
                ..self.offer
            }
        } else {
            self.plain_offer()
        }
    }

    /// Asks for nothing. Refusing rollover is the client's own affair.
    fn plain_offer(&self) -> Offer {
        Offer {
            rollover: self
                .offer
                .rollover
                .filter(|&policy| policy == Rollover::Refuse),
            ..Offer::default()
        }
    }

    fn octet(&self) -> bool {
        self.mode == Mode::Octet
    }

    /// The second try, for servers that did not like the first.
    fn plainly(&self) -> (Offer, Schedule) {
        let schedule = Schedule {
            unproven_resends: self.schedule.unproven_resends.min(PLAIN_RESENDS_MAX),
            ..self.schedule
        };
        (self.plain_offer(), schedule)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .field("offer", &self.offer)
            .field("mode", &self.mode)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// The name, if a request can carry it.
fn checked(path: &[u8]) -> Result<&[u8], ClientError> {
    if path.is_empty() {
        Err(ClientError::Name("it is empty"))
    } else if path.len() > bootwire_proto::packet::MAX_FILENAME {
        Err(ClientError::Name("it is longer than 500 bytes"))
    } else if path.contains(&0) {
        Err(ClientError::Name("it contains a NUL byte"))
    } else {
        Ok(path)
    }
}

/// What a server agrees to that ignores options. Refusing rollover is the client's own affair.
fn plain(offer: &Offer) -> Agreed {
    let mut agreed = Agreed::plain();
    if offer.rollover == Some(Rollover::Refuse) {
        agreed.rollover = Rollover::Refuse;
    }
    agreed
}
