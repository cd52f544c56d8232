//! What Python's threads are to do.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bootwire::{Accept, Answer, Op, Refusal, Reply, TransferRecord};
use bootwire_store::Dir;
use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use tokio::sync::oneshot;

use crate::directory::{Directory, Name};
use crate::held::Share;
use crate::pool::Pool;
use crate::record::Record;
use crate::refusal::refusal;
use crate::request::Request;
use crate::sink::PythonSink;
use crate::source::{PythonSource, Whole};
use crate::terms::Said;

/// Where the outcome of a job goes.
pub(crate) type Tell<T> = oneshot::Sender<T>;

/// What a handler has answered.
pub(crate) enum Told {
    /// Something that can be sent.
    Answer(Answer),
    /// A file, to be opened by the engine.
    File(PathBuf, Said),
    /// A file of a directory, by a name that may be the client's.
    FileIn(Dir, Vec<u8>, Said),
}

/// One thing to do for a thread of Python.
pub(crate) enum Job {
    /// Call the handler with this number.
    Call {
        request: bootwire::Request,
        handler: usize,
        blksize: u16,
        tell: Tell<Result<Told, Refusal>>,
    },
    /// Read about so many bytes of content.
    Read {
        content: Share,
        want: usize,
        tell: Tell<io::Result<Piece>>,
    },
    /// Give a sink its next bytes.
    Write {
        sink: Share,
        data: Bytes,
        tell: Tell<Result<(), Refusal>>,
    },
    /// Make an upload durable.
    Finish {
        sink: Share,
        tell: Tell<Result<(), Refusal>>,
    },
    /// Content is needed no longer.
    Close(Py<PyAny>),
    /// An upload will not become whole.
    Abort(Py<PyAny>),
    /// A transfer has ended.
    Record(Box<TransferRecord>),
    /// A line for the log.
    #[cfg_attr(not(feature = "site"), expect(dead_code, reason = "sites have some"))]
    Note(String),
}

/// A piece of content.
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    /// Whether it is the last.
    pub(crate) end: bool,
}

/// The kinds of jobs, as Python knows them: the first member of each tuple.
pub(crate) const CALL: u8 = 1;
const READ: u8 = 2;
const WRITE: u8 = 3;
const FINISH: u8 = 4;
const CLOSE: u8 = 5;
const ABORT: u8 = 6;
pub(crate) const RECORD: u8 = 7;
const NOTE: u8 = 8;

impl Job {
    /// Whether nobody waits for its outcome any more, as when a handler had its time.
    pub(crate) fn is_moot(&self) -> bool {
        match self {
            Self::Call { tell, .. } => tell.is_closed(),
            Self::Read { tell, .. } => tell.is_closed(),
            Self::Write { tell, .. } | Self::Finish { tell, .. } => tell.is_closed(),
            Self::Close(_) | Self::Abort(_) | Self::Record(_) | Self::Note(_) => false,
        }
    }

    pub(crate) const fn is_record(&self) -> bool {
        matches!(self, Self::Record(_))
    }

    /// The job as a tuple: its kind and what goes with it.
    pub(crate) fn into_tuple<'py>(
        self,
        py: Python<'py>,
        pool: &Arc<Pool>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Self::Call {
                request,
                handler,
                blksize,
                tell,
            } => {
                let op = request.op();
                let proven = request.is_proven();
                let ticket = Ticket::new(Waiting::Call {
                    tell,
                    op,
                    pool: Arc::clone(pool),
                    proven,
                });
                (CALL, Request::new(request), handler, blksize, ticket).into_pyobject(py)
            }
            Self::Read {
                content,
                want,
                tell,
            } => {
                let object = content.object(py);
                let ticket = Ticket::new(Waiting::Read { tell, content });
                (READ, object, want, ticket).into_pyobject(py)
            }
            Self::Write { sink, data, tell } => {
                let object = sink.object(py);
                let ticket = Ticket::new(Waiting::Step { tell, sink });
                (WRITE, object, PyBytes::new(py, &data), ticket).into_pyobject(py)
            }
            Self::Finish { sink, tell } => {
                let object = sink.object(py);
                // Whatever comes of it, it is not aborted as well.
                sink.settle();
                let ticket = Ticket::new(Waiting::Step { tell, sink });
                (FINISH, object, ticket).into_pyobject(py)
            }
            Self::Close(object) => (CLOSE, object).into_pyobject(py),
            Self::Abort(object) => (ABORT, object).into_pyobject(py),
            Self::Record(record) => (RECORD, Record::new(*record)).into_pyobject(py),
            Self::Note(line) => (NOTE, line).into_pyobject(py),
        }
    }
}

/// Who waits for the outcome of a job.
enum Waiting {
    Call {
        tell: Tell<Result<Told, Refusal>>,
        op: Op,
        pool: Arc<Pool>,
        proven: bool,
    },
    Read {
        tell: Tell<io::Result<Piece>>,
        content: Share,
    },
    Step {
        tell: Tell<Result<(), Refusal>>,
        sink: Share,
    },
}

/// What tells the outcome of one job, once. From any thread.
#[pyclass(frozen, module = "bootwire._bootwire")]
pub(crate) struct Ticket(Mutex<Option<Waiting>>);

impl Ticket {
    const fn new(waiting: Waiting) -> Self {
        Self(Mutex::new(Some(waiting)))
    }

    fn take(&self) -> Option<Waiting> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.take()
    }
}

/// A method that does not fit the job.
fn unfit(what: &str) -> PyErr {
    PyTypeError::new_err(format!("{what} is no outcome of this job"))
}

