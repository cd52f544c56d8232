//! What happens to an upload, and to what was there before.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootwire::Op;
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;
use crate::dir::tests::tricks;

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
        Self { _above: above, root, outside }
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
            names.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    names.sort();
    names
}

/// Without `RENAME_NOREPLACE` and `RENAME_EXCHANGE`.
fn without_flags(mut uploads: Uploads) -> Uploads {
    uploads.policy.rename_flags = false;
    uploads
}

fn request(name: &str, options: &[(&str, &str)]) -> Option<Request> {
    Request::synthetic(Op::Write, name, SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), 2070), options)
}

async fn begin(uploads: &Uploads, name: &str) -> Result<Box<UploadSink>, Refusal> {
    uploads.begin(request(name, &[]).unwrap()).await.map(Box::new)
}

async fn put(uploads: &Uploads, name: &str, content: &'static str) -> Result<(), Refusal> {
    let mut sink = begin(uploads, name).await?;
    // In two pieces, as from the wire.
    let (head, tail) = content.split_at(content.len() / 2);
    sink.write(Bytes::from_static(head.as_bytes())).await?;
    sink.write(Bytes::from_static(tail.as_bytes())).await?;
    sink.finish().await
}

fn said<T>(result: Result<T, Refusal>) -> Option<(Reason, String)> {
    result.err().map(|refusal| (refusal.reason(), refusal.client_text().to_owned()))
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
    assert!(before[1].starts_with("sub/.bootwire-") && before[1].ends_with(".part"), "{before:?}");
    let hidden = fs::metadata(place.root.join(&before[1])).unwrap();
    assert_eq!(hidden.mode() & 0o777, 0o600, "nobody else reads half a file");
    sink.write(Bytes::from_static(b"name")).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(place.names(), ["sub", "sub/config"]);
    assert_eq!(place.content("sub/config"), "hostname");
    assert_eq!(fs::metadata(place.root.join("sub/config")).unwrap().mode() & 0o777, 0o644);
}

