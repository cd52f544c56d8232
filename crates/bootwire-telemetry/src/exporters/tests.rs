use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_has_no_room_is_dropped_and_counted() {
    let exporters = Exporters::default();
    let (queue, mut inbox) = exporters.queue("webhook", 3);
    let added: Vec<bool> = (0..5).map(|number| queue.push(number)).collect();
    assert_eq!(added, [true, true, true, false, false]);
    let drops = exporters.drops();
    assert_eq!(
        (drops[0].queued, drops[0].dropped, drops[0].lost()),
        (3, 2, 2)
    );

    let batch = inbox.batch(2, Duration::from_secs(1)).await.unwrap();
    assert_eq!(batch, [0, 1]);
    inbox.account().sent(1);
    inbox.account().failed(1);
    drop(queue);
    assert_eq!(inbox.batch(2, Duration::from_secs(1)).await.unwrap(), [2]);
    assert!(inbox.next().await.is_none());
    let expected = Drops {
        name: "webhook".to_owned(),
        sent: 1,
        dropped: 2,
        failed: 1,
        queued: 0,
    };
    assert_eq!(exporters.drops(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_lingers_for_more_but_not_for_ever() {
    let exporters = Exporters::default();
    let (queue, mut inbox) = exporters.queue("otlp", 10);
    queue.push(1);
    let later = queue.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        later.push(2);
        tokio::time::sleep(Duration::from_secs(1)).await;
        later.push(3);
    });
    let linger = Duration::from_millis(100);
    assert_eq!(inbox.batch(10, linger).await.unwrap(), [1, 2]);
    assert_eq!(inbox.batch(10, linger).await.unwrap(), [3]);
}

#[test]
fn what_an_exporter_leaves_behind_was_dropped() {
    let exporters = Exporters::default();
    let (queue, mut inbox) = exporters.queue("log", 10);
    (0..4).for_each(|number| _ = queue.push(number));
    assert_eq!(inbox.take(3), [0, 1, 2]);
    drop(inbox);
    assert!(!queue.push(9));
    let drops = &exporters.drops()[0];
    assert_eq!((drops.queued, drops.dropped), (0, 2));
}

#[test]
fn each_exporter_has_a_name_of_its_own() {
    let exporters = Exporters::default();
    for name in ["webhook", "otlp", "webhook", "webhook"] {
        exporters.account(name).sent(1);
    }
    let drops = exporters.drops();
    let names: Vec<_> = drops.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["webhook", "otlp", "webhook-2", "webhook-3"]);
}
