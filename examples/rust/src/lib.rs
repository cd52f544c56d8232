//! What the programs in `src/bin` share: a server that says what happens, until Ctrl-C.
#![forbid(unsafe_code)]

use bootwire::router::App;
use bootwire::{Server, ServerError};

/// Serves on the address of the first argument, 127.0.0.1:6969 by default, and prints a line for
/// each transfer. Ctrl-C lets running transfers finish.
///
/// # Errors
/// If the address cannot be had, or a worker dies.
pub async fn serve(app: impl Into<App>) -> Result<(), ServerError> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:6969");
    Server::bind(address)
        .serve(app)
        .observe(|record| {
            // Quoted: a path is what a stranger sent.
            let (path, outcome) = (&record.path, record.outcome);
            let detail = record.detail.as_deref().unwrap_or_default();
            report(&format!("{} {path:?} {outcome} {detail}", record.peer));
        })
        .run_until(async {
            // Without a way to hear of Ctrl-C, it ends the process as ever.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the log of an example")]
pub fn report(line: &str) {
    println!("{line}");
}

/// The guide's blocks compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tutorials/framework.md")]
struct Guide;

/// Those of the page about tests run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/test-your-server.md")]
struct TestYourServer;
