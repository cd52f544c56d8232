use std::collections::BTreeSet;
use std::sync::Mutex;

use bootwire::TransferRecord;
use bootwire_boots::Change;
use serde_json::Value;

use super::*;
use crate::collector::{Collector, Mood, PATIENCE, nobody, until};
use crate::{Drops, Telemetry, sample};

struct Bench {
    telemetry: Telemetry,
    notes: Arc<Mutex<Vec<String>>>,
}

/// Posts transfers there.
fn bench(url: &str, change: impl FnOnce(Webhook) -> Webhook) -> Bench {
    let notes = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&notes);
    let endpoint = Endpoint::new(url).unwrap().timeout(Duration::from_secs(1));
    let webhook = Webhook::new(endpoint)
        .events([Event::Transfer])
        .linger(Duration::from_millis(20))
        .first_wait(Duration::from_millis(5))
        .notes(move |line| told.lock().unwrap().push(line.to_owned()));
    let telemetry = Telemetry::builder().build();
    telemetry.webhook(change(webhook)).unwrap();
    Bench { telemetry, notes }
}

impl Bench {
    fn observe(&self, record: &TransferRecord, count: usize) {
        self.telemetry.observe(&vec![record.clone(); count]);
    }

    fn told(&self) -> Drops {
        self.telemetry.drops()[0].clone()
    }
}