#[pymethods]
impl Ticket {
    /// Whether somebody still waits.
    fn awaited(&self) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.as_ref() {
            None => false,
            Some(Waiting::Call { tell, .. }) => !tell.is_closed(),
            Some(Waiting::Read { tell, .. }) => !tell.is_closed(),
            Some(Waiting::Step { tell, .. }) => !tell.is_closed(),
        }
    }

    /// A read is answered with `data`, and behind that with what `content` gives, unless `whole`.
    #[pyo3(signature = (data, whole, content=None, size=None, terms=None))]
    fn reply(
        &self,
        data: &[u8],
        whole: bool,
        content: Option<Py<PyAny>>,
        size: Option<u64>,
        terms: Option<Said>,
    ) -> PyResult<()> {
        let Some(Waiting::Call {
            tell,
            op,
            pool,
            proven,
        }) = self.take()
        else {
            return Err(unfit("reply"));
        };
        let first = Bytes::copy_from_slice(data);
        let content = content.map(|content| Share::new(content, pool, Job::Close));
        let answer = if op == Op::Write {
            Err(Refusal::internal().because("a write was answered with content"))
        } else {
            let reply = match content {
                None => Reply::bytes(first),
                // What strangers make the server hold is counted, and only a source's is when there
                // is something that has to end with it.
                Some(content) if whole && proven => Reply::bytes(Whole::holding(first, content)),
                Some(content) => Reply::source(PythonSource::new(content, first, whole, size)),
            };
            let said = terms.unwrap_or_default();
            Ok(Told::Answer(said.on_reply(reply).into()))
        };
        // Who waited may be gone: then this is dropped, and closed.
        let _ = tell.send(answer);
        Ok(())
    }

    /// A read is answered with the file `path`, which must be absolute.
    #[pyo3(signature = (path, terms=None))]
    fn reply_file(&self, path: PathBuf, terms: Option<Said>) -> PyResult<()> {
        let Some(Waiting::Call { tell, op, .. }) = self.take() else {
            return Err(unfit("reply_file"));
        };
        let told = match op {
            Op::Read => Ok(Told::File(path, terms.unwrap_or_default())),
            Op::Write => Err(Refusal::internal().because("a write was answered with a file")),
        };
        let _ = tell.send(told);
        Ok(())
    }

    /// A read is answered with the file `name` of a directory.
    #[pyo3(signature = (directory, name, terms=None))]
    fn reply_in(&self, directory: &Directory, name: Name, terms: Option<Said>) -> PyResult<()> {
        let Some(Waiting::Call { tell, op, .. }) = self.take() else {
            return Err(unfit("reply_in"));
        };
        let (dir, name) = (directory.dir.clone(), name.into_bytes());
        let told = match op {
            Op::Read => Ok(Told::FileIn(dir, name, terms.unwrap_or_default())),
            Op::Write => Err(Refusal::internal().because("a write was answered with a file")),
        };
        let _ = tell.send(told);
        Ok(())
    }

    /// A write is taken into `sink`.
    #[pyo3(signature = (sink, size_max=None, terms=None))]
    fn accept(&self, sink: Py<PyAny>, size_max: Option<u64>, terms: Option<Said>) -> PyResult<()> {
        let Some(Waiting::Call { tell, op, pool, .. }) = self.take() else {
            return Err(unfit("accept"));
        };
        let sink = Share::new(sink, pool, Job::Abort);
        let told = match op {
            Op::Write => {
                let mut accept = Accept::into(PythonSink::new(sink));
                if let Some(bytes) = size_max {
                    accept = accept.size_max(bytes);
                }
                let said = terms.unwrap_or_default();
                Ok(Told::Answer(said.on_accept(accept).into()))
            }
            Op::Read => Err(Refusal::internal().because("a read was answered with a sink")),
        };
        let _ = tell.send(told);
        Ok(())
    }

    /// It is refused, or has failed: the client gets `code` and `text`, the record `detail`.
    #[pyo3(signature = (code, text=None, detail=None, silent=false, terms=None))]
    fn refuse(
        &self,
        code: u16,
        text: Option<String>,
        detail: Option<String>,
        silent: bool,
        terms: Option<Said>,
    ) -> PyResult<()> {
        let refusal = refusal(code, text, detail, silent)?;
        match self.take() {
            Some(Waiting::Call { tell, .. }) => {
                let said = terms.unwrap_or_default();
                let _ = tell.send(Err(said.on_refusal(refusal)));
            }
            Some(Waiting::Read { tell, content }) => {
                let _ = tell.send(Err(io::Error::other(refusal)));
                drop(content);
            }
            Some(Waiting::Step { tell, sink }) => {
                let _ = tell.send(Err(refusal));
                drop(sink);
            }
            None => return Err(unfit("refuse")),
        }
        Ok(())
    }

    /// The next bytes of content, and whether they are the last.
    fn piece(&self, data: &[u8], end: bool) -> PyResult<()> {
        let Some(Waiting::Read { tell, content }) = self.take() else {
            return Err(unfit("piece"));
        };
        let bytes = Bytes::copy_from_slice(data);
        let _ = tell.send(Ok(Piece { bytes, end }));
        drop(content);
        Ok(())
    }

    /// The sink has done it.
    fn done(&self) -> PyResult<()> {
        let Some(Waiting::Step { tell, sink }) = self.take() else {
            return Err(unfit("done"));
        };
        let _ = tell.send(Ok(()));
        drop(sink);
        Ok(())
    }
}
