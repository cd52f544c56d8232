//! Kernels and initrds from a web server, through a cache: sent while they arrive, fetched once, and
//! still there when the web server is not.
//!
//! ```sh
//! cargo run -p bootwire-store --features http --example boot_images -- \
//!     https://repo.example.com/boot/ /tmp/bootwire-cache 127.0.0.1:6969
//! curl tftp://127.0.0.1:6969/images/vmlinuz -o vmlinuz
//! ```

use std::error::Error;
use std::time::Duration;

use bootwire::{Router, Server};
use bootwire_store::{Cache, CacheEvent, HttpOrigin, Secret};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: boot_images URL CACHE_DIRECTORY [ADDRESS]".into());
    };
    let address = arguments.next();
    let address = address.as_deref().unwrap_or("127.0.0.1:6969");

    let cache = Cache::builder(dir)
        .max(4 << 30)
        .observe(|event: &CacheEvent| report(event))
        .open()
        .await?;
    let mut origin = HttpOrigin::new(&url)?;
    if std::env::var_os("REPO_TOKEN").is_some() {
        origin = origin.bearer(Secret::environment("REPO_TOKEN"));
    }
    let images = origin
        .cached(&cache)
        .ttl(Duration::from_secs(60))
        // A machine gets the initrd that fits the kernel it got.
        .pin(Duration::from_secs(15 * 60));

    let app = Router::new().read("/images/{*path}", images);
    Server::bind(address)
        .serve(app)
        .observe(|record| {
            // Quoted: a path is what a stranger sent.
            let (path, outcome) = (&record.path, record.outcome);
            let detail = record.detail.as_deref().unwrap_or_default();
            report(format_args!("{} {path:?} {outcome} {detail}", record.peer));
        })
        .run()
        .await?;
    report(format_args!("{:?}", cache.stats()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example's log")]
fn report(what: impl std::fmt::Display) {
    println!("{what}");
}
