//! Who is told what happens: the log, OpenTelemetry, webhooks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bootwire_telemetry::deliver::Endpoint;
use bootwire_telemetry::log::{Level, Log};
use bootwire_telemetry::otlp::Otlp;
use bootwire_telemetry::webhook::{Event, Webhook};

use super::http::Reaching;
use super::opening::Opening;
use crate::config::Config;
use crate::config::model::{self, LogFormat, LogLevel, WebhookEvent};
use crate::config::value::Time;

/// Other systems that a configuration names to be told what happens. What they are told, and when, is
/// up to [`Telemetry`](bootwire_telemetry::Telemetry).
#[derive(Clone, Debug, Default)]
pub struct Exports {
    /// The collector of `[otlp]`.
    pub otlp: Option<Otlp>,
    /// Those of each `[[webhook]]`, in order.
    pub webhooks: Vec<Webhook>,
    /// Where each is, and what it is called in a report.
    shown: Vec<(String, Tried)>,
}

#[derive(Clone, Debug)]
enum Tried {
    Otlp(Otlp),
    Webhook(Endpoint),
}

impl Config {
    /// How it has transfers logged. Relative names of files begin beside the main file.
    pub fn log(&self) -> Log {
        let log = &self.document.log;
        let mut made = match log.format {
            LogFormat::Text => Log::text(),
            LogFormat::Json => Log::json(),
            LogFormat::Journald => Log::journald(),
        };
        let level = match log.level {
            None if self.document.log_searches => Some(LogLevel::All),
            level => level,
        };
        if let Some(level) = level {
            made = made.level(match level {
                LogLevel::Quiet => Level::Quiet,
                LogLevel::Normal => Level::Normal,
                LogLevel::All => Level::All,
            });
        }
        match &log.file {
            Some(file) => made.file(self.path(file)),
            None => made,
        }
    }
}

/// How to get to a web server, as a table says it.
struct Way<'a> {
    url: Option<&'a str>,
    headers: &'a BTreeMap<String, String>,
    bearer_file: &'a Option<PathBuf>,
    bearer_env: &'a Option<String>,
    ca: &'a Option<PathBuf>,
    timeout: Option<Time>,
}

impl Exports {
    /// Reads what the tables name. Nobody is connected to.
    pub(super) fn open(opening: &mut Opening<'_>) -> Self {
        let document = &opening.config.document;
        let mut exports = Self::default();
        if document.otlp.url.is_some() {
            let made = otlp(&document.otlp, opening);
            if let Some((otlp, endpoint)) = opening.check("otlp", made) {
                let shown = format!("otlp {}", endpoint.shown());
                exports.shown.push((shown, Tried::Otlp(otlp.clone())));
                exports.otlp = Some(otlp);
            }
        }
        for table in &document.webhook {
            match webhook(table, opening) {
                Ok((webhook, endpoint)) => {
                    let shown = format!("webhook {}", endpoint.shown());
                    exports.shown.push((shown, Tried::Webhook(endpoint)));
                    exports.webhooks.push(webhook);
                }
                Err(why) => {
                    let place = format!("{} [[webhook]]", opening.config.place(table.place()));
                    opening.wrong_at(place, why);
                }
            }
        }
        exports
    }

    /// What is told, in lines for the log.
    pub(super) fn describe(&self) -> impl Iterator<Item = String> {
        self.shown.iter().map(|(shown, _)| shown.clone())
    }

    /// Asks each whether it can be reached: what it is, and what is wrong with it.
    pub(crate) async fn try_all(&self, patience: Duration) -> Vec<(String, Result<(), String>)> {
        let mut tried = Vec::new();
        for (shown, export) in &self.shown {
            let asked = async {
                match export {
                    Tried::Otlp(otlp) => otlp.try_out().await,
                    Tried::Webhook(endpoint) => endpoint.try_connect().await,
                }
            };
            let result = match tokio::time::timeout(patience, asked).await {
                Ok(result) => result.map_err(|why| why.to_string()),
                Err(_) => Err(format!("no answer within {patience:?}")),
            };
            tried.push((shown.clone(), result));
        }
        tried
    }
}

fn otlp(table: &model::Otlp, opening: &Opening<'_>) -> Result<(Otlp, Endpoint), String> {
    let way = Way {
        url: table.url.as_deref(),
        headers: &table.headers,
        bearer_file: &table.bearer_file,
        bearer_env: &table.bearer_env,
        ca: &table.ca,
        timeout: table.timeout,
    };
    let endpoint = way.endpoint(opening)?;
    let mut otlp = Otlp::new(endpoint.clone())
        .metrics(table.metrics.unwrap_or(true))
        .traces(table.traces.unwrap_or(true));
    if let Some(every) = table.every {
        otlp = otlp.every(every.0);
    }
    let notes = opening.notes.clone();
    Ok((otlp.notes(move |line| notes.tell(line)), endpoint))
}

fn webhook(table: &model::Webhook, opening: &Opening<'_>) -> Result<(Webhook, Endpoint), String> {
    let way = Way {
        url: table.url.as_deref(),
        headers: &table.headers,
        bearer_file: &table.bearer_file,
        bearer_env: &table.bearer_env,
        ca: &table.ca,
        timeout: table.timeout,
    };
    let endpoint = way.endpoint(opening)?;
    let mut webhook = Webhook::new(endpoint.clone());
    if let Some(events) = &table.events {
        webhook = webhook.events(events.into_iter().map(|event| match event {
            WebhookEvent::Transfer => Event::Transfer,
            WebhookEvent::Boot => Event::Boot,
            WebhookEvent::Verdict => Event::Verdict,
        }));
    }
    let usize = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(batch) = table.batch {
        webhook = webhook.batch(usize(batch));
    }
    if let Some(queue) = table.queue {
        webhook = webhook.queue(usize(queue));
    }
    if let Some(retries) = table.retries {
        webhook = webhook.retries(retries);
    }
    let notes = opening.notes.clone();
    Ok((webhook.notes(move |line| notes.tell(line)), endpoint))
}

impl Way<'_> {
    fn endpoint(&self, opening: &Opening<'_>) -> Result<Endpoint, String> {
        let failed = |error: bootwire_telemetry::deliver::EndpointError| error.to_string();
        let reaching = Reaching::read(
            opening,
            self.headers,
            self.bearer_file.as_deref(),
            self.bearer_env.as_deref(),
            self.ca.as_deref(),
        )?;
        let endpoint = Endpoint::new(self.url.unwrap_or_default()).map_err(failed)?;
        let mut endpoint = reaching.apply(endpoint).map_err(failed)?;
        if let Some(timeout) = self.timeout {
            endpoint = endpoint.timeout(timeout.0);
        }
        Ok(endpoint)
    }
}
