//! What happens, posted to a web server as JSON.
//!
//! `docs/reference/webhooks.md` describes what is posted.

mod payload;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderValue;

use crate::deliver::{Courier, Delivery, Endpoint, EndpointError, Parcel, Poster};
use crate::exporters::InFlight;
use crate::{Happening, Inbox, Instance};
use payload::{Envelope, Packed};

/// How long events gather before they are posted.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of events in a request, unless one event alone is larger.
const BODY_MAX: usize = 1 << 20;

/// What a webhook can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A transfer ended, however.
    Transfer,
    /// A machine began to boot.
    Boot,
    /// A boot is over, and has its verdict.
    Verdict,
}

impl Event {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Transfer, Self::Boot, Self::Verdict];

    /// The word: `transfer`, `boot`, `verdict`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Boot => "boot",
            Self::Verdict => "verdict",
        }
    }
}

/// Posts what happens to a web server: in batches, again if they do not arrive, and never so that
/// anything else has to wait.
///
/// ```
/// use bootwire_telemetry::deliver::Endpoint;
/// use bootwire_telemetry::webhook::{Event, Webhook};
/// use bootwire_telemetry::Telemetry;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::new("https://hooks.example.com/boots")?.bearer("secret")?;
/// let webhook = Webhook::new(endpoint).events([Event::Boot, Event::Verdict]);
/// let telemetry = Telemetry::builder().build();
/// telemetry.webhook(webhook)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Webhook {
    delivery: Delivery,
    events: Vec<Event>,
    batch: usize,
    linger: Duration,
    queue: usize,
}

impl Webhook {
    /// Posts boots and verdicts there: up to 100 at a time, tried again up to 5 times. 10,000 may wait.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            delivery: Delivery::new(endpoint),
            events: vec![Event::Boot, Event::Verdict],
            batch: 100,
            linger: LINGER,
            queue: 10_000,
        }
    }

    /// What it is told of.
    pub fn events(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.events = events.into_iter().collect();
        self
    }

    /// Most events in a request, at least one.
    pub fn batch(mut self, events: usize) -> Self {
        self.batch = events.max(1);
        self
    }

    /// How long the first event of a request may wait for others. Default 1 s.
    pub const fn linger(mut self, limit: Duration) -> Self {
        self.linger = limit;
        self
    }

    /// Most events that wait; what comes then is dropped and counted.
    pub const fn queue(mut self, events: usize) -> Self {
        self.queue = events;
        self
    }

    /// How often a request is sent again that did not arrive: after 1 s, 2 s, 4 s and so on, at most a
    /// minute, or when the server says.
    pub const fn retries(mut self, retries: u32) -> Self {
        self.delivery.retry.retries = retries;
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

    pub(crate) const fn queue_len(&self) -> usize {
        self.queue
    }

    /// Whether it is told of this.
    pub(crate) fn wants(&self, happening: &Happening) -> bool {
        payload::kind(happening).is_some_and(|kind| self.events.contains(&kind))
    }

    /// Waits before the first retry, for tests that cannot.
    #[cfg(test)]
    pub(crate) const fn first_wait(mut self, wait: Duration) -> Self {
        self.delivery.retry.first = wait;
        self
    }

    /// Posts what comes until no more will come.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub(crate) fn run(
        self,
        inbox: Inbox<Happening>,
    ) -> Result<impl Future<Output = ()> + Send + 'static, EndpointError> {
        let items = ("event", "events");
        let courier = self.delivery.courier("webhook", items, inbox.account())?;
        Ok(self.post_all(inbox, courier))
    }

    async fn post_all(self, mut inbox: Inbox<Happening>, mut courier: Courier<Poster>) {
        let mut envelope = Envelope::new(&self.delivery.instance());
        let account = Arc::clone(inbox.account());
        while let Some(batch) = inbox.batch(self.batch, self.linger).await {
            let mut in_flight = InFlight::new(&account, batch.len() as u64);
            let mut events = batch.iter().filter_map(payload::event).peekable();
            while events.peek().is_some() {
                let packed = envelope.pack(&mut events, BODY_MAX);
                in_flight.hand_over(packed.events);
                courier.deliver(&parcel(packed)).await;
            }
        }
    }
}

fn parcel(packed: Packed) -> Parcel {
    let mut headers = vec![("content-type", HeaderValue::from_static("application/json"))];
    // Digits and dashes.
    headers.extend(
        HeaderValue::from_str(&packed.id)
            .ok()
            .map(|id| ("idempotency-key", id)),
    );
    Parcel {
        body: Bytes::from(packed.body),
        headers,
        items: packed.events,
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("endpoint", &self.delivery.endpoint)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
