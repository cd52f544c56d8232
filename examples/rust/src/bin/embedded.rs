//! A configured site with handlers of the program's own: operators edit the file, the program adds what
//! it knows better.
//!
//! ```sh
//! cargo run -p bootwire-examples --bin embedded -- bootwire.toml
//! curl tftp://127.0.0.1:6969/motd
//! curl tftp://127.0.0.1:6969/transfers/127.0.0.1
//! ```
//!
//! It follows the file as `bootwire serve` does. A configuration for it:
//!
//! ```toml
//! listen = "127.0.0.1:6969"
//!
//! [[route]]
//! path = "/motd"
//! text = "Welcome\n"
//!
//! [[route]]
//! path = "/boot/{*path}"
//! dir = "/srv/tftp"
//! ```
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::{Outcome, Path, Router, State, TransferRecord};
use bootwire_examples::report;
use bootwire_site::{Config, Site};

/// How many transfers each client has completed.
#[derive(Clone, Default)]
struct Completed(Arc<Mutex<HashMap<IpAddr, u64>>>);

impl Completed {
    fn count(&self, record: &TransferRecord) {
        if record.outcome == Outcome::Complete {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(record.peer.ip().to_canonical()).or_default() += 1;
        }
    }
}

async fn transfers(Path(client): Path<IpAddr>, State(completed): State<Completed>) -> String {
    let counts = completed.0.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.get(&client.to_canonical()).copied();
    format!("{}\n", count.unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1);
    let config = Config::load(file.as_deref().unwrap_or("bootwire.toml").as_ref())?;
    let completed = Completed::default();
    let counted = completed.clone();
    let own = move || {
        let router = Router::new().read("/transfers/{ip}", transfers);
        router.with_state(counted.clone())
    };
    let mut site = Site::builder()
        .routes(move |configured| own().merge(configured))
        .notes(report)
        .open(config)
        .await?;
    let server = site
        .server()
        .observe(move |record| completed.count(record))
        .start()?;
    for address in server.local_addrs() {
        report(&format!("listening on {address}: {}", site.summary()));
    }
    tokio::select! {
        never = site.follow(&server) => match never {},
        ended = tokio::signal::ctrl_c() => ended?,
    }
    server.drain(Duration::from_secs(30)).await;
    Ok(())
}
