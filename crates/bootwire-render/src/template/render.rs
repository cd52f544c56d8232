//! Rendering, bounded.

use std::error::Error as _;
use std::io;

use bootwire::Refusal;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::bounds::budget::Rendering;

/// How much one rendering may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of the template engine. Default 200,000.
    pub fuel: u64,
    /// Bytes of output, and of any text a template makes on its way there. All that one rendering
    /// holds at a time stays below a few times this. Default 4 MiB.
    pub size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000,
            size: 4 << 20,
        }
    }
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// There is no template of this name, or it has never compiled.
    #[error("no template {0:?}")]
    Missing(String),
    /// The template failed, somewhere.
    #[error("template {0}")]
    Failed(String),
    /// It takes more work than it may.
    #[error("template {name}: more than {fuel} instructions")]
    OutOfFuel {
        /// Its name.
        name: String,
        /// What it may take.
        fuel: u64,
    },
    /// It writes more than it may.
    #[error("template {name}: more than {size} bytes of output")]
    TooLarge {
        /// Its name.
        name: String,
        /// What it may write.
        size: usize,
    },
    /// It makes more on its way to the output than it may: texts, lists, what it writes to variables.
    #[error("template {0}")]
    TooMuch(String),
}

/// The template's author has to mend it; the client may ask again.
impl From<RenderError> for Refusal {
    fn from(error: RenderError) -> Self {
        Self::internal()
            .text("Template failed, the server's log says why")
            .because(error)
    }
}

pub(super) fn render(
    environment: &Environment<'static>,
    name: &str,
    context: Value,
    limits: Limits,
) -> Result<String, RenderError> {
    let template = environment
        .get_template(name)
        .map_err(|_| RenderError::Missing(name.to_owned()))?;
    let rendering = Rendering::begin(limits.size);
    let mut output = Bounded {
        text: Vec::new(),
        size: limits.size,
        full: false,
    };
    let rendered = template.render_captured_to(context, &mut output).map(drop);
    match rendered {
        Ok(()) => {}
        Err(_) if output.full => {
            return Err(RenderError::TooLarge {
                name: name.to_owned(),
                size: limits.size,
            });
        }
        Err(error) if is_out_of_fuel(&error) => {
            return Err(RenderError::OutOfFuel {
                name: name.to_owned(),
                fuel: limits.fuel,
            });
        }
        Err(error) if rendering.exceeded() => return Err(RenderError::TooMuch(describe(&error))),
        Err(error) => return Err(RenderError::Failed(describe(&error))),
    }
    // It may be held for as long as its client takes, and is counted by its length.
    output.text.shrink_to_fit();
    // Only text is ever written.
    String::from_utf8(output.text).map_err(|_| RenderError::Failed(name.to_owned()))
}

/// Output that ends at a size.
struct Bounded {
    text: Vec<u8>,
    size: usize,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.text.len() + text.len() > self.size {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Templates named in one error, at most.
const CHAIN_MAX: usize = 8;

/// The error and those that caused it, from the outermost template to the innermost.
fn chain(error: &Error) -> Vec<&Error> {
    let mut errors = vec![error];
    let mut last = error;
    while let Some(cause) = last.source().and_then(|cause| cause.downcast_ref())
        && errors.len() < CHAIN_MAX
    {
        errors.push(cause);
        last = cause;
    }
    errors
}

fn is_out_of_fuel(error: &Error) -> bool {
    chain(error)
        .iter()
        .any(|error| error.kind() == ErrorKind::OutOfFuel)
}

/// `menu.j2:3: undefined value: vars.disk`, for each template on the way.
fn describe(error: &Error) -> String {
    let lines = chain(error).into_iter().map(|error| {
        let what = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        match (error.name(), error.line()) {
            (Some(name), Some(line)) => format!("{name}:{line}: {what}"),
            _ => what,
        }
    });
    lines.collect::<Vec<_>>().join(": ")
}
