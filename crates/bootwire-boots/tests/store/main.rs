//! What is kept, found again, and let go of.

mod postgres;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_boots::store::{
    Filter, MachineOrder, MachineSummary, Machines, Page, Sqlite, Store, StoreError,
};
use bootwire_boots::{Boot, Change, Limits, Tracker, VerdictKind};

const MINUTE: Duration = Duration::from_secs(60);

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// So many boots, ten minutes apart, of machines in turn; every third fails.
fn boots(count: u32, machines: u32) -> Vec<Arc<Boot>> {
    let mut tracker = Tracker::new(Limits::default());
    let mut found = Vec::new();
    for number in 0..count {
        let at = start() + MINUTE * 10 * number;
        let machine = number % machines;
        let peer = (Ipv4Addr::new(10, 0, 1, machine as u8), 2070).into();
        let mut record = TransferRecord::new(Op::Read, peer, "/pxelinux.0");
        record.started = at;
        tracker.record(&record);
        let path = format!("/pxelinux.cfg/01-52-54-00-12-34-{machine:02x}");
        let mut record = TransferRecord::new(Op::Read, peer, path);
        record.started = at + Duration::from_secs(1);
        tracker.record(&record);
        let mut record = TransferRecord::new(Op::Read, peer, "/vmlinuz");
        record.started = at + Duration::from_secs(2);
        if number % 3 == 0 {
            record.outcome = Outcome::NotFound;
        }
        tracker.record(&record);
        let changes = tracker.tick(at + MINUTE * 9);
        let ended = changes.iter().filter_map(|change| match change {
            Change::Ended(boot) => Some(Arc::clone(boot)),
            _ => None,
        });
        found.extend(ended);
    }
    assert_eq!(found.len(), count as usize);
    found
}

