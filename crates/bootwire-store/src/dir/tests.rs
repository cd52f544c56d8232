//! What a directory serves, and what it must never.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use bootwire::{Op, Reason};
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;
use tempfile::TempDir;

use super::*;

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
        Self { _above: above, root, outside }
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
        Dir::new(Root::open_walking(&self.root).unwrap())
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
    let mut file = dir.lookup.open(name.as_bytes(), client).map_err(|refusal| refusal.reason())?;
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
        for (name, file) in [("pxelinux.0", "pxelinux.0"), ("//a b//./grub.cfg", "a b/grub.cfg"), ("\\a b\\grub.cfg", "a b/grub.cfg")] {
            let reply = dir.call(request(name).unwrap()).await.unwrap();
            assert_eq!(reply.size(), Some(file.len() as u64), "{name}");
            assert_eq!(read(&dir, file), served(file));
        }
        let refusal = dir.call(request("pxelinux.cfg/default").unwrap()).await.unwrap_err();
        assert_eq!(refusal, Refusal::not_found());
    }
}

#[tokio::test]
async fn directories_are_refused_at_once() {
    let tree = Tree::new();
    tree.file("dtb/a");
    for dir in tree.both() {
        for name in ["dtb", "dtb/", "/", "", "nothing/"] {
            let request = request(name).unwrap();
            let at_hand = dir.at_hand(&request).map(|answer| answer.unwrap_err());
            let refusal = dir.call(request).await.unwrap_err();
            assert_eq!((refusal.reason(), refusal.client_text()), (Reason::NotFound, "Is a directory"), "{name}");
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
    match mknodat(CWD, tree.root.join("null"), FileType::CharacterDevice, Mode::RWXU, makedev(1, 3)) {
        Ok(()) => names.push("null"),
        // Devices can be made by root alone.
        Err(errno) => assert!(matches!(errno, Errno::PERM | Errno::ACCESS), "{errno}"),
    }
    for name in names {
        let refusal = tree.dir().call(request(name).unwrap()).await.unwrap_err();
        assert_eq!((refusal.reason(), refusal.client_text()), (Reason::Denied, "Not a regular file"), "{name}");
        assert_eq!(read(&tree.walking(), name), Err(Reason::Denied), "{name}");
    }
}

#[test]
fn an_unreadable_file_is_denied() {
    let tree = Tree::new();
    tree.file("shadow").file("plain");
    fs::set_permissions(tree.root.join("shadow"), fs::Permissions::from_mode(0)).unwrap();
    for dir in tree.both() {
        // Root may read everything; on Linux a thread can be somebody else for itself.
        let reader = move || {
            if fs::metadata("/proc/self").unwrap().uid() == 0 {
                rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65_534)).unwrap();
            }
            (read(&dir, "plain"), read(&dir, "shadow"))
        };
        assert_eq!(std::thread::spawn(reader).join().unwrap(), (served("plain"), Err(Reason::Denied)));
    }
}

#[test]
fn links_that_stay_inside_are_followed() {
    let tree = Tree::new();
    tree.file("v5/vmlinuz").file("sub/x");
    tree.link("current", "v5").link("kernel", "current/vmlinuz").link("sub/up", "../v5/vmlinuz");
    for links in [Links::Beneath, Links::InRoot] {
        let dir = tree.dir().links(links);
        for name in ["current/vmlinuz", "kernel", "sub/up"] {
            assert_eq!(read(&dir, name), served("v5/vmlinuz"), "{name} {links:?}");
        }
    }
    for name in ["current/vmlinuz", "kernel", "sub/up"] {
        assert_eq!(read(&tree.walking(), name), Err(Reason::Denied), "the walk refuses links: {name}");
    }
}

