//! A boot while it runs: what all firmware and boot loaders have in common.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{ErrorCode, OptionKind};
use tokio::time::Instant;

use super::card::Card;
use super::fetch::{self, Ask, Cut, Leave, Taken};
use super::manners::Manners;
use super::{Arch, Event, Fetched, Got, Machine, Part, Trouble};
use crate::faults::Random;

/// What a file is taken to have if nobody said its size and trouble comes in the middle of it.
const UNKNOWN_SIZE: u64 = 8 << 20;
/// Requests of one start, for loaders whose configurations lead to each other.
const REQUESTS_MAX: u32 = 500;

/// Why a boot does not go on.
pub(super) enum Stop {
    /// A boot loader gives up, with these words.
    With(String),
    /// The machine starts over.
    Reset,
    /// No packet comes any more.
    Silent,
    Hung,
}

impl Stop {
    pub(super) fn with(words: impl Into<String>) -> Self {
        Self::With(words.into())
    }
}

/// How a boot loader asks.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) options: &'a [(OptionKind, u64)],
    pub(super) manners: Manners,
    pub(super) leave: Option<Leave>,
    /// The size it was told before.
    pub(super) size: Option<u64>,
}

impl<'a> Way<'a> {
    pub(super) const fn new(options: &'a [(OptionKind, u64)], manners: Manners) -> Self {
        Self {
            options,
            manners,
            leave: None,
            size: None,
        }
    }

    pub(super) const fn leaving(mut self, after: u64, code: ErrorCode, text: &'static str) -> Self {
        self.leave = Some(Leave { after, code, text });
        self
    }

    pub(super) const fn of_size(mut self, size: Option<u64>) -> Self {
        self.size = size;
        self
    }
}

/// A file that came whole.
pub(super) struct File {
    pub(super) path: String,
    /// Its first MiB.
    pub(super) head: Vec<u8>,
}

impl File {
    /// As text, as far as it is some.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }
}

