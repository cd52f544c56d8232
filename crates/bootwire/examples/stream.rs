//! Content that is made while it is sent, and a file read as a stream.
//!
//! `cargo run -p bootwire --example stream`, then `curl tftp://127.0.0.1:6969/numbers/1000` or
//! `curl tftp://127.0.0.1:6969/manifest`.

use std::io;

use bootwire::{Path, Refusal, Reply, Router, Server, ServerError};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, DuplexStream};

/// Bytes made ahead of the client, at most; the writer waits when it is that far ahead.
const AHEAD: usize = 64 << 10;

async fn numbers(Path(count): Path<u64>) -> Reply {
    let (writer, reader) = tokio::io::duplex(AHEAD);
    // Ends early, by an error, when the client goes away and the reader with it.
    tokio::spawn(write_numbers(writer, count));
    Reply::stream(reader)
}

async fn write_numbers(mut writer: DuplexStream, count: u64) -> io::Result<()> {
    for number in 1..=count {
        writer.write_all(format!("{number}\n").as_bytes()).await?;
    }
    writer.shutdown().await
}

async fn manifest() -> Result<Reply, Refusal> {
    let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).await?;
    let size = file.metadata().await?.len();
    Ok(Reply::sized_stream(file, size))
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6969".to_owned());
    let app = Router::new()
        .read("/numbers/{count:int}", numbers)
        .read("/manifest", manifest);
    Server::bind(listen).serve(app).run_until(ctrl_c()).await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c()
        .await
        .expect("Ctrl-C can be waited for");
}
