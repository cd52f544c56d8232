//! Directories of single clients.

use super::*;

fn by(text: &str) -> Option<bootwire::MacAddr> {
    text.parse().ok()
}

/// What a client gets for a name.
fn read_by(dir: &Dir, name: &str, ip: &str, mac: Option<&str>) -> Result<String, Reason> {
    let request = Request::synthetic(
        Op::Read,
        name,
        (ip.parse::<IpAddr>().unwrap(), 2070).into(),
        &[],
    );
    let request = request.unwrap().with_client_mac(mac.and_then(by));
    let mut content = String::new();
    let name = request.rest_bytes().to_vec();
    let opened = dir.lookup.open(&name, &request);
    let mut file = opened.map_err(|refusal| refusal.reason())?;
    file.read_to_string(&mut content).unwrap();
    Ok(content)
}

fn tree() -> Tree {
    let tree = Tree::new();
    for own in ["10.0.0.7", "fd00::7", "52-54-00-12-34-56", "0A000007"] {
        tree.file(&format!("{own}/config"));
    }
    for other in ["10.0.0.8", "fd00::8", "52-54-00-12-34-ff", "0A000008"] {
        tree.file(&format!("{other}/config"));
    }
    tree.file("FD000000000000000000000000000007/config")
        .file("FD000000000000000000000000000008/config")
        .file("common")
        .file("a0b1c2d3/start.elf");
    tree
}

/// The names of a client, of its directory, and of the directories of others.
const CLIENTS: [(ClientName, &str, Option<&str>, &str, &str); 5] = [
    (
        ClientName::Address,
        "10.0.0.7",
        None,
        "10.0.0.7",
        "10.0.0.8",
    ),
    (ClientName::Address, "fd00::7", None, "fd00::7", "FD00:0::8"),
    (
        ClientName::Mac,
        "10.0.0.9",
        Some("52:54:00:12:34:56"),
        "52-54-00-12-34-56",
        "52-54-00-12-34-ff",
    ),
    (
        ClientName::HexAddress,
        "::ffff:10.0.0.7",
        None,
        "0A000007",
        "0A000008",
    ),
    (
        ClientName::HexAddress,
        "fd00::7",
        None,
        "FD000000000000000000000000000007",
        "FD000000000000000000000000000008",
    ),
];

#[test]
fn who_is_held_to_its_own_directory_gets_nothing_else() {
    let tree = tree();
    for dir in tree.both() {
        for (name, ip, mac, own, other) in CLIENTS {
            let dir = dir.clone().client_directories(name, Fallback::None);
            let get = |path: &str| read_by(&dir, path, ip, mac);
            assert_eq!(get("config"), served(&format!("{own}/config")));
            for path in [
                "common",
                "a0b1c2d3/start.elf",
                &format!("{other}/config"),
                &format!("{own}/config"),
            ] {
                assert_eq!(get(path), Err(Reason::NotFound), "{path}");
            }
            for path in [format!("../{other}/config"), format!("./../{other}/config")] {
                let refused = dir.lookup.open(path.as_bytes(), CLIENT);
                assert!(refused.is_err(), "{path}");
            }
            let nobody = read_by(&dir, "config", "10.9.9.9", None);
            assert_eq!(nobody, Err(Reason::NotFound), "no directory, no file");
            let named = read_by(&dir, &format!("{own}/config"), "10.9.9.9", None);
            assert_eq!(named, Err(Reason::NotFound));
        }
    }
}

#[test]
fn the_directory_itself_is_for_those_without_one() {
    let tree = tree();
    for dir in tree.both() {
        for (name, ip, mac, own, other) in CLIENTS {
            let dir = dir.clone().client_directories(name, Fallback::Directory);
            let get = |path: &str| read_by(&dir, path, ip, mac);
            assert_eq!(get("config"), served(&format!("{own}/config")));
            assert_eq!(get("common"), Err(Reason::NotFound), "it has one");
            assert_eq!(get(&format!("{other}/config")), Err(Reason::NotFound));
            let get = |path: &str| read_by(&dir, path, "10.9.9.9", None);
            assert_eq!(get("common"), served("common"));
            assert_eq!(get("a0b1c2d3/start.elf"), served("a0b1c2d3/start.elf"));
            assert_eq!(get(&format!("{own}/config")), Err(Reason::NotFound));
        }
    }
}

#[test]
fn what_is_missing_comes_from_the_directory_itself() {
    let tree = tree();
    for (name, ip, mac, own, other) in CLIENTS {
        let dir = tree.dir().client_directories(name, Fallback::File);
        let get = |path: &str| read_by(&dir, path, ip, mac);
        assert_eq!(get("config"), served(&format!("{own}/config")));
        assert_eq!(get("common"), served("common"));
        assert_eq!(get("a0b1c2d3/start.elf"), served("a0b1c2d3/start.elf"));
        assert_eq!(get(&format!("{other}/config")), Err(Reason::NotFound));
        assert_eq!(
            get(&format!("{own}/config")),
            served(&format!("{own}/config"))
        );
    }
}

