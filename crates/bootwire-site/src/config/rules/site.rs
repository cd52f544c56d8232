//! `[cache]`, `[identity]`, `[inventory]`, `[templates]`.

use super::Report;
use crate::config::model::{Document, Inventory, is_postgres};
use crate::config::tree::Spot;

const SOURCES: [&str; 4] = ["files", "sqlite", "postgres", "http"];

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    let cache = root.key("cache");
    report.some_size(cache, "max", Some(document.cache.max));
    if cache.is_there() && document.origin.is_empty() && !root.is_damaged() {
        report.warn(cache, "this cache is not used: there are no origins");
    }
    let identity = root.key("identity");
    for (key, list) in [
        ("dnsmasq", &document.identity.dnsmasq),
        ("isc", &document.identity.isc),
        ("kea", &document.identity.kea),
    ] {
        report.list(identity, key, list.as_ref());
    }
    let here = root.key("inventory");
    if here.is_there() {
        inventory(&document.inventory, here, report);
    }
    boots(document, root.key("boots"), report);
    let templates = root.key("templates");
    report.some_size(templates, "size_max", document.templates.size_max);
    if document.templates.fuel == Some(0) {
        let what = "fuel is 0: no template could be rendered";
        report.wrong(templates.key("fuel"), what);
    }
}

fn boots(document: &Document, here: Spot<'_>, report: &mut Report) {
    let boots = &document.boots;
    report.some_size(
        here,
        "size_max",
        here.has("size_max").then_some(boots.size_max),
    );
    let database = boots.database.as_deref().unwrap_or_default();
    if here.has("database") && database.trim().is_empty() {
        let what = "write a file, postgres://USER@HOST/DATABASE, \"memory\" or \"off\"";
        report.wrong(here.key("database"), what);
    }
    let is_postgres = is_postgres(database);
    if database.contains("://") && !is_postgres {
        let what = "write a database like postgres://USER@HOST/DATABASE, or a file";
        report.wrong(here.key("database"), what);
    }
    // It would be in the log, and in what tools show of the configuration.
    let authority = database.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    if is_postgres && (user.contains(':') || database.contains("password=")) {
        let what = "keep the password out of the URL: name a file with \"password_file\"";
        report.wrong(here.key("database"), what);
    }
    if boots.password_file.is_some() && !is_postgres && !here.is_damaged() {
        let what = "\"password_file\" is for a PostgreSQL database";
        report.wrong(here.key("password_file"), what);
    }
}

fn inventory(inventory: &Inventory, here: Spot<'_>, report: &mut Report) {
    if report.exactly_one(here, "an inventory", &SOURCES).is_none() {
        return;
    }
    report.belongs(here, &["query", "password_file"], &["postgres"]);
    report.belongs(
        here,
        &[
            "machine",
            "fields",
            "headers",
            "bearer_file",
            "bearer_env",
            "ca",
        ],
        &["http"],
    );
    report.belongs(
        here,
        &["timeout", "fresh_for", "absent_for", "stale_for"],
        &["sqlite", "postgres", "http"],
    );
    report.bearer(here);
    report.list(here, "files", inventory.files.as_ref());
    if let Some(url) = &inventory.postgres {
        if !is_postgres(url) {
            let what = "write it like postgres://USER@HOST/DATABASE";
            report.wrong(here.key("postgres"), what);
        }
        if inventory.query.is_none() && !here.is_damaged() {
            let what =
                "\"postgres\" needs a \"query\", like \"SELECT * FROM machines WHERE mac = :mac\"";
            report.wrong(here.key("postgres"), what);
        }
    }
    if let Some(urls) = report.list(here, "http", inventory.http.as_ref()) {
        for (index, url) in urls.0.iter().enumerate() {
            report.web(here.key("http").index(index), url);
        }
    }
    let pointers = inventory.fields.iter();
    let machine = inventory.machine.iter();
    let pointers = pointers
        .map(|(name, pointer)| (here.key("fields").key(name), pointer))
        .chain(machine.map(|pointer| (here.key("machine"), pointer)));
    for (spot, pointer) in pointers {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let what = format!("a JSON pointer begins with a slash: write \"/{pointer}\"");
            report.wrong(spot, what);
        }
    }
    report.some_time(here, "timeout", inventory.timeout);
}
