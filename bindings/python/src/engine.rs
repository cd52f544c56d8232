//! One server, from its settings to its end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bootwire::{OpenServer, Server, ServerError};
use bootwire_store::{Dir, Links};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::address;
use crate::endpoint::Common;
use crate::job::Job;
use crate::pool::{Jobs, Pool};
use crate::routes::{Given, Routes};
use crate::running::{Running, StartError};
use crate::settings::Settings;
use crate::terms::seconds;

/// Longest wait for jobs.
const A_DAY: Duration = Duration::from_secs(86_400);
/// How long threads are waited for that have nothing more to do.
const GOING: Duration = Duration::from_secs(1);

/// One server. What `bootwire.Server` and `bootwire.fbtftp` are made on.
#[pyclass(frozen, module = "bootwire._bootwire")]
pub(crate) struct Core {
    settings: Settings,
    routes: Routes,
    /// The configuration it serves besides.
    config: Option<PathBuf>,
    observes: bool,
    pool: Arc<Pool>,
    /// `None` only while it is dropped.
    state: Option<Box<Mutex<State>>>,
}

enum State {
    Made,
    /// Of the process with this number.
    Open(u32, Box<OpenServer>),
    /// Somebody is at it.
    Starting(u32),
    Running(u32, Running),
    Ended,
}

impl State {
    fn is_foreign(&self) -> bool {
        match self {
            Self::Open(process, _) | Self::Starting(process) | Self::Running(process, _) => {
                *process != std::process::id()
            }
            Self::Made | Self::Ended => false,
        }
    }
}

impl Core {
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        let state = self.state.as_deref().ok_or_else(ended)?;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_foreign() {
            return Err(PyRuntimeError::new_err(
                "this server was started before the process forked: it runs in the parent. \
                 Make a new one here",
            ));
        }
        Ok(state)
    }

    fn common(&self) -> PyResult<Common> {
        let root = Dir::open("/").map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Common {
            pool: Arc::clone(&self.pool),
            files: root.links(Links::Anywhere),
            blksize_max: self.settings.blksize_max.unwrap_or(65_464),
            fragment: self.settings.fragment,
        })
    }

    /// The server with its observer.
    fn observed(&self, server: Server) -> Server {
        if !self.observes {
            return server;
        }
        let pool = Arc::clone(&self.pool);
        server.observe_batches(move |records| {
            for record in records {
                pool.submit(Job::Record(Box::new(record.clone())));
            }
        })
    }

    fn open_server(&self) -> PyResult<OpenServer> {
        let server = self.settings.server()?;
        let server = server.ok_or_else(|| {
            PyValueError::new_err("nowhere to listen: give an address like \"[::]:69\", or sockets")
        })?;
        let server = server.serve(self.routes.router(&self.common()?));
        let server = self.observed(server);
        server.open().map_err(|error| server_error(&error))
    }

    /// Starts it, without the GIL.
    fn run(&self, open: Option<Box<OpenServer>>) -> PyResult<Running> {
        let started = match (open, &self.config) {
            (Some(server), _) => Running::start(*server),
            (None, Some(path)) => {
                let observed = |server| self.observed(server);
                start_site(path, self.routes.clone(), self.common()?, observed)
            }
            (None, None) => return Err(ended()),
        };
        started.map_err(|error| match error {
            StartError::Server(error) => server_error(&error),
            StartError::Site(problems) => PyValueError::new_err(problems),
        })
    }
}

/// A child of a fork has the memory of the server and none of its threads: waiting for one would
/// hang, so all of it is left alone.
impl Drop for Core {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else {
            return;
        };
        let foreign = match state.try_lock() {
            Ok(state) => state.is_foreign(),
            // Somebody was at it when the process forked: nobody else can be, at the end.
            Err(_) => true,
        };
        if foreign {
            Box::leak(state);
            Box::leak(Box::new(Arc::clone(&self.pool)));
        } else {
            drop(state);
            self.pool.close();
        }
    }
}

fn ended() -> PyErr {
    PyRuntimeError::new_err("the server has been stopped; make a new one")
}

#[cfg(feature = "site")]
use crate::site::start as start_site;

#[cfg(not(feature = "site"))]
fn start_site(
    _path: &std::path::Path,
    _routes: Routes,
    _common: Common,
    _observed: impl FnOnce(Server) -> Server,
) -> Result<Running, StartError> {
    let text =
        "this build of bootwire has no configurations: it was made without the feature `site`";
    Err(StartError::Site(text.to_owned()))
}

fn runs_already() -> PyErr {
    PyRuntimeError::new_err("the server runs already")
}

