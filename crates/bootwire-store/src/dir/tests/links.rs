//! Symbolic links, those that stay inside and those that do not.

use super::*;

#[test]
fn links_that_stay_inside_are_followed() {
    let tree = Tree::new();
    tree.file("v5/vmlinuz").file("sub/x");
    tree.link("current", "v5")
        .link("kernel", "current/vmlinuz")
        .link("sub/up", "../v5/vmlinuz");
    for links in [Links::Beneath, Links::InRoot] {
        let dir = tree.dir().links(links);
        for name in ["current/vmlinuz", "kernel", "sub/up"] {
            assert_eq!(read(&dir, name), served("v5/vmlinuz"), "{name} {links:?}");
        }
    }
    for name in ["current/vmlinuz", "kernel", "sub/up"] {
        assert_eq!(
            read(&tree.walking(), name),
            Err(Reason::Denied),
            "the walk refuses links: {name}"
        );
    }
}

#[test]
fn absolute_links_are_followed_if_they_stay_inside_or_from_the_root() {
    let tree = Tree::new();
    tree.file("boot/vmlinuz")
        .link("as-in-chroot", "/boot/vmlinuz")
        .link("full", tree.root.join("boot/vmlinuz"));
    let (beneath, in_root) = (tree.dir(), tree.dir().links(Links::InRoot));
    assert_eq!(read(&beneath, "as-in-chroot"), Err(Reason::Denied));
    assert_eq!(read(&in_root, "as-in-chroot"), served("boot/vmlinuz"));
    assert_eq!(read(&beneath, "full"), served("boot/vmlinuz"));
    assert_eq!(read(&in_root, "full"), Err(Reason::NotFound));
}

/// As they come from `ln -s` in a shell: by the served path or by one that leads to it, over other
/// links, to directories, and with parts after them.
#[test]
fn absolute_links_may_take_any_way_inside() {
    let tree = Tree::new();
    let alias = tree.outside.join("alias");
    symlink(&tree.root, &alias).unwrap();
    tree.file("v5/boot/vmlinuz").file("sub/x");
    tree.link("current", tree.root.join("v5"))
        .link("boot", "current/boot")
        .link("kernel", tree.root.join("boot/vmlinuz"))
        .link("sub/up", "../kernel")
        .link("dotted", tree.root.join("sub/../v5/./boot"))
        .link("itself", &tree.root)
        .link("aliased", alias.join("v5"));
    let names = [
        "current/boot/vmlinuz",
        "boot/vmlinuz",
        "kernel",
        "sub/up",
        "dotted/vmlinuz",
        "itself/kernel",
    ];
    for name in names {
        assert_eq!(read(&tree.dir(), name), served("v5/boot/vmlinuz"), "{name}");
    }
    assert_eq!(read(&tree.dir(), "current/nothing"), Err(Reason::NotFound));
    assert_eq!(
        read(&tree.dir(), "aliased/boot/vmlinuz"),
        Err(Reason::Denied)
    );
    let by_alias = Dir::open(&alias).unwrap();
    for name in names.into_iter().chain(["aliased/boot/vmlinuz"]) {
        assert_eq!(read(&by_alias, name), served("v5/boot/vmlinuz"), "{name}");
    }
}

#[test]
fn a_refused_link_is_named_with_where_it_leads() {
    let tree = Tree::new();
    let above = tree.root.parent().unwrap().join("srv2");
    tree.link("etc", "/etc")
        .link("beside", &above)
        .link("way", "etc")
        .link("climbs", "../outside")
        .link("round", tree.root.join("round"));
    let root = tree.root.display();
    for (name, link, target) in [
        ("etc/passwd", "etc", "/etc".to_owned()),
        ("way/passwd", "etc", "/etc".to_owned()),
        ("beside/x", "beside", above.display().to_string()),
        ("climbs/secret", "climbs", "../outside".to_owned()),
    ] {
        let refusal = tree.dir().lookup.open(name.as_bytes(), CLIENT).unwrap_err();
        let told = format!("{name:?}: the link {link:?} leads to {target:?}, out of {root}");
        assert_eq!(refusal.detail(), Some(&*told), "{name}");
        assert_eq!(refusal.client_text(), "Access denied");
    }
    assert_eq!(read(&tree.dir(), "round"), Err(Reason::Denied));
}

#[test]
fn links_that_lead_out_give_nothing() {
    let tree = Tree::new();
    tree.link("file", tree.outside.join("secret"))
        .link("relative", "../outside/secret")
        .link("dir", &tree.outside)
        .link("up", "..")
        .link("top", "/")
        .link("magic", "/proc/self/root")
        .link("loop", "loop")
        .link("ping", "pong")
        .link("pong", "ping")
        .link("dangling", "nowhere");
    let names = [
        "file",
        "relative",
        "dir/secret",
        "up/outside/secret",
        "magic/etc/passwd",
        "top/etc/passwd",
    ];
    for name in names {
        assert_eq!(read(&tree.dir(), name), Err(Reason::Denied), "{name}");
        assert_eq!(read(&tree.walking(), name), Err(Reason::Denied), "{name}");
        assert_eq!(
            read(&tree.dir().links(Links::InRoot), name),
            Err(Reason::NotFound),
            "{name}"
        );
    }
    for name in ["loop", "ping"] {
        for links in [Links::Beneath, Links::InRoot] {
            assert_eq!(
                read(&tree.dir().links(links), name),
                Err(Reason::Denied),
                "{name}"
            );
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
                for target in [&tree.outside, Path::new("in"), &tree.root.join("in")] {
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
