mod counters;
mod made;
mod series;

use bootwire::client::Client;
use bootwire::{Router, Server, TransferRecord};

use super::*;

/// A record: only the engine makes them, so a real one is dressed up.
pub(super) async fn record() -> TransferRecord {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .serve(Router::new().read("/{*path}", async || "text"))
        .observe(move |record| {
            let _ = sender.send(record.clone());
        })
        .start()
        .unwrap();
    let mut content = Vec::new();
    let client = Client::new(server.local_addrs()[0]);
    client.get("file", &mut content).await.unwrap();
    server.drain(std::time::Duration::from_secs(5)).await;
    receiver.recv().unwrap()
}

pub(super) fn counting() -> Metrics {
    Metrics::new(Exporters::default(), Hub::new(1))
}
