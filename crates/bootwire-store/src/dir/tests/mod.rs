//! What a directory serves, and what it must never.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use bootwire::{Moment, Op, Reason};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;
use tempfile::TempDir;

use super::*;

mod anything;
mod at_hand;
mod links;
mod names;
mod own;
mod replaced;
pub(crate) mod tricks;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

/// A root to serve, and beside it a secret nobody may get.
struct Tree {
    _above: TempDir,
    root: PathBuf,
    outside: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let above = tempfile::tempdir().unwrap();
        let (root, outside) = (above.path().join("srv"), above.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "SECRET").unwrap();
        fs::set_permissions(above.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            _above: above,
            root,
            outside,
        }
    }

    fn file(&self, name: &str) -> &Self {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
        self
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) -> &Self {
        symlink(target, self.root.join(name)).unwrap();
        self
    }

    fn dir(&self) -> Dir {
        Dir::open(&self.root).unwrap()
    }

    fn walking(&self) -> Dir {
        Dir::new(Directory::open_walking(&self.root).unwrap())
    }

    /// As on this kernel and as on one without `openat2`.
    fn both(&self) -> [Dir; 2] {
        [self.dir(), self.walking()]
    }
}

/// The content served for `name`, which in these trees is the path of the file; or the reason.
fn read(dir: &Dir, name: &str) -> Result<String, Reason> {
    read_as(dir, name, CLIENT)
}

fn read_as(dir: &Dir, name: &str, client: IpAddr) -> Result<String, Reason> {
    let mut content = String::new();
    let mut file = dir
        .lookup
        .open(name.as_bytes(), client)
        .map_err(|refusal| refusal.reason())?;
    file.read_to_string(&mut content).unwrap();
    Ok(content)
}

fn served(name: &str) -> Result<String, Reason> {
    Ok(name.to_owned())
}

fn request(name: &str) -> Option<Request> {
    Request::synthetic(Op::Read, name, SocketAddr::new(CLIENT, 2070), &[])
}

#[tokio::test]
async fn a_request_gets_the_file_it_names() {
    let tree = Tree::new();
    tree.file("pxelinux.0").file("a b/grub.cfg");
    for dir in tree.both() {
        for (name, file) in [
            ("pxelinux.0", "pxelinux.0"),
            ("//a b//./grub.cfg", "a b/grub.cfg"),
            ("\\a b\\grub.cfg", "a b/grub.cfg"),
        ] {
            let reply = dir.call(request(name).unwrap()).await.unwrap();
            assert_eq!(reply.size(), Some(file.len() as u64), "{name}");
            assert_eq!(read(&dir, file), served(file));
        }
        let refusal = dir
            .call(request("pxelinux.cfg/default").unwrap())
            .await
            .unwrap_err();
        assert_eq!(refusal, Refusal::not_found());
    }
}

#[tokio::test]
async fn directories_are_refused_at_once() {
    let tree = Tree::new();
    tree.file("dtb/a");
    for dir in tree.both() {
        for name in ["dtb", "dtb/", "/", "//", "nothing/"] {
            let request = request(name).unwrap();
            let at_hand = dir.at_hand(&request).map(|answer| answer.unwrap_err());
            let refusal = dir.call(request).await.unwrap_err();
            assert_eq!(
                (refusal.reason(), refusal.client_text()),
                (Reason::NotFound, "Is a directory"),
                "{name}"
            );
            assert!(at_hand.is_none_or(|early| early == refusal), "{name}");
        }
        assert!(dir.at_hand(&request("dtb/").unwrap()).is_some());
        assert!(dir.at_hand(&request("dtb/a").unwrap()).is_none());
        assert_eq!(read(&dir, "dtb/a/b"), Err(Reason::NotFound), "below a file");
    }
}

#[tokio::test]
async fn special_files_are_refused_without_opening_them() {
    let tree = Tree::new();
    // Opened for reading without a writer, a FIFO blocks.
    mknodat(CWD, tree.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.root.join("socket")).unwrap();
    tree.link("link", "fifo");
    let mut names = vec!["fifo", "socket", "link"];
    match mknodat(
        CWD,
        tree.root.join("null"),
        FileType::CharacterDevice,
        Mode::RWXU,
        makedev(1, 3),
    ) {
        Ok(()) => names.push("null"),
        // Devices can be made by root alone.
        Err(errno) => assert!(matches!(errno, Errno::PERM | Errno::ACCESS), "{errno}"),
    }
    for name in names {
        let refusal = tree.dir().call(request(name).unwrap()).await.unwrap_err();
        assert_eq!(
            (refusal.reason(), refusal.client_text()),
            (Reason::Denied, "Not a regular file"),
            "{name}"
        );
        assert_eq!(read(&tree.walking(), name), Err(Reason::Denied), "{name}");
    }
}

#[test]
fn an_unreadable_file_is_denied() {
    let tree = Tree::new();
    tree.file("shadow").file("plain");
    fs::set_permissions(tree.root.join("shadow"), fs::Permissions::from_mode(0o000)).unwrap();
    for dir in tree.both() {
        // Root may read everything; on Linux a thread can be somebody else for itself.
        let reader = move || {
            if fs::metadata("/proc/self").unwrap().uid() == 0 {
                rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65_534)).unwrap();
            }
            (read(&dir, "plain"), read(&dir, "shadow"))
        };
        assert_eq!(
            std::thread::spawn(reader).join().unwrap(),
            (served("plain"), Err(Reason::Denied))
        );
    }
}

/// `.` and `..`, which every directory lists.
const DOTS: usize = 2;

#[test]
fn a_file_replaced_by_rename_stays_whole_for_who_has_it_open() {
    let tree = Tree::new();
    tree.file("image");
    let dir = tree.dir();
    let mut old = dir.lookup.open(b"image", CLIENT).unwrap();
    fs::write(tree.root.join("next"), "the next one").unwrap();
    fs::rename(tree.root.join("next"), tree.root.join("image")).unwrap();
    let mut content = String::new();
    old.read_to_string(&mut content).unwrap();
    assert_eq!(content, "image");
    assert_eq!(read(&dir, "image").as_deref(), Ok("the next one"));
}

#[test]
fn a_root_that_cannot_be_served_is_an_error_that_says_which() {
    let tree = Tree::new();
    tree.file("file");
    for name in ["none", "file"] {
        let path = tree.root.join(name);
        let error = Dir::open(&path).unwrap_err();
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_eq!(error.path(), path);
    }
}

#[test]
fn the_log_line_says_how_names_are_looked_up() {
    let tree = Tree::new();
    let root = tree.root.display();
    assert_eq!(tree.dir().describe(), format!("{root} (links beneath it)"));
    assert_eq!(
        tree.walking().describe(),
        format!("{root} (no links, this kernel has no openat2)")
    );
    let all = tree
        .dir()
        .links(Links::InRoot)
        .case_insensitive(true)
        .per_client(true);
    assert_eq!(
        all.describe(),
        format!("{root} (links from it as the root, any case, the client's own directory first)")
    );
}
