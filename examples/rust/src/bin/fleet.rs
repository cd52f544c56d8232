//! All of it: machines in SQLite, templates, images from a web server, a directory.
//!
//! ```sh
//! cd examples/quickstart
//! cargo run -p bootwire-cli -- machines import machines.toml --config bootwire.toml
//! python3 -m http.server 8069 --bind 127.0.0.1 --directory origin &
//! cargo run -p bootwire-examples --bin fleet
//! curl tftp://127.0.0.1:6969/grub/grub.cfg-01-52-54-00-12-34-56
//! ```
//!
//! The same as a configuration: `examples/quickstart/bootwire.toml`, and
//!
//! ```toml
//! [identity]
//! neighbours = true
//!
//! [[route]]
//! path = "/autoexec.ipxe"
//! template = "bootwire/boot.ipxe.j2"
//! unknown = { profile = "rescue" }
//! vars = { kernel = "/images/12.7/vmlinuz" }
//! probes = false
//! ```
#![forbid(unsafe_code)]

use std::sync::Arc;

use bootwire::Router;
use bootwire_render::identity::Identifier;
use bootwire_render::inventory::sql::Sqlite;
use bootwire_render::template::{Template, Templates, Unknown};
use bootwire_store::{Cache, Dir, HttpOrigin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let templates = Templates::open("templates")?;
    let machines = Arc::new(Sqlite::open("state/machines.db").await?.cached());
    let cache = Cache::builder("state/cache").open().await?;
    let template = |name: &str| {
        Template::new(&templates, name)
            .identifier(Identifier::new().neighbours())
            .inventory(Arc::clone(&machines))
            .var("release", "12.7")
    };
    let ipxe = template("bootwire/boot.ipxe.j2")
        .unknown(Unknown::Profile("rescue".to_owned()))
        .var("kernel", "/images/12.7/vmlinuz");
    let images = HttpOrigin::new("http://127.0.0.1:8069/images/")?.cached(&cache);
    let app = Router::new()
        .read("/grub/grub.cfg-01-{mac}", template("grub.cfg.j2"))
        .read("/autoexec.ipxe", ipxe)
        .read("/images/{*path}", images)
        .fallback(Dir::open("tftproot")?);
    Ok(bootwire_examples::serve(app).await?)
}
