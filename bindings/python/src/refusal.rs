//! A code and a text of Python become a refusal.

use bootwire::{Reason, Refusal};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A refusal whose ERROR has `code` and `text`; `reason` is a word of its own for what a code alone
/// does not tell.
pub(crate) fn refusal(
    code: u16,
    text: Option<String>,
    detail: Option<String>,
    silent: bool,
) -> PyResult<Refusal> {
    let reason = match code {
        0 => Reason::Internal,
        1 => Reason::NotFound,
        2 => Reason::Denied,
        3 => Reason::DiskFull,
        4 => Reason::Illegal,
        5 => Reason::UnknownTid,
        6 => Reason::Exists,
        // "No such user": nobody has sent it for thirty years, and clients read the text.
        7 => Reason::Denied,
        8 => Reason::Options,
        _ => {
            return Err(PyValueError::new_err(format!(
                "{code} is no error code of TFTP: they are 0 to 8"
            )));
        }
    };
    let mut refusal = Refusal::new(reason);
    if let Some(text) = text {
        refusal = refusal.text(text);
    }
    if let Some(detail) = detail {
        refusal = refusal.because(detail);
    }
    if silent {
        refusal = refusal.silent();
    }
    Ok(refusal)
}
