//! A configuration for each machine of a fleet.
//!
//! `cargo run -p bootwire-render --example fleet -- TEMPLATES MACHINES 127.0.0.1:6969`
//! then `curl tftp://127.0.0.1:6969/grub/grub.cfg-01-52-54-00-12-34-56`

use bootwire::{Router, Server};
use bootwire_render::dialect::Probes;
use bootwire_render::identity::Identifier;
use bootwire_render::inventory::Files;
use bootwire_render::template::{Template, Templates, Unknown};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(templates), Some(machines), Some(listen)) = (args.next(), args.next(), args.next())
    else {
        return Err("usage: fleet TEMPLATES MACHINES LISTEN".into());
    };
    let report = |problem: &bootwire_render::Problem| tell(problem);
    let templates = Templates::open(templates)?.report(report);
    let machines = Files::open([machines])?.report(report);
    let template = |name| {
        Template::new(&templates, name)
            .identifier(Identifier::new().neighbours())
            .inventory(machines.clone())
            .unknown(Unknown::Profile("rescue".to_owned()))
    };
    let app = Router::new()
        .read(
            "/grub/{*name}",
            Probes::before(template("bootwire/grub.cfg.j2")),
        )
        .read(
            "/pxelinux.cfg/{name}",
            Probes::before(template("bootwire/pxelinux.cfg.j2")),
        )
        .read(
            "/{name}.ipxe",
            Probes::before(template("bootwire/boot.ipxe.j2")),
        );
    let server = Server::bind(&listen)
        .serve(app)
        .observe(|record: &bootwire::TransferRecord| {
            let detail = record.detail.as_deref().unwrap_or_default();
            tell(&format_args!(
                "{} {} {} {detail}",
                record.peer, record.path, record.outcome
            ));
        });
    tokio::select! {
        ended = server.run() => Ok(ended?),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what happens")]
fn tell(what: &impl std::fmt::Display) {
    println!("{what}");
}
