//! A write by the protocol core's own client.

use std::net::SocketAddr;

use bootwire_proto::{
    Agreed, Available, Instant, Mode, Offer, Op, Packet, Schedule, Sender, SenderStatus, Transmit,
};
use bytes::Bytes;

use super::{Attempt, Ended, Replies};

/// One write.
pub struct Writing {
    listener: SocketAddr,
    request: Vec<u8>,
    offer: Offer,
    sender: Sender,
    peer: Option<SocketAddr>,
    content: Bytes,
    ended: Option<Ended>,
    fault: Option<String>,
}

impl Writing {
    pub(super) fn new(
        now: Instant,
        listener: SocketAddr,
        path: &str,
        offer: Offer,
        content: Bytes,
        seed: u32,
    ) -> Self {
        let mut request = Vec::new();
        offer.encode_request(Op::Write, path.as_bytes(), Mode::Octet, &mut request);
        Self {
            listener,
            request,
            offer,
            sender: Sender::request(now, &Schedule::default(), seed),
            peer: None,
            content,
            ended: None,
            fault: None,
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Replies) {
        let available = Available {
            upto: self.content.len() as u64,
            end: true,
        };
        while let Some(transmit) = self.sender.poll(now, available, 64) {
            match (transmit, self.peer) {
                (Transmit::Opening, _) => out.push((self.listener, self.request.clone())),
                (Transmit::Data(run), Some(peer)) => {
                    let bytes = run.bytes();
                    let content = &self.content[bytes.start as usize..bytes.end as usize];
                    let mut blocks = content.chunks(usize::from(run.blksize));
                    out.extend(run.headers().map(|header| {
                        let block = blocks.next().unwrap_or_default();
                        (peer, [&header[..], block].concat())
                    }));
                }
                (Transmit::Data(_), None) => {}
            }
        }
        match self.sender.status() {
            SenderStatus::Complete { acked: true } => self.ended = Some(Ended::Stored),
            SenderStatus::Complete { acked: false } | SenderStatus::Failed(_) => {
                self.ended = Some(Ended::GaveUp);
            }
            SenderStatus::Opening | SenderStatus::Moving => {}
        }
    }
}

impl Attempt for Writing {
    fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8], out: &mut Replies) {
        if self.peer.is_some_and(|peer| peer != from) {
            return;
        }
        match Packet::parse(payload) {
            Ok(Packet::Error(error)) => self.ended = Some(Ended::Refused(error.code)),
            Ok(Packet::Oack(oack)) if !self.offer.is_empty() => match self.offer.accept(oack) {
                Ok(agreed) => {
                    self.peer = Some(from);
                    self.sender.agree(now, &agreed);
                }
                Err(reason) => self.fault = Some(format!("the OACK is unacceptable: {reason}")),
            },
            Ok(Packet::Ack(ack)) => {
                if self.peer.is_none() {
                    if ack.block != 0 {
                        return;
                    }
                    self.peer = Some(from);
                    self.sender.agree(now, &Agreed::plain());
                } else {
                    self.sender.on_ack(now, ack);
                }
            }
            Ok(Packet::Oack(_) | Packet::Data(_) | Packet::Request(_)) => {}
            Err(malformed) => self.fault = Some(format!("the server sent rubbish: {malformed}")),
        }
        self.poll(now, out);
    }

    fn on_time(&mut self, now: Instant, out: &mut Replies) {
        self.sender.on_time(now);
        self.poll(now, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.sender.deadline()
    }

    fn ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }

    fn fault(&mut self) -> Option<String> {
        self.fault.take()
    }
}
