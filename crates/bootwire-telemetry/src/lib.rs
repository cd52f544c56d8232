//! Tells other systems what a server does.
//!
//! [`Telemetry`] has it all: it hears every record, keeps the metrics, and passes records on to whoever
//! subscribed and to exporters.
//!
//! ```
//! use bootwire::{Router, Server};
//! use bootwire_telemetry::Telemetry;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0").serve(Router::new());
//!
//! let telemetry = Telemetry::builder().build();
//! let server = telemetry.attach(server);
//!
//! let running = server.start()?;
//! let metrics = telemetry.metrics().prometheus();
//! assert!(metrics.contains("bootwire_transfers_active 0\n"));
//! # Ok(())
//! # }
//! ```
//!
//! | for | see |
//! |---|---|
//! | each record as it is made | [`Telemetry::hub`], [`Hub`] |
//! | records for another system, with a bound and a count of what was lost | [`TelemetryBuilder::export`], [`Exporters`] |
//! | what was lost, in one place | [`Telemetry::drops`] |
//! | a log: for people, in JSON, in a file, in journald | [`log`] |
//! | events posted to a web server | [`webhook`] |
//! | metrics and traces for OpenTelemetry | [`otlp`] |
//! | numbers for Prometheus | [`Metrics`]; [`metrics::list`] has each with its meaning |
//!
//! Nothing here waits for another system on a thread that serves: who is slow loses records, and they
//! are counted.
#![forbid(unsafe_code)]

#[cfg(test)]
mod collector;
pub mod deliver;
mod exporters;
mod happening;
pub mod hub;
mod instance;
pub mod log;
pub mod metrics;
pub mod otlp;
#[cfg(test)]
mod sample;
mod telemetry;
pub mod webhook;

pub use exporters::{Account, Drops, Exporters, Inbox, Queue};
pub use happening::Happening;
pub use hub::Hub;
pub use instance::Instance;
pub use metrics::Metrics;
pub use telemetry::{Telemetry, TelemetryBuilder};