fn events(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn transfers_are_posted_in_batches_with_a_key_for_each() {
    let collector = Collector::new([], Mood::Good).await;
    let record = sample::record().await;
    let bench = bench(&collector.url(), |webhook| webhook.batch(40));
    bench.observe(&record, 100);
    bench.telemetry.finish(PATIENCE).await;
    let posted = collector.posted();
    let counts: Vec<_> = posted
        .iter()
        .map(|posted| events(&posted.body).len())
        .collect();
    assert_eq!(counts, [40, 40, 20]);
    let keys: BTreeSet<_> = posted
        .iter()
        .map(|posted| &posted.headers["idempotency-key"])
        .collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(posted[0].headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&posted[0].body).unwrap();
    assert_eq!(body["version"], 1);
    assert_eq!(body["id"], *posted[0].headers["idempotency-key"]);
    assert_eq!(body["server"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["events"][0]["event"], "transfer");
    assert_eq!(body["events"][0]["record"]["path"], "/boot/vmlinuz");
    assert_eq!(body["events"][0]["record"]["search"], false);
    assert_eq!((bench.told().sent, bench.told().lost()), (100, 0));
}

#[tokio::test]
async fn what_fails_is_sent_again_under_the_same_key() {
    let moods = [
        Mood::Status(500, ""),
        Mood::Status(429, "retry-after: 0\r\n"),
        Mood::Close,
        Mood::Hang,
    ];
    let collector = Collector::new(moods, Mood::Good).await;
    let bench = bench(&collector.url(), |webhook| webhook);
    bench.observe(&sample::record().await, 3);
    bench.telemetry.finish(PATIENCE).await;
    let posted = collector.posted();
    assert_eq!(posted.len(), 5);
    for again in &posted[1..] {
        assert_eq!(again.body, posted[0].body);
        assert_eq!(
            again.headers["idempotency-key"],
            posted[0].headers["idempotency-key"]
        );
    }
    assert_eq!((bench.told().sent, bench.told().lost()), (3, 0));
}

#[tokio::test]
async fn who_is_dead_costs_what_was_for_him_and_it_is_counted_exactly() {
    let record = sample::record().await;
    let collectors = [
        Collector::new([], Mood::Status(503, "")).await,
        Collector::new([], Mood::Close).await,
        Collector::new([], Mood::Hang).await,
    ];
    let mut urls: Vec<_> = collectors.iter().map(Collector::url).collect();
    urls.push(nobody().await);
    for url in urls {
        let bench = bench(&url, |webhook| webhook.retries(1).batch(10).queue(25));
        // More than there is room for, at once.
        bench.observe(&record, 1000);
        until(|| {
            let told = bench.told();
            told.lost() == 1000
        })
        .await;
        let told = bench.told();
        assert_eq!((told.sent, told.queued), (0, 0), "{told:?}");
        assert!(told.failed >= 25, "{told:?}");
        let notes = bench.notes.lock().unwrap();
        assert_eq!(notes.len(), 1, "once: {notes:?}");
        assert!(
            notes[0].starts_with("warning: webhook http://127.0.0.1:"),
            "{notes:?}"
        );
    }
}

#[tokio::test]
async fn what_is_refused_for_good_and_redirects_are_not_followed() {
    for (mood, why) in [
        (Mood::Status(400, ""), "it answers 400 Bad Request: said"),
        (
            Mood::Status(302, "location: http://127.0.0.1:1/\r\n"),
            "name the URL that it redirects to",
        ),
    ] {
        let collector = Collector::new([mood], Mood::Good).await;
        let bench = bench(&collector.url(), |webhook| webhook);
        bench.observe(&sample::record().await, 2);
        until(|| bench.told().failed == 2).await;
        assert_eq!(collector.posted().len(), 1);
        let notes = bench.notes.lock().unwrap().clone();
        assert!(notes[0].ends_with(why), "{notes:?}");
        bench.observe(&sample::record().await, 1);
        until(|| bench.told().sent == 1).await;
        until(|| bench.notes.lock().unwrap().len() == 2).await;
        let notes = bench.notes.lock().unwrap();
        assert!(
            notes[1].ends_with("works again; 2 events were lost"),
            "{notes:?}"
        );
    }
}

#[tokio::test]
async fn at_the_end_what_is_left_is_sent_and_nobody_waits_longer_than_said() {
    let record = sample::record().await;
    let collector = Collector::new([], Mood::Hang).await;
    let bench = bench(&collector.url(), |webhook| webhook.queue(50).batch(5));
    bench.observe(&record, 30);
    collector.wait(1).await;
    let began = std::time::Instant::now();
    bench.telemetry.finish(Duration::from_millis(50)).await;
    assert!(began.elapsed() < PATIENCE);
    let told = bench.told();
    assert_eq!(
        (told.sent, told.lost(), told.queued),
        (0, 30, 0),
        "{told:?}"
    );
}

#[tokio::test]
async fn secrets_are_sent_and_not_told() {
    let collector = Collector::new([], Mood::Status(503, "")).await;
    let url = format!("{}/x?token=hunter2", collector.url());
    let bench = bench(&url, |mut webhook| {
        webhook.delivery.endpoint = webhook.delivery.endpoint.bearer("hunter3").unwrap();
        webhook.retries(0)
    });
    bench.observe(&sample::record().await, 1);
    let posted = collector.wait(1).await;
    assert_eq!(posted[0].path, "/x?token=hunter2");
    assert_eq!(posted[0].headers["authorization"], "Bearer hunter3");
    until(|| bench.told().failed == 1).await;
    let told = format!("{:?} {:?}", bench.notes.lock().unwrap(), bench.telemetry);
    assert!(!told.contains("hunter"), "{told}");
}

#[tokio::test]
async fn it_is_told_of_what_it_wants_to_know_and_of_nothing_else() {
    let changes = [
        Change::Began(sample::boot(false)),
        Change::Progress(sample::boot(false)),
        Change::Ended(sample::boot(true)),
    ];
    for (wanted, told) in [
        (vec![Event::Verdict], vec!["verdict"]),
        (vec![Event::Boot, Event::Verdict], vec!["boot", "verdict"]),
        (Event::ALL.to_vec(), vec!["transfer", "boot", "verdict"]),
    ] {
        let collector = Collector::new([], Mood::Good).await;
        let bench = bench(&collector.url(), |webhook| webhook.events(wanted));
        bench.observe(&sample::record().await, 1);
        bench.telemetry.observe_boots(&changes);
        bench.telemetry.finish(PATIENCE).await;
        let events = events(&collector.posted()[0].body);
        let kinds: Vec<_> = events
            .iter()
            .map(|event| event["event"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, told);
        let verdict = events.last().unwrap();
        assert_eq!(verdict["boot"]["machine"], "web1");
        assert_eq!(verdict["boot"]["verdict"]["words"], "vmlinuz is not there");
        assert_eq!(bench.told().sent, told.len() as u64);
    }
}

#[test]
fn a_body_has_a_bound() {
    let instance = Instance::named("here");
    let mut envelope = Envelope::new(&instance);
    let mut events = vec![vec![b'1'; 400]; 5].into_iter().peekable();
    let mut counts = Vec::new();
    while events.peek().is_some() {
        let packed = envelope.pack(&mut events, 1200);
        counts.push(packed.events);
        assert!(packed.body.len() <= 1203, "{}", packed.body.len());
    }
    assert_eq!(counts, [2, 2, 1]);
}
