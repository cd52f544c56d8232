//! A client in virtual time: the protocol's own machines, and a script.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{
    Agreed, Answer, Available, ErrorCode, Instant, Mode, Op, Packet as Message, Receiver,
    ReceiverStatus, Reception, Run, Schedule, Sender, SenderStatus, Transmit, encode, netascii,
};
use bytes::Bytes;

use super::{Failure, Fate, Packet, Script, Transfer};
use crate::TransferRecord;

/// How long a client waits for a server that is silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A window goes out at once, whatever its size.
const BLOCKS_MAX: u16 = u16::MAX;

/// Datagrams for one of the server's sockets; `None` while that is not known.
type Outgoing = Vec<(Option<u16>, Vec<u8>)>;

/// A client.
pub(super) struct Client {
    script: Script,
    peer: SocketAddr,
    side: Side,
    agreed: Option<Agreed>,
    /// The server's socket of this transfer.
    socket: Option<u16>,
    request: Vec<u8>,
    /// Received so far, or what is sent, as it crosses the wire.
    wire: Vec<u8>,
    paused_until: Option<Instant>,
    began: Instant,
    end: Option<(Instant, Result<Bytes, Failure>)>,
    /// An ERROR to be sent.
    last_words: Option<Vec<u8>>,
    /// Packets so far: to the server, from it.
    carried: [u64; 2],
    pub(super) records: Vec<TransferRecord>,
}

enum Side {
    Get(Box<Receiver>),
    Put(Box<Sender>),
}

