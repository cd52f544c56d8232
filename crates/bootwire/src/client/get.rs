//! Reading a file.

use std::time::Duration;

use bootwire_proto::{
    Agreed, Answer, ErrorCode, Mode, Offer, Op, Packet, ReceiveFailure, Receiver, ReceiverStatus,
    Reception, Schedule, encode, netascii,
};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::error::Stop;
use super::link::{DATAGRAM_MAX, Link};
use super::summary::Reporter;
use super::{Client, ClientError, Progress, Summary};

/// Bytes collected before they are handed to the sink: files want large writes.
const WRITE_PIECE: usize = 256 << 10;

/// Longest stay after the last ACK.
const LINGER_MAX: Duration = Duration::from_millis(500);

/// One attempt at reading `path` with what `offer` asks for.
pub(super) async fn run<W>(
    client: &Client,
    path: &[u8],
    sink: &mut W,
    offer: &Offer,
    schedule: &Schedule,
) -> Result<Summary, Stop>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut link = Link::open(client.server, client.local)?;
    let offer = &link.fitting(offer);
    let mut request = Vec::new();
    offer.encode_request(Op::Read, path, client.mode, &mut request);
    let mut get = Get {
        receiver: Receiver::request(link.now(), schedule, super::link::seed()),
        agreed: None,
        text: (client.mode == Mode::Netascii).then(netascii::Decoder::default),
        pending: Vec::new(),
        sink,
    };
    let mut reporter = Reporter::new(client.observer.as_ref());
    let mut buffer = vec![0; DATAGRAM_MAX];

    loop {
        while let Some(answer) = get.receiver.poll(link.now(), true) {
            send(&link, answer, &request).await?;
        }
        match get.receiver.status() {
            ReceiverStatus::Opening | ReceiverStatus::Moving => {}
            ReceiverStatus::Received => {
                get.check_size(true)?;
                get.store_rest()
                    .await
                    .inspect_err(|error| blame(&mut link, error))?;
                get.receiver.confirm(link.now());
                continue;
            }
            ReceiverStatus::Lingering | ReceiverStatus::Complete => break,
            ReceiverStatus::Failed(failure) => return Err(failed(failure, &mut link, offer)),
        }
        if get.agreed.is_some() {
            reporter.step(|| get.progress(link.elapsed()));
        }

        let deadline = get.receiver.deadline();
        let Some((len, from)) = link.receive(&mut buffer, deadline).await? else {
            get.receiver.on_time(link.now());
            continue;
        };
        match Packet::parse(buffer.get(..len).unwrap_or_default()) {
            Ok(Packet::Error(error)) => {
                // spec: rfc1350-error-ends
                link.finish();
                let error = ClientError::remote(error);
                return Err(match get.agreed {
                    None => Stop::opening(error, !offer.is_empty()),
                    Some(_) => Stop::Failed(error),
                });
            }
            Ok(Packet::Oack(options)) => {
                if let Some(agreed) = get.agreed {
                    // The ACK 0 that answered it was lost.
                    get.receiver.agree(link.now(), &agreed);
                    continue;
                }
                link.fix_peer(from);
                let agreed = offer.accept(options).map_err(|unacceptable| {
                    link.abort(ErrorCode::OptionRefused, "Not what was asked for");
                    Stop::opening(unacceptable.into(), !offer.is_empty())
                })?;
                get.agree(link.now(), agreed);
            }
            Ok(Packet::Data(data)) => {
                if get.agreed.is_none() {
                    if data.block != 1 {
                        continue;
                    }
                    // spec: rfc2347-plain-fallback
                    link.fix_peer(from);
                    get.agree(link.now(), super::plain(offer));
                }
                let reception = get.receiver.on_data(link.now(), data);
                if let Reception::Accepted { .. } = reception {
                    get.take(data.payload);
                    get.check_size(false)?;
                    if get.pending.len() >= WRITE_PIECE {
                        get.store()
                            .await
                            .inspect_err(|error| blame(&mut link, error))?;
                    }
                }
            }
            Ok(Packet::Request(_) | Packet::Ack(_)) => {}
            Err(malformed) => link.note_malformed(malformed),
        }
    }

    link.finish();
    let summary = get.summary(link.elapsed(), offer);
    reporter.now(|| get.progress(summary.duration));
    linger(&mut link, &mut get.receiver, &request, &mut buffer).await;
    Ok(summary)
}

/// A read in progress.
struct Get<'a, W: ?Sized> {
    receiver: Receiver,
    agreed: Option<Agreed>,
    /// Translates, in netascii.
    text: Option<netascii::Decoder>,
    /// Received and not yet handed to the sink.
    pending: Vec<u8>,
    sink: &'a mut W,
}

