//! Names of files: from a request to what is opened, in a tree full of traps.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::LazyLock;

use bootwire::router::App;
use bootwire::{Answer, Op, Request, Router};
use bootwire_store::{Dir, Links, Uploads};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Bytes in each file inside, which tell it from all others.
const INSIDE: std::ops::RangeInclusive<u64> = 1..=5;
/// Bytes in each file outside.
const OUTSIDE: usize = 4242;

struct Tree {
    place: TempDir,
    runtime: Runtime,
    apps: Vec<App>,
}

/// Made once: nothing that is tried here may change it.
static TREE: LazyLock<Tree> = LazyLock::new(Tree::new);

impl Tree {
    fn new() -> Self {
        let place = TempDir::new().expect("a directory");
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        for dir in [
            &root.join("b/c"),
            &root.join("10.0.0.7"),
            &root.join("10.0.0.8"),
            &outside.join("b"),
        ] {
            fs::create_dir_all(dir).expect("a directory");
        }
        for (length, name) in [
            (1, "a"),
            (2, "b/c/d"),
            (3, "B1"),
            (4, "10.0.0.7/a"),
            (5, "..."),
        ] {
            fs::write(root.join(name), vec![b'i'; length]).expect("a file");
        }
        for name in ["secret", "b/a"] {
            fs::write(outside.join(name), vec![b'o'; OUTSIDE]).expect("a file");
        }
        for (target, name) in [
            ("a", "link"),
            ("b/..", "here"),
            ("/", "slash"),
            ("/a", "from-root"),
            ("..", "up"),
            ("../outside/secret", "out"),
            ("../outside", "out-dir"),
            ("loop", "loop"),
            ("/proc/self/root", "magic"),
            ("/etc/passwd", "passwd"),
        ] {
            symlink(target, root.join(name)).expect("a link");
        }
        drop(UnixListener::bind(root.join("socket")).expect("a socket"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let apps = (0..8).map(|number| app(&root, number)).collect();
        Self {
            place,
            runtime,
            apps,
        }
    }

    /// Names and sizes of everything, wherever.
    fn listing(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        list(self.place.path(), &mut found);
        found.sort();
        found
    }
}

fn list(dir: &Path, found: &mut Vec<(String, u64)>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("an entry");
        found.push((path.display().to_string(), metadata.len()));
        if metadata.is_dir() {
            list(&path, found);
        }
    }
}

/// Every way to look names up.
fn app(root: &Path, number: u8) -> App {
    let links = [Links::Beneath, Links::InRoot][usize::from(number & 1)];
    let dir = Dir::open(root)
        .expect("the root")
        .links(links)
        .case_insensitive(number & 2 != 0)
        .per_client(number & 4 != 0);
    let uploads = Uploads::into(root)
        .expect("the root")
        .replace()
        .create_dirs(number & 2 != 0);
    Router::new().fallback(dir).write_fallback(uploads).into()
}

/// The first byte says how names are looked up, the others are the name. What is found must be a
/// file inside; an upload that is given up must leave everything as it was.
///
/// # Panics
/// If it is not so.
pub fn names(bytes: &[u8]) {
    let Some((&how, name)) = bytes.split_first() else {
        return;
    };
    let name = String::from_utf8_lossy(name);
    let tree = &*TREE;
    let app = &tree.apps[usize::from(how % 8)];
    let peer: SocketAddr = ([10, 0, 0, 7], 4000).into();
    let Some(request) = Request::synthetic(Op::Read, &*name, peer, &[]) else {
        return;
    };
    expect_normal(&request, peer);
    let before = app.at_hand(&request);
    for answer in [before, Some(tree.runtime.block_on(app.call(request)))] {
        if let Some(Ok(Answer::Reply(reply))) = answer {
            let size = reply.size().expect("a file has a size");
            assert!(INSIDE.contains(&size), "{name:?} gave {size} bytes");
        }
    }
    if how & 8 != 0 {
        let was = tree.listing();
        let request = Request::synthetic(Op::Write, &*name, peer, &[]).expect("as above");
        drop(tree.runtime.block_on(app.call(request)));
        assert_eq!(tree.listing(), was, "{name:?} left something");
    }
}

/// A path that handlers see begins with a slash and has nothing to resolve; to normalise it again
/// changes nothing.
fn expect_normal(request: &Request, peer: SocketAddr) {
    let path = request.path_bytes();
    assert_eq!(path.first(), Some(&b'/'));
    assert!(!path.contains(&b'\\'));
    let segments: Vec<_> = path[1..].split(|&byte| byte == b'/').collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        assert!(!matches!(*segment, b"." | b"..") && (is_last || !segment.is_empty()));
    }
    let path = request.path().into_owned();
    if path.len() <= 500 {
        let again = Request::synthetic(Op::Read, &path, peer, &[]).expect("a path is a name");
        assert_eq!(again.path(), path);
    }
}