fn server_error(error: &ServerError) -> PyErr {
    match error {
        ServerError::Bind { source, .. } => match source.raw_os_error() {
            // Python makes the subclass of the number: PermissionError and so on.
            Some(number) => PyOSError::new_err((number, error.to_string())),
            None => PyOSError::new_err(error.to_string()),
        },
        ServerError::Engine(source) => PyOSError::new_err(source.to_string()),
        ServerError::Worker => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (routes, *, listen, sockets, settings=None, config=None, observes=false, threads_max=1024))]
    fn new(
        routes: Vec<Given<'_>>,
        listen: Vec<String>,
        sockets: Vec<i32>,
        settings: Option<&Bound<'_, PyDict>>,
        config: Option<PathBuf>,
        observes: bool,
        threads_max: usize,
    ) -> PyResult<Self> {
        Ok(Self {
            settings: Settings::read(listen, sockets, settings)?,
            routes: Routes::read(routes)?,
            config,
            observes,
            pool: Pool::new(threads_max),
            state: Some(Box::new(Mutex::new(State::Made))),
        })
    }

    /// What its threads take jobs from.
    #[getter]
    fn jobs(&self) -> Jobs {
        Jobs::new(Arc::clone(&self.pool))
    }

    /// Opens the sockets and no more. Starts no thread.
    fn open(&self) -> PyResult<()> {
        if self.config.is_some() {
            return Err(PyRuntimeError::new_err(
                "a configuration is opened and served at once: start it",
            ));
        }
        let mut state = self.state()?;
        match *state {
            State::Made => {
                let server = Box::new(self.open_server()?);
                *state = State::Open(std::process::id(), server);
                Ok(())
            }
            State::Open(..) => Ok(()),
            State::Starting(_) | State::Running(..) => Err(runs_already()),
            State::Ended => Err(ended()),
        }
    }

    /// Starts to answer. The threads that take jobs are Python's to start.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        if self.config.is_none() {
            self.open()?;
        }
        let mut state = self.state()?;
        let open = match std::mem::replace(&mut *state, State::Starting(std::process::id())) {
            State::Made => None,
            State::Open(_, server) => Some(server),
            other => {
                let runs = matches!(other, State::Starting(_) | State::Running(..));
                *state = other;
                return Err(if runs { runs_already() } else { ended() });
            }
        };
        // Nobody waits for the GIL and has the lock: others would wait for the lock and have the GIL.
        drop(state);
        let started = py.detach(|| self.run(open));
        let mut state = self.state()?;
        match started {
            Ok(running) => {
                *state = State::Running(std::process::id(), running);
                Ok(())
            }
            Err(error) => {
                *state = State::Ended;
                Err(error)
            }
        }
    }

    /// Whether it answers requests.
    #[getter]
    fn running(&self) -> bool {
        self.state()
            .is_ok_and(|state| matches!(*state, State::Running(..)))
    }

    /// The addresses it listens on, with the ports the kernel chose, as the `socket` module has them.
    #[getter]
    fn addresses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let addresses = match &*self.state()? {
            State::Open(_, server) => server.local_addrs().to_vec(),
            State::Running(_, running) => running.view.local_addrs().to_vec(),
            State::Made | State::Starting(_) | State::Ended => Vec::new(),
        };
        let list = PyList::empty(py);
        for address in addresses {
            list.append(address::to_python(py, address)?)?;
        }
        Ok(list)
    }

    /// What the engine uses of this kernel, in one line.
    #[getter]
    fn engine(&self) -> PyResult<Option<String>> {
        match &*self.state()? {
            State::Running(_, running) => Ok(Some(running.engine.clone())),
            _ => Ok(None),
        }
    }

    /// What was counted since the start.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        if let State::Running(_, running) = &*self.state()? {
            for (name, count) in running.view.stats().iter() {
                counts.set_item(name, count)?;
            }
        }
        Ok(counts)
    }

    /// The transfers that run, each a dictionary; the oldest first.
    fn transfers<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyAny>> {
        let view = match &*self.state()? {
            State::Running(_, running) => Some(running.view.clone()),
            _ => None,
        };
        let mut text = "[]".to_owned();
        if let Some(view) = view {
            let look = move || {
                let look = tokio::runtime::Builder::new_current_thread().build()?;
                Ok::<_, std::io::Error>(look.block_on(view.transfers(most)))
            };
            let transfers = py.detach(look)?;
            text = serde_json::to_string(&transfers)
                .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        }
        py.import("json")?.getattr("loads")?.call1((text,))
    }

    /// Takes no more requests, and gives the transfers that run so many seconds. Does not wait.
    fn drain(&self, limit: f64) -> PyResult<()> {
        let limit = seconds(limit)
            .ok_or_else(|| PyValueError::new_err(format!("{limit} is no number of seconds")))?;
        if let State::Running(_, running) = &*self.state()? {
            running.drain(limit);
        }
        Ok(())
    }

    /// Waits for the end of the server: `None` if it still runs after so many seconds, else how many
    /// transfers finished while it drained, how many were cut off, and whether the engine failed.
    fn wait(&self, py: Python<'_>, limit: f64) -> PyResult<Option<(u64, u64, bool)>> {
        let watch = match &*self.state()? {
            State::Running(_, running) => running.watch(),
            _ => return Ok(Some((0, 0, false))),
        };
        let limit = seconds(limit).unwrap_or(Duration::MAX);
        let ended = py.detach(move || watch.wait(limit));
        Ok(ended.map(|how| (how.drained.finished, how.drained.cut_off, how.failed)))
    }

    /// Stops the engine now. Transfers that run are cut off; the jobs they leave are still to be done.
    fn halt(&self, py: Python<'_>) -> PyResult<()> {
        let state = std::mem::replace(&mut *self.state()?, State::Ended);
        py.detach(move || drop(state));
        Ok(())
    }

    /// Waits until all jobs are done, so many seconds at most. `inside`: the caller is one of the
    /// threads that do them. Whether all are.
    fn settle(&self, py: Python<'_>, grace: f64, inside: bool) -> bool {
        let pool = Arc::clone(&self.pool);
        let grace = seconds(grace).unwrap_or_default().min(A_DAY);
        py.detach(move || pool.settle(usize::from(inside), Instant::now() + grace))
    }

    /// Sends the threads home; jobs that are left are dropped. Whether all have gone.
    fn close(&self, py: Python<'_>, inside: bool) -> bool {
        let pool = Arc::clone(&self.pool);
        py.detach(move || {
            pool.close();
            pool.emptied(usize::from(inside), Instant::now() + GOING)
        })
    }
}
