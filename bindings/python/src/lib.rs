//! `bootwire._bootwire`: the engine, as Python's package `bootwire` drives it.
//!
//! Nothing here calls into a program's Python code. What a program must do (answer a request, read
//! on, take a piece of an upload, hear of a record) is a [job](job::Job) in a [queue](pool::Pool), and
//! Python's own threads come for jobs: see `bootwire/_engine.py`. So a worker never waits for the GIL,
//! a thread that runs a program's code has nothing of Rust below it when the interpreter ends, and
//! one that has the GIL goes from job to job without giving it up.
//!
//! | module | does |
//! |---|---|
//! | [`engine`] | one server: settings, start, stop |
//! | [`settings`] | a dictionary of Python becomes a server |
//! | [`routes`], [`directory`] | which handler answers, and directories that need none |
//! | `site` | a configuration that is served besides |
//! | [`endpoint`] | a request becomes a job, and its outcome an answer |
//! | [`pool`], [`job`] | jobs and the threads that come for them |
//! | [`held`], [`source`], [`sink`] | content and uploads that are objects of Python |
//! | [`request`], [`record`], [`terms`] | what Python sees of a request and of a record, and says of a transfer |
#![forbid(unsafe_code)]

mod address;
mod directory;
mod endpoint;
mod engine;
mod held;
mod job;
mod pool;
mod record;
mod refusal;
mod request;
mod routes;
mod running;
mod settings;
mod sink;
#[cfg(feature = "site")]
mod site;
mod source;
mod terms;

/// The native half of the package `bootwire`. Private: programs import `bootwire`.
#[pyo3::pymodule]
mod _bootwire {
    #[pymodule_export]
    use crate::directory::Directory;
    #[pymodule_export]
    use crate::engine::Core;
    #[pymodule_export]
    use crate::job::Ticket;
    #[pymodule_export]
    use crate::pool::Jobs;
    #[pymodule_export]
    use crate::record::Record;
    #[pymodule_export]
    use crate::request::{Request, make_request};
    #[pymodule_export]
    use crate::routes::{find_route, pattern_params};

    /// The version of the engine.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// Whether this build serves configurations.
    #[pymodule_export]
    const SITES: bool = cfg!(feature = "site");
}
