//! What happens to an upload, and to what was there before.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootwire::Op;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

mod directories;
mod existing;
mod finished;
mod hostile;
mod limits;
mod replaced;

struct Place {
    _above: TempDir,
    root: PathBuf,
    outside: PathBuf,
}

impl Place {
    fn new() -> Self {
        let above = tempfile::tempdir().unwrap();
        let (root, outside) = (above.path().join("srv"), above.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "SECRET").unwrap();
        Self {
            _above: above,
            root,
            outside,
        }
    }

    /// Free space of the test machine is not what these tests are about.
    fn uploads(&self) -> Uploads {
        Uploads::into(&self.root).unwrap().keep_free(0)
    }

    /// Everything below the root, sorted.
    fn names(&self) -> Vec<String> {
        names_below(&self.root)
    }

    fn content(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap()
    }
}

fn names_below(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            names.push(
                entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
            );
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    names.sort();
    names
}

fn request(name: &str, options: &[(&str, &str)]) -> Option<Request> {
    Request::synthetic(
        Op::Write,
        name,
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), 2070),
        options,
    )
}

async fn begin(uploads: &Uploads, name: &str) -> Result<Box<UploadSink>, Refusal> {
    uploads
        .begin(request(name, &[]).unwrap())
        .await
        .map(Box::new)
}

async fn put(uploads: &Uploads, name: &str, content: &'static str) -> Result<(), Refusal> {
    let mut sink = begin(uploads, name).await?;
    // In two pieces, as from the wire.
    let (head, tail) = content.split_at(content.len() / 2);
    sink.write(Bytes::from_static(head.as_bytes())).await?;
    sink.write(Bytes::from_static(tail.as_bytes())).await?;
    sink.finish().await
}

fn commit(part: Part) -> Result<(), Refusal> {
    let wanted = Arc::new(());
    part.commit(&Arc::downgrade(&wanted))
}

fn said<T>(result: Result<T, Refusal>) -> Option<(Reason, String)> {
    result
        .err()
        .map(|refusal| (refusal.reason(), refusal.client_text().to_owned()))
}

fn refused(reason: Reason, text: &str) -> Option<(Reason, String)> {
    Some((reason, text.to_owned()))
}

#[tokio::test]
async fn an_upload_appears_whole_when_it_is_finished() {
    let place = Place::new();
    fs::create_dir(place.root.join("sub")).unwrap();
    let uploads = place.uploads();
    let mut sink = begin(&uploads, "sub/config").await.unwrap();
    sink.write(Bytes::from_static(b"host")).await.unwrap();
    let before = place.names();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(
        before[1].starts_with("sub/.bootwire-") && before[1].ends_with(".part"),
        "{before:?}"
    );
    let hidden = fs::metadata(place.root.join(&before[1])).unwrap();
    assert_eq!(
        hidden.mode() & 0o777,
        0o600,
        "nobody else reads half a file"
    );
    sink.write(Bytes::from_static(b"name")).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(place.names(), ["sub", "sub/config"]);
    assert_eq!(place.content("sub/config"), "hostname");
    assert_eq!(
        fs::metadata(place.root.join("sub/config")).unwrap().mode() & 0o777,
        0o644
    );
}

