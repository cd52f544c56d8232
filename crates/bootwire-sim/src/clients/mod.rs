//! Clients: what they ask for in which order, and how they behave about it.
//!
//! A [`Habit`] decides what to ask next; an attempt is one request and what follows: [`Fetch`],
//! written by hand with the [`Manners`] of real boot loaders, or [`Reading`] and [`Writing`], the
//! protocol core's own client. A [`Loader`] is a machine with a habit.

mod fetch;
mod grub;
mod lockstep;
mod manners;
mod oneport;
mod pausing;
mod pxelinux;
mod raspberry;
mod reading;
mod rude;
mod silent;
mod slow;
mod stormer;
mod uboot;
mod uefi;
mod upload;
mod windowed;
mod windows;
mod writing;

use std::any::Any;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::{Instant, Offer};
use bytes::Bytes;

pub use self::fetch::Fetch;
pub use self::grub::Grub;
pub use self::lockstep::{Lockstep, Patience};
pub use self::manners::{Gaps, Manners};
pub use self::oneport::OnePort;
pub use self::pausing::{Pauser, Pausing};
pub use self::pxelinux::Pxelinux;
pub use self::raspberry::RaspberryPi;
pub use self::reading::Reading;
pub use self::rude::{Rude, Rudeness};
pub use self::silent::Silent;
pub use self::slow::Slow;
pub use self::stormer::Stormer;
pub use self::uboot::Uboot;
pub use self::uefi::Uefi;
pub use self::upload::Upload;
pub use self::windowed::Windowed;
pub use self::windows::Windows;
pub use self::writing::Writing;
use crate::node::{Datagram, Node};
use crate::random::Random;

/// Attempts after which a client that stays gives up after all. Half a second apart at least, so
/// that it outlasts clients that take a large file at 30 s a block from a server with one place.
const TRIES: u32 = 20_000;

/// How one request ended, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The file is here.
    Whole(Vec<u8>),
    /// The upload was acknowledged to the end.
    Stored,
    /// An ERROR with this code came.
    Refused(u16),
    /// Nobody answered for too long.
    GaveUp,
    /// The client had enough, with the size it was told.
    Left(Option<u64>),
}

/// One request and what follows.
pub trait Attempt {
    /// A datagram arrived at the port of this request.
    fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8], out: &mut Replies);
    /// Time passed.
    fn on_time(&mut self, now: Instant, out: &mut Replies);
    /// When time matters next.
    fn deadline(&self) -> Option<Instant>;
    /// How it ended, once it has.
    fn ended(&mut self) -> Option<Ended>;
    /// What the server did wrong, if anything.
    fn fault(&mut self) -> Option<String>;
}

/// Packets of an attempt and where they go.
pub type Replies = Vec<(SocketAddr, Vec<u8>)>;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The name as sent.
    pub path: String,
    /// The port it asks from.
    pub port: u16,
    /// In which way.
    pub way: Way,
}

/// In which way a client moves a file.
#[derive(Clone, Debug)]
pub enum Way {
    /// By hand, with these options, as written.
    Fetch(Manners, Vec<(&'static str, u64)>),
    /// With the protocol core.
    Read(Offer),
    /// With the protocol core.
    Write(Offer, Bytes),
}

/// What a client does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Asks, after this long.
    Ask(Duration, Box<Ask>),
    /// Nothing more; `true` if it has what it came for.
    Done(bool),
}

impl Step {
    fn ask(after: Duration, ask: Ask) -> Self {
        Self::Ask(after, Box::new(ask))
    }

    fn fetch(
        after: Duration,
        path: &str,
        port: u16,
        manners: Manners,
        options: Vec<(&'static str, u64)>,
    ) -> Self {
        let way = Way::Fetch(manners, options);
        let path = path.to_owned();
        Self::ask(after, Ask { path, port, way })
    }
}

/// Which requests a client makes, in which order.
pub trait Habit {
    /// What it is, in one word.
    fn name(&self) -> &'static str;
    /// What it does after `last`, which is `None` at first.
    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step;
    /// Whether it answers at once, and is there till the end.
    fn is_prompt(&self) -> bool {
        true
    }
    /// Whether it stays until it has what it wants.
    fn is_patient(&self) -> bool {
        true
    }
}

/// A file a client took for whole.
#[derive(Clone, Debug)]
pub struct Got {
    /// The name as it asked.
    pub path: String,
    /// What it has.
    pub bytes: Vec<u8>,
    /// When it had it.
    pub at: Instant,
}

/// An upload a client took for stored.
#[derive(Clone, Debug)]
pub struct Put {
    /// The name as it asked.
    pub path: String,
    /// What it sent.
    pub bytes: Bytes,
}

/// A machine with a habit.
pub struct Loader {
    habit: Box<dyn Habit>,
    ip: IpAddr,
    server: SocketAddr,
    random: Random,
    /// The request and when it is made, if that is still to come.
    ask: Ask,
    starts: Option<Instant>,
    /// Ports it asked from.
    ports: BTreeSet<u16>,
    attempt: Option<Box<dyn Attempt>>,
    done: Option<bool>,
    /// Requests made.
    pub attempts: u32,
    /// Files it took for whole.
    pub got: Vec<Got>,
    /// Uploads it took for stored.
    pub put: Vec<Put>,
    /// Uploads it began: the name and the bytes.
    pub offered: Vec<Put>,
    /// Sizes it was told by a probe: the name and the size.
    pub sizes: Vec<(String, u64)>,
    /// What the server did wrong.
    pub faults: Vec<String>,
    /// ERRORs it was sent, by code.
    pub refusals: [u32; 9],
    replies: Replies,
}

impl Loader {
    /// A machine at `ip` that starts at `start`.
    #[must_use]
    pub fn new(
        mut habit: Box<dyn Habit>,
        ip: IpAddr,
        server: SocketAddr,
        start: Instant,
        mut random: Random,
    ) -> Self {
        let (ask, starts, done) = match habit.next(None, &mut random) {
            Step::Ask(after, ask) => (*ask, Some(start + after), None),
            Step::Done(success) => (Ask::nothing(), None, Some(success)),
        };
        Self {
            habit,
            ip,
            server,
            random,
            ask,
            starts,
            ports: BTreeSet::new(),
            attempt: None,
            done,
            attempts: 0,
            got: Vec::new(),
            put: Vec::new(),
            offered: Vec::new(),
            sizes: Vec::new(),
            faults: Vec::new(),
            refusals: [0; 9],
            replies: Vec::new(),
        }
    }

