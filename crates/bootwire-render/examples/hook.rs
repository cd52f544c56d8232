//! Lets a program decide what each client gets: its output is the content.
//!
//! `cargo run -p bootwire-render --example hook -- /path/to/program 127.0.0.1:6969`

use bootwire::{Router, Server};
use bootwire_render::hook::{Exec, Hook};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(program), Some(listen)) = (args.next(), args.next()) else {
        return Err("usage: hook PROGRAM LISTEN".into());
    };
    let hook = Hook::new(Exec::new(program).arg("{path}"));
    let app = Router::new().read("/{*path}", hook);
    tokio::select! {
        ended = Server::bind(&listen).serve(app).run() => Ok(ended?),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
