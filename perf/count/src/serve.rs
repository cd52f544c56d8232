//! A server whose work depends on nothing but the packets it gets.

use std::error::Error;
use std::io::{self, Read, Write};
use std::time::Duration;

use bootwire::router::at_hand;
use bootwire::{Reply, Router, Schedule, Server};
use bytes::Bytes;

/// Serves `size` bytes under the name `content`, by one worker, its handler on tokio or `quick`.
///
/// Everything is slow under callgrind: with the usual timers it would resend what is only late.
pub fn run(size: usize, quick: bool) -> Result<(), Box<dyn Error>> {
    let schedule = Schedule {
        resend_min: Some(Duration::from_secs(2)),
        ..Schedule::default()
    };
    let content = Bytes::from(vec![0x5a; size]);
    let app = if quick {
        Router::new().read("/content", at_hand(move |_| content.clone()))
    } else {
        Router::new().read("/content", move || {
            let reply = Reply::bytes(content.clone());
            async move { reply }
        })
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let server = Server::bind("127.0.0.1:0")
        .workers(1)
        .spin(Duration::ZERO)
        .schedule(schedule)
        .serve(app)
        .start()?;
    let address = server.local_addrs().first().ok_or("no address")?;
    writeln!(io::stdout(), "{address}")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
