//! Which part of a request names the file.

use std::borrow::Cow;
use std::sync::Arc;

use bootwire::{Refusal, Request};

/// Which part of a request is the name of the file below the root of a [`Dir`](crate::Dir) or
/// [`Uploads`](crate::Uploads).
///
/// | route | asked | `Rest` | `Path` | `Param("name")` |
/// |---|---|---|---|---|
/// | `/configs/{name}` | `/configs/r1` | `r1` | `configs/r1` | `r1` |
/// | `/configs/{*name}` | `/configs/lab/r1` | `lab/r1` | `configs/lab/r1` | `lab/r1` |
/// | `/{site}/{name}.cfg` | `/lab/r1.cfg` | `lab/r1.cfg` | `lab/r1.cfg` | `r1` |
/// | `/pxelinux.0`, or a fallback | `/pxelinux.0` | `pxelinux.0` | `pxelinux.0` | refused |
///
/// For any other name, give the request that name first:
/// [`Router::rewrite`](bootwire::Router::rewrite).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameFrom {
    /// The path without the route's own directories: [`Request::rest_bytes`] says which.
    #[default]
    Rest,
    /// The whole path, the route's own directories too.
    Path,
    /// What the parameter of this name took, in the spelling of [`Request::param`]. A route without
    /// it is a fault of the program: its requests are refused as internal errors.
    Param(Arc<str>),
}

impl NameFrom {
    /// The parameter with this name.
    pub fn param(name: impl Into<Arc<str>>) -> Self {
        Self::Param(name.into())
    }

    /// The name `request` asks for.
    pub(crate) fn of<'r>(&self, request: &'r Request) -> Result<&'r [u8], Refusal> {
        match self {
            Self::Rest => Ok(request.rest_bytes()),
            Self::Path => Ok(request.path_bytes().get(1..).unwrap_or_default()),
            Self::Param(name) => request.param(name).map(str::as_bytes).ok_or_else(|| {
                let route = request.route().unwrap_or("the fallback");
                Refusal::internal().because(format_args!(
                    "the file is named by {{{name}}}, which {route} does not have"
                ))
            }),
        }
    }

    /// For the line that describes a directory: nothing for the usual rule.
    pub(crate) fn described(&self) -> Cow<'static, str> {
        match self {
            Self::Rest => "".into(),
            Self::Path => ", by the whole path".into(),
            Self::Param(name) => format!(", by {{{name}}}").into(),
        }
    }
}
