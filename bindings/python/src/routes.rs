//! Patterns, and which handler each leads to.

use std::sync::{Arc, Mutex, PoisonError};

use bootwire::router::{App, Pattern};
use bootwire::{Accept, BoxFuture, Endpoint, Op, Refusal, Reply, Router};
use bootwire_store::Dir;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::directory::Directory;
use crate::endpoint::{Common, PythonHandler};
use crate::request::Request;

/// One route as Python has it: `"read"` or `"write"`, the pattern (`None` is the fallback), and the
/// handler's number or a directory.
pub(crate) type Given<'py> = (String, Option<String>, Target<'py>);

#[derive(FromPyObject)]
pub(crate) enum Target<'py> {
    Number(usize),
    Directory(PyRef<'py, Directory>),
}

/// Routes in the order they are tried.
#[derive(Clone)]
pub(crate) struct Routes(Arc<Vec<Route>>);

struct Route {
    op: Op,
    pattern: Option<Pattern>,
    to: To,
}

enum To {
    Handler(usize),
    Directory(Dir),
}

impl Routes {
    pub(crate) fn read(given: Vec<Given<'_>>) -> PyResult<Self> {
        let route = |(op, pattern, to): Given<'_>| {
            let op = match op.as_str() {
                "read" => Op::Read,
                "write" => Op::Write,
                _ => {
                    let text = format!("{op:?} is neither \"read\" nor \"write\"");
                    return Err(PyValueError::new_err(text));
                }
            };
            let to = match to {
                Target::Number(number) => To::Handler(number),
                Target::Directory(directory) => To::Directory(directory.dir.clone()),
            };
            let pattern = pattern.as_deref().map(parse).transpose()?;
            Ok(Route { op, pattern, to })
        };
        let routes = given.into_iter().map(route).collect::<PyResult<_>>()?;
        Ok(Self(Arc::new(routes)))
    }

    pub(crate) fn router(&self, common: &Common) -> Router {
        self.router_of(|number| PythonHandler {
            common: common.clone(),
            number,
        })
    }

    fn router_of<H: Endpoint<Reply> + Endpoint<Accept>>(
        &self,
        handler: impl Fn(usize) -> H,
    ) -> Router {
        let mut router = Router::new();
        for route in self.0.iter() {
            let pattern = route.pattern.clone();
            router = match (&route.to, route.op, pattern) {
                (To::Handler(number), Op::Read, Some(pattern)) => {
                    router.read(pattern, handler(*number))
                }
                (To::Handler(number), Op::Read, None) => router.fallback(handler(*number)),
                (To::Handler(number), Op::Write, Some(pattern)) => {
                    router.write(pattern, handler(*number))
                }
                (To::Handler(number), Op::Write, None) => router.write_fallback(handler(*number)),
                (To::Directory(dir), _, Some(pattern)) => router.read(pattern, dir.clone()),
                (To::Directory(dir), _, None) => router.fallback(dir.clone()),
            };
        }
        router
    }
}

fn parse(pattern: &str) -> PyResult<Pattern> {
    Pattern::parse(pattern).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The names of a pattern's parameters. Raises `ValueError` if it is no pattern.
#[pyfunction]
pub(crate) fn pattern_params(pattern: &str) -> PyResult<Vec<String>> {
    let pattern = parse(pattern)?;
    Ok(pattern.params().map(str::to_owned).collect())
}

/// What a request came to, by number.
type Found = Arc<Mutex<Option<(usize, bootwire::Request)>>>;

/// Notes what comes to it.
struct Probe {
    number: usize,
    found: Found,
}

impl Probe {
    fn note(&self, request: &bootwire::Request) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = Some((self.number, request.clone()));
    }
}

impl Endpoint<Reply> for Probe {
    fn call(&self, request: bootwire::Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        self.note(&request);
        Box::pin(std::future::ready(Ok(Reply::empty())))
    }

    fn at_hand(&self, request: &bootwire::Request) -> Option<Result<Reply, Refusal>> {
        self.note(request);
        Some(Ok(Reply::empty()))
    }
}

impl Endpoint<Accept> for Probe {
    fn call(&self, request: bootwire::Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        self.note(&request);
        Box::pin(std::future::ready(Err(Refusal::denied())))
    }

    fn at_hand(&self, request: &bootwire::Request) -> Option<Result<Accept, Refusal>> {
        self.note(request);
        Some(Err(Refusal::denied()))
    }
}

/// The number of the route that answers `request`, and the request as its handler sees it.
#[pyfunction]
pub(crate) fn find_route(
    routes: Vec<(String, Option<String>, usize)>,
    request: &Request,
) -> PyResult<Option<(usize, Request)>> {
    let given = routes
        .into_iter()
        .map(|(op, pattern, number)| (op, pattern, Target::Number(number)));
    let found = Found::default();
    let router = Routes::read(given.collect())?.router_of(|number| Probe {
        number,
        found: Arc::clone(&found),
    });
    // Who answers is noted on the way.
    let _ = App::from(router).at_hand(request.inner());
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(found.map(|(number, request)| (number, Request::new(request))))
}
