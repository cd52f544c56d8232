//! A GRUB configuration for each machine of an inventory, and a directory for the rest.
//!
//! ```sh
//! cd examples/quickstart
//! cargo run -p bootwire-examples --bin grub_per_machine
//! curl tftp://127.0.0.1:6969/grub/grub.cfg-01-52-54-00-12-34-56
//! ```
//!
//! The same as a configuration:
//!
//! ```toml
//! [templates]
//! dir = "templates"
//! vars = { release = "12.7" }
//!
//! [inventory]
//! files = "machines.toml"
//!
//! [[route]]
//! path = "/grub/grub.cfg-01-{mac}"
//! template = "grub.cfg.j2"
//!
//! [[route]]
//! dir = "tftproot"
//! ```
#![forbid(unsafe_code)]

use bootwire::Router;
use bootwire_render::Problem;
use bootwire_render::inventory::Files;
use bootwire_render::template::{Template, Templates};
use bootwire_store::Dir;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let report = |problem: &Problem| bootwire_examples::report(&problem.to_string());
    let templates = Templates::open("templates")?.report(report);
    let machines = Files::open(["machines.toml"])?.report(report);
    let grub = Template::new(&templates, "grub.cfg.j2")
        .inventory(machines)
        .var("release", "12.7");
    let app = Router::new()
        .read("/grub/grub.cfg-01-{mac}", grub)
        .fallback(Dir::open("tftproot")?);
    Ok(bootwire_examples::serve(app).await?)
}
