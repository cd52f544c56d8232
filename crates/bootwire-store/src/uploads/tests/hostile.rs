//! Names known from attacks, and random ones.

use proptest::prelude::*;

use super::*;
use crate::dir::tests::tricks::tricks;

#[tokio::test]
async fn no_trick_writes_outside_or_under_an_odd_name() {
    let place = Place::new();
    fs::create_dir(place.root.join("a")).unwrap();
    symlink(place.outside.join("secret"), place.root.join("out")).unwrap();
    symlink(&place.outside, place.root.join("outdir")).unwrap();
    symlink("loop", place.root.join("loop")).unwrap();
    mknodat(CWD, place.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let above = place.root.parent().unwrap().to_str().unwrap().to_owned();
    for uploads in [
        place.uploads().replace().create_dirs(true),
        Uploads::new(Directory::open_walking(&place.root).unwrap())
            .unwrap()
            .keep_free(0)
            .versioned(),
    ] {
        for name in tricks() {
            let results = {
                let raw = Target::resolve(&uploads.directory.held(), uploads.policy, &name)
                    .and_then(|target| Part::create(target, uploads.policy, Arc::default(), 0))
                    .and_then(commit);
                match std::str::from_utf8(&name)
                    .ok()
                    .and_then(|name| request(name, &[]))
                {
                    Some(request) => {
                        let sink = uploads.begin(request).await;
                        vec![
                            raw,
                            match sink {
                                Ok(sink) => Box::new(sink).finish().await,
                                Err(refusal) => Err(refusal),
                            },
                        ]
                    }
                    None => vec![raw],
                }
            };
            for refusal in results.into_iter().filter_map(Result::err) {
                assert!(
                    matches!(refusal.reason(), Reason::Denied | Reason::NotFound),
                    "{refusal:?}"
                );
                // The operator hears where a link leads, the client does not.
                let (text, told) = (refusal.client_text(), refusal.to_string());
                assert!(!text.contains(&above), "{text}");
                assert!(!told.contains(char::is_control), "{told}");
            }
        }
    }
    assert_eq!(names_below(&place.outside), ["secret"]);
    assert_eq!(
        fs::read_to_string(place.outside.join("secret")).unwrap(),
        "SECRET"
    );
    assert_eq!(
        names_below(place.root.parent().unwrap())
            .iter()
            .filter(|name| !name.starts_with("srv"))
            .count(),
        2
    );
    fn walk(directory: &Path) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            use std::os::unix::ffi::OsStrExt as _;
            let name = entry.file_name();
            assert!(
                !name.as_bytes().iter().any(u8::is_ascii_control),
                "{name:?}"
            );
            assert!(!crate::name::is_reserved(name.as_bytes()), "{name:?}");
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path());
            }
        }
    }
    walk(&place.root);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_uploaded_lands_inside(
        links in prop::collection::vec((prop::sample::select(vec!["a", "b", "c/a", "c/b"]), prop::sample::select(vec!["..", "../..", "../outside", "/", "c", "b", "a/..", "/proc/self/cwd"])), 0..4),
        paths in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "..", ".", "outside", "secret", "x"]), 1..5), 1..8),
        walking in any::<bool>(),
    ) {
        let place = Place::new();
        fs::create_dir(place.root.join("c")).unwrap();
        for (name, target) in links {
            let _ = symlink(target, place.root.join(name));
        }
        let directory = if walking { Directory::open_walking(&place.root) } else { Directory::open(&place.root) };
        let uploads = Uploads::new(directory.unwrap()).unwrap().keep_free(0).replace().create_dirs(true);
        for path in paths {
            let path = path.join("/").into_bytes();
            let _ = Target::resolve(&uploads.directory.held(), uploads.policy, &path)
                .and_then(|target| Part::create(target, uploads.policy, Arc::default(), 0))
                .and_then(commit);
        }
        prop_assert_eq!(names_below(&place.outside), ["secret"]);
        prop_assert_eq!(fs::read_to_string(place.outside.join("secret")).unwrap(), "SECRET");
        prop_assert_eq!(fs::read_dir(place.root.parent().unwrap()).unwrap().count(), 2);
        prop_assert!(!names_below(&place.root).iter().any(|name| name.contains(".bootwire-")));
    }
}