impl Client {
    /// The `number`th client of its server.
    pub(super) fn new(script: Script, number: u16, now: Instant) -> Self {
        // As patient as firmware that has nothing else to do.
        let schedule = Schedule {
            unproven_resends: 5,
            unproven_life: PATIENCE,
            give_up: PATIENCE,
            ..Schedule::default()
        };
        let [high, low] = number.to_be_bytes();
        let own = SocketAddr::from(([10, 0, high, low], 49152));
        let seed = u32::from(number);
        let (side, wire) = match (script.op, script.mode) {
            (Op::Read, _) => {
                let receiver = Receiver::request(now, &schedule, seed);
                (Side::Get(Box::new(receiver)), Vec::new())
            }
            (Op::Write, mode) => {
                let sender = Sender::request(now, &schedule, seed);
                let wire = match mode {
                    Mode::Octet => script.content.to_vec(),
                    Mode::Netascii => {
                        let mut wire = Vec::new();
                        netascii::Encoder::default().push(&script.content, &mut wire);
                        wire
                    }
                };
                (Side::Put(Box::new(sender)), wire)
            }
        };
        let mut request = Vec::new();
        let Script {
            offer,
            op,
            path,
            mode,
            ..
        } = &script;
        offer.encode_request(*op, path, *mode, &mut request);
        Self {
            peer: script.peer.unwrap_or(own),
            side,
            agreed: None,
            socket: None,
            request,
            wire,
            paused_until: None,
            began: now,
            end: None,
            last_words: None,
            carried: [0; 2],
            records: Vec::new(),
            script,
        }
    }

    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) const fn is_over(&self) -> bool {
        self.end.is_some() && self.last_words.is_none()
    }

    /// When it pauses until, if it does.
    pub(super) fn pauses_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|&until| until > now)
    }

    /// When it is to be looked at.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.end.is_some() {
            return None;
        }
        let deadline = match &self.side {
            Side::Get(receiver) => receiver.deadline(),
            Side::Put(sender) => sender.deadline(),
        }?;
        Some(
            self.paused_until
                .map_or(deadline, |until| until.max(deadline)),
        )
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        match &mut self.side {
            Side::Get(receiver) => receiver.on_time(now),
            Side::Put(sender) => sender.on_time(now),
        }
    }

    /// What the network does with a packet of this client.
    pub(super) fn carry(&mut self, from_server: bool, bytes: &[u8]) -> (Duration, Fate) {
        let carried = &mut self.carried[usize::from(from_server)];
        *carried += 1;
        let packet = Packet {
            from_server,
            number: *carried,
            bytes,
        };
        let network = self.script.network.as_mut();
        let fate = network.map_or(Fate::Arrives, |network| network(&packet));
        (self.script.latency, fate)
    }

    /// A packet of the server arrived.
    pub(super) fn receive(&mut self, now: Instant, socket: u16, payload: &[u8]) {
        if self.socket.is_some_and(|own| own != socket) {
            return;
        }
        // What is over is answered no more but to repeat the last ACK.
        let (is_over, before) = (self.end.is_some(), self.blocks());
        match (Message::parse(payload), &mut self.side) {
            (Ok(Message::Error(error)), _) => {
                let text = String::from_utf8_lossy(error.text).into_owned();
                let code = ErrorCode::from_wire(error.code);
                self.finish(now, Err(Failure::Error { code, text }));
            }
            (Ok(Message::Oack(options)), side) => {
                self.socket = Some(socket);
                let accepted = self.script.offer.accept(options).ok();
                let Some(agreed) = self.agreed.or(accepted) else {
                    let broken = "the server granted what was not asked for";
                    return self.finish(now, Err(Failure::Protocol(broken)));
                };
                match side {
                    Side::Get(receiver) => receiver.agree(now, &agreed),
                    Side::Put(sender) if self.agreed.is_none() => sender.agree(now, &agreed),
                    Side::Put(_) => {}
                }
                self.agreed = Some(agreed);
            }
            (Ok(Message::Data(data)), Side::Get(receiver)) => {
                self.socket = Some(socket);
                if self.agreed.is_none() {
                    receiver.agree(now, &Agreed::plain());
                    self.agreed = Some(Agreed::plain());
                }
                if let Reception::Accepted { .. } = receiver.on_data(now, data) {
                    self.wire.extend_from_slice(data.payload);
                }
            }
            (Ok(Message::Ack(ack)), Side::Put(sender)) => {
                self.socket = Some(socket);
                if self.agreed.is_none() {
                    sender.agree(now, &Agreed::plain());
                    self.agreed = Some(Agreed::plain());
                } else {
                    sender.on_ack(now, ack);
                }
            }
            _ => {
                let broken = "the server sent what no client can use";
                return self.finish(now, Err(Failure::Protocol(broken)));
            }
        }
        if !is_over {
            self.follow_script(now, before);
            self.settle(now);
        }
    }

    /// Blocks taken or acknowledged; `None` before the server has answered.
    fn blocks(&self) -> Option<u64> {
        let bytes = match &self.side {
            Side::Get(receiver) => receiver.received(),
            Side::Put(sender) => sender.acked(),
        };
        Some(bytes.div_ceil(u64::from(self.agreed?.blksize)))
    }

    /// The client pauses or leaves, if it has come so far now.
    fn follow_script(&mut self, now: Instant, before: Option<u64>) {
        let Some(blocks) = self.blocks() else {
            return;
        };
        let reached = |after: u64| blocks >= after && before.is_none_or(|before| before < after);
        if let Some((after, time)) = self.script.pause
            && reached(after)
        {
            self.paused_until = Some(now + time);
        }
        if let Some((after, words)) = &self.script.leave
            && reached(*after)
        {
            self.last_words = words.as_deref().map(|text| {
                let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
                encode::error(ErrorCode::NotDefined, text, &mut buffer).to_vec()
            });
            self.finish(now, Err(Failure::Left));
        }
    }

    /// Whether the machines have come to an end.
    fn settle(&mut self, now: Instant) {
        let end = match &mut self.side {
            Side::Get(receiver) => {
                if receiver.status() == ReceiverStatus::Received {
                    receiver.confirm(now);
                }
                match receiver.status() {
                    ReceiverStatus::Lingering | ReceiverStatus::Complete => Ok(()),
                    ReceiverStatus::Failed(_) => Err(Failure::Silence),
                    _ => return,
                }
            }
            Side::Put(sender) => match sender.status() {
                SenderStatus::Complete { .. } => Ok(()),
                SenderStatus::Failed(_) => Err(Failure::Silence),
                SenderStatus::Opening | SenderStatus::Moving => return,
            },
        };
        let content = end.map(|()| match (self.script.op, self.script.mode) {
            (Op::Write, _) => Bytes::new(),
            (Op::Read, Mode::Octet) => std::mem::take(&mut self.wire).into(),
            (Op::Read, Mode::Netascii) => {
                let (mut decoder, mut text) = (netascii::Decoder::default(), Vec::new());
                decoder.push(&self.wire, &mut text);
                decoder.finish(&mut text);
                text.into()
            }
        });
        self.finish(now, content);
    }

    fn finish(&mut self, now: Instant, content: Result<Bytes, Failure>) {
        self.end.get_or_insert((now, content));
    }

    /// What it sends now.
    pub(super) fn sends(&mut self, now: Instant) -> Outgoing {
        let mut out = Outgoing::new();
        if let Some(words) = self.last_words.take() {
            out.push((self.socket, words));
        }
        let left = matches!(&self.end, Some((_, Err(_))));
        if left || self.pauses_until(now).is_some() {
            return out;
        }
        match &mut self.side {
            Side::Get(receiver) => {
                while let Some(answer) = receiver.poll(now, true) {
                    match answer {
                        Answer::Opening => out.push((None, self.request.clone())),
                        Answer::Ack(ack) => {
                            out.push((self.socket, encode::ack(ack, &mut [0; 5]).to_vec()));
                        }
                    }
                }
            }
            Side::Put(sender) => {
                let available = Available {
                    upto: self.wire.len() as u64,
                    end: true,
                };
                while let Some(transmit) = sender.poll(now, available, BLOCKS_MAX) {
                    match transmit {
                        Transmit::Opening => out.push((None, self.request.clone())),
                        Transmit::Data(run) => blocks(&run, &self.wire, self.socket, &mut out),
                    }
                }
            }
        }
        self.settle(now);
        out
    }

    pub(super) fn into_transfer(self) -> Transfer {
        let agreed = self.agreed.unwrap_or_else(Agreed::plain);
        let granted = agreed
            .granted()
            .filter_map(|kind| Some((kind.name().to_owned(), agreed.value(kind)?)));
        let (at, content) = self
            .end
            .unwrap_or((self.began, Err(Failure::Protocol("it never ended"))));
        Transfer {
            content,
            granted: granted.collect(),
            records: self.records,
            took: at.since(self.began),
            datagrams: self.carried.iter().sum(),
        }
    }
}

/// The DATA packets of a run.
fn blocks(run: &Run, wire: &[u8], socket: Option<u16>, out: &mut Outgoing) {
    let bytes = run.bytes();
    let mut content = &wire[bytes.start as usize..bytes.end as usize];
    for header in run.headers() {
        let (block, rest) = content.split_at(content.len().min(run.blksize.into()));
        out.push((socket, [&header, block].concat()));
        content = rest;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("script", &self.script)
            .field("blocks", &self.blocks())
            .field("end", &self.end.as_ref().map(|(_, end)| end.is_ok()))
            .finish_non_exhaustive()
    }
}
