//! A GRUB configuration for each machine, made from what is known of it, with state that all
//! handlers share and a layer that keeps a deadline.
//!
//! `cargo run -p bootwire --example grub_config`, then
//! `curl tftp://127.0.0.1:6969/grub/grub.cfg-01-52-54-00-12-34-56`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::Deadline;
use bootwire::{MacAddr, Path, Refusal, Reply, Router, Server, ServerError, State};

struct Machine {
    name: &'static str,
    kernel: &'static str,
}

type Machines = Arc<HashMap<MacAddr, Machine>>;

async fn grub_config(
    Path(mac): Path<MacAddr>,
    State(machines): State<Machines>,
) -> Result<Reply, Refusal> {
    let Machine { name, kernel } = machines
        .get(&mac)
        .ok_or_else(|| Refusal::not_found().because(format_args!("{mac} is in no inventory")))?;
    let text = format!(
        "set timeout=0\nmenuentry '{name}' {{\n  linux /{kernel} hostname={name}\n  initrd /initrd\n}}\n"
    );
    Ok(Reply::text(text).label("machine", *name))
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6969".to_owned());
    let first = MacAddr::new([0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
    let machines = Machines::new(HashMap::from([(
        first,
        Machine {
            name: "node1",
            kernel: "vmlinuz",
        },
    )]));

    let app = Router::new()
        .read("/grub/grub.cfg-01-{mac}", grub_config)
        // GRUB asks for these before it reads its configuration; empty ones spare it an error.
        .read("/grub/{arch}/{list}.lst", || async { Reply::empty() })
        .layer(Deadline::new(Duration::from_secs(5)))
        .with_state(machines);
    Server::bind(listen).serve(app).run_until(ctrl_c()).await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c()
        .await
        .expect("Ctrl-C can be waited for");
}
