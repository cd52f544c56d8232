//! In a real PostgreSQL, started for the test.

use std::time::Duration;

use bootwire_boots::store::{Filter, Page, Postgres, Store};
use bootwire_harness::postgres::Cluster;

use crate::{answers, boots};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_answers_once_it_is_up_and_serves_several_servers() {
    let cluster = Cluster::start();
    let store = || Store::from(Postgres::connect(&cluster.url()).unwrap());
    let (one, other) = (store(), store());
    // It may be down at first.
    for _ in 0..600 {
        if one.check().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Both make the tables, or find them made.
    let (made, found) = tokio::join!(one.check(), other.check());
    assert!(made.is_ok() && found.is_ok(), "{made:?} {found:?}");
    Box::pin(answers(&one)).await;
    let boots = boots(40, 5);
    let halves = boots.split_at(20);
    let (first, second) = tokio::join!(one.put(halves.0, &[]), other.put(halves.1, &[]));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let listed = other.list(&Filter::all(), &Page::first(100)).await.unwrap();
    assert_eq!(listed.items.len(), 40);
}
