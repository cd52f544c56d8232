//! `[origin.NAME]`.

use super::Report;
use crate::config::model::{Document, Origin};
use crate::config::tree::Spot;

const BUCKETS: [&str; 3] = ["s3", "gcs", "azure"];

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    for (name, origin) in &document.origin {
        check_one(name, origin, root.key("origin").key(name), report);
    }
}

fn check_one(name: &str, origin: &Origin, here: Spot<'_>, report: &mut Report) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_word) {
        let what = format!("{name:?} is no name of an origin: write letters, digits, - and _");
        report.wrong(here, what);
    }
    report.exactly_one(here, "an origin", Origin::KINDS);
    report.belongs(
        here,
        &["prefix", "settings", "settings_env", "settings_file"],
        &BUCKETS,
    );
    report.belongs(
        here,
        &[
            "headers",
            "bearer_file",
            "bearer_env",
            "basic_file",
            "ca",
            "client_certificate",
            "client_key",
            "redirect_to",
        ],
        &["url"],
    );
    report.belongs(here, &["client_key"], &["client_certificate"]);
    report.belongs(here, &["client_certificate"], &["client_key"]);
    report.bearer(here);
    if let Some(url) = &origin.url {
        report.web(here.key("url"), url);
    }
    for kind in BUCKETS {
        let bucket = match kind {
            "s3" => &origin.s3,
            "gcs" => &origin.gcs,
            _ => &origin.azure,
        };
        if bucket
            .as_ref()
            .is_some_and(|bucket| bucket.trim().is_empty())
        {
            report.wrong(here.key(kind), "the name of the bucket is missing");
        }
    }
    settings(here, report);
    if let Some(hosts) = &origin.redirect_to {
        for (index, host) in hosts.0.iter().enumerate() {
            if host.is_empty() || host.contains(['/', '@', ' ']) {
                let what = "write the name of a host, like \"cdn.example.com\"";
                report.wrong(here.key("redirect_to").index(index), what);
            }
        }
    }
    for (key, time) in [
        ("answer_within", origin.answer_within),
        ("stall", origin.stall),
        ("give_up", origin.give_up),
    ] {
        report.some_time(here, key, time);
    }
    report.some_time(here, "pin", origin.pin.map(|pin| pin.0));
    for (key, size) in [
        ("object_max", origin.object_max),
        ("read_ahead", origin.read_ahead),
        ("in_flight", origin.in_flight),
    ] {
        report.some_size(here, key, size);
    }
    if let Some(names) = &origin.prefetch {
        for (index, name) in names.0.iter().enumerate() {
            if name.trim_matches('/').is_empty() || name.contains("://") {
                let what = "write the name of an object, as it is below the origin";
                report.wrong(here.key("prefetch").index(index), what);
            }
        }
    }
}

/// A setting comes from one place.
fn settings(here: Spot<'_>, report: &mut Report) {
    const PLACES: [&str; 3] = ["settings", "settings_env", "settings_file"];
    for (index, place) in PLACES.iter().enumerate() {
        for name in here.key(place).keys() {
            for earlier in &PLACES[..index] {
                if here.key(earlier).has(name) {
                    let what = format!("{name:?} is in {earlier:?} too: leave one out");
                    report.wrong(here.key(place).key(name), what);
                }
            }
        }
    }
}
