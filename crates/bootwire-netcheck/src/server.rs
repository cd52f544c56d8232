//! A server that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bootwire::client::{Client, ClientError};

use crate::holder;
use crate::way::{self, Found};

/// Where a server listens that was told nothing.
pub const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// TFTP's.
const PORT: u16 = 69;

/// Where a server that listens on this address can be reached from this host; [`DEFAULT`] if it was told
/// nothing.
///
/// # Errors
/// In words, if that is no address, or a port that the kernel chooses.
pub fn reachable(listen: Option<&str>) -> Result<SocketAddr, String> {
    let Some(text) = listen else {
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
///
/// # Errors
/// In words, if that is no address, or a name that nobody knows.
pub async fn resolve(text: &str) -> Result<SocketAddr, String> {
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

/// Asks a server whether it is well, and looks at what the way does to packets. It leaves no record
/// there. `within` is how long it may take to answer.
///
/// # Errors
/// If this host lets nothing be asked.
pub async fn ask(server: SocketAddr, within: Duration) -> Result<Vec<Found>, ClientError> {
    let checkup = Client::new(server).check_up(within).await?;
    let mut found = way::findings(&checkup, within);
    // Whose port that is, if it is one of this host's.
    let is_ours = checkup.own.ip() == server.ip();
    let is_strange = |one: &Found| matches!(one, Found::Another { .. } | Found::Silent { .. });
    if is_ours
        && found.iter().any(is_strange)
        && let Some(holder) = holder::holder_of(server)
    {
        found.push(Found::InUse {
            asked: server,
            holder,
        });
    }
    Ok(found)
}

/// Fetches a file, which must come; in words, how that went.
///
/// # Errors
/// In words, if it does not come, or not in time.
pub async fn fetch(server: SocketAddr, path: &str, within: Duration) -> Result<String, String> {
    let began = Instant::now();
    let mut content = Vec::new();
    let client = Client::new(server);
    let transfer = client.get(path, &mut content);
    match tokio::time::timeout(within, transfer).await {
        Ok(Ok(_)) => {
            let took = way::milliseconds(began.elapsed());
            Ok(format!("{server} sent {} bytes in {took}", content.len()))
        }
        Ok(Err(error)) => Err(format!("{server}: {error}")),
        Err(_) => Err(way::silent(server, within)),
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
