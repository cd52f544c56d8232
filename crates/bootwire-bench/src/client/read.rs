//! A read: what the file's blocks do.

use std::net::SocketAddr;

use bootwire_proto::{
    Ack, Agreed, Answer, Data, ErrorCode, ReceiveFailure, ReceiverStatus, Reception, encode,
};

use super::{Bench, Client, End, Failing, State, network};

impl Client {
    pub(super) fn on_data(
        &mut self,
        bench: &mut Bench<'_>,
        from: SocketAddr,
        data: Data<'_>,
    ) -> Option<End> {
        let State::Reading(receiver) = &mut self.state else {
            return None;
        };
        if !self.answered {
            if data.block != 1 {
                return None;
            }
            // No OACK: the server ignores options.
            receiver.agree(bench.now, &Agreed::plain());
            bench.tally.granted = Some((512, 1));
            self.peer = from;
            self.answered = true;
        }
        if let Reception::Accepted { offset, last } = receiver.on_data(bench.now, data) {
            self.time_first(bench);
            let len = data.payload.len() as u64;
            self.moved += len;
            bench.tally.bytes += len;
            bench.tally.blocks += 1;
            if let Some(wrong) = self.check(bench, offset, data.payload, last) {
                return Some(wrong);
            }
        }
        self.answer(bench)
    }

    /// Whether a block is as expected; how the transfer ends if not.
    fn check(&self, bench: &mut Bench<'_>, offset: u64, block: &[u8], last: bool) -> Option<End> {
        let expected = &self.file(bench.plan)?.expected;
        let mut wrong = |what: &str| {
            let code = ErrorCode::NotDefined;
            Some(self.give_up(bench, Failing::Content, code, what))
        };
        if !expected.matches(offset, block, last) {
            let end = offset + block.len() as u64;
            return match expected.len() {
                Some(size) if end > size => wrong(&format!("more than {size} bytes")),
                Some(size) if last && end < size => {
                    wrong(&format!("{end} bytes instead of {size}"))
                }
                _ => wrong(&format!("other bytes in {offset}..{end}")),
            };
        }
        // Some servers repeat the client's 0 for a size they do not know.
        match self.agreed.tsize {
            Some(size) if last && size > 0 && size != self.moved => {
                wrong(&format!("{} bytes, {size} announced", self.moved))
            }
            _ => None,
        }
    }

    /// Sends what is due, and looks where the transfer stands.
    pub(super) fn answer(&mut self, bench: &mut Bench<'_>) -> Option<End> {
        loop {
            let State::Reading(receiver) = &mut self.state else {
                return None;
            };
            let status = match receiver.poll(bench.now, true) {
                Some(Answer::Ack(ack)) => {
                    let last = receiver.status() == ReceiverStatus::Lingering;
                    if let Err(error) = self.acknowledge(bench, ack) {
                        return Some(network(&error));
                    }
                    if !last {
                        // One ACK answers all that came.
                        return None;
                    }
                    self.farewell = Some((self.peer, ack.block));
                    return Some(End::Complete);
                }
                Some(Answer::Opening) => {
                    if let Err(error) = self.ask(bench) {
                        return Some(network(&error));
                    }
                    return None;
                }
                None => receiver.status(),
            };
            match status {
                ReceiverStatus::Received => receiver.confirm(bench.now),
                ReceiverStatus::Failed(failure) => return Some(self.failed(bench, failure)),
                ReceiverStatus::Opening
                | ReceiverStatus::Moving
                | ReceiverStatus::Lingering
                | ReceiverStatus::Complete => return None,
            }
        }
    }

    fn acknowledge(&self, bench: &mut Bench<'_>, ack: Ack) -> std::io::Result<()> {
        self.send(bench, self.peer, encode::ack(ack, &mut [0; 5]))
    }

    /// Sends the request, for the first time or again.
    pub(super) fn ask(&self, bench: &mut Bench<'_>) -> std::io::Result<()> {
        bench.tally.again.requests += u64::from(bench.now > self.began);
        self.send(bench, self.peer, &self.request)
    }

    fn failed(&self, bench: &mut Bench<'_>, failure: ReceiveFailure) -> End {
        match failure {
            ReceiveFailure::TimedOut { .. } => self.silence(bench),
            ReceiveFailure::BlockNumbersExhausted => self.give_up(
                bench,
                Failing::Protocol,
                ErrorCode::NotDefined,
                "too many blocks",
            ),
            ReceiveFailure::Oversize => self.give_up(
                bench,
                Failing::Protocol,
                ErrorCode::IllegalOperation,
                "a block longer than agreed",
            ),
        }
    }

    /// How a transfer ends whose server is silent.
    pub(super) fn silence(&self, bench: &mut Bench<'_>) -> End {
        let code = ErrorCode::NotDefined;
        if self.answered {
            let what = format!("nothing after {} bytes", self.moved);
            self.give_up(bench, Failing::TimedOut, code, &what)
        } else {
            self.give_up(bench, Failing::NoAnswer, code, "no answer")
        }
    }
}
