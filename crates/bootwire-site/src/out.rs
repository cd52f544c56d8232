//! Lines about what is going on.

use std::io::Write;

/// A line for whoever runs the server. If nobody reads it, serving goes on.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
