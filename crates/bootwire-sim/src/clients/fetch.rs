//! A read, written by hand: nothing of the protocol core but the shapes of packets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{Ack, Instant, Options, Packet, encode};

use super::{Attempt, Ended, Gaps, Manners, Replies};
use crate::random::Random;

/// Packets a client that is busy elsewhere keeps (GRUB's 50).
const KEPT: u32 = 50;
/// Packets that come closer together than this find the card's buffers as the last one left them.
const DRAINED: Duration = Duration::from_micros(500);

/// One read with [`Manners`].
pub struct Fetch {
    manners: Manners,
    listener: SocketAddr,
    request: Vec<u8>,
    options: Vec<(&'static str, u64)>,
    random: Random,
    /// An earlier transfer had this port: blocks of it may still be on the way.
    port_was_used: bool,
    /// The server's port for this transfer.
    peer: Option<SocketAddr>,
    asked: u32,
    blksize: usize,
    window: u16,
    window_max: u16,
    tsize: Option<u64>,
    oack: bool,
    taken: Vec<u8>,
    /// Blocks taken, and acknowledged.
    blocks: u64,
    acked: u64,
    /// The block count whose gap was told.
    told: Option<u64>,
    /// Last packet sent or block taken.
    active: Instant,
    /// Last new block.
    progress: Instant,
    stalled: Option<Instant>,
    /// Blocks of this burst, and when its last one came.
    burst: (u32, Instant),
    /// Packets that came while it did nothing.
    queue: VecDeque<Vec<u8>>,
    /// Packets of the present burst, however many buffers there are, and when it began.
    crowd: (usize, Instant),
    gone: bool,
    ended: Option<Ended>,
    fault: Option<String>,
}

impl Fetch {
    pub(super) fn new(
        now: Instant,
        listener: SocketAddr,
        path: &str,
        manners: Manners,
        options: &[(&'static str, u64)],
        random: Random,
    ) -> Self {
        let mut request = vec![0, 1];
        for word in [path, "octet"] {
            request.extend_from_slice(word.as_bytes());
            request.push(0);
        }
        for (name, value) in options {
            request.extend_from_slice(name.as_bytes());
            request.push(0);
            request.extend_from_slice(value.to_string().as_bytes());
            request.push(0);
        }
        Self {
            manners,
            listener,
            request,
            options: options.to_vec(),
            random,
            port_was_used: false,
            peer: None,
            asked: 0,
            blksize: 512,
            window: 1,
            window_max: 1,
            tsize: None,
            oack: false,
            taken: Vec::new(),
            blocks: 0,
            acked: 0,
            told: None,
            active: now,
            progress: now,
            stalled: None,
            burst: (0, Instant::ZERO),
            queue: VecDeque::new(),
            crowd: (0, Instant::ZERO),
            gone: false,
            ended: None,
            fault: None,
        }
    }

    /// From a port that had a transfer before.
    pub(super) const fn on_used_port(mut self, used: bool) -> Self {
        self.port_was_used = used;
        self
    }

    /// Whether a block is no answer to this request: without an OACK it has at most 512 bytes, so
    /// one that is longer was sent before the server knew of the request.
    fn is_left_over(&self, payload: &[u8]) -> bool {
        self.port_was_used && payload.len() > self.blksize
    }

    fn ask(&mut self, now: Instant, out: &mut Replies) {
        self.asked += 1;
        self.active = now;
        out.push((self.listener, self.request.clone()));
    }

    fn ack(&mut self, now: Instant, out: &mut Replies) {
        let Some(peer) = self.peer else {
            return;
        };
        self.acked = self.blocks;
        self.active = now;
        // It has looked at all that came.
        self.crowd.0 = 0;
        if self.manners.resizes {
            self.window = self.random.within(1..=u64::from(self.window_max)) as u16;
        }
        let ack = Ack {
            block: self.blocks as u16,
            next_window: self.manners.resizes.then_some(self.window as u8),
        };
        out.push((peer, encode::ack(ack, &mut [0; 5]).to_vec()));
    }

    fn leave(&mut self, code: u16, out: &mut Replies) {
        let [high, low] = code.to_be_bytes();
        let error = [&[0, 5, high, low][..], b"User aborted the transfer\0"].concat();
        out.extend(self.peer.map(|peer| (peer, error)));
        self.ended = Some(Ended::Left(self.tsize));
    }

    fn asked_for(&self, oack: Options<'_>) -> bool {
        let asked = |name: &[u8]| (self.options.iter()).any(|(known, _)| known.as_bytes() == name);
        oack.iter().all(|(name, _)| asked(name))
    }

    fn on_oack(&mut self, now: Instant, oack: Options<'_>, out: &mut Replies) {
        for (name, value) in oack.iter() {
            let name = String::from_utf8_lossy(name).into_owned();
            let value = String::from_utf8_lossy(value).parse::<u64>().ok();
            let asked = self.options.iter().find(|(known, _)| *known == name);
            let (Some(&(_, asked)), Some(value)) = (asked, value) else {
                self.fault = Some(format!("the OACK grants {name}, which was not asked for"));
                return;
            };
            match &*name {
                "blksize" if value <= asked => self.blksize = value as usize,
                "windowsize" if value <= asked => {
                    (self.window, self.window_max) = (value as u16, value as u16);
                }
                "msftwindow" if value == 27182 => {}
                "tsize" => self.tsize = Some(value),
                "timeout" if value == asked => {}
                _ => self.fault = Some(format!("the OACK has {name}={value}, asked {asked}")),
            }
        }
        self.manners.resizes &= oack.iter().any(|(name, _)| name == b"msftwindow");
        self.oack = true;
        self.progress = now;
        match self.manners.leaves_at_oack {
            Some(code) => self.leave(code, out),
            None => self.ack(now, out),
        }
    }

    fn on_block(&mut self, now: Instant, block: u16, payload: &[u8], out: &mut Replies) {
        if payload.len() > self.blksize {
            self.fault = Some(format!("DATA {block} has {} bytes", payload.len()));
            return;
        }
        // The server knows no more ACKs than were sent, so nothing is further ahead than this.
        let ahead = block.wrapping_sub(self.acked as u16);
        if ahead <= 1 << 15 && ahead > self.window_max {
            self.fault = Some(format!(
                "DATA {block} is {ahead} ahead of the last ACK, the window {}",
                self.window_max
            ));
            return;
        }
        if let Some((most, rest)) = self.manners.takes {
            if now.since(self.burst.1) >= rest {
                self.burst.0 = 0;
            }
            self.burst = (self.burst.0 + 1, now);
            if self.burst.0 > most {
                return;
            }
        }
        if self.manners.restarts {
            self.active = now;
        }
        if block == (self.blocks + 1) as u16 || self.manners.counts_duplicates {
            self.take(now, payload, out);
        } else if block.wrapping_sub(self.blocks as u16) > 1 << 15 || block == self.blocks as u16 {
            if self.manners.ack_old {
                self.ack(now, out);
            }
        } else if self.manners.gaps == Gaps::AckEach
            || (self.manners.gaps == Gaps::AckOnce && self.told != Some(self.blocks))
        {
            self.told = Some(self.blocks);
            self.ack(now, out);
        }
    }

    fn take(&mut self, now: Instant, payload: &[u8], out: &mut Replies) {
        self.taken.extend_from_slice(payload);
        self.blocks += 1;
        (self.active, self.progress) = (now, now);
        let last = payload.len() < self.blksize;
        if self
            .manners
            .vanishes_after
            .is_some_and(|after| self.blocks >= after)
        {
            self.gone = true;
            self.ended = Some(Ended::Left(None));
        } else if self
            .manners
            .leaves_after
            .is_some_and(|after| self.blocks >= after)
        {
            self.leave(0, out);
        } else if last {
            if !self.manners.withholds_last {
                self.ack(now, out);
            }
            if self.ended.is_none() {
                self.ended = Some(Ended::Whole(std::mem::take(&mut self.taken)));
            }
        } else if let Some((every, pause)) = self.manners.stalls
            && self.blocks.is_multiple_of(every)
        {
            self.stalled = Some(now + pause);
            self.burst = (0, now);
        } else if self.blocks - self.acked >= u64::from(self.window) {
            self.ack(now, out);
        }
    }
}

impl Attempt for Fetch {
    fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8], out: &mut Replies) {
        if self.gone {
            return;
        }
        if self.peer.is_some_and(|peer| peer != from) {
            if self.manners.corrects_strangers && !matches!(payload, [0, 5, ..]) {
                out.push((from, b"\0\x05\0\x05Unknown transfer ID\0".to_vec()));
            }
            return;
        }
        if let Some(buffers) = self.manners.buffers {
            let drained = self.stalled.is_none() && now.since(self.crowd.1) >= DRAINED;
            self.crowd = (if drained { 1 } else { self.crowd.0 + 1 }, now);
            if self.crowd.0 > buffers {
                self.fault = Some(format!(
                    "{} packets overran {buffers} buffers",
                    self.crowd.0
                ));
                self.gone = true;
                return;
            }
        }
        if self.stalled.is_some() && self.manners.queues {
            self.queue.push_back(payload.to_vec());
            return;
        }
        if self.stalled.is_some() {
            // What waits is taken out of the queue afterwards: here, asked for again.
            self.burst.0 = (self.burst.0 + 1).min(KEPT);
            return;
        }
        match Packet::parse(payload) {
            Ok(Packet::Error(error)) => {
                if self.manners.acks_errors {
                    out.push((from, vec![0, 4, 0, 0]));
                }
                self.ended = Some(Ended::Refused(error.code));
            }
            Ok(Packet::Oack(oack)) if self.peer.is_none() && !self.options.is_empty() => {
                if self.manners.is_picky && !self.asked_for(oack) {
                    return;
                }
                self.peer = Some(from);
                self.on_oack(now, oack, out);
            }
            Ok(Packet::Oack(_)) if self.oack && self.blocks == 0 && self.manners.ack_old => {
                self.ack(now, out);
            }
            Ok(Packet::Data(data)) => {
                if self.peer.is_none() {
                    let answers = data.block == 1 && !self.is_left_over(data.payload);
                    if self.manners.wants_oack || !answers {
                        return;
                    }
                    self.peer = Some(from);
                }
                self.on_block(now, data.block, data.payload, out);
            }
            Ok(Packet::Oack(_) | Packet::Ack(_) | Packet::Request(_)) => {}
            Err(malformed) => self.fault = Some(format!("the server sent rubbish: {malformed}")),
        }
    }