impl<W: AsyncWrite + Unpin + ?Sized> Get<'_, W> {
    fn agree(&mut self, now: bootwire_proto::Instant, agreed: Agreed) {
        self.receiver.agree(now, &agreed);
        self.agreed = Some(agreed);
    }

    fn take(&mut self, payload: &[u8]) {
        match &mut self.text {
            Some(decoder) => decoder.push(payload, &mut self.pending),
            None => self.pending.extend_from_slice(payload),
        }
    }

    async fn store(&mut self) -> Result<(), ClientError> {
        self.sink
            .write_all(&self.pending)
            .await
            .map_err(ClientError::Local)?;
        self.pending.clear();
        Ok(())
    }

    async fn store_rest(&mut self) -> Result<(), ClientError> {
        if let Some(decoder) = &mut self.text {
            decoder.finish(&mut self.pending);
        }
        self.store().await?;
        self.sink.flush().await.map_err(ClientError::Local)
    }

    /// The size announced. Some servers repeat the client's 0 for a size they do not know, so 0
    /// says nothing.
    fn tsize(&self) -> Option<u64> {
        self.agreed
            .and_then(|agreed| agreed.tsize)
            .filter(|&size| size > 0)
    }

    /// Compares what came with what was announced; before the end only for too much.
    fn check_size(&self, end: bool) -> Result<(), ClientError> {
        let bytes = self.receiver.received();
        match self.tsize() {
            Some(expected) if bytes > expected || (end && bytes < expected) => {
                Err(ClientError::SizeMismatch { expected, bytes })
            }
            _ => Ok(()),
        }
    }

    fn progress(&self, elapsed: Duration) -> Progress {
        let agreed = self.agreed.unwrap_or_else(Agreed::plain);
        Progress {
            bytes: self.receiver.received(),
            size: self.tsize(),
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
            blocks_resent: self.receiver.counts().blocks_unused,
            elapsed,
            round_trip: self.receiver.round_trip(),
        }
    }

    fn summary(&self, duration: Duration, offer: &Offer) -> Summary {
        let agreed = self.agreed.unwrap_or_else(Agreed::plain);
        let counts = self.receiver.counts();
        Summary {
            bytes: self.receiver.received(),
            duration,
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
            blocks_resent: counts.blocks_unused,
            timeouts: counts.timeouts,
            round_trip: self.receiver.round_trip(),
            tsize: agreed.tsize,
            options_refused: !offer.is_empty() && agreed.granted().next().is_none(),
            last_ack_missing: false,
        }
    }
}

async fn send(link: &Link, answer: Answer, request: &[u8]) -> Result<(), ClientError> {
    match answer {
        Answer::Opening => link.send(request).await,
        Answer::Ack(ack) => link.send(encode::ack(ack, &mut [0; 5])).await,
    }
}

fn failed(failure: ReceiveFailure, link: &mut Link, offer: &Offer) -> Stop {
    match failure {
        ReceiveFailure::TimedOut { proven: false } => {
            Stop::opening(link.silence(false), !offer.is_empty())
        }
        ReceiveFailure::TimedOut { proven: true } => {
            link.abort(ErrorCode::NotDefined, "Timed out");
            Stop::Failed(link.silence(true))
        }
        ReceiveFailure::BlockNumbersExhausted => {
            link.abort(ErrorCode::NotDefined, "Too many blocks");
            Stop::Failed(ClientError::TooManyBlocks)
        }
        ReceiveFailure::Oversize => {
            link.abort(ErrorCode::IllegalOperation, "Block longer than agreed");
            Stop::Failed(ClientError::Oversize)
        }
    }
}

/// Tells the server that our side cannot store what it sends.
fn blame(link: &mut Link, error: &ClientError) {
    match error {
        ClientError::Local(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            link.abort(ErrorCode::DiskFull, "Disk full");
        }
        _ => link.abort(ErrorCode::NotDefined, "Cannot store the file"),
    }
}

/// Repeats the last ACK on demand, for a while, where packets are known to get lost. Nothing that
/// happens here can spoil the transfer any more.
async fn linger(link: &mut Link, receiver: &mut Receiver, request: &[u8], buffer: &mut [u8]) {
    // spec: rfc1350-dally
    let counts = receiver.counts();
    if counts.blocks_unused == 0 && counts.acks_resent == 0 && counts.timeouts == 0 {
        return;
    }
    let stay = receiver
        .round_trip()
        .map_or(LINGER_MAX, |round_trip| round_trip * 3)
        .clamp(LINGER_MAX / 10, LINGER_MAX);
    let until = link.now() + stay;
    while let Ok(Some((len, _))) = link.receive(buffer, Some(until)).await {
        if let Ok(Packet::Data(data)) = Packet::parse(buffer.get(..len).unwrap_or_default()) {
            receiver.on_data(link.now(), data);
        }
        while let Some(answer) = receiver.poll(link.now(), true) {
            if send(link, answer, request).await.is_err() {
                return;
            }
        }
    }
}
