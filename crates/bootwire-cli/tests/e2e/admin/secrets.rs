//! Secrets in names of uploads are hidden in everything that is shown live.

use bootwire_admin::api::{EventsQuery, RecordsQuery, TransfersQuery};
use bootwire_admin::client::Event;

use super::{block_on, client, until};
use crate::harness::{Packet, Server, Wire};

const SECRET: &str = "hunter2hunter2";

#[test]
fn a_secret_is_hidden_while_its_upload_runs_and_after() {
    let server = Server::builder()
        .beside("secret", format!("{SECRET}\n"))
        .config("[[route]]\nupload = \"root\"\nsecret_suffix_file = \"secret\"\n")
        .admin_socket()
        .start();
    let api = client(&server);
    let shows = |text: &str| {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("sw1-confg"), "{text}");
    };
    block_on(async {
        let mut events = api.events(&EventsQuery::default()).await.unwrap();
        let mut wire = Wire::new(server.address());
        wire.write(&format!("sw1-confg.{SECRET}"), &[]);
        assert!(matches!(wire.receive(), Packet::Ack(0)));
        let running = until(
            async || api.transfers(&TransfersQuery::default()).await.unwrap(),
            |page| page.total == 1,
        )
        .await;
        shows(&format!("{running:?}"));
        loop {
            if let Some(Event::Transfers(told)) = events.next().await.unwrap()
                && !told.began.is_empty()
            {
                shows(&format!("{told:?}"));
                break;
            }
        }
        wire.data(1, b"hostname sw1\n");
        wire.expect_ack(1);
        loop {
            if let Some(Event::Record(record, json)) = events.next().await.unwrap() {
                shows(&format!("{record:?} {json}"));
                break;
            }
        }
        let records = api.records(&RecordsQuery::default()).await.unwrap();
        shows(&format!("{records:?}"));
        let machines = api.machine("127.0.0.1").await;
        if let Ok(machine) = machines {
            shows(&format!("{machine:?}"));
        }
    });
}
