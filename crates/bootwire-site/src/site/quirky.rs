//! Quirks without a configuration.

use bootwire::router::{Layered, OnTerms};
use bootwire::{Endpoint, Reply, Request};

use crate::quirks::Quirks;

/// Answers with the built-in quirks, for what is served without a configuration.
pub fn with_built_in_quirks(inner: impl Endpoint<Reply>) -> impl Endpoint<Reply> {
    let quirks = Quirks::new(Vec::new());
    Layered::new(
        inner,
        OnTerms::new(move |request: &Request| quirks.terms(request)),
    )
}
