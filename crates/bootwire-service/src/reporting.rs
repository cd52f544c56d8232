//! Who else is told what the server does, as the configuration has it.

use std::borrow::Cow;
use std::net::TcpListener;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bootwire::ServerHandle;
use bootwire_site::config::model;
use bootwire_site::{Config, Exports, Secrets};
use bootwire_store::Cache;
use bootwire_telemetry::deliver::EndpointError;
use bootwire_telemetry::log::Log;
use bootwire_telemetry::metrics::{self, CacheFigures, Statsd, Tags};
use bootwire_telemetry::{Drops, Instance, Telemetry};

use crate::notes::Notes;
use crate::{ServiceError, size};

/// How often the log says what was lost.
const LOSSES_EVERY: Duration = Duration::from_secs(60);

/// How long exporters may send what they still have, once the server has drained.
const FINISH: Duration = Duration::from_secs(3);

/// Telemetry, the log, and the sockets they use.
pub(crate) struct Reporting {
    pub(crate) telemetry: Telemetry,
    pub(crate) log: Log,
    instance: Instance,
    /// What is told to nobody.
    secrets: Arc<RwLock<Secrets>>,
    scrapes: Option<TcpListener>,
    statsd: Option<Statsd>,
}

impl Reporting {
    /// Opens the sockets. Before the sandbox is closed, and before there is a runtime.
    pub(crate) fn open(
        config: &Config,
        prefixed: bool,
        notes: &Notes,
    ) -> Result<Self, ServiceError> {
        let wanted = &config.document.metrics;
        let listen = wanted.listen.as_deref().map(|address| {
            TcpListener::bind(address).map_err(|error| {
                let why = format!("cannot listen on {address} for scrapes: {error}");
                ServiceError::setting(config, "metrics.listen", why)
            })
        });
        let statsd = wanted.statsd.as_ref();
        let statsd = statsd.and_then(|statsd| open_statsd(config, statsd, notes));
        let log = config.log().prefixed(prefixed).notes(notes.taker());
        let secrets = Arc::<RwLock<Secrets>>::default();
        let hidden = Arc::clone(&secrets);
        let telemetry = Telemetry::builder().log(&log).redact(move |record| {
            let secrets = hidden.read().unwrap_or_else(PoisonError::into_inner);
            match secrets.hidden(record) {
                Cow::Owned(record) => Some(record),
                Cow::Borrowed(_) => None,
            }
        });
        Ok(Self {
            telemetry: telemetry.build(),
            log,
            instance: Instance::here(),
            secrets,
            scrapes: listen.transpose()?,
            statsd,
        })
    }

    /// What is told to nobody, as of any time.
    pub(crate) fn secrets(&self) -> Arc<RwLock<Secrets>> {
        Arc::clone(&self.secrets)
    }

    /// Keeps these out of all that is told from now on.
    pub(crate) fn hide(&self, secrets: Secrets) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// Opens what the log is written to: within the sandbox, so that it can be opened again.
    pub(crate) fn open_log(&self, config: &Config) -> Result<(), ServiceError> {
        let opened = self.log.open();
        opened.map_err(|why| {
            let why = format!("cannot log to {}: {why}", self.log.place());
            ServiceError::setting(config, "log", why)
        })
    }

    /// Lets these hear, too. Within tokio.
    pub(crate) fn export(&self, exports: &Exports) -> Result<(), EndpointError> {
        if let Some(otlp) = &exports.otlp {
            self.telemetry
                .otlp(&otlp.clone().instance(&self.instance))?;
        }
        for webhook in &exports.webhooks {
            self.telemetry
                .webhook(webhook.clone().instance(&self.instance))?;
        }
        Ok(())
    }

