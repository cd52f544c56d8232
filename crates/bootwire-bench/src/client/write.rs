//! An upload: what the server's ACKs do.

use std::net::SocketAddr;
use std::time::Duration;

use bootwire_io::MAX_RUN_BLOCKS;
use bootwire_proto::{Ack, Agreed, Available, ErrorCode, SendFailure, SenderStatus, Transmit};

use super::{Bench, Client, End, Failing, State, network};

/// Pause before the kernel is asked again to take what it had no room for.
const RETRY: Duration = Duration::from_millis(1);

impl Client {
    pub(super) fn on_ack(
        &mut self,
        bench: &mut Bench<'_>,
        from: SocketAddr,
        ack: Ack,
    ) -> Option<End> {
        let State::Writing(sender) = &mut self.state else {
            return None;
        };
        if self.answered {
            sender.on_ack(bench.now, ack);
            let acked = sender.acked();
            let more = acked.saturating_sub(self.moved);
            self.moved = acked;
            bench.tally.bytes += more;
            bench.tally.blocks += more.div_ceil(self.agreed.blksize.into());
            return self.push(bench);
        }
        if ack.block != 0 {
            return None;
        }
        // No OACK: the server ignores options.
        self.settle_peer(from);
        self.on_agreed(bench, Agreed::plain())
    }

    /// Sends what the window allows, and looks where the transfer stands.
    pub(super) fn push(&mut self, bench: &mut Bench<'_>) -> Option<End> {
        let content = &bench.plan.upload;
        let available = Available {
            upto: content.size(),
            end: true,
        };
        loop {
            let State::Writing(sender) = &mut self.state else {
                return None;
            };
            match sender.status() {
                SenderStatus::Complete { .. } => return Some(End::Complete),
                SenderStatus::Failed(SendFailure::TimedOut { .. }) => {
                    return Some(self.silence(bench));
                }
                SenderStatus::Failed(SendFailure::BlockNumbersExhausted) => {
                    return Some(self.give_up(
                        bench,
                        Failing::Protocol,
                        ErrorCode::NotDefined,
                        "too many blocks",
                    ));
                }
                SenderStatus::Opening | SenderStatus::Moving => {}
            }
            let blocks_max = u16::try_from(MAX_RUN_BLOCKS).unwrap_or(u16::MAX);
            match sender.poll(bench.now, available, blocks_max) {
                None if sender.status() == SenderStatus::Moving
                    || sender.status() == SenderStatus::Opening =>
                {
                    return None;
                }
                None => {}
                Some(Transmit::Opening) => {
                    if let Err(error) = self.ask(bench) {
                        return Some(network(&error));
                    }
                }
                Some(Transmit::Data(mut run)) => {
                    let side = super::wire::Side {
                        client: self.number,
                        line: &self.line,
                    };
                    let sent = bench.wire.blocks(bench.now, side, self.peer, &run, content);
                    match sent {
                        Ok(sent) if sent >= run.blocks => {}
                        Ok(sent) => {
                            run.first += u64::from(sent);
                            run.blocks -= sent;
                            sender.unsent(Transmit::Data(run));
                            self.retry = Some(bench.now.after(RETRY));
                            return None;
                        }
                        Err(error) => return Some(network(&error)),
                    }
                }
            }
        }
    }
}