#[test]
fn absolute_links_are_refused_or_followed_from_the_root() {
    let tree = Tree::new();
    tree.file("boot/vmlinuz").link("as-in-chroot", "/boot/vmlinuz").link("full", tree.root.join("boot/vmlinuz"));
    let (beneath, in_root) = (tree.dir(), tree.dir().links(Links::InRoot));
    assert_eq!(read(&beneath, "as-in-chroot"), Err(Reason::Denied));
    assert_eq!(read(&in_root, "as-in-chroot"), served("boot/vmlinuz"));
    assert_eq!(read(&beneath, "full"), Err(Reason::Denied));
    assert_eq!(read(&in_root, "full"), Err(Reason::NotFound));
}

#[test]
fn links_that_lead_out_give_nothing() {
    let tree = Tree::new();
    tree.link("file", tree.outside.join("secret"))
        .link("relative", "../outside/secret")
        .link("dir", &tree.outside)
        .link("up", "..")
        .link("top", "/")
        .link("proc", "/proc/self/root")
        .link("loop", "loop")
        .link("ping", "pong")
        .link("pong", "ping")
        .link("dangling", "nowhere");
    let names = ["file", "relative", "dir/secret", "up/outside/secret", "proc/etc/passwd", "top/etc/passwd"];
    for name in names {
        assert_eq!(read(&tree.dir(), name), Err(Reason::Denied), "{name}");
        assert_eq!(read(&tree.walking(), name), Err(Reason::Denied), "{name}");
        assert_eq!(read(&tree.dir().links(Links::InRoot), name), Err(Reason::NotFound), "{name}");
    }
    for name in ["loop", "ping"] {
        for links in [Links::Beneath, Links::InRoot] {
            assert_eq!(read(&tree.dir().links(links), name), Err(Reason::Denied), "{name}");
        }
    }
    assert_eq!(read(&tree.dir(), "dangling"), Err(Reason::NotFound));
}

#[test]
fn the_magic_links_of_proc_lead_nowhere() {
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret"), "SECRET").unwrap();
    let handle = File::open(secret.path().join("secret")).unwrap();
    let directory = File::open(secret.path()).unwrap();
    for links in [Links::Beneath, Links::InRoot] {
        let dir = Dir::open("/proc").unwrap().links(links);
        let pid = std::process::id();
        for name in [
            format!("{pid}/fd/{}", handle.as_raw_fd()),
            format!("{pid}/fd/{}/secret", directory.as_raw_fd()),
            format!("{pid}/root/etc/passwd"),
            format!("{pid}/cwd/Cargo.toml"),
        ] {
            assert_eq!(read(&dir, &name), Err(Reason::Denied), "{name}");
        }
    }
}

/// The corpus: names known from attacks on other servers.
pub(crate) fn tricks() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "../outside/secret",
        "..\\outside\\secret",
        "....//outside/secret",
        "..../outside/secret",
        ".../...//outside/secret",
        "/etc/passwd",
        "//etc/passwd",
        "\\etc\\passwd",
        "a/../../outside/secret",
        "a/./../../outside/secret",
        "%2e%2e/outside/secret",
        "..%2foutside%2fsecret",
        "%2e%2e%2foutside%2fsecret",
        "../outside/secret.",
        "../outside/secret ",
        "/..",
        "..",
        "../",
        "../../../../../../../../etc/passwd",
        "file:$DATA",
        "file::$DATA",
        "file.",
        "file ",
        "con",
        "aux",
        "com1",
        "C:\\outside\\secret",
        "out",
        "outdir/secret",
        "loop",
        "fifo",
        "a",
        "~/secret",
        "$HOME/secret",
        "file\nroot:x:0:0",
        "file\r\n",
        "\x1b[2J\x1b]0;owned\x07",
        "%n%n%s%s",
        ".bootwire-0123456789abcdef.part",
        "a/.BOOTWIRE-x.part",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.extend([
        b"\xc0\xae\xc0\xae/outside/secret".to_vec(),
        b"\xe0\x80\xae\xe0\x80\xae/outside/secret".to_vec(),
        b"..\xc0\xafoutside\xc0\xafsecret".to_vec(),
        b"file\0.txt".to_vec(),
        b"..\0/outside/secret".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'x'; 4096],
        b"x/".repeat(2048),
        b"../".repeat(1365),
    ]);
    names
}

