//! Objects of Python that a transfer holds, and what is called when it lets them go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::job::Job;
use crate::pool::Pool;

/// Content or a sink.
struct Held {
    object: Py<PyAny>,
    pool: Arc<Pool>,
    /// The job that ends it.
    end: fn(Py<PyAny>) -> Job,
    /// Whether nothing needs to be called at its end.
    settled: AtomicBool,
}

/// A share of something held. When the last one goes, its end is a job: so that comes exactly once,
/// however the transfer ends, and never beside another call, since each call has a share too.
#[derive(Clone)]
pub(crate) struct Share(Option<Arc<Held>>);

impl Share {
    pub(crate) fn new(object: Py<PyAny>, pool: Arc<Pool>, end: fn(Py<PyAny>) -> Job) -> Self {
        Self(Some(Arc::new(Held {
            object,
            pool,
            end,
            settled: AtomicBool::new(false),
        })))
    }

    /// The object, unless it is gone, which it is not before this share is.
    pub(crate) fn object(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.as_ref().map(|held| held.object.clone_ref(py))
    }

    /// Makes a job of what is to be done with it.
    pub(crate) fn submit(&self, job: Job) {
        if let Some(held) = &self.0 {
            held.pool.submit(job);
        }
    }

    /// It has ended: nothing is to be called any more.
    pub(crate) fn settle(&self) {
        if let Some(held) = &self.0 {
            held.settled.store(true, Ordering::Release);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(held) = self.0.take().and_then(Arc::into_inner)
            && !held.settled.load(Ordering::Acquire)
        {
            held.pool.submit((held.end)(held.object));
        }
    }
}
