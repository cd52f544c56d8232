//! How transfers end, and what is counted then.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{ErrorCode, ErrorPacket, Packet, encode};

use super::{Bench, Client, State};
use crate::tally::{Failing, Tally};
use crate::wire::Wire;
use bootwire::escape;

/// Shortest pause after a failure: a server in trouble is not hammered.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server is told whose transfer is cut off.
const OVER: &str = "The load test is over";

/// How a transfer ended.
#[derive(Debug)]
pub(crate) enum End {
    Complete,
    Vanished,
    Failed(Failing, String),
}

impl Client {
    /// Takes the end of a transfer into account, and decides what comes next.
    pub(crate) fn conclude(&mut self, bench: &mut Bench<'_>, end: End) {
        bench.tally.running -= 1;
        self.count_again(bench.tally);
        let plan = bench.plan;
        let mut pause = plan.think;
        let vanished = matches!(end, End::Vanished);
        let good = match end {
            End::Complete => {
                bench.tally.completed += 1;
                bench.tally.total.add(bench.now.since(self.began));
                true
            }
            End::Failed(Failing::NotFound, _) if plan.missing_ok => {
                bench.tally.missing += 1;
                true
            }
            End::Vanished => {
                bench.tally.vanished += 1;
                self.worn = true;
                false
            }
            End::Failed(kind, example) => {
                bench.tally.fail(kind, || example);
                self.worn = true;
                pause = pause.max(PAUSE);
                false
            }
        };
        self.worn |= !plan.keep_ports;
        self.turn_page(bench, good, vanished);
        self.state = if plan.rounds.is_some_and(|rounds| self.rounds >= rounds) {
            State::Finished
        } else {
            State::Waiting(bench.now.after(pause))
        };
    }

    /// Counts rounds and sequences.
    fn turn_page(&mut self, bench: &mut Bench<'_>, good: bool, vanished: bool) {
        if !bench.plan.sequence {
            self.rounds += 1;
            return;
        }
        self.place += 1;
        if good && self.place < bench.plan.files.len() {
            return;
        }
        if good {
            let time = bench.now.since(self.round_began);
            bench.tally.sequence_completed(time);
        } else if !vanished {
            // A machine that cannot boot starts over.
            bench.tally.sequences_failed += 1;
        }
        self.place = 0;
        self.rounds += 1;
    }

    /// The run is over: the server need not wait for this client.
    pub(crate) fn abort(&mut self, bench: &mut Bench<'_>) {
        if self.is_active() {
            bench.tally.running -= 1;
            self.count_again(bench.tally);
            bench.tally.unfinished += 1;
            self.send_error(bench, ErrorCode::NotDefined, OVER);
        }
        self.state = State::Finished;
    }

    /// After the run: tells a server whose first answer has come too late that nobody wants it.
    /// Whether that was such an answer.
    pub(crate) fn turn_away(&self, wire: &mut Wire, from: SocketAddr, datagram: &[u8]) -> bool {
        let packet = Packet::parse(datagram);
        let first = matches!(
            packet,
            Ok(Packet::Oack(_) | Packet::Data(_) | Packet::Ack(_))
        ) && !self.answered
            && from.ip() == self.peer.ip();
        if first {
            let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
            let error = encode::error(ErrorCode::NotDefined, OVER, &mut buffer);
            // A courtesy: nothing depends on it here.
            let _ = wire.send(self.side(), from, error);
        }
        first
    }

    /// Ends a transfer, and tells the server why.
    pub(super) fn give_up(
        &self,
        bench: &mut Bench<'_>,
        kind: Failing,
        code: ErrorCode,
        example: &str,
    ) -> End {
        self.send_error(bench, code, example);
        let name = self.file(bench.plan).map_or_else(Vec::new, |file| {
            file.name.fill(self.number, self.transfers - 1)
        });
        End::Failed(kind, format!("{}: {example}", escape::escaped(&name)))
    }

    fn send_error(&self, bench: &mut Bench<'_>, code: ErrorCode, text: &str) {
        if self.answered {
            let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
            // A courtesy as well.
            let _ = self.send(bench, self.peer, encode::error(code, text, &mut buffer));
        }
    }

    /// Adds what was sent or received again to the counts.
    fn count_again(&self, tally: &mut Tally) {
        match &self.state {
            State::Reading(receiver) => {
                let counts = receiver.counts();
                tally.again.acks += counts.acks_resent;
                tally.again.data_received += counts.blocks_unused;
                tally.again.timeouts += u64::from(counts.timeouts);
            }
            State::Writing(sender) => {
                let counts = sender.counts();
                tally.again.data += counts.blocks_resent;
                tally.again.acks_received += u64::from(counts.duplicate_acks);
                tally.again.timeouts += u64::from(counts.timeouts);
            }
            State::Waiting(_) | State::Finished => {}
        }
    }
}

/// What a server's ERROR means.
pub(super) fn remote(error: ErrorPacket<'_>) -> End {
    let kind = match ErrorCode::from_wire(error.code) {
        ErrorCode::NotFound => Failing::NotFound,
        ErrorCode::AccessViolation | ErrorCode::FileExists | ErrorCode::NoSuchUser => {
            Failing::Denied
        }
        _ => Failing::Remote,
    };
    let text = escape::escaped(error.text);
    End::Failed(kind, format!("error {}: {text}", error.code))
}

/// The network refused.
pub(crate) fn network(error: &io::Error) -> End {
    End::Failed(Failing::Network, error.to_string())
}
