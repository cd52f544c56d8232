//! `[metrics]`.

use std::net::SocketAddr;

use super::Report;
use crate::config::model::Metrics;
use crate::config::tree::Spot;

pub(super) fn check(metrics: &Metrics, here: Spot<'_>, report: &mut Report) {
    if let Some(address) = &metrics.listen
        && address.parse::<SocketAddr>().is_err()
    {
        let what = format!(
            "{address:?} is no address to listen on: write an address and a port, like 127.0.0.1:9469"
        );
        report.wrong(here.key("listen"), what);
    }
    let Some(statsd) = &metrics.statsd else {
        return;
    };
    let here = here.key("statsd");
    let port = statsd
        .address
        .rsplit_once(':')
        .map(|(_, port)| port.parse());
    let is_host = statsd.address.rsplit_once(':').is_some_and(|(host, _)| {
        !host.is_empty()
            && !host.contains(['/', '@'])
            && (!host.contains(':') || host.ends_with(']'))
    });
    if !is_host || !matches!(port, Some(Ok(1_u16..))) {
        let what = format!(
            "{:?} is no StatsD server: write a host and a port, like 127.0.0.1:8125",
            statsd.address
        );
        report.wrong(here.key("address"), what);
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if statsd.prefix.is_empty() || !statsd.prefix.bytes().all(is_name) {
        let what = format!(
            "{:?} cannot begin names: write letters, digits, dots, - and _",
            statsd.prefix
        );
        report.wrong(here.key("prefix"), what);
    }
}
