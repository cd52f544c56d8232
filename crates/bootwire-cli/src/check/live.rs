//! A server that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bootwire::ErrorCode;
use bootwire::client::{Client, ClientError};

use crate::config::Config;

/// Where a server listens that was told nothing.
pub(super) const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 69);

/// What is asked for if nothing is named: hardly anybody has it, and that is an answer too.
const NOBODYS: &str = ".bootwire-check";

/// Where the server of a configuration can be reached from this machine.
pub(super) fn address(config: &Config) -> Result<SocketAddr, String> {
    let listen = config
        .document
        .listen
        .as_ref()
        .and_then(|many| many.0.first());
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

/// Asks for a file: that one must come; without a name any answer is a sign of life.
pub(super) async fn ask(
    server: SocketAddr,
    path: Option<&str>,
    within: Duration,
) -> Result<String, String> {
    let began = Instant::now();
    let mut content = Vec::new();
    let client = Client::new(server);
    let transfer = client.get(path.unwrap_or(NOBODYS), &mut content);
    let ended = tokio::time::timeout(within, transfer).await;
    let took = format!("{:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    match ended {
        Ok(Ok(_)) => Ok(format!("{server} sent {} bytes in {took}", content.len())),
        Ok(Err(ClientError::Remote { code, .. })) if path.is_none() && is_well(code) => {
            Ok(format!("{server} answered in {took}"))
        }
        Ok(Err(error)) => Err(format!("{server}: {error}")),
        Err(_) => Err(format!(
            "{server} does not answer within {} s; is it running, and does `allow` let this machine in?",
            within.as_secs()
        )),
    }
}

/// Errors that a server with nothing to complain of sends.
fn is_well(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::NotFound | ErrorCode::AccessViolation)
}