#[test]
fn a_hardware_address_nobody_knows_has_no_directory() {
    let tree = tree();
    let dir = |fallback| tree.dir().client_directories(ClientName::Mac, fallback);
    let get = |fallback, path: &str| read_by(&dir(fallback), path, "10.0.0.9", None);
    assert_eq!(get(Fallback::File, "common"), served("common"));
    for fallback in [Fallback::File, Fallback::Directory, Fallback::None] {
        assert_eq!(
            get(fallback, "52-54-00-12-34-56/config"),
            Err(Reason::NotFound)
        );
    }
    let request = request("config").unwrap();
    let refusal = dir(Fallback::None)
        .lookup
        .open(b"config", &request)
        .unwrap_err();
    assert!(
        refusal
            .detail()
            .unwrap()
            .contains("hardware address of 10.0.0.7"),
        "{refusal}"
    );
}

#[test]
fn a_directory_that_is_a_link_out_is_refused_and_told() {
    let tree = Tree::new();
    tree.file("common").link("10.0.0.7", &tree.outside);
    for fallback in [Fallback::File, Fallback::Directory, Fallback::None] {
        let dir = tree.dir().client_directories(ClientName::Address, fallback);
        assert_eq!(read(&dir, "secret"), Err(Reason::Denied));
        assert_eq!(read(&dir, "common"), Err(Reason::Denied), "{fallback:?}");
    }
}

#[test]
fn only_what_everybody_may_read() {
    let tree = Tree::new();
    tree.file("open").file("closed");
    let closed = fs::Permissions::from_mode(0o640);
    fs::set_permissions(tree.root.join("closed"), closed).unwrap();
    for dir in tree.both() {
        assert_eq!(read(&dir, "closed"), served("closed"));
        let dir = dir.public_only(true);
        assert_eq!(read(&dir, "open"), served("open"));
        assert_eq!(read(&dir, "closed"), Err(Reason::Denied));
        assert!(dir.at_hand(&request("closed").unwrap()).is_none());
        assert!(dir.describe().ends_with("only what everybody may read)"));
    }
}

#[test]
fn links_lead_anywhere_only_where_they_may() {
    let tree = Tree::new();
    tree.file("here");
    tree.link("out", tree.outside.join("secret"))
        .link("outdir", &tree.outside)
        .link("up", "../outside/secret")
        .link("loop", "loop")
        .link("proc", "/proc/self/exe");
    for dir in tree.both() {
        let anywhere = dir.clone().links(Links::Anywhere);
        for name in ["out", "outdir/secret", "up", "/out"] {
            assert_eq!(read(&dir, name), Err(Reason::Denied), "{name}");
            assert_eq!(read(&anywhere, name).as_deref(), Ok("SECRET"), "{name}");
        }
        assert_eq!(read(&anywhere, "here"), served("here"));
        assert_eq!(
            read(&anywhere, "//here"),
            served("here"),
            "never an absolute path"
        );
        assert_eq!(read(&anywhere, "/etc/passwd"), Err(Reason::NotFound));
        assert_eq!(read(&anywhere, "../outside/secret"), Err(Reason::Denied));
        assert_eq!(read(&anywhere, "loop"), Err(Reason::Denied));
    }
    let magic = tree.dir().links(Links::Anywhere);
    assert_eq!(
        read(&magic, "proc"),
        Err(Reason::Denied),
        "links of /proc are none"
    );
}

#[test]
fn where_a_file_lies_is_told() {
    let tree = tree();
    let ask = |name: &str, ip: &str| {
        let peer = (ip.parse::<IpAddr>().unwrap(), 2070);
        Request::synthetic(Op::Read, name, peer.into(), &[]).unwrap()
    };
    let dir = tree
        .dir()
        .client_directories(ClientName::Address, Fallback::File)
        .case_insensitive(true);
    let below = |request: &Request| {
        let path = dir.path_of(request)?;
        let held = dir.lookup.directory.held();
        let path = path.strip_prefix(held.path()).unwrap();
        Some(path.to_str().unwrap().to_owned())
    };
    assert_eq!(
        below(&ask("/config", "10.0.0.7")).as_deref(),
        Some("10.0.0.7/config")
    );
    assert_eq!(below(&ask("COMMON", "10.0.0.7")).as_deref(), Some("common"));
    assert_eq!(below(&ask("/config", "10.0.0.9")), None);
}
