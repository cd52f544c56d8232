//! A server that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bootwire::client::Client;
use bootwire_admin::Client as AdminClient;
use bootwire_admin::client::{ClientOptions, Place};

use super::network::{self, Found};
use super::report::Report;
use crate::config::Config;
use crate::serve;

/// Where a server listens that was told nothing.
pub(super) const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// TFTP's.
const PORT: u16 = 69;

/// How long the admin API may take: what it says is an extra.
const ADMIN_WITHIN: Duration = Duration::from_secs(2);

/// The first address of a configuration, as written.
pub(super) fn listens(config: &Config) -> Option<String> {
    let listen = config.document.listen.as_ref()?;
    listen.0.first().cloned()
}

/// Where the server of a configuration can be reached from this machine.
pub(super) fn address(config: &Config) -> Result<SocketAddr, String> {
    let Some(text) = listens(config) else {
        return Ok(DEFAULT);
    };
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("listen = {text:?} is no address to ask; give one with --server"))?;
    if address.port() == 0 {
        return Err("the server chooses its port; give it with --server".to_owned());
    }
    let ip = match address.ip() {
        // Also takes IPv4, unless the system says otherwise.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) | IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
            Ipv4Addr::LOCALHOST.into()
        }
        ip => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

/// The address that clients are told: of a machine by number or name, with a port or not.
pub(super) async fn resolve(text: &str) -> Result<SocketAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    let place = match text.rsplit_once(':') {
        Some(_) => text.to_owned(),
        None => format!("{text}:{PORT}"),
    };
    let cannot = |why: String| format!("{text:?} is no address to ask: {why}");
    let mut found = tokio::net::lookup_host(&place)
        .await
        .map_err(|error| cannot(error.to_string()))?;
    found.next().ok_or_else(|| cannot("it has none".to_owned()))
}

/// Asks whether it is well, and tells what was found.
pub(super) async fn look(report: &mut Report, what: &str, server: SocketAddr, within: Duration) {
    match Client::new(server).check_up(within).await {
        Ok(checkup) => {
            for finding in network::findings(&checkup, within) {
                report.tell(finding.level(), what, &finding);
                // Whose port that is, if it is one of this host's.
                let ours = checkup.own.ip() == server.ip();
                if ours
                    && let Found::Another { asked, .. } | Found::Silent { asked, .. } = finding
                    && let Some(holder) = serve::holder_of(asked)
                {
                    report.warn(what, format_args!("{asked} is in use {holder}"));
                }
            }
        }
        Err(error) => report.fail(what, format_args!("{server}: {error}")),
    }
}

/// Fetches a file, which must come.
pub(super) async fn fetch(
    server: SocketAddr,
    path: &str,
    within: Duration,
) -> Result<String, String> {
    let began = Instant::now();
    let mut content = Vec::new();
    let client = Client::new(server);
    let transfer = client.get(path, &mut content);
    match tokio::time::timeout(within, transfer).await {
        Ok(Ok(_)) => {
            let took = network::milliseconds(began.elapsed());
            Ok(format!("{server} sent {} bytes in {took}", content.len()))
        }
        Ok(Err(error)) => Err(format!("{server}: {error}")),
        Err(_) => Err(network::silent(server, within)),
    }
}

/// What this host's server says of itself, if it is to be asked: that it goes down, or needs the
/// operator. What is well is not told.
pub(super) async fn ask_admin(report: &mut Report) {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let place = match set("BOOTWIRE_ADMIN") {
        Some(text) => text.parse(),
        None => Place::find(),
    };
    let options = ClientOptions {
        token: set("BOOTWIRE_ADMIN_TOKEN"),
        ca: set("BOOTWIRE_ADMIN_CA").map(Into::into),
    };
    // Whoever may not ask learns what TFTP has shown.
    let Ok(Ok(client)) = place.map(|place| AdminClient::with(&place, &options)) else {
        return;
    };
    let Ok(Ok(status)) = tokio::time::timeout(ADMIN_WITHIN, client.status()).await else {
        return;
    };
    if !status.ready {
        report.fail("server", "it takes no more requests: it is told to end");
    }
    for problem in &status.problems {
        report.warn("server", problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_asked_may_be_written_in_many_ways() {
        for (text, expected) in [
            ("10.0.0.9", "10.0.0.9:69"),
            ("10.0.0.9:6969", "10.0.0.9:6969"),
            ("fd00::9", "[fd00::9]:69"),
            ("[fd00::9]", "[fd00::9]:69"),
            ("[fd00::9]:70", "[fd00::9]:70"),
        ] {
            assert_eq!(resolve(text).await.unwrap().to_string(), expected);
        }
        let told = resolve("10.0.0.9:no").await.unwrap_err();
        assert!(told.contains("no address to ask"), "{told}");
    }
}
