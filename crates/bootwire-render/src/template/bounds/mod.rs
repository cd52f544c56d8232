//! What bounds the memory of one rendering.
//!
//! The template engine counts instructions, not bytes, and one instruction can double a text. So
//! [`source`] writes each template's operators as calls of functions that look before they make
//! something, [`operators`] and [`filters`] are those that look, and a [`budget`] knows what a
//! rendering has made and still holds. Together they keep a rendering below a few times
//! [`Limits::size`](super::Limits::size).

pub(super) mod budget;
mod filters;
mod operators;
pub(super) mod source;
#[cfg(test)]
mod tests;

use minijinja::Environment;

/// Puts the functions, filters and the formatter that look before they make something in place of
/// the engine's.
pub(super) fn add(environment: &mut Environment<'static>) {
    operators::add(environment);
    filters::add(environment);
    environment.set_formatter(operators::emit);
    // Writes everything the template can see.
    environment.remove_global("debug");
}
