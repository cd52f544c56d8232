//! Routes in order, new names, and answers that are tried in order.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_route_that_is_for_a_request_answers_it() {
    let dir = tempfile::tempdir().unwrap();
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/motd"
        from = "192.168.0.0/16"
        text = "lab"
        [[route]]
        path = "/motd"
        option = "tsize"
        text = "sized"
        [[route]]
        path = "/{name}"
        text = "name {name}"
        "#,
    )
    .await;
    let asked = async |client: &str, options: &[(&str, &str)]| {
        content(
            &site
                .app()
                .call(get("/motd", client, options))
                .await
                .unwrap(),
        )
    };
    assert_eq!(asked("192.168.1.1", &[("tsize", "0")]).await, "lab");
    assert_eq!(asked("10.0.0.7", &[("tsize", "0")]).await, "sized");
    assert_eq!(asked("10.0.0.7", &[]).await, "name motd");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_what_later_routes_see() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "files/a/motd", "hello");
    let site = open(
        dir.path(),
        r#"
        case_insensitive = true
        [[route]]
        path = "/tftpboot/{*path}"
        rewrite = "/{path}"
        [[route]]
        path = "/lab/{*path}"
        from = "192.168.0.0/16"
        rewrite = "/a/{path}"
        [[route]]
        dir = "files"
        "#,
    )
    .await;
    assert_eq!(size(&site, "/tftpboot/a/motd").await, Ok(Some(5)));
    assert_eq!(
        size(&site, "/TFTPBOOT/a/motd").await,
        Ok(Some(5)),
        "in any case"
    );
    assert_eq!(code(&site, "/lab/motd").await, 1, "only for the lab");
    let lab = site
        .app()
        .call(get("/tftpboot/lab/motd", "192.168.0.7", &[]))
        .await;
    assert!(lab.is_ok(), "one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_does_not_have_the_next_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "local/a", "local");
    write(dir.path(), "local/x86_64-efi/command.lst", "mine");
    write(dir.path(), "shared/debian/b", "other");
    write(
        dir.path(),
        "templates/boot.j2",
        "rendered for {{ request.path }}",
    );
    let site = open(
        dir.path(),
        r#"
        [[route]]
        try = [
            { dir = "local" },
            { dir = "shared", rewrite = "/debian/{path}" },
            { template = "boot.j2" },
        ]
        "#,
    )
    .await;
    assert_eq!(size(&site, "/a").await, Ok(Some(5)));
    assert_eq!(size(&site, "/b").await, Ok(Some(5)));
    assert_eq!(text(&site, "/c").await.unwrap(), "rendered for /c");
    assert_eq!(
        size(&site, "/x86_64-efi/command.lst").await,
        Ok(Some(4)),
        "a file that is there"
    );
    assert_eq!(
        size(&site, "/x86_64-efi/fs.lst").await,
        Ok(Some(0)),
        "GRUB's probe"
    );
    for path in ["/a", "/c", "/x86_64-efi/fs.lst"] {
        assert!(is_at_hand(&site, path), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_answered_only_if_nothing_that_is_tried_has_the_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "local/x86_64-efi/command.lst", "mine");
    write(dir.path(), "local/autoexec.ipxe", "script");
    write(dir.path(), "local/pxelinux.cfg/C0A8", "network");
    write(dir.path(), "templates/boot.j2", "rendered");
    program(dir.path(), "boot", "#!/bin/sh\necho asked\n");
    for first in ["template = 'boot.j2'", "exec = { program = 'boot' }"] {
        for tried in [
            format!("{{ {first} }}, {{ dir = 'local' }}"),
            format!("{{ refuse = 'not-found' }}, {{ {first} }}, {{ dir = 'local' }}"),
        ] {
            let site = open(dir.path(), &format!("[[route]]\ntry = [{tried}]")).await;
            let size = async |path| size(&site, path).await;
            assert_eq!(
                size("/x86_64-efi/command.lst").await,
                Ok(Some(4)),
                "{tried}"
            );
            assert_eq!(size("/autoexec.ipxe").await, Ok(Some(6)), "{tried}");
            assert_eq!(size("/pxelinux.cfg/C0A8").await, Ok(Some(7)), "{tried}");
            assert_eq!(size("/x86_64-efi/fs.lst").await, Ok(Some(0)), "{tried}");
            assert_eq!(code(&site, "/pxelinux.cfg/C0A").await, 1, "{tried}");
            assert!(is_at_hand(&site, "/x86_64-efi/fs.lst"), "{tried}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_ends_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let site = open(
        dir.path(),
        "[[route]]\ntry = [{ refuse = 'not-found' }, { refuse = 'denied' }, { text = 'x' }]",
    )
    .await;
    assert_eq!(code(&site, "/x").await, 2);
    assert!(is_at_hand(&site, "/x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_without_a_deadline_keep_the_usual_one_when_others_take_longer() {
    let dir = tempfile::tempdir().unwrap();
    program(dir.path(), "slow", "#!/bin/sh\nexec sleep 60\n");
    let text_of = r#"
        deadline = "100ms"
        [[route]]
        path = "/patient"
        deadline = "1h"
        text = "x"
        [[route]]
        exec = { program = "slow", deadline = "1h" }
    "#;
    let site = open(dir.path(), text_of).await;
    let late = text(&site, "/x").await.unwrap_err();
    assert!(late.detail().unwrap().contains("100ms"), "{late}");
    let longest = site.config().longest_deadline();
    assert_eq!(longest, std::time::Duration::from_secs(3600));
}
