//! A directory that handlers answer from, and routes lead to.

use std::path::PathBuf;

use bootwire::{Endpoint, Refusal, Reply, Request};
use bootwire_store::{Dir, Links};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes of a file that is read whole, at most: for tests.
const READ_MAX: usize = 1 << 30;

/// The native half of `bootwire.Directory`.
#[pyclass(frozen, subclass, module = "bootwire._bootwire")]
pub(crate) struct Directory {
    pub(crate) dir: Dir,
}

/// A name as Python has it.
#[derive(FromPyObject)]
pub(crate) enum Name {
    Text(PathBuf),
    Bytes(Vec<u8>),
}

impl Name {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_os_string().into_encoded_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The file `name` in `dir`, which no name leads out of.
pub(crate) async fn file_in(dir: &Dir, name: &[u8], request: &Request) -> Result<Reply, Refusal> {
    let path = [b"/", name].concat();
    let named = request.renamed(&path).ok_or_else(Refusal::not_found)?;
    if let Some(found) = dir.at_hand(&named) {
        return found;
    }
    dir.call(named).await
}

#[pymethods]
impl Directory {
    #[new]
    #[pyo3(signature = (path, *, links="beneath", case_insensitive=false))]
    fn new(path: PathBuf, links: &str, case_insensitive: bool) -> PyResult<Self> {
        let links = match links {
            "beneath" => Links::Beneath,
            "root" => Links::InRoot,
            "anywhere" => Links::Anywhere,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "links: {links:?} is none of \"beneath\", \"root\" and \"anywhere\""
                )));
            }
        };
        let dir = Dir::open(path).map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Self {
            dir: dir.links(links).case_insensitive(case_insensitive),
        })
    }

    /// The whole file `name`. Raises `Refusal`.
    fn read_file<'py>(&self, py: Python<'py>, name: Name) -> PyResult<Bound<'py, PyBytes>> {
        let name = name.into_bytes();
        let read = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let request = Request::read("file")
                .build()
                .map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(runtime.block_on(async {
                let reply = file_in(&self.dir, &name, &request).await?;
                reply.collect(READ_MAX).await
            }))
        };
        match py.detach(read)? {
            Ok(content) => Ok(PyBytes::new(py, &content)),
            Err(refusal) => Err(raised(py, &refusal)),
        }
    }

    fn __repr__(&self) -> String {
        format!("<Directory {}>", self.dir.describe())
    }
}

/// A refusal as Python raises it.
fn raised(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let make = || {
        let class = py.import("bootwire._answer")?.getattr("Refusal")?;
        let code = refusal.reason().code().wire();
        let raised = class.call1((code, refusal.client_text()))?;
        raised.setattr("detail", refusal.detail())?;
        Ok::<_, PyErr>(PyErr::from_value(raised))
    };
    make().unwrap_or_else(|error| error)
}