#[tokio::test]
async fn no_trick_leads_out_and_no_answer_names_a_path() {
    let tree = Tree::new();
    tree.file("a/file").file(".bootwire-0123456789abcdef.part").file("a/.BOOTWIRE-x.part");
    tree.link("out", tree.outside.join("secret")).link("outdir", &tree.outside).link("loop", "loop");
    mknodat(CWD, tree.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let above = tree.root.parent().unwrap().to_str().unwrap().to_owned();
    for dir in tree.both() {
        for links in [Links::Beneath, Links::InRoot] {
            for (folded, own) in [(false, false), (true, true)] {
                let dir = dir.clone().links(links).case_insensitive(folded).per_client(own);
                for name in tricks() {
                    let shown = String::from_utf8_lossy(&name).into_owned();
                    // As it comes from the wire, and as it would if nobody had normalised it.
                    let mut refusals = vec![dir.lookup.open(&name, CLIENT).expect_err(&shown)];
                    if let Some(request) = std::str::from_utf8(&name).ok().and_then(request) {
                        refusals.push(dir.call(request).await.expect_err(&shown));
                    }
                    for refusal in refusals {
                        assert!(matches!(refusal.reason(), Reason::NotFound | Reason::Denied), "{shown}: {refusal:?}");
                        assert!(refusal.client_text().len() <= 60);
                        let told = refusal.to_string();
                        assert!(!told.contains(&above), "{shown}: {told}");
                        assert!(!told.contains(char::is_control), "{shown}: {told}");
                    }
                }
            }
        }
    }
}

#[test]
fn windows_names_are_found_in_any_case() {
    let tree = Tree::new();
    tree.file("boot/bcd").file("EFI/Microsoft/boot.stl").file("exact").file("EXACT");
    for dir in tree.both() {
        assert_eq!(read(&dir, "Boot/BCD"), Err(Reason::NotFound), "only when asked for");
        let dir = dir.case_insensitive(true);
        assert_eq!(read(&dir, "Boot/BCD"), served("boot/bcd"));
        assert_eq!(read(&dir, "efi/microsoft/BOOT.STL"), served("EFI/Microsoft/boot.stl"));
        assert_eq!(read(&dir, "exact"), served("exact"), "an exact name goes first");
        assert_eq!(read(&dir, "Exact"), served("EXACT"), "then the lowest");
        assert_eq!(read(&dir, "boot/none"), Err(Reason::NotFound));
    }
}

#[tokio::test]
async fn windows_requests_come_with_backslashes() {
    let tree = Tree::new();
    tree.file("boot/bcd");
    let reply = tree.dir().case_insensitive(true).call(request("\\Boot\\BCD").unwrap()).await.unwrap();
    assert_eq!(reply.size(), Some("boot/bcd".len() as u64));
}

#[test]
fn a_search_goes_on_where_the_first_match_leads_nowhere() {
    let tree = Tree::new();
    tree.file("BOOT").file("Boot/other").file("boot/BCD").link("bOOT", &tree.outside);
    let dir = tree.dir().case_insensitive(true);
    assert_eq!(read(&dir, "Boot/bcd"), served("boot/BCD"));
    assert_eq!(read(&dir, "boot/secret"), Err(Reason::Denied), "what stood in the way is told");
}

#[test]
fn a_search_ends_after_so_many_entries() {
    let tree = Tree::new();
    // Every level matches twice: 2^16 directories, were there no bound.
    let mut level = vec![tree.root.clone()];
    for _ in 0..9 {
        level = level.iter().flat_map(|path| [path.join("ab"), path.join("AB")]).collect();
        level.iter().for_each(|path| fs::create_dir(path).unwrap());
    }
    let dir = tree.dir().case_insensitive(true);
    let deep = ["Ab"; 9].join("/");
    assert_eq!(read(&dir, &format!("{deep}/none")), Err(Reason::NotFound));

    let crowd = tree.root.join("crowd");
    fs::create_dir(&crowd).unwrap();
    let one = File::create(crowd.join("0")).unwrap();
    for number in 1..=fold::ENTRIES_MAX {
        // Links are cheaper than files; a file has at most 65000 on ext4.
        if number % 30_000 == 0 || fs::hard_link(crowd.join("0"), crowd.join(number.to_string())).is_err() {
            File::create(crowd.join(number.to_string())).unwrap();
        }
    }
    drop(one);
    let refusal = dir.lookup.open(b"CROWD/none", CLIENT).unwrap_err();
    assert_eq!(refusal.reason(), Reason::NotFound);
    assert!(refusal.detail().is_some_and(|detail| detail.contains("65536 directory entries")), "{refusal}");
    assert!(read(&dir, "crowd/1").is_ok(), "an exact name needs no search");
}

#[test]
fn a_client_has_its_own_directory_first() {
    let tree = Tree::new();
    tree.file("config").file("common").file("10.0.0.7/config").file("10.0.0.8/config").file("fd00::7/config");
    for dir in tree.both() {
        assert_eq!(read(&dir, "config"), served("config"), "only when asked for");
        let dir = dir.per_client(true);
        let [other, mapped, six, alien] = ["10.0.0.8", "::ffff:10.0.0.8", "fd00::7", "10.0.0.9"].map(|text| text.parse().unwrap());
        assert_eq!(read(&dir, "config"), served("10.0.0.7/config"));
        assert_eq!(read(&dir, "common"), served("common"));
        assert_eq!(read_as(&dir, "config", other), served("10.0.0.8/config"));
        assert_eq!(read_as(&dir, "config", mapped), served("10.0.0.8/config"));
        assert_eq!(read_as(&dir, "config", six), served("fd00::7/config"));
        assert_eq!(read_as(&dir, "config", alien), served("config"));
        assert_eq!(read(&dir, "10.0.0.7/config"), served("10.0.0.7/config"));
        for theirs in ["10.0.0.8/config", "./10.0.0.8/config", "//10.0.0.8/config", "fd00::7/config", "FD00:0::7/config"] {
            assert_eq!(read(&dir, theirs), Err(Reason::NotFound), "{theirs}");
        }
    }
}

#[test]
fn a_client_directory_folds_case_too_and_does_not_hide_trouble() {
    let tree = Tree::new();
    tree.file("Config").file("10.0.0.7/CONFIG").file("blocked").link("10.0.0.7/blocked", "/etc/passwd");
    let dir = tree.dir().per_client(true).case_insensitive(true);
    assert_eq!(read(&dir, "config"), served("10.0.0.7/CONFIG"));
    assert_eq!(read(&dir, "blocked"), Err(Reason::Denied), "a refusal is not a miss");
}

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
fn a_link_that_changes_all_the_time_never_leads_out() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let tree = Tree::new();
    tree.file("in/secret");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (spare, name) = (tree.root.join("spare"), tree.root.join("x"));
            while !stop.load(Ordering::Relaxed) {
                for target in [&tree.outside, Path::new("in")] {
                    symlink(target, &spare).unwrap();
                    fs::rename(&spare, &name).unwrap();
                }
            }
        });
        let dirs = [tree.dir(), tree.dir().links(Links::InRoot), tree.walking()];
        for _ in 0..2000 {
            for dir in &dirs {
                if let Ok(content) = read(dir, "x/secret") {
                    assert_eq!(content, "in/secret");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_root_that_cannot_be_served_is_an_error_that_says_which() {
    let tree = Tree::new();
    tree.file("file");
    for name in ["none", "file"] {
        let path = tree.root.join(name);
        let error = Dir::open(&path).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.path(), path);
    }
}

#[test]
fn the_log_line_says_how_names_are_looked_up() {
    let tree = Tree::new();
    let root = tree.root.display();
    assert_eq!(tree.dir().describe(), format!("{root} (links beneath it)"));
    assert_eq!(tree.walking().describe(), format!("{root} (no links, this kernel has no openat2)"));
    let all = tree.dir().links(Links::InRoot).case_insensitive(true).per_client(true);
    assert_eq!(all.describe(), format!("{root} (links from it as the root, any case, the client's own directory first)"));
}

/// Something in a random tree.
#[derive(Clone, Debug)]
enum Node {
    File,
    Directory,
    Link(&'static str),
    LinkOut,
    LinkAbsolute,
}

fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "A", "b", "..", "...", "secret", "outside", "10.0.0.7", "é"])
}

