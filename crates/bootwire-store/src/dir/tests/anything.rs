//! Random trees and random names.

use std::os::unix::ffi::OsStrExt as _;

use proptest::prelude::*;

use super::*;

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
    prop::sample::select(vec![
        "a", "A", "b", "..", "...", "secret", "outside", "10.0.0.7", "é",
    ])
}

fn any_path() -> impl Strategy<Value = String> {
    (
        prop::collection::vec(any_name(), 1..6),
        prop::sample::select(vec!["/", "//", "/./"]),
        any::<bool>(),
    )
        .prop_map(|(names, slash, absolute)| {
            format!("{}{}", if absolute { "/" } else { "" }, names.join(slash))
        })
}

fn any_node() -> impl Strategy<Value = Node> {
    let targets = vec![
        "..",
        ".",
        "../..",
        "a",
        "../a",
        "/",
        "/a",
        "b/../..",
        "/proc/self/root",
        "../outside",
        "secret",
        "a/b",
    ];
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
        let Some(parent) = path.parent().and_then(|parent| parent.canonicalize().ok()) else {
            continue;
        };
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