#[tokio::test]
async fn the_framework_gets_a_sink_for_the_request() {
    let place = Place::new();
    let accept = place
        .uploads()
        .size_max(5)
        .call(request("a", &[]).unwrap())
        .await
        .unwrap();
    assert_eq!(format!("{accept:?}"), "Accept { size_max: Some(5), .. }");
    drop(accept);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn an_empty_upload_is_an_empty_file_with_the_mode_asked_for() {
    let place = Place::new();
    put(&place.uploads().mode(0o7640), "empty", "")
        .await
        .unwrap();
    let stat = fs::metadata(place.root.join("empty")).unwrap();
    assert_eq!(
        (stat.len(), stat.mode() & 0o7777),
        (0, 0o640),
        "and never set-uid"
    );
}

#[tokio::test]
async fn an_upload_that_ends_early_leaves_nothing() {
    let place = Place::new();
    fs::write(place.root.join("config"), "old").unwrap();
    for uploads in [
        place.uploads(),
        place.uploads().replace(),
        place.uploads().versioned(),
        place.uploads().create_dirs(true),
    ] {
        for name in ["config", "new", "a/b/new"] {
            let Ok(mut sink) = begin(&uploads, name).await else {
                continue;
            };
            sink.write(Bytes::from_static(b"half")).await.unwrap();
            assert_eq!(
                place.names().len(),
                2,
                "the temporary file, but no directory yet"
            );
            drop(sink);
            assert_eq!(place.names(), ["config"]);
            assert_eq!(place.content("config"), "old");
        }
    }
}

#[test]
fn leftovers_are_removed_later_where_there_are_too_many_to_look_at() {
    let place = Place::new();
    for number in 0..10 {
        let file = fs::File::create(place.root.join(format!(".bootwire-{number}.part"))).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let root = Directory::open(&place.root).unwrap().held();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = root.resolve(b"", flags, Links::Beneath).unwrap();
    assert!(!stale::remove(&directory, SystemTime::now(), 4));
    assert_eq!(place.names().len(), 6);
    assert!(stale::remove(&directory, SystemTime::now(), 100));
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn nothing_is_made_or_kept_open_for_one_who_only_asks() {
    let place = Place::new();
    let uploads = place.uploads();
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let mut sinks = Vec::new();
    for number in 0..100 {
        sinks.push(begin(&uploads, &format!("file{number}")).await.unwrap());
    }
    assert!(open() < before + 20, "{before} were open, {} are", open());
    assert!(place.names().is_empty());
    // An empty file is data too.
    sinks.pop().unwrap().finish().await.unwrap();
    sinks[0].write(Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(place.names().len(), 2);
    drop(sinks);
    assert_eq!(place.names(), ["file99"]);
}

#[tokio::test]
async fn an_upload_that_is_given_up_while_it_is_stored_does_not_appear() {
    let place = Place::new();
    let sink = begin(&place.uploads().replace(), "config").await.unwrap();
    let Stage::Waits(upload) = sink.stage else {
        panic!("it has sent nothing");
    };
    let (part, nobody) = (upload.open().unwrap(), std::sync::Weak::new());
    assert!(part.commit(&nobody).is_err());
    assert!(place.names().is_empty());
}

#[test]
fn an_upload_leaves_nothing_when_the_runtime_is_gone() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let uploads = place.uploads();
    let sink = runtime.block_on(async {
        let mut sink = begin(&uploads, "config").await.unwrap();
        sink.write(Bytes::from_static(b"half")).await.unwrap();
        sink
    });
    drop(runtime);
    assert_eq!(place.names().len(), 1);
    drop(sink);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_ends_the_upload() {
    let place = Place::new();
    let uploads = place.uploads();
    let mut sink = begin(&uploads, "config").await.unwrap();
    sink.write(Bytes::from_static(b"first")).await.unwrap();
    drop(sink.write(Bytes::from_static(b"never polled")));
    assert_eq!(place.names().len(), 1);
    // The disk is slow, and the client goes away in the middle.
    let busy = uploads.blocking.occupy().await;
    tokio::select! {
        biased;
        _ = sink.write(Bytes::from_static(b"half")) => panic!("there is no thread for it"),
        () = std::future::ready(()) => {}
    }
    assert!(place.names().is_empty());
    drop(busy);
    let refusal = sink.write(Bytes::from_static(b"more")).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
    assert_eq!(said(sink.finish().await).unwrap().0, Reason::Internal);
    assert!(place.names().is_empty());
}

#[test]
fn old_leftovers_are_removed_at_the_start() {
    let place = Place::new();
    fs::create_dir_all(place.root.join("a/b")).unwrap();
    let day = Duration::from_secs(24 * 3600);
    for (name, age) in [
        (".bootwire-old.part", day * 2),
        (".bootwire-young.part", day / 2),
        (".bootwire-old.txt", day * 2),
        ("old.part", day * 2),
        ("a/b/.bootwire-old.part", day * 2),
        ("a/.bootwire-young.part", day / 2),
    ] {
        let file = fs::File::create(place.root.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    symlink(
        place.outside.join("secret"),
        place.root.join(".bootwire-link.part"),
    )
    .unwrap();
    // What is behind a link is not ours to clean up.
    symlink(&place.outside, place.root.join("a/out")).unwrap();
    let outside = place.outside.join(".bootwire-old.part");
    let file = fs::File::create(&outside).unwrap();
    file.set_modified(SystemTime::now() - day * 2).unwrap();
    let _uploads = place.uploads();
    assert_eq!(
        place.names(),
        [
            ".bootwire-link.part",
            ".bootwire-old.txt",
            ".bootwire-young.part",
            "a",
            "a/.bootwire-young.part",
            "a/b",
            "a/out",
            "old.part"
        ]
    );
    assert!(outside.exists());
}

#[test]
fn the_log_line_says_what_the_rules_are() {
    let place = Place::new();
    let root = place.root.display();
    assert_eq!(
        place.uploads().describe(),
        format!("{root} (new files only, up to 1073741824 bytes)")
    );
    let all = place.uploads().versioned().create_dirs(true).size_max(5);
    assert_eq!(
        all.describe(),
        format!("{root} (old versions are kept, up to 5 bytes, directories are made)")
    );
}
