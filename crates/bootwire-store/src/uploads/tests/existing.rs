//! A name that is taken.

use super::*;

/// Without `RENAME_NOREPLACE` and `RENAME_EXCHANGE`.
fn without_flags(mut uploads: Uploads) -> Uploads {
    uploads.policy.rename_flags = false;
    uploads
}

#[tokio::test]
async fn create_only_refuses_what_exists_at_once() {
    let place = Place::new();
    fs::write(place.root.join("config"), "old").unwrap();
    let exists = refused(Reason::Exists, "File already exists");
    assert_eq!(said(begin(&place.uploads(), "config").await), exists);
    assert_eq!(
        said(begin(&place.uploads().replace().create_only(), "config").await),
        exists
    );
    assert_eq!(place.content("config"), "old");
}

#[tokio::test]
async fn of_two_that_create_the_same_name_the_first_to_finish_has_it() {
    for make in [|uploads| uploads, without_flags] {
        let place = Place::new();
        let uploads = make(place.uploads());
        let (mut one, mut two) = (
            begin(&uploads, "config").await.unwrap(),
            begin(&uploads, "config").await.unwrap(),
        );
        one.write(Bytes::from_static(b"one")).await.unwrap();
        two.write(Bytes::from_static(b"two")).await.unwrap();
        two.finish().await.unwrap();
        assert_eq!(
            said(one.finish().await),
            refused(Reason::Exists, "File already exists")
        );
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
    let (mut one, mut two) = (
        begin(&uploads, "config").await.unwrap(),
        begin(&uploads, "config").await.unwrap(),
    );
    one.write(Bytes::from_static(b"one")).await.unwrap();
    two.write(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(place.content("config"), "the old one", "until the end");
    one.finish().await.unwrap();
    assert_eq!(place.content("config"), "one");
    two.finish().await.unwrap();
    assert_eq!(
        (place.content("config"), place.names()),
        ("two".to_owned(), vec!["config".to_owned()])
    );
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
            assert_eq!(
                (stamp.as_bytes()[8], stamp.len() >= 15),
                (b'-', true),
                "{name}"
            );
            assert!(
                stamp
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-'),
                "{name}"
            );
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
        let mut accepted = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            // One that lost too many races is told so; what was acknowledged must be there.
            match task.await.unwrap() {
                Ok(()) => accepted.push(number.to_string()),
                Err(refusal) => assert_eq!(refusal.reason(), Reason::Busy, "{refusal}"),
            }
        }
        let mut stored: Vec<String> = place
            .names()
            .iter()
            .map(|name| place.content(name))
            .collect();
        stored.sort();
        accepted.sort();
        assert_eq!(stored, accepted);
        assert!(!accepted.is_empty());
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
    for uploads in [
        place.uploads(),
        place.uploads().replace(),
        place.uploads().versioned(),
    ] {
        for (name, text) in [
            ("directory", "Is a directory"),
            ("directory/", "Is a directory"),
            ("/", "Is a directory"),
            ("link", "Is a symbolic link"),
            ("out", "Is a symbolic link"),
            ("dangling", "Is a symbolic link"),
            ("fifo", "Not a regular file"),
        ] {
            assert_eq!(
                said(begin(&uploads, name).await),
                refused(Reason::Denied, text),
                "{name}"
            );
        }
    }
    assert_eq!(place.names(), before);
    assert_eq!(names_below(&place.outside), ["secret"]);
}

#[tokio::test]
async fn what_became_of_the_name_meanwhile_counts_at_the_end() {
    for (make, becomes_link) in [
        (Uploads::replace as fn(Uploads) -> Uploads, false),
        (Uploads::versioned, false),
        (Uploads::versioned, true),
    ] {
        let place = Place::new();
        let sink = begin(&make(place.uploads()), "config").await.unwrap();
        if becomes_link {
            symlink(place.outside.join("secret"), place.root.join("config")).unwrap();
        } else {
            fs::create_dir(place.root.join("config")).unwrap();
        }
        assert_eq!(said(sink.finish().await).unwrap().0, Reason::Denied);
        assert_eq!(place.names(), ["config"]);
        assert_eq!(
            fs::read_to_string(place.outside.join("secret")).unwrap(),
            "SECRET"
        );
    }
}

#[tokio::test]
async fn only_files_that_exist_are_taken_and_stay_as_they_are() {
    let place = Place::new();
    let file = place.root.join("config");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    let is_root = rustix::process::getuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&file, Some(1234), Some(2345)).unwrap();
    }
    let uploads = place.uploads().create_dirs(true).existing_only();
    put(&uploads, "config", "new").await.unwrap();
    assert_eq!(place.content("config"), "new");
    let after = fs::metadata(&file).unwrap();
    assert_eq!(after.mode() & 0o7777, 0o664);
    if is_root {
        assert_eq!((after.uid(), after.gid()), (1234, 2345));
    }
    let missing = refused(Reason::NotFound, "File not found");
    assert_eq!(said(begin(&uploads, "other").await), missing);
    let refusal = begin(&uploads, "none/other").await.map(drop).unwrap_err();
    assert_eq!(refusal.reason(), Reason::NotFound);
    assert_eq!(place.names(), ["config"]);
}

#[tokio::test]
async fn a_file_that_goes_while_its_successor_comes_is_missed() {
    let place = Place::new();
    fs::write(place.root.join("config"), "old").unwrap();
    let uploads = place.uploads().existing_only();
    let mut sink = begin(&uploads, "config").await.unwrap();
    sink.write(Bytes::from_static(b"new")).await.unwrap();
    fs::remove_file(place.root.join("config")).unwrap();
    let missing = refused(Reason::NotFound, "File not found");
    assert_eq!(said(sink.finish().await), missing);
    assert_eq!(place.names(), [""; 0]);
}

#[tokio::test]
async fn only_files_that_everybody_may_write_are_replaced() {
    let place = Place::new();
    for (name, mode) in [("open", 0o646), ("closed", 0o664)] {
        fs::write(place.root.join(name), "old").unwrap();
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.root.join(name), mode).unwrap();
    }
    for uploads in [
        place.uploads().existing_only(),
        place.uploads().replace(),
        place.uploads().versioned(),
    ] {
        let uploads = uploads.public_only(true);
        put(&uploads, "open", "new").await.unwrap();
        fs::set_permissions(place.root.join("open"), fs::Permissions::from_mode(0o646)).unwrap();
        let refusal = begin(&uploads, "closed").await.map(drop).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Denied);
        assert!(refusal.detail().unwrap().contains("everybody"), "{refusal}");
    }
    assert_eq!(place.content("closed"), "old");
}
