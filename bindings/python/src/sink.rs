//! Uploads that an object of Python takes.

use bootwire::{BoxFuture, Refusal, Sink};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::held::Share;
use crate::job::Job;

/// An upload taken piece by piece.
pub(crate) struct PythonSink {
    sink: Share,
}

impl PythonSink {
    pub(crate) const fn new(sink: Share) -> Self {
        Self { sink }
    }
}

/// The outcome of a job.
async fn outcome(told: oneshot::Receiver<Result<(), Refusal>>) -> Result<(), Refusal> {
    let gone = |_| Refusal::busy().because("nobody takes the upload");
    told.await.map_err(gone)?
}

impl Sink for PythonSink {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        let (tell, told) = oneshot::channel();
        let sink = self.sink.clone();
        self.sink.submit(Job::Write { sink, data, tell });
        Box::pin(outcome(told))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        let (tell, told) = oneshot::channel();
        let sink = self.sink.clone();
        self.sink.submit(Job::Finish { sink, tell });
        Box::pin(outcome(told))
    }
}
