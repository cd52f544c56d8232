//! Machines in a real PostgreSQL, started for the test.

use bootwire::{ErrorCode, Outcome};
use bootwire_harness::postgres::Cluster;
use bootwire_render::inventory::Inventory as _;
use bootwire_render::inventory::sql::Postgres;

use super::*;

/// One that is up.
async fn started() -> Cluster {
    let cluster = Cluster::start();
    let ready = async {
        while cluster.psql("SELECT 1").is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within(30, ready).await;
    cluster
}

fn connect(cluster: &Cluster, query: &str) -> Postgres {
    Postgres::connect(&cluster.url(), query).unwrap()
}

const SHORT: Duration = Duration::from_millis(50);

const HOSTS: &str = "
    CREATE TABLE hosts (mac macaddr, name text, role text, disk text, notes text);
    INSERT INTO hosts VALUES ('52:54:00:00:00:01', 'one', 'worker', '/dev/sda', ''),
        ('52:54:00:00:00:03', 'three', NULL, NULL, repeat('x', 3000000)),
        ('52:54:00:00:00:04', 'four', NULL, NULL, ''), ('52:54:00:00:00:04', 'five', NULL, NULL, '');
";

const QUERY: &str = "SELECT mac, name AS hostname, role AS profile, disk, notes FROM hosts
    WHERE mac = :mac::macaddr -- by the card";

#[tokio::test]
async fn a_query_of_the_operators_finds_machines_and_every_failure_has_its_answer() {
    let cluster = started().await;
    cluster.psql(HOSTS).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let machines = connect(&cluster, QUERY);
    assert_eq!(machines.check().await.unwrap(), "PostgreSQL answers");
    let server = telling(dir.path(), machines.cached().fresh_for(SHORT).pause(SHORT));
    assert_eq!(
        server.get("/52-54-00-00-00-01").await.unwrap(),
        "one worker /dev/sda"
    );
    assert_eq!(
        server.refused("/52-54-00-00-00-02").await.0,
        ErrorCode::NotFound
    );
    let unavailable = (
        ErrorCode::NotDefined,
        "Inventory not available, try again".to_owned(),
    );
    // After a failure the database is left alone for a moment.
    let pause = || tokio::time::sleep(2 * SHORT);
    assert_eq!(
        server.refused("/52-54-00-00-00-03").await,
        unavailable,
        "huge answer"
    );
    pause().await;
    assert_eq!(
        server.refused("/52-54-00-00-00-04").await,
        unavailable,
        "two machines"
    );
    pause().await;

    let slow = connect(&cluster, "SELECT pg_sleep(60)::text AS hostname");
    let slow = telling(dir.path(), slow.cached());
    assert_eq!(
        within(5, slow.refused("/52-54-00-00-00-01")).await,
        unavailable
    );
    let wrong = connect(&cluster, "SELECT nothing FROM nowhere");
    assert!(
        wrong
            .check()
            .await
            .unwrap_err()
            .to_string()
            .contains("nowhere")
    );

    drop(cluster);
    // What was known is still served; what was not is refused in time.
    assert_eq!(
        within(5, server.get("/52-54-00-00-00-01")).await.unwrap(),
        "one worker /dev/sda"
    );
    pause().await;
    assert_eq!(
        within(5, server.refused("/52-54-00-00-00-05")).await,
        unavailable
    );
    let records = server.stop().await;
    let details: Vec<_> = records
        .iter()
        .filter(|record| record.outcome == Outcome::OriginError)
        .filter_map(|record| record.detail.as_deref())
        .collect();
    assert!(
        details[0].contains("larger than 1048576 bytes"),
        "{details:?}"
    );
    assert!(details[1].contains("more than one machine"), "{details:?}");
    assert!(details[2].contains("PostgreSQL"), "{details:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_costs_only_those_who_need_it() {
    let dir = tempfile::tempdir().unwrap();
    let url = "postgres://nobody@localhost/none?host=/nowhere";
    let machines = Postgres::connect(url, QUERY).unwrap();
    let text = template(dir.path(), "{{ machine.hostname }}").inventory(machines.cached());
    let router = bootwire::Router::new()
        .read("/motd", || async { "Welcome\n" })
        .read("/{mac}", text);
    let server = Running::start(router);
    let (asked, others) = tokio::join!(
        within(5, server.refused("/52-54-00-00-00-01")),
        within(1, server.get("/motd"))
    );
    assert_eq!(asked.0, ErrorCode::NotDefined);
    assert_eq!(others.unwrap(), "Welcome\n");
    assert!(Postgres::connect("no url", QUERY).is_err());
    assert!(Postgres::connect(url, "SELECT :nothing").is_err());
}
