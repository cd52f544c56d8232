//! Serves a directory: `static_server [DIRECTORY [ADDRESS]]`, by default the current directory on
//! 127.0.0.1:6969. Prints a line for each transfer; Ctrl-C lets running transfers finish.
//!
//! Try it with `curl tftp://127.0.0.1:6969/Cargo.toml`.
#![expect(clippy::print_stdout, reason = "this is its output")]

use std::env::args;
use std::error::Error;

use bootwire::{Router, Server};
use bootwire_store::Dir;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = args().nth(1).unwrap_or_else(|| ".".to_owned());
    let address = args().nth(2).unwrap_or_else(|| "127.0.0.1:6969".to_owned());

    let dir = Dir::open(directory)?;
    println!("serving {} on {address}", dir.describe());

    Server::bind(address)
        .serve(Router::new().fallback(dir))
        .observe(|record| {
            // Quoted: a path is what a stranger sent, terminal escapes and all.
            println!(
                "{} {:?} {} ({} bytes)",
                record.peer, record.path, record.outcome, record.bytes
            );
        })
        .run_until(async {
            // Without a way to hear of Ctrl-C, it ends the process as ever.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}