fn any_path() -> impl Strategy<Value = String> {
    (prop::collection::vec(any_name(), 1..6), prop::sample::select(vec!["/", "//", "/./"]), any::<bool>())
        .prop_map(|(names, slash, absolute)| format!("{}{}", if absolute { "/" } else { "" }, names.join(slash)))
}

fn any_node() -> impl Strategy<Value = Node> {
    let targets = vec!["..", ".", "../..", "a", "../a", "/", "/a", "b/../..", "/proc/self/root", "../outside", "secret", "a/b"];
    prop_oneof![
        2 => Just(Node::File),
        3 => Just(Node::Directory),
        3 => prop::sample::select(targets).prop_map(Node::Link),
        1 => Just(Node::LinkOut),
        1 => Just(Node::LinkAbsolute),
    ]
}

/// Makes what can be made of `nodes`, never outside the root.
fn grow(tree: &Tree, nodes: &[(Vec<&'static str>, Node)]) {
    for (names, node) in nodes {
        let mut path = tree.root.clone();
        path.extend(names.iter().filter(|name| **name != ".."));
        let Some(parent) = path.parent().and_then(|parent| parent.canonicalize().ok()) else { continue };
        if !parent.starts_with(&tree.root) {
            continue;
        }
        // Much of this clashes; what works is the tree.
        let _ = match node {
            Node::File => File::create_new(&path).map(drop),
            Node::Directory => fs::create_dir(&path),
            Node::Link(target) => symlink(target, &path),
            Node::LinkOut => symlink(&tree.outside, &path),
            Node::LinkAbsolute => symlink(tree.root.join("a"), &path),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_opened_lies_inside(
        nodes in prop::collection::vec((prop::collection::vec(any_name(), 1..4), any_node()), 1..24),
        paths in prop::collection::vec(any_path(), 1..24),
        (folded, own) in any::<(bool, bool)>(),
    ) {
        let tree = Tree::new();
        let root = tree.root.canonicalize().unwrap();
        grow(&tree, &nodes);
        for dir in [tree.dir(), tree.dir().links(Links::InRoot), tree.walking()] {
            let dir = dir.case_insensitive(folded).per_client(own);
            for path in &paths {
                if let Ok(file) = dir.lookup.open(path.as_bytes(), CLIENT) {
                    let place = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
                    prop_assert!(place.starts_with(&root), "{path} led to {}", place.display());
                    prop_assert!(file.metadata().unwrap().is_file());
                }
            }
        }
    }

    #[test]
    fn random_bytes_for_a_name_do_no_harm(name in prop::collection::vec(any::<u8>(), 0..80)) {
        let tree = Tree::new();
        tree.file("a");
        for dir in tree.both() {
            let dir = dir.case_insensitive(true).per_client(true);
            if let Ok(file) = dir.lookup.open(&name, CLIENT) {
                let place = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
                prop_assert!(place.as_os_str().as_bytes().ends_with(b"/srv/a"));
            }
        }
    }
}
