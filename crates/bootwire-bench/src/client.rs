//! One client: a transfer after the other, from a port of its own.
//!
//! It waits, asks for a file, moves it, checks it, and waits again. What may come from the network
//! reaches it through [`Client::on_datagram`], time through [`Client::on_time`]; both answer with
//! how the transfer ended, once it has.

mod end;
mod read;
mod write;

use std::io;
use std::net::SocketAddr;

use bootwire_proto::{Agreed, Data, ErrorCode, Instant, Op, Packet, Receiver, Sender, encode};

use super::faults::Random;
use super::line::Line;
use super::plan::{File, Plan};
use super::tally::{Failing, Tally};
use super::wire::{self, Wire};
use end::remote;
pub(super) use end::{End, network};

/// Before which block a client vanishes at the latest, where the size is not known.
const VANISHES_WITHIN: u64 = 16;

/// From so many blocks on a transfer is worth a system call to make each packet cheaper.
const SETTLES_FROM: u64 = 64;

/// What a client needs of its thread.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) plan: &'a Plan,
    pub(super) wire: &'a mut Wire,
    pub(super) tally: &'a mut Tally,
    pub(super) now: Instant,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    number: u32,
    line: Line,
    state: State,
    /// Where packets go: the server's TID, or its listening port while that is not known.
    peer: SocketAddr,
    /// The server's TID is known.
    answered: bool,
    agreed: Agreed,
    /// Index of the file.
    file: usize,
    /// Place in the sequence.
    place: usize,
    /// Transfers begun.
    transfers: u64,
    /// Transfers or sequences done.
    rounds: u64,
    request: Vec<u8>,
    began: Instant,
    round_began: Instant,
    /// The time to the first byte is taken.
    timed: bool,
    /// Bytes of this transfer that are counted.
    moved: u64,
    /// Packets after which it vanishes.
    vanishes_in: Option<u64>,
    /// Where the last ACK of the transfer before went, and its block.
    farewell: Option<(SocketAddr, u16)>,
    /// The kernel had no room for a block: when to try again.
    retry: Option<Instant>,
    /// The port is not to be used for another transfer.
    worn: bool,
    /// Whether to connect its port is decided.
    settled: bool,
    /// It was told that this client is finished.
    gone: bool,
    random: Random,
    /// Its earliest entry among the alarms.
    pub(super) alarm: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Waiting(Instant),
    Reading(Receiver),
    Writing(Sender),
    Finished,
}

impl Client {
    pub(super) fn new(number: u32, line: Line, plan: &Plan) -> Self {
        let begins = plan.begins(number);
        Self {
            number,
            peer: plan.local(number),
            line,
            state: State::Waiting(begins),
            answered: false,
            agreed: Agreed::plain(),
            file: 0,
            place: 0,
            transfers: 0,
            rounds: 0,
            request: Vec::new(),
            began: begins,
            round_began: begins,
            timed: false,
            moved: 0,
            vanishes_in: None,
            farewell: None,
            retry: None,
            worn: false,
            settled: false,
            gone: false,
            random: Random::new(plan.seed, number.into()),
            alarm: None,
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    /// Whether it must be given a new port before it begins a transfer.
    pub(super) const fn is_worn(&self) -> bool {
        self.worn
    }

    /// Its line, which is to get a port it has not had before.
    pub(super) const fn new_port(&mut self) -> &mut Line {
        self.worn = false;
        self.settled = false;
        self.farewell = None;
        &mut self.line
    }

    /// Its server's TID, once, if it will hear from no other until it gets a new port, and for
    /// long: then its socket is better connected.
    pub(super) fn settles(&mut self, plan: &Plan) -> Option<SocketAddr> {
        if self.settled || !self.answered || plan.keep_ports {
            return None;
        }
        self.settled = true;
        let blocks = self.file(plan)?.expected.len()? / u64::from(self.agreed.blksize);
        (self.is_active() && blocks >= SETTLES_FROM).then_some(self.peer)
    }

    /// Whether a transfer is under way.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.state, State::Reading(_) | State::Writing(_))
    }

    /// Whether the server has answered the request.
    pub(super) const fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// When the next transfer is to begin.
    pub(super) const fn begins(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(begins) => Some(begins),
            State::Reading(_) | State::Writing(_) | State::Finished => None,
        }
    }

