//! Names that are found though they are not the path: other case, the client's own directory.

use bootwire::Router;
use bootwire::router::App;

use super::*;

#[test]
fn windows_names_are_found_in_any_case() {
    let tree = Tree::new();
    tree.file("boot/bcd")
        .file("EFI/Microsoft/boot.stl")
        .file("exact")
        .file("EXACT");
    for dir in tree.both() {
        assert_eq!(
            read(&dir, "Boot/BCD"),
            Err(Reason::NotFound),
            "only when asked for"
        );
        let dir = dir.case_insensitive(true);
        assert_eq!(read(&dir, "Boot/BCD"), served("boot/bcd"));
        assert_eq!(
            read(&dir, "efi/microsoft/BOOT.STL"),
            served("EFI/Microsoft/boot.stl")
        );
        assert_eq!(
            read(&dir, "exact"),
            served("exact"),
            "an exact name goes first"
        );
        assert_eq!(read(&dir, "Exact"), served("EXACT"), "then the lowest");
        assert_eq!(read(&dir, "boot/none"), Err(Reason::NotFound));
    }
}

#[tokio::test]
async fn windows_requests_come_with_backslashes() {
    let tree = Tree::new();
    tree.file("boot/bcd");
    let reply = tree
        .dir()
        .case_insensitive(true)
        .call(request("\\Boot\\BCD").unwrap())
        .await
        .unwrap();
    assert_eq!(reply.size(), Some("boot/bcd".len() as u64));
}

#[test]
fn a_search_goes_on_where_the_first_match_leads_nowhere() {
    let tree = Tree::new();
    tree.file("BOOT")
        .file("Boot/other")
        .file("boot/BCD")
        .link("bOOT", &tree.outside);
    let dir = tree.dir().case_insensitive(true);
    assert_eq!(read(&dir, "Boot/bcd"), served("boot/BCD"));
    assert_eq!(
        read(&dir, "boot/secret"),
        Err(Reason::Denied),
        "what stood in the way is told"
    );
}

#[test]
fn a_search_ends_after_so_many_entries() {
    let tree = Tree::new();
    // Every level matches twice.
    let mut level = vec![tree.root.clone()];
    for _ in 0..9 {
        level = level
            .iter()
            .flat_map(|path| [path.join("ab"), path.join("AB")])
            .collect();
        level.iter().for_each(|path| fs::create_dir(path).unwrap());
    }
    let dir = tree.dir().case_insensitive(true);
    let deep = ["Ab"; 9].join("/");
    assert_eq!(read(&dir, &format!("{deep}/none")), Err(Reason::NotFound));

    let root = &dir.lookup.directory.held();
    let search = |entries| fold::find(root, Links::Beneath, b"", deep.as_bytes(), entries);
    // Each of the nine directories on the way to the first match, and the two entries in each.
    let entries_read = 9 * (1 + 2 + DOTS);
    assert_eq!(
        search(entries_read).unwrap(),
        Some(["AB"; 9].join("/").into_bytes())
    );
    let miss = search(entries_read - 1).unwrap_err();
    assert!(matches!(miss, miss::Miss::TooManyEntries(_)));
    let refusal = miss.refusal(root, Links::Beneath, deep.as_bytes());
    assert_eq!(
        refusal.reason(),
        Reason::NotFound,
        "a client must not ask again for ever"
    );
    let told = format!("after {} directory entries", entries_read - 1);
    assert!(
        refusal
            .detail()
            .is_some_and(|detail| detail.contains(&told)),
        "{refusal}"
    );
}

#[test]
fn a_client_has_its_own_directory_first() {
    let tree = Tree::new();
    tree.file("config")
        .file("common")
        .file("10.0.0.7/config")
        .file("10.0.0.8/config")
        .file("fd00::7/config");
    for dir in tree.both() {
        assert_eq!(
            read(&dir, "config"),
            served("config"),
            "only when asked for"
        );
        let dir = dir.per_client(true);
        let [other, mapped, six, alien] = ["10.0.0.8", "::ffff:10.0.0.8", "fd00::7", "10.0.0.9"]
            .map(|text| text.parse().unwrap());
        assert_eq!(read(&dir, "config"), served("10.0.0.7/config"));
        assert_eq!(read(&dir, "common"), served("common"));
        assert_eq!(read_as(&dir, "config", other), served("10.0.0.8/config"));
        assert_eq!(read_as(&dir, "config", mapped), served("10.0.0.8/config"));
        assert_eq!(read_as(&dir, "config", six), served("fd00::7/config"));
        assert_eq!(read_as(&dir, "config", alien), served("config"));
        assert_eq!(read(&dir, "10.0.0.7/config"), served("10.0.0.7/config"));
        for theirs in [
            "10.0.0.8/config",
            "./10.0.0.8/config",
            "//10.0.0.8/config",
            "fd00::7/config",
            "FD00:0::7/config",
        ] {
            assert_eq!(read(&dir, theirs), Err(Reason::NotFound), "{theirs}");
        }
    }
}

#[test]
fn a_client_directory_folds_case_too_and_does_not_hide_trouble() {
    let tree = Tree::new();
    tree.file("Config")
        .file("10.0.0.7/CONFIG")
        .file("blocked")
        .link("10.0.0.7/blocked", "/etc/passwd");
    let dir = tree.dir().per_client(true).case_insensitive(true);
    assert_eq!(read(&dir, "config"), served("10.0.0.7/CONFIG"));
    assert_eq!(
        read(&dir, "blocked"),
        Err(Reason::Denied),
        "a refusal is not a miss"
    );
}

#[tokio::test]
async fn a_route_says_which_part_of_the_path_is_the_name() {
    let tree = Tree::new();
    tree.file("router1")
        .file("lab/router1.cfg")
        .file("configs/router1");
    for (part, pattern, path, expected) in [
        (
            NameFrom::Rest,
            "/configs/{name}",
            "configs/router1",
            "router1",
        ),
        (
            NameFrom::Rest,
            "/configs/{*path}",
            "configs/router1",
            "router1",
        ),
        (
            NameFrom::Rest,
            "/{site}/{name}.cfg",
            "lab/router1.cfg",
            "lab/router1.cfg",
        ),
        (
            NameFrom::Rest,
            "/configs/router1",
            "configs/router1",
            "configs/router1",
        ),
        (
            NameFrom::Path,
            "/configs/{name}",
            "configs/router1",
            "configs/router1",
        ),
        (
            NameFrom::param("name"),
            "/{site}/{name}.conf",
            "lab/router1.conf",
            "router1",
        ),
    ] {
        let dir = tree.dir().name_from(part.clone());
        let app = App::from(Router::new().read(pattern, dir));
        let reply = app.read(request(path).unwrap()).await;
        let content = reply.unwrap().collect(100).await.unwrap();
        assert_eq!(content, expected, "{pattern} {part:?}");
        // It is open now: the same rule without waiting.
        let at_hand = app.at_hand(&request(path).unwrap());
        assert!(at_hand.is_none_or(|answer| answer.is_ok()), "{pattern}");
    }
    let dir = tree.dir().name_from(NameFrom::param("nmae"));
    assert!(
        dir.describe().ends_with(", by {nmae})"),
        "{}",
        dir.describe()
    );
    let app = App::from(Router::new().read("/configs/{name}", dir));
    let refusal = app
        .read(request("configs/router1").unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        refusal.detail(),
        Some("the file is named by {nmae}, which /configs/{name} does not have")
    );
}
