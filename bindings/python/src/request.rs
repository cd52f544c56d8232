//! A request as Python's handlers see it.

use std::net::SocketAddr;

use bootwire::{Mode, Op};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::address;

/// A read or write request. Read-only; made by the server, or by `bootwire.testing`.
#[pyclass(frozen, module = "bootwire._bootwire")]
pub(crate) struct Request {
    request: bootwire::Request,
}

impl Request {
    pub(crate) const fn new(request: bootwire::Request) -> Self {
        Self { request }
    }

    pub(crate) const fn inner(&self) -> &bootwire::Request {
        &self.request
    }
}

/// The word for what is asked.
pub(crate) const fn op_word(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
    }
}

/// The word for a mode.
pub(crate) const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Octet => "octet",
        Mode::Netascii => "netascii",
    }
}

#[pymethods]
impl Request {
    /// Number of the transfer since the server started, as in its record.
    #[getter]
    fn id(&self) -> u64 {
        self.request.id()
    }

    /// `"read"` or `"write"`.
    #[getter]
    fn op(&self) -> &'static str {
        op_word(self.request.op())
    }

    /// The file name exactly as sent. Untrusted.
    #[getter]
    fn filename<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.filename())
    }

    /// The path: begins with `/`, `\` read as `/`, `.` and `..` resolved.
    #[getter]
    fn path(&self) -> std::borrow::Cow<'_, str> {
        self.request.path()
    }

    /// The path as bytes: names need not be UTF-8.
    #[getter]
    fn path_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.path_bytes())
    }

    /// What the route's pattern leaves of the path, without the directories in front of it.
    #[getter]
    fn rest(&self) -> String {
        String::from_utf8_lossy(self.request.rest_bytes()).into_owned()
    }

    /// `"octet"` or `"netascii"`.
    #[getter]
    fn mode(&self) -> &'static str {
        mode_word(self.request.mode())
    }

    /// The options as sent, in order, names in lower case.
    #[getter]
    fn options(&self) -> Vec<(String, String)> {
        let options = self.request.options();
        let owned = options.map(|(name, value)| (name.into_owned(), value.into_owned()));
        owned.collect()
    }

    /// The client's address, as the `socket` module has it.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, self.request.peer())
    }

    /// The client's IP address; an IPv4 client of an IPv6 socket goes by its IPv4 address.
    #[getter]
    fn peer_ip(&self) -> String {
        self.request.peer_ip().to_canonical().to_string()
    }

    /// The address that was asked, as the `socket` module has it.
    #[getter]
    fn local<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, self.request.local())
    }

    /// The pattern of the route that matched.
    #[getter]
    fn route(&self) -> Option<&str> {
        self.request.route()
    }

    /// The parameters of the route that matched.
    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let params = PyDict::new(py);
        for (name, value) in self.request.params() {
            params.set_item(name, value)?;
        }
        Ok(params)
    }

    /// A parameter as the client wrote it.
    fn param_as_sent<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        let sent = self.request.param_as_sent(name)?;
        Some(PyBytes::new(py, sent))
    }

    /// The machine, if somebody has said which it is.
    #[getter]
    fn machine(&self) -> Option<String> {
        self.request.machine().as_deref().map(str::to_owned)
    }

    /// Says for the record which machine this is.
    fn known_as(&self, machine: &str) {
        self.request.known_as(machine);
    }

    /// The client's hardware address, if the server has looked it up.
    #[getter]
    fn client_mac(&self) -> Option<String> {
        self.request.client_mac().map(|mac| mac.to_string())
    }

    /// Whether the client has proven lately that it is at its address.
    #[getter]
    fn proven(&self) -> bool {
        self.request.is_proven()
    }

    /// When it arrived, in seconds since 1970.
    #[getter]
    fn arrived(&self) -> f64 {
        crate::record::unix_time(self.request.arrived())
    }

    fn __repr__(&self) -> String {
        let request = &self.request;
        let op = op_word(request.op());
        format!(
            "<Request {op} {:?} from {}>",
            request.path(),
            request.peer()
        )
    }
}

/// A request made by hand, for tests.
#[pyfunction]
#[pyo3(signature = (op, filename, *, peer=None, local=None, options=Vec::new(), mode="octet", proven=false))]
pub(crate) fn make_request(
    op: &str,
    filename: &[u8],
    peer: Option<(String, u16)>,
    local: Option<(String, u16)>,
    options: Vec<(String, String)>,
    mode: &str,
    proven: bool,
) -> PyResult<Request> {
    let wrong = |text: String| PyValueError::new_err(text);
    let mut builder = match op {
        "read" => bootwire::Request::read(filename),
        "write" => bootwire::Request::write(filename),
        _ => return Err(wrong(format!("{op:?} is neither \"read\" nor \"write\""))),
    };
    let mode = match mode {
        "octet" => Mode::Octet,
        "netascii" => Mode::Netascii,
        _ => {
            return Err(wrong(format!(
                "{mode:?} is neither \"octet\" nor \"netascii\""
            )));
        }
    };
    let address = |(host, port): (String, u16)| match host.parse() {
        Ok(host) => Ok(SocketAddr::new(host, port)),
        Err(_) => Err(wrong(format!("{host:?} is no IP address"))),
    };
    if let Some(peer) = peer {
        builder = builder.peer(address(peer)?);
    }
    if let Some(local) = local {
        builder = builder.local(address(local)?);
    }
    for (name, value) in options {
        builder = builder.option(name, value);
    }
    let request = builder.mode(mode).proven(proven).build();
    let request = request.map_err(|error| wrong(error.to_string()))?;
    Ok(Request::new(request))
}
