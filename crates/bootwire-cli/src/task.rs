//! What a command does, for tokio to run.

use std::pin::Pin;

/// A future whose type does not tell what is in it. `block_on` is compiled for each type it is given,
/// several times over: without this, most of the program would be made five times.
pub(crate) fn boxed<'a, T>(
    future: impl Future<Output = T> + 'a,
) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}
