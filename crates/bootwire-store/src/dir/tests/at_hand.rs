//! What is answered without waiting for the disk is what waiting would have answered.

use super::*;

fn request(name: &str) -> Request {
    let peer = SocketAddr::new(CLIENT, 2000);
    Request::synthetic(Op::Read, name, peer, &[]).unwrap()
}

/// The size of the file at hand for `name`, or why it is refused.
fn at_hand(dir: &Dir, name: &str) -> Option<Result<Option<u64>, Reason>> {
    let found = dir.at_hand(&request(name))?;
    Some(
        found
            .map(|reply| reply.size())
            .map_err(|refusal| refusal.reason()),
    )
}

#[tokio::test]
async fn a_file_is_at_hand_once_it_was_asked_for_and_while_it_is_the_same() {
    let tree = Tree::new();
    let dir = tree.file("grub/grub.cfg").dir();
    assert_eq!(at_hand(&dir, "grub/grub.cfg"), None);
    dir.call(request("grub/grub.cfg")).await.unwrap();
    assert_eq!(at_hand(&dir, "grub/grub.cfg"), Some(Ok(Some(13))));
    assert_eq!(at_hand(&dir, "\\grub\\\\grub.cfg"), Some(Ok(Some(13))));

    fs::write(tree.root.join("new"), "another version").unwrap();
    fs::rename(tree.root.join("new"), tree.root.join("grub/grub.cfg")).unwrap();
    assert_eq!(at_hand(&dir, "grub/grub.cfg"), None, "replaced");
    dir.call(request("grub/grub.cfg")).await.unwrap();
    assert_eq!(at_hand(&dir, "grub/grub.cfg"), Some(Ok(Some(15))));

    fs::set_permissions(
        tree.root.join("grub/grub.cfg"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    assert_eq!(at_hand(&dir, "grub/grub.cfg"), None, "no longer for all");
    fs::remove_file(tree.root.join("grub/grub.cfg")).unwrap();
    assert!(!matches!(at_hand(&dir, "grub/grub.cfg"), Some(Ok(_))));
}

#[tokio::test]
async fn a_name_known_to_lead_nowhere_is_refused_at_once() {
    let tree = Tree::new();
    let dir = tree.file("pxelinux.cfg/default").dir();
    let name = "pxelinux.cfg/01-52-54-00-12-34-56";
    dir.call(request(name)).await.unwrap_err();
    assert_eq!(at_hand(&dir, name), Some(Err(Reason::NotFound)));
    fs::write(tree.root.join(name), "now it is here").unwrap();
    assert_eq!(at_hand(&dir, name), None);
}

#[tokio::test]
async fn links_that_lead_out_are_as_closed_as_ever() {
    let tree = Tree::new();
    let secret = tree.outside.join("secret");
    let dir = tree.file("inside").link("out", &secret).dir();
    // The secret is open for another reason, and its path is in the kernel's caches.
    let open = OpenFile::new(File::open(&secret).unwrap()).unwrap();
    assert!(!matches!(at_hand(&dir, "out"), Some(Ok(_))));
    drop(open);
}

#[tokio::test]
async fn settings_that_look_at_several_paths_are_never_at_hand() {
    let tree = Tree::new();
    tree.file("inside");
    for dir in [
        tree.dir().per_client(true),
        tree.dir().case_insensitive(true),
        tree.walking(),
    ] {
        dir.call(request("inside")).await.unwrap();
        assert_eq!(at_hand(&dir, "inside"), None);
    }
}

#[tokio::test]
async fn requests_of_one_moment_share_what_was_found_and_later_ones_do_not() {
    let tree = Tree::new();
    let dir = tree.file("config").file("other").dir();
    let opened = dir.call(request("config")).await.unwrap();
    dir.call(request("other")).await.unwrap();
    let moment = Moment::now();
    let found = |name, moment| {
        let reply = dir.at_hand(&request(name).taken_at(moment))?;
        reply.ok().map(|reply| reply.size())
    };
    assert_eq!(found("config", moment), Some(opened.size()));

    fs::write(tree.root.join("new"), "another version").unwrap();
    fs::rename(tree.root.join("new"), tree.root.join("config")).unwrap();
    assert_eq!(found("config", moment), Some(opened.size()), "so it was");
    assert!(found("other", moment).is_some(), "each name by itself");
    assert_eq!(found("config", Moment::now()), None, "replaced");
    dir.call(request("config")).await.unwrap();
    assert_eq!(found("config", Moment::now()), Some(Some(15)));
}

#[tokio::test]
async fn what_was_found_in_one_directory_is_not_found_in_another() {
    let (one, two) = (Tree::new(), Tree::new());
    let (one, two) = (one.file("config").dir(), two.dir());
    one.call(request("config")).await.unwrap();
    let moment = Moment::now();
    assert!(matches!(
        one.at_hand(&request("config").taken_at(moment)),
        Some(Ok(_))
    ));
    assert!(!matches!(
        two.at_hand(&request("config").taken_at(moment)),
        Some(Ok(_))
    ));
}
