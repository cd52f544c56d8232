//! Where something was written.

use std::fmt;
use std::sync::Arc;

/// A text, and what it is called in comments.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The name of the file.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
}

impl<'a> Source<'a> {
    /// A text of this name.
    #[must_use]
    pub const fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text }
    }

    /// Its lines, with their places.
    pub(crate) fn lines(self) -> impl Iterator<Item = (Place, &'a str)> {
        let name: Arc<str> = Arc::from(self.name);
        self.text.lines().enumerate().map(move |(index, line)| {
            let place = Place {
                name: Arc::clone(&name),
                line: index + 1,
            };
            (place, line)
        })
    }
}

/// A line of a file, or a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    name: Arc<str>,
    /// 0 where there are no lines.
    line: usize,
}

impl Place {
    /// Something without lines, such as a command line.
    #[must_use]
    pub fn whole(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            line: 0,
        }
    }

    /// A line of a file, counted from 1.
    pub(crate) fn line(name: &str, line: usize) -> Self {
        Self {
            name: Arc::from(name),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.name),
            line => write!(f, "{}:{line}", self.name),
        }
    }
}
