//! The crate `async-tftp` as a server: `perf-peer-async-tftp DIR ADDR:PORT`.
//!
//! Its directory handler with its defaults, driven the way its documentation shows.

use async_tftp::server::TftpServerBuilder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(listen)) = (args.next(), args.next()) else {
        return Err("usage: perf-peer-async-tftp DIR ADDR:PORT".into());
    };
    let listen = listen.parse()?;
    futures_lite::future::block_on(async {
        let server = TftpServerBuilder::with_dir_ro(dir)?
            .bind(listen)
            .build()
            .await?;
        server.serve().await
    })?;
    Ok(())
}
