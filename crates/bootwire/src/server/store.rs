//! Handing an upload to its sink, on tokio.

use std::sync::Arc;

use bootwire_proto::netascii;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::inbox::{Inbox, Message, TransferKey};
use crate::{Refusal, Sink};

/// Bytes gathered before they go to the sink, unless a window ends sooner.
const PIECE: usize = 64 << 10;
/// Bytes a sink may be behind before the client's ACKs are held back.
const BEHIND_MAX: u64 = 1 << 20;

/// What the sink's task is told.
enum Order {
    Write(Bytes),
    Finish,
}

/// The engine's end of an upload. Dropping it before the sink has finished drops the sink, which
/// undoes the upload.
pub(crate) struct StoreHandle {
    orders: mpsc::UnboundedSender<Order>,
    gathered: BytesMut,
    /// Bytes received from the client.
    received: u64,
    /// Bytes the sink has taken.
    stored: u64,
    task: Option<AbortHandle>,
}

/// A transfer that is over wants nothing of its sink any more, which may hang for ever. After the
/// sink has finished there is no task.
impl Drop for StoreHandle {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl StoreHandle {
    /// Takes the payload of the next block. The caller respects [`StoreHandle::has_room`], which
    /// bounds what waits here to that and one window.
    pub(crate) fn push(&mut self, payload: &[u8]) {
        self.gathered.extend_from_slice(payload);
        self.received += payload.len() as u64;
        if self.gathered.len() >= PIECE {
            self.flush();
        }
    }

    /// Passes on what was gathered.
    pub(crate) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            let piece = self.gathered.split().freeze();
            // A sink that failed has told so through the inbox already.
            let _ = self.orders.send(Order::Write(piece));
        }
    }

    /// A handle with no sink behind it.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Self {
            orders: mpsc::unbounded_channel().0,
            gathered: BytesMut::new(),
            received: 0,
            stored: 0,
            task: None,
        }
    }

    /// No more will come: make it durable.
    pub(crate) fn finish(&mut self) {
        self.flush();
        let _ = self.orders.send(Order::Finish);
    }

    /// The sink has taken everything before `upto`.
    pub(crate) fn stored(&mut self, upto: u64) {
        self.stored = upto;
    }

    /// Bytes handed over that the sink has not taken yet.
    pub(crate) const fn behind(&self) -> u64 {
        self.received - self.stored
    }

    /// Whether the client may go on.
    pub(crate) const fn has_room(&self) -> bool {
        self.behind() < BEHIND_MAX
    }
}

/// Starts to fill `sink` for the transfer `key`; netascii is turned into local text if `decode`.
pub(super) fn start(
    runtime: &tokio::runtime::Handle,
    inbox: Arc<Inbox>,
    key: TransferKey,
    sink: Box<dyn Sink>,
    decode: bool,
) -> StoreHandle {
    let (orders, inbound) = mpsc::unbounded_channel();
    let decoder = decode.then(netascii::Decoder::default);
    let task = runtime.spawn(async move {
        let mut report = EndReport::new(inbox, key);
        match run(inbound, &report, sink, decoder).await {
            Some(result) => report.tell(result),
            None => report.told = true,
        }
    });
    StoreHandle {
        orders,
        gathered: BytesMut::new(),
        received: 0,
        stored: 0,
        task: Some(task.abort_handle()),
    }
}

/// Sees to it that the engine hears how an upload ended, even if its sink panics.
struct EndReport {
    inbox: Arc<Inbox>,
    key: TransferKey,
    told: bool,
}

impl EndReport {
    const fn new(inbox: Arc<Inbox>, key: TransferKey) -> Self {
        Self {
            inbox,
            key,
            told: false,
        }
    }

    fn tell(&mut self, result: Result<(), Refusal>) {
        self.told = true;
        let key = self.key;
        self.inbox.send(Message::StoreEnded { key, result });
    }
}

impl Drop for EndReport {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Err(Refusal::internal().because("the sink panicked")));
        }
    }
}

/// `None` if the transfer ended before the upload was whole.
async fn run(
    mut orders: mpsc::UnboundedReceiver<Order>,
    report: &EndReport,
    mut sink: Box<dyn Sink>,
    mut decoder: Option<netascii::Decoder>,
) -> Option<Result<(), Refusal>> {
    let mut upto = 0;
    while let Some(order) = orders.recv().await {
        match order {
            Order::Write(piece) => {
                upto += piece.len() as u64;
                let piece = match &mut decoder {
                    Some(decoder) => {
                        let mut text = Vec::with_capacity(piece.len());
                        decoder.push(&piece, &mut text);
                        text.into()
                    }
                    None => piece,
                };
                if let Err(refusal) = sink.write(piece).await {
                    return Some(Err(refusal));
                }
                let key = report.key;
                report.inbox.send(Message::Stored { key, upto });
            }
            Order::Finish => {
                let mut rest = Vec::new();
                if let Some(decoder) = &mut decoder {
                    decoder.finish(&mut rest);
                }
                if !rest.is_empty()
                    && let Err(refusal) = sink.write(rest.into()).await
                {
                    return Some(Err(refusal));
                }
                return Some(sink.finish().await);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::BoxFuture;

    /// A sink that takes nothing and counts when it is dropped.
    struct Hanging(Arc<AtomicUsize>);

    impl Drop for Hanging {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Sink for Hanging {
        fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
            Box::pin(std::future::pending())
        }

        fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_sink_that_hangs_is_dropped_with_its_transfer() {
        let poller = bootwire_io::Poller::new(bootwire_io::Kernel::portable()).unwrap();
        let inbox = Arc::new(Inbox::new(poller.waker()));
        let runtime = tokio::runtime::Handle::current();
        let dropped = Arc::<AtomicUsize>::default();
        for content in [&b"never taken"[..], b""] {
            let key = TransferKey {
                index: 0,
                generation: 1,
            };
            let sink = Box::new(Hanging(Arc::clone(&dropped)));
            let mut store = start(&runtime, Arc::clone(&inbox), key, sink, false);
            store.push(content);
            store.finish();
            tokio::task::yield_now().await;
            drop(store);
        }
        while runtime.metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }
}
