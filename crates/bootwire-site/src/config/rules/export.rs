//! `log`, `[otlp]`, `[[webhook]]`: who is told what happens.

use std::time::Duration;

use super::Report;
use crate::config::model::{Document, LogFormat, Otlp, Webhook};
use crate::config::tree::Spot;

/// Events in one request, and events that wait.
const BATCH_MAX: u32 = 10_000;
const QUEUE_MAX: u32 = 1_000_000;
const RETRIES_MAX: u32 = 100;
const EVERY: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    log(document, root, report);
    let here = root.key("otlp");
    if here.is_there() {
        otlp(&document.otlp, here, report);
    }
    for (index, table) in document.webhook.iter().enumerate() {
        webhook(&table.value, root.key("webhook").index(index), report);
    }
}

fn log(document: &Document, root: Spot<'_>, report: &mut Report) {
    let here = root.key("log");
    let log = &document.log;
    if document.log_searches && log.level.is_some() {
        let what = "\"log_searches\" beside log.level, which says it too: leave it out, and write \
                    level = \"all\"";
        report.wrong(root.key("log_searches"), what);
    }
    if let Some(file) = &log.file
        && file.file_name().is_none()
    {
        report.wrong(
            here.key("file"),
            "write the name of a file, like \"/var/log/bootwire/transfers.json\"",
        );
    }
    if log.format == LogFormat::Journald && log.file.as_ref().is_some_and(|file| file.is_relative())
    {
        let what = "for journald this is the socket of another journal: write it like \
                    \"/run/systemd/journal.NAMESPACE/socket\"";
        report.wrong(here.key("file"), what);
    }
}

fn otlp(otlp: &Otlp, here: Spot<'_>, report: &mut Report) {
    match &otlp.url {
        Some(url) => report.web(here.key("url"), url),
        None if here.is_damaged() => {}
        None => report.wrong(
            here,
            "the \"url\" of the collector is missing, like \"http://127.0.0.1:4318\"",
        ),
    }
    report.bearer(here);
    report.time(here, "every", otlp.every, EVERY);
    report.some_time(here, "timeout", otlp.timeout);
    if otlp.metrics == Some(false) && otlp.traces == Some(false) {
        report.warn(here, "neither metrics nor traces: nothing is sent");
    }
}

fn webhook(webhook: &Webhook, here: Spot<'_>, report: &mut Report) {
    match &webhook.url {
        Some(url) => report.web(here.key("url"), url),
        None if here.is_damaged() => {}
        None => report.wrong(here, "a webhook needs a \"url\" to post to"),
    }
    report.bearer(here);
    report.list(here, "events", webhook.events.as_ref());
    report.number(here, "batch", webhook.batch, 1..=BATCH_MAX);
    report.number(here, "queue", webhook.queue, 1..=QUEUE_MAX);
    report.number(here, "retries", webhook.retries, 0..=RETRIES_MAX);
    report.some_time(here, "timeout", webhook.timeout);
}