    /// This machine, if it is one that wants something.
    pub fn of<'a>(node: &'a (dyn Node + 'static)) -> Option<&'a Self> {
        (node as &dyn Any).downcast_ref()
    }

    /// Whether it has what it came for; `None` while it is at it.
    #[must_use]
    pub const fn success(&self) -> Option<bool> {
        self.done
    }

    /// See [`Habit::is_prompt`].
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        self.habit.is_prompt()
    }

    /// See [`Habit::is_patient`].
    #[must_use]
    pub fn is_patient(&self) -> bool {
        self.habit.is_patient()
    }

    /// What it asks for now, or asked for last.
    #[must_use]
    pub fn asks(&self) -> &str {
        &self.ask.path
    }

    fn begin(&mut self, now: Instant) {
        self.attempts += 1;
        let (server, path) = (self.server, self.ask.path.as_str());
        let seed = self.random.next() as u32;
        let port_was_used = !self.ports.insert(self.ask.port);
        self.attempt = Some(match &self.ask.way {
            Way::Fetch(manners, options) => {
                let random = self.random.fork();
                let fetch = Fetch::new(now, server, path, *manners, options, random);
                Box::new(fetch.on_used_port(port_was_used))
            }
            Way::Read(offer) => Box::new(Reading::new(now, server, path, *offer, seed)),
            Way::Write(offer, content) => {
                self.offered.push(Put {
                    path: path.to_owned(),
                    bytes: content.clone(),
                });
                Box::new(Writing::new(
                    now,
                    server,
                    path,
                    *offer,
                    content.clone(),
                    seed,
                ))
            }
        });
    }

    /// Draws the consequences of whatever happened to the attempt.
    fn settle(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        let from = SocketAddr::new(self.ip, self.ask.port);
        out.extend(
            self.replies
                .drain(..)
                .map(|(to, payload)| Datagram { from, to, payload }),
        );
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        self.faults.extend(attempt.fault());
        let Some(ended) = attempt.ended() else {
            return;
        };
        self.attempt = None;
        let path = self.ask.path.clone();
        match (&ended, &self.ask.way) {
            (Ended::Stored, Way::Write(_, bytes)) => self.put.push(Put {
                path,
                bytes: bytes.clone(),
            }),
            (Ended::Left(Some(size)), _) => self.sizes.push((path, *size)),
            (Ended::Refused(code), _) => self.refusals[usize::from(*code).min(8)] += 1,
            _ => {}
        }
        match self.habit.next(Some(&ended), &mut self.random) {
            Step::Ask(after, ask) => {
                let path = std::mem::replace(&mut self.ask, *ask).path;
                self.took(path, ended, now);
                self.starts = Some(now + after);
            }
            Step::Done(success) => {
                self.took(self.ask.path.clone(), ended, now);
                self.done = Some(success);
            }
        }
    }

    fn took(&mut self, path: String, ended: Ended, at: Instant) {
        if let Ended::Whole(bytes) = ended {
            self.got.push(Got { path, bytes, at });
        }
    }
}

impl Ask {
    fn nothing() -> Self {
        Self {
            path: String::new(),
            port: 0,
            way: Way::Read(Offer::default()),
        }
    }
}

impl Node for Loader {
    fn name(&self) -> &'static str {
        self.habit.name()
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.attempt {
            Some(attempt) => attempt.deadline(),
            None => self.starts,
        }
    }

    fn on_time(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        if self.starts.is_some_and(|at| at <= now) {
            self.starts = None;
            self.begin(now);
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.on_time(now, &mut self.replies);
        }
        self.settle(now, out);
    }

    fn receive(&mut self, now: Instant, datagram: &Datagram, out: &mut Vec<Datagram>) {
        if datagram.to.port() != self.ask.port {
            return;
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.receive(now, datagram.from, &datagram.payload, &mut self.replies);
        }
        self.settle(now, out);
    }

    fn finished(&self) -> bool {
        self.done.is_some()
    }
}
