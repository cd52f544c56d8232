use std::time::Duration;

use super::*;

fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = Arc<u32>> {
    range.map(Arc::new)
}

#[tokio::test]
async fn everybody_hears_everything_in_order() {
    let hub = Hub::new(100);
    let (mut one, mut other) = (hub.subscribe(), hub.subscribe());
    hub.publish(numbers(0..3));
    let mut late = hub.subscribe();
    hub.publish(numbers(3..5));
    for subscriber in [&mut one, &mut other] {
        let heard = subscriber.batch(100).await.unwrap();
        assert_eq!(
            heard.iter().map(|item| **item).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
    }
    assert_eq!(*late.next().await.unwrap(), 3);
    assert_eq!(hub.subscribers(), 3);
    assert_eq!(hub.lost(), 0);
}

#[tokio::test]
async fn who_is_slow_loses_the_oldest_and_hears_how_many() {
    let hub = Hub::new(4);
    let mut slow = hub.subscribe();
    hub.publish(numbers(0..10));
    assert_eq!(slow.next().await, Err(Interrupted::Lagged(6)));
    assert_eq!(*slow.next().await.unwrap(), 6);
    hub.publish(numbers(10..11));
    let rest = slow.batch(2).await.unwrap();
    assert_eq!(rest.iter().map(|item| **item).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(hub.lost(), 6);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_and_who_stopped_waiting_loses_nothing() {
    let hub = Hub::new(8);
    let mut subscriber = hub.subscribe();
    let wait = Duration::from_secs(1);
    assert!(tokio::time::timeout(wait, subscriber.next()).await.is_err());
    hub.publish(numbers(1..2));
    assert_eq!(*subscriber.next().await.unwrap(), 1);
    let waiting = tokio::spawn(async move { subscriber.next().await });
    tokio::task::yield_now().await;
    hub.publish(numbers(2..3));
    assert_eq!(*waiting.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn without_subscribers_nothing_is_kept() {
    let hub = Hub::new(8);
    let subscriber = hub.subscribe();
    hub.publish(numbers(0..4));
    assert_eq!(lock(&hub.ring).items.len(), 4);
    drop(subscriber);
    hub.publish(numbers(4..6));
    assert_eq!(lock(&hub.ring).items.len(), 0);
    let mut new = hub.subscribe();
    hub.publish(numbers(6..7));
    assert_eq!(*new.next().await.unwrap(), 6);
}

#[tokio::test]
async fn the_end_of_the_hub_is_the_end_of_the_stream() {
    let hub = Hub::new(8);
    let mut subscriber = hub.subscribe();
    hub.publish(numbers(0..1));
    drop(hub);
    assert_eq!(*subscriber.next().await.unwrap(), 0);
    assert_eq!(subscriber.next().await, Err(Interrupted::Closed));
}
