//! Objects that make room for others while somebody is about to open them: many at once, over HTTP.
//! `cache/tests/evicted.rs` has the moments one by one.

use super::*;

/// Larger than what is kept in memory.
const SIZE: usize = MIB + 1;
const OBJECTS: u16 = 24;
const READERS: u16 = 6;
/// Room for twice as many as are read at a time, and half of what there is.
const ROOM: u64 = 12 * (SIZE as u64 + 4096);

/// Each opening evicts an object that another reader may just have found. Nobody is told so: what
/// everybody reads at a time fits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_object_that_is_evicted_while_it_is_opened_is_fetched_again() {
    let origin = Origin::start().await;
    for number in 0..OBJECTS {
        let object = Object::new(pattern(SIZE, number as u8), "1");
        origin.put(&number.to_string(), object);
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::builder(dir.path()).max(ROOM).open().await.unwrap();
    let cached = HttpOrigin::new(&origin.url()).unwrap().cached(&cache);
    let running = Arc::new(serve(cached));
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..READERS {
        let running = Arc::clone(&running);
        readers.spawn(async move {
            for turn in 0..15 {
                // In another order each, and now and then two the same.
                let number = (reader * 7 + turn * (2 * reader + 1)) % OBJECTS;
                let content = running.get(&format!("/{number}")).await;
                let content = content.unwrap_or_else(|error| panic!("{number}: {error}"));
                assert!(content == pattern(SIZE, number as u8), "{number}");
            }
        });
    }
    while let Some(read) = readers.join_next().await {
        read.unwrap();
    }
    assert!(cache.stats().evicted > 20, "{:?}", cache.stats());
}
