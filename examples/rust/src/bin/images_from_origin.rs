//! Images from a web server, through a cache; a local file goes before it.
//!
//! ```sh
//! cd examples/quickstart
//! python3 -m http.server 8069 --bind 127.0.0.1 --directory origin &
//! cargo run -p bootwire-examples --bin images_from_origin
//! curl tftp://127.0.0.1:6969/images/12.7/vmlinuz
//! ```
//!
//! The same as a configuration:
//!
//! ```toml
//! [origin.images]
//! url = "http://127.0.0.1:8069/images/"
//! pin = "boot"
//! prefetch = "12.7/vmlinuz"
//!
//! [cache]
//! dir = "state/cache"
//! max = "1 GiB"
//!
//! [[route]]
//! path = "/images/{*path}"
//! try = [{ dir = "tftproot" }, { origin = "images" }]
//! ```
#![forbid(unsafe_code)]

use std::time::Duration;

use bootwire::{Endpoint, Router};
use bootwire_store::{Cache, Dir, HttpOrigin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::builder("state/cache")
        .max(1 << 30)
        .observe(|event| bootwire_examples::report(&event.to_string()))
        .open()
        .await?;
    let images = HttpOrigin::new("http://127.0.0.1:8069/images/")?
        .cached(&cache)
        // A machine gets the initrd that fits the kernel it got.
        .pin(Duration::from_secs(15 * 60));
    let early = images.clone();
    tokio::spawn(async move { early.prefetch(["12.7/vmlinuz"]).await });
    let either = Dir::open("tftproot")?.or(images);
    let app = Router::new().read("/images/{*path}", either);
    Ok(bootwire_examples::serve(app).await?)
}