    /// Begins to tell, of a server that runs now.
    pub(crate) fn start(
        &mut self,
        server: &ServerHandle,
        cache: Option<Caching>,
        notes: &Notes,
    ) -> Result<(), ServiceError> {
        let telemetry = &self.telemetry;
        telemetry.start();
        let metrics = telemetry.metrics();
        metrics.watch(server.view());
        self.watch_cache(cache);
        if let Some(listener) = self.scrapes.take() {
            let address = listener.local_addr();
            let address = address.map_err(ServiceError::system("no address for scrapes"))?;
            let serving = metrics::serve(listener, metrics.clone());
            tokio::spawn(serving.map_err(ServiceError::system("no answers to scrapes"))?);
            notes.note(&format!("metrics: http://{address}/metrics"));
        }
        if let Some(statsd) = self.statsd.take() {
            tokio::spawn(statsd.run(metrics.clone(), telemetry.exporters()));
        }
        tokio::spawn(tell_losses(telemetry.clone(), notes.clone()));
        Ok(())
    }

    /// The cache is this one from now on.
    pub(crate) fn watch_cache(&self, cache: Option<Caching>) {
        self.telemetry
            .metrics()
            .cache(move || cache.as_ref().map(Caching::figures));
    }

    /// Lets exporters send what they still have.
    pub(crate) async fn finish(&self) {
        self.telemetry.finish(FINISH).await;
    }
}

/// Opens the socket to a StatsD server. One that cannot be found is no reason not to serve.
fn open_statsd(config: &Config, wanted: &model::Statsd, notes: &Notes) -> Option<Statsd> {
    let tags = match wanted.tags {
        model::StatsdTags::None => Tags::None,
        model::StatsdTags::Dogstatsd => Tags::Dogstatsd,
    };
    let address = &wanted.address;
    let opened = Statsd::open(address, &wanted.prefix, tags);
    let warn = |error| {
        let place = config.place_of("metrics.statsd");
        notes.note(&format!(
            "warning: {place}: cannot send to {address}: {error}; no metrics are sent until the server is \
             started again"
        ));
    };
    opened.map_err(warn).ok()
}

/// A cache, and what it may hold.
pub(crate) struct Caching {
    pub(crate) cache: Cache,
    pub(crate) max: u64,
}

impl Caching {
    fn figures(&self) -> CacheFigures {
        CacheFigures {
            stats: self.cache.stats(),
            disk_max: self.max,
        }
    }
}

/// Says in the log what exporters lost, while they lose something.
async fn tell_losses(telemetry: Telemetry, notes: Notes) {
    let mut before = telemetry.drops();
    loop {
        tokio::time::sleep(LOSSES_EVERY).await;
        let now = telemetry.drops();
        losses(&before, &now)
            .iter()
            .for_each(|line| notes.note(line));
        before = now;
    }
}

/// A line for each exporter that lost something in between.
fn losses(before: &[Drops], now: &[Drops]) -> Vec<String> {
    let lines = now.iter().filter_map(|one| {
        let earlier = before.iter().find(|earlier| earlier.name == one.name);
        let (dropped, failed) = earlier.map_or((0, 0), |one| (one.dropped, one.failed));
        let dropped = one.dropped.saturating_sub(dropped);
        let failed = one.failed.saturating_sub(failed);
        let mut parts = Vec::new();
        if dropped > 0 {
            let count = size::count(dropped, "item", "items");
            parts.push(format!("{count} dropped, it is too slow"));
        }
        if failed > 0 {
            let count = size::count(failed, "item", "items");
            parts.push(format!("{count} not delivered, it is dead or refuses them"));
        }
        (!parts.is_empty()).then(|| format!("{}: {}", one.name, parts.join("; ")))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use bootwire_telemetry::Exporters;

    use super::*;

    #[test]
    fn the_log_says_what_was_lost_since_the_last_time() {
        let exporters = Exporters::default();
        let (webhook, statsd) = (exporters.account("webhook"), exporters.account("statsd"));
        webhook.dropped(5);
        statsd.sent(7);
        let before = exporters.drops();
        assert!(losses(&before, &exporters.drops()).is_empty());
        webhook.dropped(2);
        webhook.failed(1);
        statsd.sent(7);
        assert_eq!(
            losses(&before, &exporters.drops()),
            [
                "webhook: 2 items dropped, it is too slow; 1 item not delivered, it is dead or refuses them"
            ]
        );
    }
}