    fn on_time(&mut self, now: Instant, out: &mut Replies) {
        if self.ended.is_some() {
            return;
        }
        if self.peer.is_none() {
            if self.asked == 0 {
                self.progress = now;
                self.ask(now, out);
            } else if now.since(self.active) >= self.manners.ask_every {
                if self.asked >= self.manners.asks {
                    self.ended = Some(Ended::GaveUp);
                } else {
                    self.ask(now, out);
                }
            }
            return;
        }
        if let Some(until) = self.stalled {
            if now < until {
                return;
            }
            self.stalled = None;
            self.progress = now;
            if !self.manners.queues || self.blocks - self.acked >= u64::from(self.window) {
                self.ack(now, out);
            }
            self.crowd.0 = 0;
            while let (None, Some(peer)) = (self.stalled, self.peer)
                && let Some(payload) = self.queue.pop_front()
            {
                self.receive(now, peer, &payload, out);
            }
            return;
        }
        if now.since(self.progress) >= self.manners.patience {
            if self.manners.never_gives_up {
                self.fault = Some(format!("nothing new for {:?}", self.manners.patience));
            }
            self.ended = Some(Ended::GaveUp);
        } else if self
            .manners
            .repeat_ack
            .is_some_and(|every| now.since(self.active) >= every)
        {
            self.ack(now, out);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        if self.peer.is_none() {
            return Some(match self.asked {
                0 => self.active,
                _ => self.active + self.manners.ask_every,
            });
        }
        if self.stalled.is_some() {
            return self.stalled;
        }
        let gives_up = self.progress + self.manners.patience;
        let repeats = self.manners.repeat_ack.map(|every| self.active + every);
        Some(repeats.map_or(gives_up, |repeats| repeats.min(gives_up)))
    }

    fn ended(&mut self) -> Option<Ended> {
        self.ended.clone()
    }

    fn fault(&mut self) -> Option<String> {
        self.fault.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client that asked for blocks of 1408 bytes finds wrong when it is sent one of that
    /// size but no OACK.
    fn finds_wrong(port_was_used: bool) -> Option<String> {
        let (listener, server) = ("10.0.0.1:69", "10.0.0.1:40002");
        let (listener, server) = (listener.parse().unwrap(), server.parse().unwrap());
        let options = [("blksize", 1408)];
        let (manners, random) = (Manners::default(), Random::new(1));
        let fetch = Fetch::new(Instant::ZERO, listener, "a", manners, &options, random);
        let (mut fetch, mut out) = (fetch.on_used_port(port_was_used), Vec::new());
        fetch.on_time(Instant::ZERO, &mut out);
        let data = [&[0, 3, 0, 1][..], &[0; 1408]].concat();
        fetch.receive(Instant::ZERO, server, &data, &mut out);
        assert_eq!(fetch.peer.is_none(), port_was_used);
        fetch.fault()
    }

    #[test]
    fn a_block_longer_than_agreed_is_a_fault_unless_it_is_left_over_from_the_port_s_last_transfer()
    {
        assert!(finds_wrong(false).is_some_and(|fault| fault.contains("1408 bytes")));
        assert_eq!(finds_wrong(true), None);
    }
}
