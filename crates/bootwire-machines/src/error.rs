//! What can go wrong.

/// Why machines were not read or changed. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachinesError {
    /// There is no such machine.
    #[error("{0}")]
    NotFound(String),
    /// A file cannot be read or understood.
    #[error("{0}")]
    File(String),
    /// A key belongs to another machine, or a machine has none.
    #[error("{0}")]
    Refused(String),
    /// The inventory cannot be used.
    #[error("{0}")]
    Inventory(String),
}
