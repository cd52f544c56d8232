//! The directory itself is replaced, moved away, removed.

use std::sync::{Arc, Mutex};

use super::*;
use crate::directory::DirEvent;

/// A directory whose events are kept, as the lines an operator sees.
fn watched(tree: &Tree) -> (Dir, Arc<Mutex<Vec<String>>>) {
    let told = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&told);
    let dir = tree
        .dir()
        .observe(move |event: &DirEvent| keep.lock().unwrap().push(event.to_string()));
    (dir, told)
}

/// What is at hand or read for `name`, a second later.
async fn later(dir: &Dir, name: &str) -> Result<Option<u64>, Reason> {
    dir.lookup.directory.expire();
    let request = request(name).unwrap();
    let answer = match dir.at_hand(&request) {
        Some(answer) => answer,
        None => dir.call(request).await,
    };
    answer
        .map(|reply| reply.size())
        .map_err(|refusal| refusal.reason())
}

#[tokio::test]
async fn another_directory_by_its_name_is_served_and_told() {
    let tree = Tree::new();
    tree.file("same").file("old");
    let (dir, told) = watched(&tree);
    for _ in 0..2 {
        assert_eq!(later(&dir, "same").await, Ok(Some(4)));
        assert_eq!(later(&dir, "old").await, Ok(Some(3)));
    }
    let (old, new) = (tree.outside.join("old"), tree.outside.join("new"));
    fs::create_dir(&new).unwrap();
    fs::write(new.join("same"), "another").unwrap();
    fs::rename(&tree.root, &old).unwrap();
    fs::rename(&new, &tree.root).unwrap();
    for _ in 0..2 {
        assert_eq!(later(&dir, "same").await, Ok(Some(7)));
        assert_eq!(later(&dir, "old").await, Err(Reason::NotFound));
    }
    let lines = told.lock().unwrap().clone();
    let root = tree.root.display();
    assert_eq!(
        lines,
        [format!(
            "the directory {root} was replaced: the new one is used from now on"
        )]
    );
}

#[tokio::test]
async fn a_directory_removed_and_made_anew_is_served() {
    let tree = Tree::new();
    let (dir, told) = watched(tree.file("x"));
    assert_eq!(later(&dir, "x").await, Ok(Some(1)));
    fs::remove_dir_all(&tree.root).unwrap();
    for _ in 0..3 {
        assert_eq!(later(&dir, "x").await, Err(Reason::NotFound));
    }
    fs::create_dir(&tree.root).unwrap();
    tree.file("x");
    assert_eq!(later(&dir, "x").await, Ok(Some(1)));
    let lines = told.lock().unwrap().clone();
    assert_eq!(lines.len(), 2, "each once: {lines:?}");
    assert!(lines[0].contains("is gone") && lines[1].contains("was replaced"));
}

#[tokio::test]
async fn a_directory_that_moves_away_is_served_until_there_is_another() {
    let tree = Tree::new();
    let (dir, told) = watched(tree.file("x"));
    let away = tree.outside.join("away");
    fs::rename(&tree.root, &away).unwrap();
    assert_eq!(later(&dir, "x").await, Ok(Some(1)));
    fs::rename(&away, &tree.root).unwrap();
    assert_eq!(later(&dir, "x").await, Ok(Some(1)));
    let lines = told.lock().unwrap().clone();
    assert!(
        lines[0].contains("is gone") && lines[1].contains("is back"),
        "{lines:?}"
    );
}

/// As Kubernetes and careful people do it.
#[tokio::test]
async fn a_link_to_the_directory_that_is_turned_is_followed() {
    let tree = Tree::new();
    for version in ["v1", "version2"] {
        fs::create_dir(tree.outside.join(version)).unwrap();
        fs::write(tree.outside.join(version).join("x"), version).unwrap();
    }
    let (link, spare) = (tree.outside.join("current"), tree.outside.join("spare"));
    symlink("v1", &link).unwrap();
    let dir = Dir::open(&link).unwrap();
    assert_eq!(later(&dir, "x").await, Ok(Some(2)));
    symlink("version2", &spare).unwrap();
    fs::rename(&spare, &link).unwrap();
    assert_eq!(later(&dir, "x").await, Ok(Some(8)));
}

#[tokio::test]
async fn a_look_is_due_within_a_second_and_not_with_each_request() {
    let tree = Tree::new();
    let (dir, _) = watched(tree.file("x"));
    dir.call(request("x").unwrap()).await.unwrap();
    fs::rename(&tree.root, tree.outside.join("old")).unwrap();
    fs::create_dir(&tree.root).unwrap();
    tree.file("new");
    let replaced = std::time::Instant::now();
    while dir.call(request("new").unwrap()).await.is_err() {
        assert!(replaced.elapsed().as_secs() < 20, "never noticed");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn a_thousand_routes_hold_a_directory_open_once() {
    let tree = Tree::new();
    tree.file("x");
    // Only this test's own tree, whatever else runs in the process.
    let count = || {
        let open = fs::read_dir("/proc/self/fd").unwrap();
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .filter(|path| *path == tree.root)
            .count()
    };
    let dirs: Vec<Dir> = (0..1000).map(|_| tree.dir()).collect();
    assert_eq!(count(), 1);
    assert!(dirs.iter().all(|dir| read(dir, "x") == served("x")));
    drop(dirs);
    assert_eq!(count(), 0);
}