async fn all(store: &Store, filter: &Filter, limit: u32) -> Vec<Boot> {
    let mut page = Page::first(limit);
    let mut all = Vec::new();
    loop {
        let listed = store.list(filter, &page).await.unwrap();
        assert!(listed.items.len() <= limit as usize);
        all.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

/// The same questions to each kind of store.
async fn answers(store: &Store) {
    let boots = boots(30, 7);
    store.put(&boots[..10], &[]).await.unwrap();
    store.put(&boots, &[]).await.unwrap();
    let listed = all(store, &Filter::all(), 4).await;
    let newest_first: Vec<Boot> = boots.iter().rev().map(|boot| Boot::clone(boot)).collect();
    assert_eq!(listed, newest_first);
    assert_eq!(all(store, &Filter::failed(), 3).await.len(), 10);
    for word in ["52:54:00:12:34:03", "525400123403", "10.0.1.3"] {
        let of_machine = all(store, &Filter::machine(word), 100).await;
        assert_eq!(of_machine.len(), 4, "{word}");
    }
    let mut filter = Filter::all();
    filter.kind = Some(VerdictKind::KernelMissing);
    filter.since = Some(boots[15].started);
    filter.until = Some(boots[27].started);
    assert_eq!(all(store, &filter, 100).await.len(), 4);
    filter = Filter::all();
    filter.text = Some("VMLINUZ is not".to_owned());
    assert_eq!(all(store, &filter, 100).await.len(), 10);
    filter.text = Some("100%_!'".to_owned());
    assert_eq!(all(store, &filter, 100).await.len(), 0);
    let one = store.get(&boots[3].id).await.unwrap();
    assert_eq!(one.as_ref(), Some(&*boots[3]));
    assert_eq!(store.get("nobody").await.unwrap(), None);

    let page = store
        .machines(&Machines::default(), &Page::first(5))
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.next.is_some()), (5, true));
    let rest = Page {
        limit: 5,
        after: page.next,
    };
    let page = store.machines(&Machines::default(), &rest).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
    let machine = store.machine("10.0.1.2").await.unwrap().unwrap();
    assert_eq!(machine.machine, "52:54:00:12:34:02");
    assert_eq!(machine.boot, boots[23].id);
    assert_eq!(machine.first_seen, boots[2].started);
    assert_eq!(machine.boots, 4);
    // Those that were seen last come first, page by page; each says how many boots of it are kept.
    let mut every = Machines::default();
    every.order = MachineOrder::LastSeen;
    let (mut page, mut seen) = (Page::first(3), Vec::new());
    loop {
        let listed = store.machines(&every, &page).await.unwrap();
        seen.extend(
            listed
                .items
                .iter()
                .map(|one| (one.machine.clone(), one.boots)),
        );
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let expected = [1, 0, 6, 5, 4, 3, 2].map(|number| {
        let boots = if number < 2 { 5 } else { 4 };
        (format!("52:54:00:12:34:{number:02x}"), boots)
    });
    assert_eq!(seen, expected);
    let known = async |machine: &MachineSummary| machine.machine.ends_with('2');
    let (every, page) = (Machines::default(), Page::default());
    let strangers = store.discovered(&every, &page, known).await.unwrap();
    assert_eq!(strangers.items.len(), 6);

    // It turned out to be another machine's: the one before is its last again.
    let mut moved = Boot::clone(&boots[23]);
    moved.machine = "52:54:00:12:34:99".to_owned();
    moved.keys.mac = Some(moved.machine.clone());
    moved.keys.ip = None;
    store.put(&[Arc::new(moved)], &[]).await.unwrap();
    let machine = store.machine("52:54:00:12:34:02").await.unwrap().unwrap();
    assert_eq!(machine.boot, boots[16].id);
    store.put(&boots[23..24], &[]).await.unwrap();

    // It turned out to be a part of the last one.
    let last = Arc::clone(boots.last().unwrap());
    store.put(&[last], &[boots[28].id.clone()]).await.unwrap();
    assert_eq!(all(store, &Filter::all(), 100).await.len(), 29);

    let now = boots[20].last + MINUTE;
    let gone = store.prune(now, MINUTE * 60, u64::MAX).await.unwrap();
    assert_eq!(gone, 15);
    assert_eq!(all(store, &Filter::all(), 100).await.len(), 14);
    store.prune(now, MINUTE * 600, 0).await.unwrap();
    assert_eq!(all(store, &Filter::all(), 100).await.len(), 0);
    let page = store
        .machines(&Machines::default(), &Page::default())
        .await
        .unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn memory_answers() {
    Box::pin(answers(&Store::memory(100))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_answers() {
    let dir = tempfile::tempdir().unwrap();
    let store = sqlite(&dir.path().join("boots.db")).await;
    // The file has pages of its own, which no pruning takes away.
    let boots = boots(30, 7);
    store.put(&boots, &[]).await.unwrap();
    store.close().await;
    let store = sqlite(&dir.path().join("more.db")).await;
    Box::pin(answers(&store)).await;
}

async fn sqlite(path: &Path) -> Store {
    Store::from(Sqlite::open(path).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reads_while_the_server_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boots.db");
    let writer = sqlite(&path).await;
    let boots = boots(60, 5);
    writer.put(&boots[..1], &[]).await.unwrap();
    let reader = Store::from(Sqlite::read(&path).await.unwrap());
    let writes = async {
        for boot in &boots {
            writer.put(std::slice::from_ref(boot), &[]).await.unwrap();
        }
    };
    let reads = async {
        for _ in 0..60 {
            let listed = reader
                .list(&Filter::all(), &Page::first(1000))
                .await
                .unwrap();
            assert!(!listed.items.is_empty());
        }
    };
    tokio::join!(writes, reads);
    assert_eq!(all(&reader, &Filter::all(), 100).await.len(), 60);
    assert!(reader.put(&boots, &[]).await.is_err(), "it only reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_for_everybody() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let store = sqlite(&dir.path().join("boots.db")).await;
    store.put(&boots(1, 1), &[]).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{:?}", entry.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boots.db");
    let store = sqlite(&path).await;
    let boots = boots(4, 2);
    store.put(&boots[..2], &[]).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    // It is looked at once a second.
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        store.put(&boots[2..], &[]).await.unwrap();
    }
    store.put(&boots[2..], &[]).await.unwrap();
    assert_eq!(all(&store, &Filter::all(), 100).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boots.db");
    std::fs::write(
        &path,
        "this is no database, however long you look at it".repeat(100),
    )
    .unwrap();
    let error = Sqlite::read(&path).await.map(drop);
    let listed = match Sqlite::read(&path).await {
        Ok(read) => Store::from(read)
            .list(&Filter::all(), &Page::default())
            .await
            .map(drop),
        Err(error) => Err(error),
    };
    assert!(
        error.is_err() || listed.is_err(),
        "reading does not mend it"
    );
    let store = sqlite(&path).await;
    store.put(&boots(1, 1), &[]).await.unwrap();
    assert_eq!(all(&store, &Filter::all(), 100).await.len(), 1);
    let names = std::fs::read_dir(dir.path()).unwrap();
    let aside = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("boots.db.damaged-"));
    assert_eq!(aside.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boots.db");
    let store = sqlite(&path).await;
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    // The user version in the header.
    bytes[60..64].copy_from_slice(&77_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = Sqlite::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer(77)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boots_that_a_crash_left_behind_are_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = sqlite(&dir.path().join("boots.db")).await;
    let mut open = Boot::clone(&boots(1, 1)[0]);
    open.over = false;
    open.verdict = None;
    store.put(&[Arc::new(open)], &[]).await.unwrap();
    assert_eq!(store.interrupted(start() + MINUTE).await.unwrap(), 1);
    let boot = all(&store, &Filter::all(), 10).await.remove(0);
    assert!(boot.over && boot.verdict.unwrap().kind == VerdictKind::Interrupted);
    assert_eq!(store.interrupted(start() + MINUTE).await.unwrap(), 0);
}

/// What a boot says as JSON is what it was.
#[test]
fn boots_survive_json() {
    for boot in boots(6, 2) {
        let text = serde_json::to_string(&boot.as_ref()).unwrap();
        let back: Boot = serde_json::from_str(&text).unwrap();
        assert_eq!(back, *boot);
    }
}
