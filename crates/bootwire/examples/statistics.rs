//! Prints a line for each transfer that has ended, and the server's counters every ten seconds.
//!
//! `cargo run -p bootwire --example statistics`, then `curl tftp://127.0.0.1:6969/motd`.
#![expect(clippy::print_stdout, reason = "printing is what it shows")]

use std::time::Duration;

use bootwire::{Outcome, Router, Server, ServerError, ServerStats, TransferRecord};

fn print_record(record: &TransferRecord) {
    let TransferRecord {
        peer,
        op,
        path,
        outcome,
        bytes,
        duration,
        ..
    } = record;
    println!("{peer} {op:?} {path:?}: {outcome}, {bytes} bytes in {duration:.1?}");
    if let Some(detail) = &record.detail {
        println!("    {detail}");
    }
}

fn print_stats(stats: &ServerStats) {
    let ended: Vec<_> = Outcome::ALL
        .iter()
        .filter(|&&outcome| stats.ended(outcome) > 0)
        .map(|&outcome| format!("{} {outcome}", stats.ended(outcome)))
        .collect();
    println!(
        "{} running, {} reads, {} writes; ended: {}",
        stats.active,
        stats.reads,
        stats.writes,
        ended.join(", ")
    );
}

#[tokio::main]
async fn main() -> Result<(), ServerError> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6969".to_owned());
    let app = Router::new().read("/motd", || async { "Welcome\n" });
    Server::bind(listen)
        .serve(app)
        .observe(print_record)
        .stats_every(Duration::from_secs(10), print_stats)
        .run_until(ctrl_c())
        .await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c()
        .await
        .expect("Ctrl-C can be waited for");
}
