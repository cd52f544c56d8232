//! A read by the protocol core's own client.

use std::net::SocketAddr;

use bootwire_proto::{
    Agreed, Answer, ErrorCode, Instant, Mode, Offer, Op, Packet, Receiver, ReceiverStatus,
    Reception, Schedule, encode,
};

use super::{Attempt, Ended, Replies};

/// One read.
pub struct Reading {
    listener: SocketAddr,
    request: Vec<u8>,
    offer: Offer,
    receiver: Receiver,
    peer: Option<SocketAddr>,
    agreed: bool,
    taken: Vec<u8>,
    ended: Option<Ended>,
    fault: Option<String>,
}

impl Reading {
    pub(super) fn new(
        now: Instant,
        listener: SocketAddr,
        path: &str,
        offer: Offer,
        seed: u32,
    ) -> Self {
        let mut request = Vec::new();
        offer.encode_request(Op::Read, path.as_bytes(), Mode::Octet, &mut request);
        Self {
            listener,
            request,
            offer,
            receiver: Receiver::request(now, &Schedule::default(), seed),
            peer: None,
            agreed: false,
            taken: Vec::new(),
            ended: None,
            fault: None,
        }
    }

    fn agree(&mut self, now: Instant, from: SocketAddr, agreed: &Agreed) {
        self.peer = Some(from);
        self.agreed = true;
        self.receiver.agree(now, agreed);
    }

    fn poll(&mut self, now: Instant, out: &mut Replies) {
        if self.receiver.status() == ReceiverStatus::Received {
            self.receiver.confirm(now);
        }
        while let Some(answer) = self.receiver.poll(now, true) {
            match (answer, self.peer) {
                (Answer::Opening, _) => out.push((self.listener, self.request.clone())),
                (Answer::Ack(ack), Some(peer)) => {
                    out.push((peer, encode::ack(ack, &mut [0; 5]).to_vec()));
                }
                (Answer::Ack(_), None) => {}
            }
        }
        match self.receiver.status() {
            ReceiverStatus::Complete => {
                self.ended = Some(Ended::Whole(std::mem::take(&mut self.taken)));
            }
            ReceiverStatus::Failed(_) => self.ended = Some(Ended::GaveUp),
            _ => {}
        }
    }
}

impl Attempt for Reading {
    fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8], out: &mut Replies) {
        if self.peer.is_some_and(|peer| peer != from) {
            let mut buffer = [0; 65];
            let error = encode::error(ErrorCode::UnknownTid, "Unknown transfer ID", &mut buffer);
            if !matches!(payload, [0, 5, ..]) {
                out.push((from, error.to_vec()));
            }
            return;
        }
        match Packet::parse(payload) {
            Ok(Packet::Error(error)) => self.ended = Some(Ended::Refused(error.code)),
            Ok(Packet::Oack(oack)) if !self.offer.is_empty() => match self.offer.accept(oack) {
                Ok(agreed) => self.agree(now, from, &agreed),
                Err(reason) => self.fault = Some(format!("the OACK is unacceptable: {reason}")),
            },
            Ok(Packet::Data(data)) => {
                if !self.agreed {
                    if data.block != 1 {
                        return;
                    }
                    self.agree(now, from, &Agreed::plain());
                }
                match self.receiver.on_data(now, data) {
                    Reception::Accepted { .. } => self.taken.extend_from_slice(data.payload),
                    Reception::Oversize => self.fault = Some("a block was too long".to_owned()),
                    Reception::Duplicate | Reception::Gap => {}
                }
            }
            Ok(Packet::Oack(_) | Packet::Ack(_) | Packet::Request(_)) => {}
            Err(malformed) => self.fault = Some(format!("the server sent rubbish: {malformed}")),
        }
        self.poll(now, out);
    }

    fn on_time(&mut self, now: Instant, out: &mut Replies) {
        self.receiver.on_time(now);
        self.poll(now, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.receiver.deadline()
    }

    fn ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }

    fn fault(&mut self) -> Option<String> {
        self.fault.take()
    }
}
