//! A record as Python's observers see it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bootwire::TransferRecord;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::address;
use crate::request::{mode_word, op_word};

/// What happened to one transfer, from its request to its end.
#[pyclass(frozen, module = "bootwire._bootwire")]
pub(crate) struct Record {
    record: TransferRecord,
}

impl Record {
    pub(crate) const fn new(record: TransferRecord) -> Self {
        Self { record }
    }
}

/// Seconds since 1970.
pub(crate) fn unix_time(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.map(|duration| duration.as_secs_f64())
}

#[pymethods]
impl Record {
    /// Number of the transfer since the server started, from 1.
    #[getter]
    fn id(&self) -> u64 {
        self.record.id
    }

    /// When the request arrived, in seconds since 1970.
    #[getter]
    fn started(&self) -> f64 {
        unix_time(self.record.started)
    }

    /// When it ended, in seconds since 1970.
    #[getter]
    fn ended(&self) -> f64 {
        unix_time(self.record.ended())
    }

    /// `"read"` or `"write"`.
    #[getter]
    fn op(&self) -> &'static str {
        op_word(self.record.op)
    }

    /// The client's address, as the `socket` module has it.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, self.record.peer)
    }

    /// The address that was asked, with the port the transfer used.
    #[getter]
    fn local<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, self.record.local)
    }

    /// The machine, as whoever answered knows it.
    #[getter]
    fn machine(&self) -> Option<&str> {
        self.record.machine.as_deref()
    }

    /// The path after normalisation.
    #[getter]
    fn path(&self) -> &str {
        &self.record.path
    }

    /// The file name as sent.
    #[getter]
    fn filename<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.record.filename)
    }

    /// The W3C trace context that stood at the end of the file name.
    #[getter]
    fn traceparent(&self) -> Option<&str> {
        self.record.traceparent.as_deref()
    }

    /// `"octet"`, `"netascii"`, or `None` if the request cannot be read.
    #[getter]
    fn mode(&self) -> Option<&'static str> {
        self.record.mode.map(mode_word)
    }

    /// The options as sent, in order.
    #[getter]
    fn options(&self) -> Vec<(&str, &str)> {
        pairs(&self.record.options)
    }

    /// The options granted, in order; empty without an OACK.
    #[getter]
    fn granted(&self) -> Vec<(&str, &str)> {
        pairs(&self.record.granted)
    }

    /// The pattern of the route that answered.
    #[getter]
    fn route(&self) -> Option<&str> {
        self.record.route.as_deref()
    }

    /// Labels the handler added.
    #[getter]
    fn labels(&self) -> Vec<(&str, &str)> {
        pairs(&self.record.labels)
    }

    /// What kind of answer it was.
    #[getter]
    fn answer(&self) -> Option<&str> {
        self.record.answer.as_deref()
    }

    /// How the cache served it, where there is one.
    #[getter]
    fn cache(&self) -> Option<&'static str> {
        self.record.cache.map(bootwire::CacheUse::as_str)
    }

    /// Which version of the content it was.
    #[getter]
    fn version(&self) -> Option<&str> {
        self.record.version.as_deref()
    }

    /// How it ended: `"complete"`, `"not_found"`, `"timeout"` and so on.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.record.outcome.as_str()
    }

    /// Code and text of the ERROR that ended it, sent or received.
    #[getter]
    fn error(&self) -> Option<(u16, &str)> {
        let (code, text) = self.record.error.as_ref()?;
        Some((code.wire(), text))
    }

    /// What the operator should know and the client was not told.
    #[getter]
    fn detail(&self) -> Option<&str> {
        self.record.detail.as_deref()
    }

    /// Agreed block size in bytes.
    #[getter]
    fn blksize(&self) -> u16 {
        self.record.blksize
    }

    /// Agreed window in blocks.
    #[getter]
    fn windowsize(&self) -> u16 {
        self.record.windowsize
    }

    /// Agreed timeout in seconds.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        seconds(self.record.timeout)
    }

    /// Size of the content in bytes, where it was known.
    #[getter]
    fn size(&self) -> Option<u64> {
        self.record.size
    }

    /// Content bytes acknowledged by the client (reads) or stored (writes).
    #[getter]
    fn bytes(&self) -> u64 {
        self.record.bytes
    }

    /// Blocks sent (reads) or taken (writes), each counted once.
    #[getter]
    fn blocks(&self) -> u64 {
        self.record.blocks
    }

    /// DATA packets sent again (reads) or received in vain (writes).
    #[getter]
    fn blocks_resent(&self) -> u64 {
        self.record.blocks_resent
    }

    /// Gaps that the client's ACKs told of (reads), or that were seen in what came (writes).
    #[getter]
    fn gaps(&self) -> u32 {
        self.record.gaps
    }

    /// Times the retransmission timer ran out.
    #[getter]
    fn timeouts(&self) -> u32 {
        self.record.timeouts
    }

    /// ACKs that told nothing new (reads).
    #[getter]
    fn duplicate_acks(&self) -> u32 {
        self.record.duplicate_acks
    }

    /// Smoothed round-trip time at the end, in seconds.
    #[getter]
    fn round_trip(&self) -> Option<f64> {
        seconds(self.record.round_trip)
    }

    /// Smallest round-trip time, in seconds.
    #[getter]
    fn round_trip_min(&self) -> Option<f64> {
        seconds(self.record.round_trip_min)
    }

    /// Whether the last ACK never came although everything else was acknowledged.
    #[getter]
    fn last_ack_missing(&self) -> bool {
        self.record.last_ack_missing
    }

    /// Seconds from the request to the handler's answer.
    #[getter]
    fn handler_time(&self) -> f64 {
        self.record.handler_time.as_secs_f64()
    }

    /// Seconds from the request to the first DATA sent or received.
    #[getter]
    fn first_data(&self) -> Option<f64> {
        seconds(self.record.first_data)
    }

    /// Whom the transfer waited for, and how many seconds: `client`, `network`, `content`, `server`.
    #[getter]
    fn waits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let waits = PyDict::new(py);
        for limit in bootwire::Limit::ALL {
            waits.set_item(limit.as_str(), self.record.waits.of(limit).as_secs_f64())?;
        }
        Ok(waits)
    }

    /// Who held it up most; `None` if no block moved.
    #[getter]
    fn limited_by(&self) -> Option<&'static str> {
        self.record.limited_by.map(bootwire::Limit::as_str)
    }

    /// Seconds from the request to the end.
    #[getter]
    fn duration(&self) -> f64 {
        self.record.duration.as_secs_f64()
    }

    /// The record as a JSON object in one line, as `bootwire serve` writes it: see
    /// `docs/reference/record.md`.
    fn to_json(&self) -> PyResult<String> {
        let failed = |error: serde_json::Error| PyRuntimeError::new_err(error.to_string());
        serde_json::to_string(&self.record).map_err(failed)
    }

    /// The record as a dictionary, with the members of [`Record::to_json`].
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let loads = py.import("json")?.getattr("loads")?;
        loads.call1((self.to_json()?,))
    }

    fn __repr__(&self) -> String {
        let record = &self.record;
        let (op, path, outcome) = (op_word(record.op), &record.path, record.outcome);
        format!("<Record {} {op} {path:?} {outcome}>", record.id)
    }
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let borrowed = pairs.iter().map(|(name, value)| (&**name, &**value));
    borrowed.collect()
}
