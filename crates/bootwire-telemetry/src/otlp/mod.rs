//! Metrics and traces for OpenTelemetry: OTLP over HTTP, in protobuf.
//!
//! `docs/reference/otlp.md` has the attributes.

mod known;
mod points;
mod spans;
#[cfg(test)]
mod tests;
mod trace;
mod traces;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use reqwest::header::HeaderValue;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::deliver::{Courier, Delivery, Endpoint, EndpointError, Parcel, Post, Poster, Retry};
use crate::exporters::Account;
use crate::{Happening, Inbox, Instance, Metrics};
pub(crate) use known::KnownBoots;
use spans::Attributes;
pub(crate) use traces::offered;
use wire::{ExportAnswer, ExportMetrics, Resource, ResourceMetrics, Scope, ScopeMetrics};

/// Transfers and boots that may wait for a collector that is slow.
const QUEUE: usize = 8192;
/// How long spans wait: for others, and for what becomes known of their boot.
const LINGER: Duration = Duration::from_secs(2);
/// How often metrics are sent, unless told otherwise.
const EVERY: Duration = Duration::from_secs(15);

/// Sends metrics and traces to an OpenTelemetry collector: over HTTP, in batches, again if they do not
/// arrive, and never so that anything else has to wait.
///
/// ```
/// use bootwire_telemetry::Telemetry;
/// use bootwire_telemetry::deliver::Endpoint;
/// use bootwire_telemetry::otlp::Otlp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = Telemetry::builder().build();
/// telemetry.otlp(&Otlp::new(Endpoint::new("http://127.0.0.1:4318")?))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Otlp {
    delivery: Delivery,
    metrics: bool,
    traces: bool,
    every: Duration,
    linger: Duration,
}

impl Otlp {
    /// Sends to a collector whose base URL this is: metrics to `v1/metrics` below it, traces to
    /// `v1/traces`.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            delivery: Delivery::new(endpoint),
            metrics: true,
            traces: true,
            every: EVERY,
            linger: LINGER,
        }
    }

    /// Whether metrics are sent. Default true.
    pub const fn metrics(mut self, metrics: bool) -> Self {
        self.metrics = metrics;
        self
    }

    /// Whether traces are sent. Default true.
    pub const fn traces(mut self, traces: bool) -> Self {
        self.traces = traces;
        self
    }

    /// How often metrics are sent. Default 15 s.
    pub const fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    /// Which server it is that tells. Default [`Instance::here`].
    pub fn instance(mut self, instance: &Instance) -> Self {
        self.delivery.instance = Some(instance.clone());
        self
    }

    /// Hears lines about what does not arrive.
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.delivery.notes = Arc::new(tell);
        self
    }

    /// Sends nothing, but as it would send spans and metrics, to see whether the collector takes them.
    ///
    /// # Errors
    /// If the collector cannot be reached, or refuses.
    pub async fn try_out(&self) -> Result<(), EndpointError> {
        let traces = self.traces.then_some("v1/traces");
        let metrics = self.metrics.then_some("v1/metrics");
        for path in traces.into_iter().chain(metrics) {
            let nothing = parcel(Vec::new(), 0);
            let posted = self
                .delivery
                .endpoint
                .below(path)
                .poster()?
                .post(&nothing)
                .await;
            posted.map_err(|error| EndpointError::of(format!("{path}: {}", error.why)))?;
        }
        Ok(())
    }

    /// Waits only so long, for tests that cannot wait long.
    #[cfg(test)]
    pub(crate) const fn quick(mut self) -> Self {
        self.delivery.retry.first = Duration::from_millis(5);
        self.linger = Duration::from_millis(20);
        self
    }

    pub(crate) const fn sends_traces(&self) -> bool {
        self.traces
    }

    pub(crate) const fn sends_metrics(&self) -> bool {
        self.metrics
    }

    pub(crate) const fn queue_len() -> usize {
        QUEUE
    }

    /// Sends metrics now and then, until no more comes from the inbox; then once more.
    pub(crate) fn run_metrics(
        &self,
        metrics: Metrics,
        mut inbox: Inbox<Happening>,
    ) -> Result<impl Future<Output = ()> + Send + 'static, EndpointError> {
        // The next ones say more than these.
        let retry = Retry {
            retries: 1,
            ..self.delivery.retry
        };
        let items = ("data point", "data points");
        let mut sender = self.sender("v1/metrics", items, retry, inbox.account())?;
        let instance = self.delivery.instance();
        let every = self.every.max(Duration::from_millis(1));
        Ok(async move {
            let resource = resource(&instance);
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut is_end = false;
            while !is_end {
                is_end = tokio::select! {
                    _ = ticks.tick() => false,
                    more = inbox.next() => more.is_none(),
                };
                let (metrics, count) = points::all(&metrics.snapshot());
                let request = ExportMetrics {
                    resource_metrics: vec![ResourceMetrics {
                        resource: Some(resource.clone()),
                        scope_metrics: vec![ScopeMetrics {
                            scope: Some(scope()),
                            metrics,
                        }],
                        schema_url: String::new(),
                    }],
                };
                sender.send(request.encode_to_vec(), count).await;
            }
        })
    }

    fn sender(
        &self,
        path: &str,
        items: (&'static str, &'static str),
        retry: Retry,
        account: &Arc<Account>,
    ) -> Result<Sender, EndpointError> {
        let delivery = Delivery {
            endpoint: self.delivery.endpoint.below(path),
            retry,
            ..self.delivery.clone()
        };
        Ok(Sender(delivery.courier("otlp", items, account)?))
    }
}

/// Sends requests, and reads what the collector says of them.
struct Sender(Courier<Poster>);

impl Sender {
    async fn send(&mut self, request: Vec<u8>, items: u64) {
        let Some(answer) = self.0.deliver(&parcel(request, items)).await else {
            return;
        };
        let Ok(answer) = ExportAnswer::decode(answer) else {
            return;
        };
        let Some(partial) = answer.partial_success else {
            return;
        };
        let rejected = u64::try_from(partial.rejected).unwrap_or(0).min(items);
        if rejected > 0 {
            self.0.refused(rejected, &partial.error_message);
        }
    }
}

fn parcel(body: Vec<u8>, items: u64) -> Parcel {
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    Parcel {
        body: Bytes::from(body),
        headers: vec![("content-type", protobuf)],
        items,
    }
}

/// Whose numbers and spans these are, in the words of OpenTelemetry's conventions.
fn resource(instance: &Instance) -> Resource {
    let mut attributes = Attributes::default();
    attributes.text("service.name", "bootwire");
    attributes.text("service.version", env!("CARGO_PKG_VERSION"));
    attributes.text("service.instance.id", instance.id());
    attributes.text("host.name", instance.host());
    Resource {
        attributes: attributes.0,
    }
}

fn scope() -> Scope {
    Scope {
        name: "bootwire".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp")
            .field("endpoint", &self.delivery.endpoint)
            .field("metrics", &self.metrics)
            .field("traces", &self.traces)
            .finish_non_exhaustive()
    }
}
