//! Takes uploads into memory and prints how large they were.
//!
//! `cargo run -p bootwire --example upload_collector`, then
//! `curl -T Cargo.toml tftp://127.0.0.1:6969/backups/router1`.
#![expect(clippy::print_stdout, reason = "printing is what it shows")]

use bootwire::{Accept, BoxFuture, Path, Refusal, Router, Server, ServerError, Sink};
use bytes::{Bytes, BytesMut};

/// Largest upload taken, in bytes.
const SIZE_MAX: u64 = 16 << 20;

struct Collector {
    device: String,
    collected: BytesMut,
}

impl Sink for Collector {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        self.collected.extend_from_slice(&data);
        Box::pin(async { Ok(()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        println!("{}: {} bytes", self.device, self.collected.len());
        Box::pin(async { Ok(()) })
    }
}

async fn backup(Path(device): Path<String>) -> Accept {
    Accept::into(Collector {
        device,
        collected: BytesMut::new(),
    })
    .size_max(SIZE_MAX)
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6969".to_owned());
    let app = Router::new().write("/backups/{device:serial}", backup);
    Server::bind(listen).serve(app).run_until(ctrl_c()).await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c()
        .await
        .expect("Ctrl-C can be waited for");
}
