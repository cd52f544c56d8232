//! Writing a file.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bootwire_proto::{
    Agreed, ErrorCode, Offer, Op, Packet, Run, Schedule, SendFailure, Sender, SenderStatus,
    Transmit,
};
use tokio::io::AsyncRead;

use super::content::Content;
use super::error::Stop;
use super::link::{DATAGRAM_MAX, Link};
use super::summary::Reporter;
use super::{Client, ClientError, Progress, Summary};

/// Blocks sent before the socket is looked at again.
const BURST_BLOCKS: u16 = 64;

/// One attempt at writing `content` to `path` with what `offer` asks for.
pub(super) async fn run<R>(
    client: &Client,
    path: &[u8],
    content: &mut Content<R>,
    offer: &Offer,
    schedule: &Schedule,
) -> Result<Summary, Stop>
where
    R: AsyncRead + Unpin,
{
    let mut link = Link::open(client.server, client.local)?;
    let mut request = Vec::new();
    offer.encode_request(Op::Write, path, client.mode, &mut request);
    let mut put = Put {
        sender: Sender::request(link.now(), schedule, super::link::seed()),
        agreed: None,
        size: content.size(),
    };
    let mut reporter = Reporter::new(client.observer.as_ref());
    let mut buffer = vec![0; DATAGRAM_MAX];
    let mut packet = Vec::new();

    let acked = loop {
        while let Some(transmit) = put
            .sender
            .poll(link.now(), content.available(), BURST_BLOCKS)
        {
            match transmit {
                Transmit::Opening => link.send(&request).await?,
                Transmit::Data(run) => send(&link, &run, content, &mut packet).await?,
            }
        }
        match put.sender.status() {
            SenderStatus::Opening | SenderStatus::Moving => {}
            SenderStatus::Complete { acked } => break acked,
            SenderStatus::Failed(failure) => return Err(failed(failure, &mut link, offer)),
        }
        content.release(put.sender.acked());
        if put.agreed.is_some() {
            reporter.step(|| put.progress(link.elapsed()));
        }

        let wants = put.agreed.is_some() && content.wants(put.sender.window().end);
        let deadline = put.sender.deadline();
        let event = either(link.receive(&mut buffer, deadline), content.read(), wants).await;
        let (len, from) = match event {
            Event::Received(received) => match received? {
                Some(received) => received,
                None => {
                    put.sender.on_time(link.now());
                    continue;
                }
            },
            Event::Read(read) => {
                read.inspect_err(|_| link.abort(ErrorCode::NotDefined, "Cannot read the file"))?;
                continue;
            }
        };
        match Packet::parse(buffer.get(..len).unwrap_or_default()) {
            Ok(Packet::Error(error)) => {
                // spec: rfc1350-error-ends
                link.finish();
                let error = ClientError::remote(error);
                return Err(match put.agreed {
                    None => Stop::opening(error, !offer.is_empty()),
                    Some(_) => Stop::Failed(error),
                });
            }
            Ok(Packet::Oack(options)) => {
                if put.agreed.is_none() {
                    link.fix_peer(from);
                    let agreed = offer.accept(options).map_err(|unacceptable| {
                        link.abort(ErrorCode::OptionRefused, "Not what was asked for");
                        Stop::opening(unacceptable.into(), !offer.is_empty())
                    })?;
                    put.agree(link.now(), agreed);
                }
            }
            Ok(Packet::Ack(ack)) => {
                if put.agreed.is_some() {
                    put.sender.on_ack(link.now(), ack);
                } else if ack.block == 0 {
                    // spec: rfc2347-plain-fallback
                    link.fix_peer(from);
                    put.agree(link.now(), super::plain(offer));
                }
            }
            Ok(Packet::Request(_) | Packet::Data(_)) => {}
            Err(malformed) => link.note_malformed(malformed),
        }
    };

    link.finish();
    let summary = put.summary(link.elapsed(), offer, acked, content.available().upto);
    reporter.now(|| Progress {
        bytes: summary.bytes,
        ..put.progress(summary.duration)
    });
    Ok(summary)
}

/// A write in progress.
struct Put {
    sender: Sender,
    agreed: Option<Agreed>,
    size: Option<u64>,
}

impl Put {
    fn agree(&mut self, now: bootwire_proto::Instant, agreed: Agreed) {
        self.sender.agree(now, &agreed);
        self.agreed = Some(agreed);
    }

    fn progress(&self, elapsed: Duration) -> Progress {
        let agreed = self.agreed.unwrap_or_else(Agreed::plain);
        Progress {
            bytes: self.sender.acked(),
            size: self.size,
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
            blocks_resent: self.sender.counts().blocks_resent,
            elapsed,
            round_trip: self.sender.round_trip(),
        }
    }

    fn summary(&self, duration: Duration, offer: &Offer, acked: bool, bytes: u64) -> Summary {
        let agreed = self.agreed.unwrap_or_else(Agreed::plain);
        let counts = self.sender.counts();
        Summary {
            bytes,
            duration,
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
            blocks_resent: counts.blocks_resent,
            timeouts: counts.timeouts,
            round_trip: self.sender.round_trip(),
            tsize: offer.tsize,
            options_refused: !offer.is_empty() && agreed.granted().next().is_none(),
            last_ack_missing: !acked,
        }
    }
}

/// What comes first: something from the network (or its deadline), or the next bytes to send.
enum Event<N, C> {
    Received(N),
    Read(C),
}

/// Waits for `receive`, and for `read` if it is `wanted`. Both may be dropped half-way.
async fn either<N, C>(
    receive: impl Future<Output = N>,
    read: impl Future<Output = C>,
    wanted: bool,
) -> Event<N, C> {
    let (mut receive, mut read) = (pin!(receive), pin!(read));
    poll_fn(|context| {
        if let Poll::Ready(received) = receive.as_mut().poll(context) {
            return Poll::Ready(Event::Received(received));
        }
        if wanted {
            return read.as_mut().poll(context).map(Event::Read);
        }
        Poll::Pending
    })
    .await
}

async fn send<R: AsyncRead + Unpin>(
    link: &Link,
    run: &Run,
    content: &Content<R>,
    packet: &mut Vec<u8>,
) -> Result<(), ClientError> {
    let bytes = content.bytes(run.bytes())?;
    let mut payloads = bytes.chunks(usize::from(run.blksize));
    for header in run.headers() {
        packet.clear();
        packet.extend_from_slice(&header);
        // An empty last block has no chunk.
        packet.extend_from_slice(payloads.next().unwrap_or_default());
        link.send(packet).await?;
    }
    Ok(())
}

fn failed(failure: SendFailure, link: &mut Link, offer: &Offer) -> Stop {
    match failure {
        SendFailure::TimedOut { proven: false } => {
            Stop::opening(link.silence(false), !offer.is_empty())
        }
        SendFailure::TimedOut { proven: true } => {
            link.abort(ErrorCode::NotDefined, "Timed out");
            Stop::Failed(link.silence(true))
        }
        SendFailure::BlockNumbersExhausted => {
            link.abort(ErrorCode::NotDefined, "Too many blocks");
            Stop::Failed(ClientError::TooManyBlocks)
        }
    }
}
