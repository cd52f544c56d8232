//! The two state machines as ends of a network.

use std::collections::VecDeque;

use bootwire_proto::{
    Agreed, Answer, Available, Data, Instant, Receiver, ReceiverStatus, Reception, Schedule,
    Sender, SenderStatus, Transmit,
};

use super::{End, Wire};

/// The end that has the file: a server on reads, a client on writes.
pub(crate) struct Sending {
    pub(crate) content: Vec<u8>,
    agreed: Agreed,
    schedule: Schedule,
    /// `None`: a server that no request has reached.
    pub(crate) sender: Option<Sender>,
    server: bool,
    /// Bytes at hand; `None` once all are.
    pub(crate) at_hand: Option<u64>,
    /// Most blocks asked for at a time.
    pub(crate) max_blocks: u16,
    outbox: VecDeque<Wire>,
    pub(crate) openings: u32,
}

impl Sending {
    pub(crate) fn server(content: Vec<u8>, agreed: Agreed, schedule: Schedule) -> Self {
        Self {
            content,
            agreed,
            schedule,
            sender: None,
            server: true,
            at_hand: None,
            max_blocks: 44,
            outbox: VecDeque::new(),
            openings: 0,
        }
    }

    pub(crate) fn client(content: Vec<u8>, agreed: Agreed, schedule: Schedule) -> Self {
        let sender = Sender::request(Instant::ZERO, &schedule, 77);
        Self {
            sender: Some(sender),
            server: false,
            ..Self::server(content, agreed, schedule)
        }
    }

    pub(crate) fn machine(&self) -> &Sender {
        self.sender.as_ref().expect("a request has come")
    }

    pub(crate) fn status(&self) -> SenderStatus {
        self.machine().status()
    }

    fn available(&self) -> Available {
        let whole = self.content.len() as u64;
        self.at_hand.map_or(
            Available {
                upto: whole,
                end: true,
            },
            |upto| Available { upto, end: false },
        )
    }
}

impl End for Sending {
    fn deliver(&mut self, now: Instant, packet: &Wire) {
        match (packet, &mut self.sender) {
            (Wire::Request, None) => {
                self.sender = Some(Sender::serve(now, &self.agreed, &self.schedule, 33));
            }
            (Wire::Request, Some(sender)) => sender.on_repeated_request(now),
            (Wire::Oack, Some(sender)) => sender.agree(now, &self.agreed),
            (Wire::Ack(ack), Some(sender)) => {
                if !self.server && sender.status() == SenderStatus::Opening && ack.block == 0 {
                    sender.agree(now, &Agreed::plain());
                } else {
                    sender.on_ack(now, *ack);
                }
            }
            _ => panic!("{packet:?} reached a sender"),
        }
    }

    fn on_time(&mut self, now: Instant) {
        if let Some(sender) = &mut self.sender {
            sender.on_time(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.sender.as_ref().and_then(Sender::deadline)
    }

    fn poll(&mut self, now: Instant) -> Option<Wire> {
        let available = self.available();
        if self.outbox.is_empty()
            && let Some(sender) = &mut self.sender
        {
            match sender.poll(now, available, self.max_blocks) {
                Some(Transmit::Opening) => {
                    self.openings += 1;
                    self.outbox.push_back(if self.server {
                        Wire::Oack
                    } else {
                        Wire::Request
                    });
                }
                Some(Transmit::Data(run)) => {
                    let bytes = run.bytes();
                    let mut at = bytes.start;
                    for [_, _, high, low] in run.headers() {
                        let end = (at + u64::from(run.blksize)).min(bytes.end);
                        let payload = self.content[at as usize..end as usize].to_vec();
                        self.outbox.push_back(Wire::Data {
                            block: u16::from_be_bytes([high, low]),
                            payload,
                        });
                        at = end;
                    }
                }
                None => {}
            }
        }
        self.outbox.pop_front()
    }

    fn done(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| {
            matches!(
                sender.status(),
                SenderStatus::Complete { .. } | SenderStatus::Failed(_)
            )
        })
    }
}

/// The end that gets the file: a client on reads, a server on writes.
pub(crate) struct Receiving {
    agreed: Agreed,
    schedule: Schedule,
    pub(crate) receiver: Option<Receiver>,
    server: bool,
    pub(crate) stored: Vec<u8>,
    pub(crate) room: bool,
    /// Whether the content counts as stored as soon as it is whole.
    pub(crate) confirms: bool,
}

impl Receiving {
    pub(crate) fn server(agreed: Agreed, schedule: Schedule) -> Self {
        let stored = Vec::new();
        Self {
            agreed,
            schedule,
            receiver: None,
            server: true,
            stored,
            room: true,
            confirms: true,
        }
    }

    pub(crate) fn client(agreed: Agreed, schedule: Schedule) -> Self {
        let receiver = Receiver::request(Instant::ZERO, &schedule, 55);
        Self {
            receiver: Some(receiver),
            server: false,
            ..Self::server(agreed, schedule)
        }
    }

    pub(crate) fn machine(&self) -> &Receiver {
        self.receiver.as_ref().expect("a request has come")
    }

    pub(crate) fn status(&self) -> ReceiverStatus {
        self.machine().status()
    }
}

impl End for Receiving {
    fn deliver(&mut self, now: Instant, packet: &Wire) {
        match (packet, &mut self.receiver) {
            (Wire::Request, None) => {
                self.receiver = Some(Receiver::serve(now, &self.agreed, &self.schedule, 99));
            }
            (Wire::Request, Some(receiver)) => receiver.on_repeated_request(now),
            (Wire::Oack, Some(receiver)) => receiver.agree(now, &self.agreed),
            (Wire::Data { block, payload }, Some(receiver)) => {
                if !self.server && receiver.status() == ReceiverStatus::Opening {
                    receiver.agree(now, &Agreed::plain());
                }
                let reception = receiver.on_data(
                    now,
                    Data {
                        block: *block,
                        payload,
                    },
                );
                if let Reception::Accepted { offset, .. } = reception {
                    assert_eq!(offset, self.stored.len() as u64, "in order, each byte once");
                    self.stored.extend_from_slice(payload);
                }
                if self.confirms && receiver.status() == ReceiverStatus::Received {
                    receiver.confirm(now);
                }
            }
            _ => panic!("{packet:?} reached a receiver"),
        }
    }

    fn on_time(&mut self, now: Instant) {
        if let Some(receiver) = &mut self.receiver {
            receiver.on_time(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.receiver.as_ref().and_then(Receiver::deadline)
    }

    fn poll(&mut self, now: Instant) -> Option<Wire> {
        let opening = if self.server {
            Wire::Oack
        } else {
            Wire::Request
        };
        self.receiver
            .as_mut()?
            .poll(now, self.room)
            .map(|answer| match answer {
                Answer::Opening => opening,
                Answer::Ack(ack) => Wire::Ack(ack),
            })
    }

    fn done(&self) -> bool {
        self.receiver.as_ref().is_some_and(|receiver| {
            matches!(
                receiver.status(),
                ReceiverStatus::Complete | ReceiverStatus::Failed(_)
            )
        })
    }
}
