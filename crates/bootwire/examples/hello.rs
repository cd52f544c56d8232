//! The smallest server: one text for whoever asks.
//!
//! `cargo run -p bootwire --example hello`, then `curl tftp://127.0.0.1:6969/hello/world`.

use bootwire::{Path, Router, Server, ServerError};

async fn hello(Path(name): Path<String>) -> String {
    format!("Hello, {name}!\n")
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6969".to_owned());
    let app = Router::new().read("/hello/{name}", hello);
    Server::bind(listen).serve(app).run_until(ctrl_c()).await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c()
        .await
        .expect("Ctrl-C can be waited for");
}
