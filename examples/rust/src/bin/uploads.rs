//! Takes what the switches of two networks send: each network has its directory.
//!
//! ```sh
//! mkdir -p backups/lab backups/office
//! cargo run -p bootwire-examples --bin uploads
//! curl -T Cargo.toml tftp://127.0.0.1:6969/backups/switch1
//! ```
//!
//! The same as a configuration:
//!
//! ```toml
//! [[route]]
//! path = "/backups/{*path}"
//! from = "127.0.0.0/8"
//! upload = "backups/lab"
//! existing = "versioned"
//!
//! [[route]]
//! path = "/backups/{*path}"
//! from = "10.20.0.0/16"
//! upload = "backups/office"
//! size_max = "16 MiB"
//! create_dirs = true
//! ```
#![forbid(unsafe_code)]

use bootwire::{Request, Router};
use bootwire_store::Uploads;
use ipnet::IpNet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lab = Uploads::into("backups/lab")?.versioned();
    let office = Uploads::into("backups/office")?
        .size_max(16 << 20)
        .create_dirs(true);
    let app: Router = Router::new()
        .when(
            from("127.0.0.0/8".parse()?),
            Router::new().write("/backups/{*path}", lab),
        )
        .when(
            from("10.20.0.0/16".parse()?),
            Router::new().write("/backups/{*path}", office),
        );
    Ok(bootwire_examples::serve(app).await?)
}

/// Lets in the clients of a network.
fn from(network: IpNet) -> impl Fn(&Request) -> bool + Send + Sync + 'static {
    move |request| network.contains(&request.peer_ip())
}
