//! How the server runs: what stands above all tables, `[budgets]`, `[sandbox]`.

use std::net::SocketAddr;
use std::time::Duration;

use bootwire::ServerError;

use super::Report;
use crate::config::model::Document;
use crate::config::tree::Spot;
use crate::config::value::Time;
use crate::ports::Ports;

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    if let Some(listen) = &document.listen {
        report.filled(root, "listen", listen.0.is_empty());
        for (index, address) in listen.0.iter().enumerate() {
            if address.parse::<SocketAddr>().is_err() {
                let address = address.clone();
                let what = ServerError::Address { address }.to_string();
                report.wrong(root.key("listen").index(index), what);
            }
        }
    }
    if let Some(allow) = &document.allow {
        report.filled(root, "allow", allow.0.is_empty());
    }
    if let Some(ports) = &document.ports {
        if let Err(why) = ports.parse::<Ports>() {
            report.wrong(root.key("ports"), format!("{ports:?}: {why}"));
        }
        if document.single_port == Some(true) {
            let what = "\"ports\" beside \"single_port\", which takes no other port: leave one out";
            report.wrong(root.key("ports"), what);
        }
    }
    if document.fragment == Some(true) && document.blksize_max.is_some_and(|bytes| bytes <= 1428) {
        let what = "\"fragment\" does nothing where \"blksize_max\" keeps blocks in one packet";
        report.warn(root.key("fragment"), what);
    }
    caps(root, document.blksize_max, document.windowsize_max, report);
    report.number(
        root,
        "windowsize_first",
        document.windowsize_first,
        1..=32_767,
    );
    resend_min(root, document.resend_min, report);
    report.number(root, "workers", document.workers, 1..=1024);
    report.number(
        root,
        "transfers_max",
        document.transfers_max,
        1..=10_000_000,
    );
    let second = Duration::from_secs(1);
    report.time(root, "give_up", document.give_up, second..=HOUR);
    report.some_time(root, "deadline", document.deadline);
    report.time(root, "drain", document.drain, Duration::ZERO..=24 * HOUR);
    let spin_max = Duration::from_millis(10);
    report.time(root, "spin", document.spin, Duration::ZERO..=spin_max);
    if let Some(unlimited) = &document.budgets.unlimited {
        let budgets = root.key("budgets");
        report.filled(budgets, "unlimited", unlimited.0.is_empty());
    }
}

/// What a server, a route or a quirk grants at most.
pub(super) fn caps(
    table: Spot<'_>,
    blksize: Option<u16>,
    windowsize: Option<u16>,
    report: &mut Report,
) {
    report.number(table, "blksize_max", blksize, 8..=65_464);
    report.number(table, "windowsize_max", windowsize, 1..=32_767);
}

/// The least time before a resend, wherever it is set.
pub(super) fn resend_min(table: Spot<'_>, least: Option<Time>, report: &mut Report) {
    let range = Duration::from_millis(1)..=Duration::from_secs(60);
    report.time(table, "resend_min", least, range);
}
