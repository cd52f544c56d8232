//! How a transfer ended.

use crate::words::words;

words! {
    /// How a transfer ended, in the words used by records, logs and metrics alike.
    pub enum Outcome {
        /// Every byte arrived.
        Complete = "complete",
        /// The client asked for the size and then ended the transfer, as UEFI does before each boot
        /// file. Not a failure.
        Probe = "probe",
        /// There was no such file.
        NotFound = "not_found",
        /// The request was not allowed.
        Denied = "denied",
        /// What was sent cannot be read as a request: no file name, an unknown mode.
        Malformed = "malformed",
        /// The client ended it with an ERROR, or started another transfer in its place.
        ClientAbort = "client_abort",
        /// The client fell silent.
        Timeout = "timeout",
        /// The place the content comes from failed.
        OriginError = "origin_error",
        /// The server had too much to do.
        Busy = "busy",
        /// An upload found no space.
        DiskFull = "disk_full",
        /// An upload is larger than uploads may be.
        TooLarge = "too_large",
        /// The file changed while it was sent.
        Changed = "changed",
        /// The handler or the server failed.
        Internal = "internal",
    }
}
