//! A program decides what a machine gets; it may point to a template or to an origin.
//!
//! ```sh
//! cd examples/quickstart
//! cargo run -p bootwire-examples --bin hook
//! curl tftp://127.0.0.1:6969/boot/52-54-00-12-34-56.ipxe
//! ```
//!
//! The same as a configuration:
//!
//! ```toml
//! [templates]
//! dir = "templates"
//!
//! [origin.images]
//! url = "http://127.0.0.1:8069/images/"
//!
//! [cache]
//! dir = "state/cache"
//!
//! [[route]]
//! path = "/boot/{mac}.ipxe"
//! exec = { program = "hooks/boot", args = ["{mac}"], output = "decision", deadline = "2s" }
//! ```
#![forbid(unsafe_code)]

use std::time::Duration;

use bootwire::{Refusal, Router};
use bootwire_render::hook::{Exec, Hook, Output};
use bootwire_render::template::Templates;
use bootwire_store::origin::ObjectName;
use bootwire_store::{Cache, HttpOrigin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let templates = Templates::open("templates")?;
    let cache = Cache::builder("state/cache").open().await?;
    let images = HttpOrigin::new("http://127.0.0.1:8069/images/")?.cached(&cache);
    let program = std::path::absolute("hooks/boot")?;
    let hook = Hook::new(Exec::new(program).arg("{mac}").output(Output::Json))
        .deadline(Duration::from_secs(2))
        .templates(&templates)
        .redirects(move |redirect, request| {
            let images = images.clone();
            async move {
                if redirect.origin != "images" {
                    return Err(Refusal::origin().because("no such origin"));
                }
                let name = ObjectName::new(redirect.path.as_bytes())?;
                let machine = request.peer_ip().to_string();
                images.reply(&name, Some(&machine)).await
            }
        });
    let app = Router::new().read("/boot/{mac}.ipxe", hook);
    Ok(bootwire_examples::serve(app).await?)
}