#[tokio::test]
async fn the_framework_gets_a_sink_for_the_request() {
    let place = Place::new();
    let accept = place.uploads().size_max(5).call(request("a", &[]).unwrap()).await.unwrap();
    assert_eq!(format!("{accept:?}"), "Accept { size_max: Some(5), .. }");
    drop(accept);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn an_empty_upload_is_an_empty_file_with_the_mode_asked_for() {
    let place = Place::new();
    put(&place.uploads().mode(0o7640), "empty", "").await.unwrap();
    let stat = fs::metadata(place.root.join("empty")).unwrap();
    assert_eq!((stat.len(), stat.mode() & 0o7777), (0, 0o640), "and never set-uid");
}

#[tokio::test]
async fn an_upload_that_ends_early_leaves_nothing() {
    let place = Place::new();
    fs::write(place.root.join("config"), "old").unwrap();
    for uploads in [place.uploads(), place.uploads().replace(), place.uploads().versioned(), place.uploads().create_dirs(true)] {
        for name in ["config", "new", "a/b/new"] {
            let Ok(mut sink) = begin(&uploads, name).await else { continue };
            sink.write(Bytes::from_static(b"half")).await.unwrap();
            assert_eq!(place.names().len(), 2, "the temporary file, but no directory yet");
            drop(sink);
            assert_eq!(place.names(), ["config"]);
            assert_eq!(place.content("config"), "old");
        }
    }
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
    let mut sink = begin(&place.uploads(), "config").await.unwrap();
    drop(sink.write(Bytes::from_static(b"never polled")));
    let write = sink.write(Bytes::from_static(b"half"));
    // Polled once, then dropped, as when the client goes away in the middle.
    tokio::select! {
        biased;
        _ = write => panic!("a write is never done at the first poll"),
        () = std::future::ready(()) => {}
    }
    let refusal = sink.write(Bytes::from_static(b"more")).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
    assert_eq!(said(sink.finish().await).unwrap().0, Reason::Internal);
    // The thread that writes may still hold the file; then it is the one that removes it.
    while !place.names().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn create_only_refuses_what_exists_at_once() {
    let place = Place::new();
    fs::write(place.root.join("config"), "old").unwrap();
    let exists = refused(Reason::Exists, "File already exists");
    assert_eq!(said(begin(&place.uploads(), "config").await), exists);
    assert_eq!(said(begin(&place.uploads().replace().create_only(), "config").await), exists);
    assert_eq!(place.content("config"), "old");
}

#[tokio::test]
async fn of_two_that_create_the_same_name_the_first_to_finish_has_it() {
    for make in [|uploads| uploads, without_flags] {
        let place = Place::new();
        let uploads = make(place.uploads());
        let (mut one, mut two) = (begin(&uploads, "config").await.unwrap(), begin(&uploads, "config").await.unwrap());
        one.write(Bytes::from_static(b"one")).await.unwrap();
        two.write(Bytes::from_static(b"two")).await.unwrap();
        two.finish().await.unwrap();
        assert_eq!(said(one.finish().await), refused(Reason::Exists, "File already exists"));
        assert_eq!(place.names(), ["config"]);
        assert_eq!(place.content("config"), "two");
    }
}

#[tokio::test]
async fn replace_takes_the_place_of_the_old_file_in_one_step() {
    let place = Place::new();
    fs::write(place.root.join("config"), "the old one").unwrap();
    let uploads = place.uploads().replace();
    let reader = fs::File::open(place.root.join("config")).unwrap();
    let (mut one, mut two) = (begin(&uploads, "config").await.unwrap(), begin(&uploads, "config").await.unwrap());
    one.write(Bytes::from_static(b"one")).await.unwrap();
    two.write(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(place.content("config"), "the old one", "until the end");
    one.finish().await.unwrap();
    assert_eq!(place.content("config"), "one");
    two.finish().await.unwrap();
    assert_eq!((place.content("config"), place.names()), ("two".to_owned(), vec!["config".to_owned()]));
    assert_eq!(std::io::read_to_string(reader).unwrap(), "the old one");
    put(&uploads, "other", "new").await.unwrap();
    assert_eq!(place.content("other"), "new");
}

#[tokio::test]
async fn versioned_keeps_every_file_that_ever_had_the_name() {
    for make in [|uploads| uploads, without_flags] {
        let place = Place::new();
        let uploads = make(place.uploads().versioned());
        for content in ["one", "two", "three", "four"] {
            put(&uploads, "config", content).await.unwrap();
            assert_eq!(place.content("config"), content);
        }
        let names = place.names();
        assert_eq!(names.len(), 4, "{names:?}");
        let mut kept: Vec<String> = names[1..].iter().map(|name| place.content(name)).collect();
        kept.sort();
        assert_eq!(kept, ["one", "three", "two"]);
        for name in &names[1..] {
            let stamp = name.strip_prefix("config.").unwrap();
            assert_eq!((stamp.as_bytes()[8], stamp.len() >= 15), (b'-', true), "{name}");
            assert!(stamp.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versioned_loses_nothing_when_many_upload_the_same_name() {
    for make in [|uploads| uploads, without_flags] {
        let place = Place::new();
        let uploads = make(place.uploads().versioned());
        let tasks: Vec<_> = (0..24)
            .map(|number| {
                let uploads = uploads.clone();
                tokio::spawn(async move {
                    let mut sink = begin(&uploads, "config").await?;
                    sink.write(Bytes::from(number.to_string())).await?;
                    sink.finish().await
                })
            })
            .collect();
        let mut accepted = 0;
        for (number, task) in tasks.into_iter().enumerate() {
            // One that lost too many races is told so; what was acknowledged must be there.
            match task.await.unwrap() {
                Ok(()) => {
                    accepted += 1;
                    let names = place.names();
                    let holders = names.iter().filter(|name| place.content(name) == number.to_string()).count();
                    assert_eq!(holders, 1, "{number} of {names:?}");
                }
                Err(refusal) => assert_eq!(refusal.reason(), Reason::Busy, "{refusal}"),
            }
        }
        assert_eq!(place.names().len(), accepted);
        assert!(accepted >= 1);
    }
}

#[tokio::test]
async fn only_a_regular_file_can_be_replaced() {
    let place = Place::new();
    fs::create_dir(place.root.join("directory")).unwrap();
    fs::write(place.root.join("file"), "old").unwrap();
    symlink("file", place.root.join("link")).unwrap();
    symlink(place.outside.join("secret"), place.root.join("out")).unwrap();
    symlink(place.outside.join("new"), place.root.join("dangling")).unwrap();
    mknodat(CWD, place.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let before = place.names();
    for uploads in [place.uploads(), place.uploads().replace(), place.uploads().versioned()] {
        for (name, text) in [
            ("directory", "Is a directory"),
            ("directory/", "Is a directory"),
            ("/", "Is a directory"),
            ("link", "Not a regular file"),
            ("out", "Not a regular file"),
            ("dangling", "Not a regular file"),
            ("fifo", "Not a regular file"),
        ] {
            assert_eq!(said(begin(&uploads, name).await), refused(Reason::Denied, text), "{name}");
        }
    }
    assert_eq!(place.names(), before);
    assert_eq!(names_below(&place.outside), ["secret"]);
}

#[tokio::test]
async fn what_became_of_the_name_meanwhile_counts_at_the_end() {
    for (make, becomes_link) in [(Uploads::replace as fn(Uploads) -> Uploads, false), (Uploads::versioned, false), (Uploads::versioned, true)] {
        let place = Place::new();
        let sink = begin(&make(place.uploads()), "config").await.unwrap();
        if becomes_link {
            symlink(place.outside.join("secret"), place.root.join("config")).unwrap();
        } else {
            fs::create_dir(place.root.join("config")).unwrap();
        }
        assert_eq!(said(sink.finish().await).unwrap().0, Reason::Denied);
        assert_eq!(place.names(), ["config"]);
        assert_eq!(fs::read_to_string(place.outside.join("secret")).unwrap(), "SECRET");
    }
}

#[tokio::test]
async fn directories_must_exist_unless_they_may_be_made() {
    let place = Place::new();
    assert_eq!(said(begin(&place.uploads(), "a/b/config").await), refused(Reason::NotFound, "No such directory"));
    let uploads = place.uploads().create_dirs(true);
    put(&uploads, "a/b/config", "one").await.unwrap();
    put(&uploads, "a/c/config", "two").await.unwrap();
    assert_eq!(place.names(), ["a", "a/b", "a/b/config", "a/c", "a/c/config"]);
    assert_eq!(said(begin(&uploads, "a/b/config/x").await), refused(Reason::NotFound, "No such directory"), "below a file");
}

#[tokio::test]
async fn two_uploads_may_need_the_same_new_directory() {
    let place = Place::new();
    let uploads = place.uploads().create_dirs(true);
    let (one, two, three) =
        (begin(&uploads, "a/one").await.unwrap(), begin(&uploads, "a/two").await.unwrap(), begin(&uploads, "a/one").await.unwrap());
    one.finish().await.unwrap();
    two.finish().await.unwrap();
    assert_eq!(said(three.finish().await).unwrap().0, Reason::Exists);
    assert_eq!(place.names(), ["a", "a/one", "a/two"]);
}

#[tokio::test]
async fn directories_made_for_an_upload_that_fails_are_removed() {
    let place = Place::new();
    let sink = begin(&place.uploads().create_dirs(true), "a/b/c/config").await.unwrap();
    fs::create_dir(place.root.join("a")).unwrap();
    symlink(&place.outside, place.root.join("a/b")).unwrap();
    assert_eq!(said(sink.finish().await).map(|(reason, _)| reason), Some(Reason::NotFound));
    assert_eq!(place.names(), ["a", "a/b"], "what another made stays");
    assert_eq!(names_below(&place.outside), ["secret"], "and a link is not followed");

    let sink = begin(&place.uploads().create_dirs(true), "x/y/config").await.unwrap();
    fs::create_dir_all(place.root.join("x/y/config")).unwrap();
    assert_eq!(said(sink.finish().await).map(|(reason, _)| reason), Some(Reason::Exists));
    assert_eq!(place.names(), ["a", "a/b", "x", "x/y", "x/y/config"]);
}

#[tokio::test]
async fn links_to_directories_count_as_long_as_they_stay_inside() {
    let place = Place::new();
    fs::create_dir(place.root.join("real")).unwrap();
    symlink("real", place.root.join("in")).unwrap();
    symlink(&place.outside, place.root.join("out")).unwrap();
    symlink("../outside", place.root.join("up")).unwrap();
    symlink("loop", place.root.join("loop")).unwrap();
    put(&place.uploads(), "in/config", "one").await.unwrap();
    assert_eq!(place.content("real/config"), "one");
    for name in ["out/new", "up/new", "loop/new", "out/new/new"] {
        let uploads = place.uploads().create_dirs(true).replace();
        assert_eq!(said(begin(&uploads, name).await).map(|(reason, _)| reason), Some(Reason::Denied), "{name}");
    }
    let walking = Uploads::new(Root::open_walking(&place.root).unwrap()).unwrap().keep_free(0);
    assert_eq!(said(begin(&walking, "in/other").await).map(|(reason, _)| reason), Some(Reason::Denied), "the walk refuses links");
    put(&walking, "real/other", "two").await.unwrap();
    assert_eq!(place.content("real/other"), "two");
    assert_eq!(names_below(&place.outside), ["secret"]);
}

#[tokio::test]
async fn no_upload_is_larger_than_allowed() {
    let place = Place::new();
    let uploads = place.uploads().size_max(8);
    let announced = uploads.begin(request("config", &[("tsize", "9")]).unwrap()).await;
    assert_eq!(said(announced), refused(Reason::DiskFull, "File too large"));
    put(&uploads, "eight", "12345678").await.unwrap();
    assert_eq!(said(put(&uploads, "nine", "123456789").await), refused(Reason::DiskFull, "File too large"));
    assert_eq!(place.names(), ["eight"]);
}

#[tokio::test]
async fn space_is_kept_free() {
    let place = Place::new();
    let full = refused(Reason::DiskFull, "Disk full");
    assert_eq!(said(begin(&place.uploads().keep_free(u64::MAX / 2), "config").await), full);
    let uploads = place.uploads().size_max(u64::MAX);
    let huge = (u64::MAX / 2).to_string();
    assert_eq!(said(uploads.begin(request("config", &[("tsize", &huge)]).unwrap()).await), full);
    let odd = uploads.begin(request("config", &[("tsize", "a lot")]).unwrap()).await;
    assert!(odd.is_ok(), "a tsize that is no number is the negotiation's matter");
}

#[tokio::test]
async fn space_that_runs_out_meanwhile_ends_the_upload() {
    let place = Place::new();
    let mut sink = begin(&place.uploads(), "config").await.unwrap();
    sink.part.as_mut().unwrap().policy.keep_free = u64::MAX;
    let mib = Bytes::from(vec![0; 1 << 20]);
    for _ in 0..3 {
        sink.write(mib.clone()).await.unwrap();
    }
    assert_eq!(said(sink.write(mib).await), refused(Reason::DiskFull, "Disk full"));
    assert!(place.names().is_empty(), "gone even before the sink is dropped");
}

#[tokio::test]
async fn no_trick_writes_outside_or_under_an_odd_name() {
    let place = Place::new();
    fs::create_dir(place.root.join("a")).unwrap();
    symlink(place.outside.join("secret"), place.root.join("out")).unwrap();
    symlink(&place.outside, place.root.join("outdir")).unwrap();
    symlink("loop", place.root.join("loop")).unwrap();
    mknodat(CWD, place.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let above = place.root.parent().unwrap().to_str().unwrap().to_owned();
    for uploads in [
        place.uploads().replace().create_dirs(true),
        Uploads::new(Root::open_walking(&place.root).unwrap()).unwrap().keep_free(0).versioned(),
    ] {
        for name in tricks() {
            let results = {
                let raw = Target::resolve(&uploads.root, uploads.policy, &name)
                    .and_then(|target| Part::create(target, uploads.policy, Arc::default(), 0))
                    .and_then(Part::commit);
                match std::str::from_utf8(&name).ok().and_then(|name| request(name, &[])) {
                    Some(request) => {
                        let sink = uploads.begin(request).await;
                        vec![raw, match sink {
                            Ok(sink) => Box::new(sink).finish().await,
                            Err(refusal) => Err(refusal),
                        }]
                    }
                    None => vec![raw],
                }
            };
            for refusal in results.into_iter().filter_map(Result::err) {
                assert!(matches!(refusal.reason(), Reason::Denied | Reason::NotFound), "{refusal:?}");
                let told = refusal.to_string();
                assert!(!told.contains(&above) && !told.contains(char::is_control), "{told}");
            }
        }
    }
    assert_eq!(names_below(&place.outside), ["secret"]);
    assert_eq!(fs::read_to_string(place.outside.join("secret")).unwrap(), "SECRET");
    assert_eq!(names_below(place.root.parent().unwrap()).iter().filter(|name| !name.starts_with("srv")).count(), 2);
    fn walk(directory: &Path) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            use std::os::unix::ffi::OsStrExt as _;
            let name = entry.file_name();
            assert!(!name.as_bytes().iter().any(u8::is_ascii_control), "{name:?}");
            assert!(!crate::name::is_reserved(name.as_bytes()), "{name:?}");
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path());
            }
        }
    }
    walk(&place.root);
}

#[tokio::test]
async fn names_too_long_for_the_disk_are_refused_at_once() {
    let place = Place::new();
    let (long, longest) = ("x".repeat(256), "x".repeat(255));
    let too_long = refused(Reason::Denied, "File name too long");
    assert_eq!(said(begin(&place.uploads(), &long).await), too_long);
    assert_eq!(said(begin(&place.uploads().create_dirs(true), &format!("{long}/x")).await), too_long);
    assert_eq!(said(begin(&place.uploads().versioned(), &longest).await), too_long, "no room for a version's name");
    put(&place.uploads(), &longest, "fits").await.unwrap();
}

#[test]
fn old_leftovers_are_removed_at_the_start() {
    let place = Place::new();
    let day = Duration::from_secs(24 * 3600);
    for (name, age) in [
        (".bootwire-old.part", day * 2),
        (".bootwire-young.part", day / 2),
        (".bootwire-old.txt", day * 2),
        ("old.part", day * 2),
    ] {
        let file = fs::File::create(place.root.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    symlink(place.outside.join("secret"), place.root.join(".bootwire-link.part")).unwrap();
    let _uploads = place.uploads();
    assert_eq!(place.names(), [".bootwire-link.part", ".bootwire-old.txt", ".bootwire-young.part", "old.part"]);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_an_error_at_the_start() {
    let place = Place::new();
    fs::set_permissions(place.root.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&place.root, fs::Permissions::from_mode(0o555)).unwrap();
    let root = place.root.clone();
    let open = move || {
        // Root may write everywhere; on Linux a thread can be somebody else for itself.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65_534)).unwrap();
        }
        Uploads::into(root).map(drop)
    };
    let error = std::thread::spawn(open).join().unwrap().unwrap_err();
    assert_eq!(error.io_error().kind(), std::io::ErrorKind::PermissionDenied);
    assert!(Uploads::into(place.root.join("none")).is_err());
}

#[test]
fn the_log_line_says_what_the_rules_are() {
    let place = Place::new();
    let root = place.root.display();
    assert_eq!(place.uploads().describe(), format!("{root} (new files only, up to 1073741824 bytes)"));
    let all = place.uploads().versioned().create_dirs(true).size_max(5);
    assert_eq!(all.describe(), format!("{root} (old versions are kept, up to 5 bytes, directories are made)"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_uploaded_lands_inside(
        links in prop::collection::vec((prop::sample::select(vec!["a", "b", "c/a", "c/b"]), prop::sample::select(vec!["..", "../..", "../outside", "/", "c", "b", "a/..", "/proc/self/cwd"])), 0..4),
        paths in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "..", ".", "outside", "secret", "x"]), 1..5), 1..8),
        walking in any::<bool>(),
    ) {
        let place = Place::new();
        fs::create_dir(place.root.join("c")).unwrap();
        for (name, target) in links {
            let _ = symlink(target, place.root.join(name));
        }
        let root = if walking { Root::open_walking(&place.root) } else { Root::open(&place.root) };
        let uploads = Uploads::new(root.unwrap()).unwrap().keep_free(0).replace().create_dirs(true);
        for path in paths {
            let path = path.join("/").into_bytes();
            let _ = Target::resolve(&uploads.root, uploads.policy, &path)
                .and_then(|target| Part::create(target, uploads.policy, Arc::default(), 0))
                .and_then(Part::commit);
        }
        prop_assert_eq!(names_below(&place.outside), ["secret"]);
        prop_assert_eq!(fs::read_to_string(place.outside.join("secret")).unwrap(), "SECRET");
        prop_assert_eq!(fs::read_dir(place.root.parent().unwrap()).unwrap().count(), 2);
        prop_assert!(!names_below(&place.root).iter().any(|name| name.contains(".bootwire-")));
    }
}
