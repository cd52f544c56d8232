//! How the server runs: what stands above all tables, `[budgets]`, `[sandbox]`.

use std::net::SocketAddr;

use bootwire::ServerError;

use super::Report;
use crate::config::model::{BLKSIZE, Document, RESEND_MIN, WINDOWSIZE};
use crate::config::setting::Setting;
use crate::config::tree::Spot;
use crate::config::value::Time;

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    for (setting, value) in document.settings() {
        let table = match setting.table {
            "" => root,
            table => root.key(table),
        };
        let spot = table.key(setting.key);
        if let Some(what) = setting.complaint(value, spot.place().is_named()) {
            report.wrong(spot, what);
        }
        let is_empty = setting.is_list && value.text().is_some_and(|text| text.is_empty());
        report.filled(table, setting.key, is_empty);
    }
    for (index, address) in document.listen.iter().flatten().enumerate() {
        if address.parse::<SocketAddr>().is_err() {
            let address = address.clone();
            let what = ServerError::Address { address }.to_string();
            report.wrong(root.key("listen").index(index), what);
        }
    }
    if document.ports.is_some() && document.single_port {
        let what = "\"ports\" beside \"single_port\", which takes no other port: leave one out";
        report.wrong(root.key("ports"), what);
    }
    if document.fragment && document.blksize_max.is_some_and(|bytes| bytes <= 1428) {
        let what = "\"fragment\" does nothing where \"blksize_max\" keeps blocks in one packet";
        report.warn(root.key("fragment"), what);
    }
}

/// What a route or a quirk grants at most.
pub(super) fn caps(
    table: Spot<'_>,
    blksize: Option<u16>,
    windowsize: Option<u16>,
    report: &mut Report,
) {
    for (key, kind, value) in [
        ("blksize_max", BLKSIZE, blksize),
        ("windowsize_max", WINDOWSIZE, windowsize),
    ] {
        let complaint = Setting::of_route(key, kind).complaint(&value, false);
        complaint
            .into_iter()
            .for_each(|what| report.wrong(table.key(key), what));
    }
}

/// The least time before a resend of a route or a quirk.
pub(super) fn resend_min(table: Spot<'_>, least: Option<Time>, report: &mut Report) {
    let key = "resend_min";
    let complaint = Setting::of_route(key, RESEND_MIN).complaint(&least, false);
    complaint
        .into_iter()
        .for_each(|what| report.wrong(table.key(key), what));
}