/// A boot.
pub(super) struct Run<'a> {
    pub(super) machine: &'a Machine,
    pub(super) card: Card,
    pub(super) random: Random,
    pub(super) tell: &'a mut (dyn FnMut(Event<'_>) + Send),
    pub(super) fetched: Vec<Fetched>,
    /// Since it was started.
    pub(super) requests: u32,
    /// Trouble that is still to come.
    trouble: Option<Trouble>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        machine: &'a Machine,
        server: SocketAddr,
        seed: u64,
        tell: &'a mut (dyn FnMut(Event<'_>) + Send),
    ) -> Self {
        let losses = Random::new(seed, 1);
        Self {
            machine,
            card: Card::new(machine.address, server, machine.loss, losses),
            random: Random::new(seed, 2),
            tell,
            fetched: Vec::new(),
            requests: 0,
            trouble: machine.trouble,
        }
    }

    /// Does work that takes a quick machine so many milliseconds.
    pub(super) fn work(&self, millis: u64) -> impl Future<Output = ()> + use<> {
        let pace = self.machine.pace;
        async move { pace.work(Duration::from_millis(millis)).await }
    }

    /// A port that another machine would not choose.
    pub(super) fn any_port(&mut self) -> u16 {
        1024 + self.random.below(48_000) as u16
    }

    /// Asks for a file, and says how that went.
    pub(super) async fn ask(
        &mut self,
        part: Part,
        path: &str,
        port: u16,
        way: Way<'_>,
    ) -> Result<(Got, File), Stop> {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err(Stop::with("asks for one file after the other without end"));
        }
        (self.tell)(Event::Asks { path, part });
        let began = Instant::now();
        let (taken, port) = match self.fetch(part, path, port, way).await {
            Ok(done) => done,
            Err(error) => return Err(Stop::With(format!("no network: {error}"))),
        };
        let fetched = Fetched {
            path: path.to_owned(),
            part,
            port,
            bytes: taken.bytes,
            checksum: taken.sum.value(),
            duration: began.elapsed(),
            got: taken.got.clone(),
        };
        (self.tell)(Event::Fetched(&fetched));
        self.fetched.push(fetched);
        let file = File {
            path: path.to_owned(),
            head: taken.head,
        };
        match taken.got {
            Got::Silent => return Err(Stop::Silent),
            Got::Reset => return Err(Stop::Reset),
            _ => {}
        }
        if taken.got == Got::Whole && self.trouble == Some(Trouble::Hang { after: part }) {
            return Err(Stop::Hung);
        }
        Ok((taken.got, file))
    }

    async fn fetch(
        &mut self,
        part: Part,
        path: &str,
        port: u16,
        way: Way<'_>,
    ) -> io::Result<(Taken, u16)> {
        let socket = self.card.open(port).await?;
        let port = socket.local_addr()?.port();
        let ask = Ask {
            path,
            options: way.options,
            manners: way.manners,
            leave: way.leave,
            // A file that is only looked at is not in the middle of anything.
            cut: way.leave.is_none().then(|| self.cut(part)).flatten(),
            size: way.size,
        };
        let taken = fetch::fetch(&socket, &mut self.card, &ask, self.machine.pace).await?;
        if matches!(taken.got, Got::Reset) {
            self.trouble = None;
        }
        Ok((taken, port))
    }

    fn cut(&self, part: Part) -> Option<Cut> {
        let (during, percent, ends): (_, _, fn() -> Got) = match self.trouble? {
            Trouble::Silence { during, percent } => (during, percent, || Got::Silent),
            Trouble::Reset { during, percent } => (during, percent, || Got::Reset),
            Trouble::Hang { .. } | Trouble::ProbeOnly => return None,
        };
        (during == part).then_some(Cut {
            percent,
            unknown_size: UNKNOWN_SIZE,
            ends,
        })
    }

    /// Whether its firmware only asks for the size.
    pub(super) fn only_probes(&self) -> bool {
        self.trouble == Some(Trouble::ProbeOnly)
    }

    /// Asks for a file it can do without: whatever goes wrong, it goes on.
    pub(super) async fn try_for(
        &mut self,
        part: Part,
        path: &str,
        port: u16,
        way: Way<'_>,
    ) -> Result<Option<File>, Stop> {
        let (got, file) = self.ask(part, path, port, way).await?;
        Ok((got == Got::Whole).then_some(file))
    }

    /// Asks for a file it needs.
    pub(super) async fn need(
        &mut self,
        part: Part,
        path: &str,
        port: u16,
        way: Way<'_>,
    ) -> Result<File, Stop> {
        needed("", part, path, self.ask(part, path, port, way).await?)
    }

    /// Starts an EFI program, if it is one for this processor.
    pub(super) fn run_efi(&self, file: &File) -> Result<(), Stop> {
        let mine = self.machine.arch;
        match super::image::pe_machine(&file.head) {
            None => Err(Stop::With(format!("{} is no EFI program", file.path))),
            Some(number) if number == mine.pe_machine() => Ok(()),
            Some(number) => {
                let other = Arch::of_pe_machine(number)
                    .map_or_else(|| format!("machine {number:#06x}"), |arch| arch.to_string());
                let path = &file.path;
                Err(Stop::With(format!(
                    "{path} is a program for {other}, and this machine is {mine}"
                )))
            }
        }
    }
}

/// The file, or why a boot loader cannot go on without it, in words that begin with `who`.
pub(super) fn needed(
    who: &str,
    part: Part,
    path: &str,
    (got, file): (Got, File),
) -> Result<File, Stop> {
    match got {
        Got::Whole => Ok(file),
        got => Err(Stop::With(format!(
            "{who}no {part} {path}: {}",
            words(&got)
        ))),
    }
}

/// Why there is no file, as a screen would say it.
pub(super) fn words(got: &Got) -> String {
    match got {
        Got::Whole => "here".to_owned(),
        Got::Refused { code, text } => format!("{text} (code {code})"),
        Got::Left { .. } => "left".to_owned(),
        Got::NoAnswer => "the server does not answer".to_owned(),
        Got::WrongSize => "not the size it should have".to_owned(),
        Got::Silent | Got::Reset => "off".to_owned(),
    }
}
