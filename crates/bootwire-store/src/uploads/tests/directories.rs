//! The directories on the way to the name.

use bootwire::Router;
use bootwire::router::App;

use super::*;

#[tokio::test]
async fn directories_must_exist_unless_they_may_be_made() {
    let place = Place::new();
    assert_eq!(
        said(begin(&place.uploads(), "a/b/config").await),
        refused(Reason::NotFound, "No such directory")
    );
    let uploads = place.uploads().create_dirs(true);
    put(&uploads, "a/b/config", "one").await.unwrap();
    put(&uploads, "a/c/config", "two").await.unwrap();
    assert_eq!(
        place.names(),
        ["a", "a/b", "a/b/config", "a/c", "a/c/config"]
    );
    assert_eq!(
        said(begin(&uploads, "a/b/config/x").await),
        refused(Reason::NotFound, "No such directory"),
        "below a file"
    );
}

#[tokio::test]
async fn two_uploads_may_need_the_same_new_directory() {
    let place = Place::new();
    let uploads = place.uploads().create_dirs(true);
    let (one, two, three) = (
        begin(&uploads, "a/one").await.unwrap(),
        begin(&uploads, "a/two").await.unwrap(),
        begin(&uploads, "a/one").await.unwrap(),
    );
    one.finish().await.unwrap();
    two.finish().await.unwrap();
    assert_eq!(said(three.finish().await).unwrap().0, Reason::Exists);
    assert_eq!(place.names(), ["a", "a/one", "a/two"]);
}

#[tokio::test]
async fn directories_made_for_an_upload_that_fails_are_removed() {
    let place = Place::new();
    let mut sink = begin(&place.uploads().create_dirs(true), "a/b/c/config")
        .await
        .unwrap();
    sink.write(Bytes::from_static(b"x")).await.unwrap();
    fs::create_dir(place.root.join("a")).unwrap();
    symlink(&place.outside, place.root.join("a/b")).unwrap();
    assert_eq!(
        said(sink.finish().await).map(|(reason, _)| reason),
        Some(Reason::NotFound)
    );
    assert_eq!(place.names(), ["a", "a/b"], "what another made stays");
    assert_eq!(
        names_below(&place.outside),
        ["secret"],
        "and a link is not followed"
    );

    let mut sink = begin(&place.uploads().create_dirs(true), "x/y/config")
        .await
        .unwrap();
    sink.write(Bytes::from_static(b"x")).await.unwrap();
    fs::create_dir_all(place.root.join("x/y/config")).unwrap();
    assert_eq!(
        said(sink.finish().await).map(|(reason, _)| reason),
        Some(Reason::Exists)
    );
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
        assert_eq!(
            said(begin(&uploads, name).await).map(|(reason, _)| reason),
            Some(Reason::Denied),
            "{name}"
        );
    }
    let walking = Uploads::new(Directory::open_walking(&place.root).unwrap())
        .unwrap()
        .keep_free(0);
    assert_eq!(
        said(begin(&walking, "in/other").await).map(|(reason, _)| reason),
        Some(Reason::Denied),
        "the walk refuses links"
    );
    put(&walking, "real/other", "two").await.unwrap();
    assert_eq!(place.content("real/other"), "two");
    assert_eq!(names_below(&place.outside), ["secret"]);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_an_error_at_the_start() {
    let place = Place::new();
    fs::set_permissions(
        place.root.parent().unwrap(),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
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
    assert_eq!(
        error.io_error().kind(),
        std::io::ErrorKind::PermissionDenied
    );
    assert!(Uploads::into(place.root.join("none")).is_err());
}

#[tokio::test]
async fn a_route_says_which_part_of_the_path_is_the_name() {
    for (part, pattern, stored) in [
        (NameFrom::Rest, "/configs/{name}.cfg", "r1.cfg"),
        (NameFrom::Rest, "/configs/{*path}", "r1.cfg"),
        (NameFrom::Path, "/configs/{name}.cfg", "configs/r1.cfg"),
        (NameFrom::param("name"), "/configs/{name}.cfg", "r1"),
    ] {
        let place = Place::new();
        let uploads = place.uploads().create_dirs(true).name_from(part);
        let app = App::from(Router::new().write(pattern, uploads));
        let accept = app.write(request("configs/r1.cfg", &[]).unwrap()).await;
        accept.unwrap().store("hostname r1").await.unwrap();
        assert_eq!(place.content(stored), "hostname r1", "{pattern}");
        assert_eq!(place.names().last().unwrap(), stored, "and nothing else");
    }
}
