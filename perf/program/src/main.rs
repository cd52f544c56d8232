//! A program of its own on the framework, with all files in memory: to `tokio-reference` what
//! `bootwire serve` is to `tokio-files`. `perf-program DIR ADDR:PORT`

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io;

use bootwire::router::at_hand;
use bootwire::{Request, Router, Server};
use bytes::Bytes;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, listen] = args.as_slice() else {
        return Err("usage: perf-program DIR ADDR:PORT".into());
    };
    let files = load(dir)?;
    let app = Router::new().fallback(at_hand(move |request: &Request| {
        files.get(request.path().as_ref()).cloned()
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::bind(listen.as_str())
            .workers(1)
            .windowsize_first(64)
            .serve(app)
            .start()?;
        server.failed().await;
        Err("a worker of the server has ended".into())
    })
}

/// The files of a directory, by the paths they are asked for.
fn load(dir: &str) -> io::Result<HashMap<String, Bytes>> {
    let mut files = HashMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let path = format!("/{}", entry.file_name().to_string_lossy());
            files.insert(path, fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}
