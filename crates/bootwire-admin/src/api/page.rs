//! Lists come in pages.

/// Entries of a page, unless asked otherwise.
pub const LIMIT_DEFAULT: usize = 100;
/// Most entries of a page.
pub const LIMIT_MAX: usize = 1_000;

/// How many entries a page has, of what was asked for.
pub(crate) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}
