//! The admin API of a server, a client for it, and the console.