    /// When [`Client::on_time`] or the next transfer wants to come.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(begins) => Some(*begins),
            State::Reading(receiver) => receiver.deadline(),
            State::Writing(sender) => match (sender.deadline(), self.retry) {
                (Some(deadline), Some(retry)) => Some(deadline.min(retry)),
                (deadline, retry) => deadline.or(retry),
            },
            State::Finished => None,
        }
    }

    pub(super) fn finish(&mut self) {
        self.state = State::Finished;
    }

    /// Whether it is finished since the last time it was asked.
    pub(super) fn leaves(&mut self) -> bool {
        self.is_finished() && !std::mem::replace(&mut self.gone, true)
    }

    /// Begins the next transfer.
    pub(super) fn begin(&mut self, bench: &mut Bench<'_>) -> Option<End> {
        let plan = bench.plan;
        self.file = if plan.sequence {
            self.place
        } else {
            plan.draw(&mut self.random)
        };
        let file = self.file(plan)?;
        plan.request(file, self.number, self.transfers, &mut self.request);
        self.peer = file.server;
        self.answered = false;
        self.agreed = Agreed::plain();
        bench.tally.running += 1;
        self.transfers += 1;
        self.began = bench.now;
        if self.place == 0 {
            self.round_began = bench.now;
        }
        self.timed = false;
        self.moved = 0;
        self.retry = None;
        self.vanishes_in = plan.vanish.hits(&mut self.random).then(|| {
            let size = match plan.op {
                Op::Read => file.expected.len(),
                Op::Write => Some(plan.upload.size()),
            };
            let blksize = u64::from(plan.offer.blksize.unwrap_or(512));
            let window = u64::from(plan.offer.windowsize.unwrap_or(1));
            let packets = size.map_or(VANISHES_WITHIN, |size| match plan.op {
                Op::Read => size / blksize + 1,
                Op::Write => size / blksize / window + 1,
            });
            self.random.below(packets + 1)
        });
        // Jitter needs no more than that.
        let seed = self.random.next() as u32;
        match plan.op {
            Op::Read => {
                let receiver = Receiver::request(bench.now, &plan.schedule, seed);
                self.state = State::Reading(receiver);
                self.answer(bench)
            }
            Op::Write => {
                self.state = State::Writing(Sender::request(bench.now, &plan.schedule, seed));
                self.push(bench)
            }
        }
    }

    /// A datagram came.
    pub(super) fn on_datagram(
        &mut self,
        bench: &mut Bench<'_>,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<End> {
        let packet = Packet::parse(datagram);
        if !self.is_server(from, packet.as_ref().ok()) {
            self.on_stranger(bench, from, packet.ok());
            return None;
        }
        if let Some(left) = &mut self.vanishes_in {
            let Some(less) = left.checked_sub(1) else {
                return Some(End::Vanished);
            };
            *left = less;
        }
        match packet {
            Ok(Packet::Data(data)) => self.on_data(bench, from, data),
            Ok(Packet::Ack(ack)) => self.on_ack(bench, from, ack),
            Ok(Packet::Oack(options)) => {
                if self.answered {
                    return self.on_oack_again(bench);
                }
                self.settle_peer(from);
                match bench.plan.offer.accept(options) {
                    Ok(agreed) => self.on_agreed(bench, agreed),
                    Err(error) => Some(self.give_up(
                        bench,
                        Failing::Protocol,
                        ErrorCode::OptionRefused,
                        &error.to_string(),
                    )),
                }
            }
            Ok(Packet::Error(error)) => Some(remote(error)),
            Ok(Packet::Request(_)) | Err(_) => None,
        }
    }

    /// The deadline has come.
    pub(super) fn on_time(&mut self, bench: &mut Bench<'_>) -> Option<End> {
        match &mut self.state {
            State::Reading(receiver) => {
                receiver.on_time(bench.now);
                self.answer(bench)
            }
            State::Writing(sender) => {
                sender.on_time(bench.now);
                self.retry = None;
                self.push(bench)
            }
            State::Waiting(_) | State::Finished => None,
        }
    }

    /// Whether `packet` may be an answer to the running transfer.
    fn is_server(&self, from: SocketAddr, packet: Option<&Packet<'_>>) -> bool {
        if self.answered {
            return self.is_active() && from == self.peer;
        }
        // Late DATA of the transfer before, from a server that answers from one port.
        let late = self.farewell.is_some_and(|(before, _)| before == from)
            && matches!(packet, Some(Packet::Data(data)) if data.block != 1);
        self.is_active() && from.ip() == self.peer.ip() && !late
    }

    /// A packet of nobody we talk to. If it is the last block of the transfer before, its ACK was
    /// lost: it goes out again, so that the server need not wait.
    fn on_stranger(&self, bench: &mut Bench<'_>, from: SocketAddr, packet: Option<Packet<'_>>) {
        match (packet, self.farewell) {
            (Some(Packet::Data(Data { block, .. })), Some((before, last)))
                if before == from && block == last =>
            {
                bench.tally.again.data_received += 1;
                bench.tally.again.acks += 1;
                let mut buffer = [0; 5];
                let ack = bootwire_proto::Ack {
                    block,
                    next_window: None,
                };
                // A courtesy: nothing depends on it here.
                let _ = self.send(bench, from, encode::ack(ack, &mut buffer));
            }
            _ => bench.tally.strangers += 1,
        }
    }

    fn on_agreed(&mut self, bench: &mut Bench<'_>, agreed: Agreed) -> Option<End> {
        self.agreed = agreed;
        bench.tally.granted = Some((agreed.blksize, agreed.windowsize));
        match &mut self.state {
            State::Reading(receiver) => {
                receiver.agree(bench.now, &agreed);
                self.answer(bench)
            }
            State::Writing(sender) => {
                sender.agree(bench.now, &agreed);
                self.time_first(bench);
                self.push(bench)
            }
            State::Waiting(_) | State::Finished => None,
        }
    }

    /// An OACK came again: its answer was lost, or it was doubled.
    fn on_oack_again(&mut self, bench: &mut Bench<'_>) -> Option<End> {
        match &mut self.state {
            State::Reading(receiver) => {
                receiver.agree(bench.now, &self.agreed);
                self.answer(bench)
            }
            State::Writing(_) | State::Waiting(_) | State::Finished => None,
        }
    }

    /// The server's first answer came from its TID.
    fn settle_peer(&mut self, from: SocketAddr) {
        self.peer = from;
        self.answered = true;
    }

    fn time_first(&mut self, bench: &mut Bench<'_>) {
        if !std::mem::replace(&mut self.timed, true) {
            bench.tally.first.add(bench.now.since(self.began));
        }
    }

    fn file<'p>(&self, plan: &'p Plan) -> Option<&'p File> {
        plan.files.get(self.file)
    }

    fn send(&self, bench: &mut Bench<'_>, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        bench.wire.packet(bench.now, self.side(), to, bytes)
    }

    /// Its end of the wire.
    pub(super) const fn side(&self) -> wire::Side<'_> {
        wire::Side {
            client: self.number,
            line: &self.line,
        }
    }
}
