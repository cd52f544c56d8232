//! Addresses as Python's `socket` module has them.

use std::net::SocketAddr;

use pyo3::prelude::*;

/// `(host, port)`, or `(host, port, flow, scope)` of IPv6.
pub(crate) fn to_python(py: Python<'_>, address: SocketAddr) -> PyResult<Bound<'_, PyAny>> {
    match address {
        SocketAddr::V4(v4) => {
            let pair = (v4.ip().to_string(), v4.port());
            Ok(pair.into_pyobject(py)?.into_any())
        }
        SocketAddr::V6(v6) => {
            let four = (v6.ip().to_string(), v6.port(), v6.flowinfo(), v6.scope_id());
            Ok(four.into_pyobject(py)?.into_any())
        }
    }
}
