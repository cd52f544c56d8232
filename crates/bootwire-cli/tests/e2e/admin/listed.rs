//! Lists of boots and machines, and what the server says of itself.

use bootwire_admin::api::{BootState, BootsQuery, EventsQuery, MachinesQuery};
use bootwire_admin::client::Event;

use super::{block_on, client};
use crate::harness::{Server, Wire};

fn start() -> Server {
    let builder = Server::builder()
        .beside(
            "machines.toml",
            "[[machine]]\nmac = \"52:54:00:12:34:56\"\nhostname = \"node-7\"\n",
        )
        .file("pxelinux.0", b"loader")
        .file("pxelinux.cfg/default", b"DEFAULT linux\nKERNEL /vmlinuz\n");
    let root = builder.root();
    builder
        .config(&format!(
            "[inventory]\nfiles = \"machines.toml\"\n[boots]\ndatabase = \"state/boots.db\"\n\
             silence = \"5s\"\n[[route]]\ndir = {root:?}\n"
        ))
        .admin_socket()
        .start()
}

/// Asks as PXELINUX does; the file with its hardware address is not there.
fn boot(server: &Server, address: &str, mac: &str) {
    let mut wire = Wire::from(address.parse().unwrap(), server.address());
    assert_eq!(wire.fetch("pxelinux.0"), b"loader");
    wire.read(&format!("pxelinux.cfg/01-{mac}"), &[]);
    wire.expect_error();
    wire.forget();
    wire.fetch("pxelinux.cfg/default");
}

/// A boot that was announced as over is over in the list that is fetched then; machines say how many
/// boots of them are kept, and whether the inventory has them.
#[test]
fn lists_have_what_was_told() {
    let server = start();
    let api = client(&server);
    block_on(async {
        let query = EventsQuery {
            topics: Some("boots".to_owned()),
            ..EventsQuery::default()
        };
        let mut events = api.events(&query).await.unwrap();
        boot(&server, "127.0.0.7", "52-54-00-12-34-56");
        boot(&server, "127.0.0.8", "52-54-00-12-34-57");
        let mut over = Vec::new();
        while over.len() < 2 {
            let Some(Event::Boot(told)) = events.next().await.unwrap() else {
                continue;
            };
            let listed = api.boots(&BootsQuery::default()).await.unwrap().boots;
            let here = listed.iter().find(|boot| boot.id == told.id);
            let here = here.expect("a boot that was told of");
            if told.state != BootState::Running {
                assert_eq!((here.state, &here.verdict), (told.state, &told.verdict));
                over.push(told.id.clone());
            }
        }
        let machines = api.machines(&MachinesQuery::default()).await.unwrap();
        let mut shown: Vec<_> = machines
            .machines
            .iter()
            .map(|one| (one.machine.as_str(), one.known, one.boots))
            .collect();
        shown.sort_unstable();
        let stranger = "52:54:00:12:34:57";
        let known = "52:54:00:12:34:56";
        assert_eq!(shown, [(known, Some(true), 1), (stranger, Some(false), 1)]);
        let query = MachinesQuery {
            discovered: Some(true),
            ..MachinesQuery::default()
        };
        let discovered = api.machines(&query).await.unwrap().machines;
        assert_eq!(discovered.len(), 1, "{discovered:?}");
        assert_eq!(discovered[0].machine, stranger);
        let one = api.machine(stranger).await.unwrap();
        assert_eq!((one.machine.known, one.machine.boots), (Some(false), 1));
    });
}

/// The sandbox has no way to /proc.
#[test]
fn the_server_says_how_much_memory_it_takes() {
    let server = start();
    let status = block_on(client(&server).status()).unwrap();
    let memory = status.memory.expect("memory");
    let kernel = server.memory();
    assert!(
        memory > kernel / 4 && memory < kernel * 4,
        "{memory} and {kernel}"
    );
}
