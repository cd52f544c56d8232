//! Fetching and sending files: [`get`](Client::get) and [`put`](Client::put).

/// A TFTP client.
pub struct Client {}
