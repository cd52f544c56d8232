//! Uploads and what happens when they are complete.

use std::time::{Duration, Instant};

use bootwire::Answer;
use bytes::Bytes;

use super::*;

/// Sends a file: the sink is driven as the engine drives it.
async fn send(site: &Site, path: &str, content: &'static [u8]) -> Result<(), Refusal> {
    let Answer::Accept(accept) = site.app().call(put(path, "10.0.0.7")).await? else {
        panic!("a write answered with content");
    };
    let mut sink = accept.into_sink();
    sink.write(Bytes::from_static(content)).await?;
    sink.finish().await
}

/// Waits for a file that a program writes.
async fn appears(path: &Path) -> String {
    let began = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            path.display()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_those_of_the_table() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    for name in ["new", "replaced", "kept"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/new/{*path}"
        upload = "new"
        size_max = 8
        create_dirs = true
        mode = "0640"
        [[route]]
        path = "/replaced/{*path}"
        upload = "replaced"
        existing = "replace"
        [[route]]
        path = "/kept/{*path}"
        upload = "kept"
        existing = "versioned"
        "#,
    )
    .await;
    send(&site, "/new/a/b", b"first").await.unwrap();
    let mode = std::fs::metadata(dir.path().join("new/a/b"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let again = send(&site, "/new/a/b", b"second").await.unwrap_err();
    assert_eq!(again.reason().code().wire(), 6);
    let large = send(&site, "/new/c", b"far too large").await.unwrap_err();
    assert_eq!(large.reason().code().wire(), 3);
    for (name, files) in [("replaced", 1), ("kept", 2)] {
        let path = format!("/{name}/x");
        send(&site, &path, b"one").await.unwrap();
        send(&site, &path, b"two").await.unwrap();
        let count = std::fs::read_dir(dir.path().join(name)).unwrap().count();
        assert_eq!(count, files, "{name}");
        assert_eq!(
            std::fs::read(dir.path().join(name).join("x")).unwrap(),
            b"two"
        );
    }
    assert_eq!(
        send(&site, "/else", b"x")
            .await
            .unwrap_err()
            .reason()
            .code()
            .wire(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_names_with_the_secret_get_in_and_lose_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("up")).unwrap();
    write(dir.path(), "secret", "tr0ub4dor\n");
    let site = open(
        dir.path(),
        "[[route]]\npath = '/up/{*path}'\nupload = 'up'\nsecret_suffix_file = 'secret'",
    )
    .await;
    send(&site, "/up/router1.cfg.tr0ub4dor", b"config")
        .await
        .unwrap();
    assert_eq!(
        std::fs::read(dir.path().join("up/router1.cfg")).unwrap(),
        b"config"
    );
    assert_eq!(std::fs::read_dir(dir.path().join("up")).unwrap().count(), 1);
    let refused = site
        .app()
        .at_hand(&put("/up/router1.cfg.guess123", "10.0.0.7"));
    assert_eq!(refused.unwrap().unwrap_err().reason().code().wire(), 2);

    write(dir.path(), "secret", "short");
    let told = wrong(
        dir.path(),
        "[[route]]\npath = '/up/{*path}'\nupload = 'up'\nsecret_suffix_file = 'secret'",
    )
    .await;
    assert!(
        told.contains("bootwire.toml:1: secret_suffix_file: "),
        "{told}"
    );
    assert!(
        told.contains("at least 8") && !told.contains("short"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_when_an_upload_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("up")).unwrap();
    let log = dir.path().join("log");
    program(
        dir.path(),
        "finished",
        &format!(
            "#!/bin/sh\necho \"$1 $2 $BOOTWIRE_FILE $BOOTWIRE_SIZE $BOOTWIRE_PATH $BOOTWIRE_PEER\" > {}\n",
            log.display()
        ),
    );
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/up/{*path}"
        upload = "up"
        finished = { program = "finished", args = ["{file}", "{size}"] }
        "#,
    )
    .await;
    send(&site, "/up/a", b"content").await.unwrap();
    let file = dir.path().join("up/a");
    let file = file.display();
    assert_eq!(
        appears(&log).await,
        format!("{file} 7 {file} 7 /up/a 10.0.0.7\n")
    );
}

/// Programs and their logs are nothing that a secret should get into.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_does_not_hear_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("up")).unwrap();
    write(dir.path(), "secret", "tr0ub4dor\n");
    let (log, part) = (dir.path().join("log"), dir.path().join("part"));
    program(
        dir.path(),
        "finished",
        &format!(
            "#!/bin/sh\n{{ env; echo \"args: $*\"; }} > {}\nmv {0} {}\n",
            part.display(),
            log.display()
        ),
    );
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/up/{*path}"
        upload = "up"
        secret_suffix_file = "secret"
        finished = { program = "finished", args = ["{path}", "{file}"] }
        "#,
    )
    .await;
    send(&site, "/up/a.cfg.tr0ub4dor", b"content")
        .await
        .unwrap();
    let told = appears(&log).await;
    assert!(!told.contains("tr0ub4dor"), "{told}");
    assert!(told.contains("a.cfg"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_or_hangs_costs_no_upload() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("up")).unwrap();
    let started = dir.path().join("started");
    program(
        dir.path(),
        "hangs",
        &format!(
            "#!/bin/sh\necho x >> {}\nexec sleep 600\n",
            started.display()
        ),
    );
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/up/{*path}"
        upload = "up"
        finished = { program = "hangs", deadline = "50ms", concurrency = 1 }
        [[route]]
        upload = "up"
        finished = { program = "not-there" }
        "#,
    )
    .await;
    for path in ["/up/a", "/up/b", "/c"] {
        send(&site, path, b"content").await.unwrap();
    }
    let began = Instant::now();
    // The second runs only when the first was killed.
    while appears(&started).await.lines().count() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
