//! Regular expressions, rewrites, the client in them, and directories for each client.

use super::*;

/// The text of a file that is served, or the code and text of the ERROR.
async fn get_as(site: &Site, path: &str, client: &str) -> String {
    match site.app().call(get(path, client, &[])).await {
        Ok(Answer::Reply(reply)) => {
            let bytes = reply.collect(1 << 20).await.expect("content");
            String::from_utf8(bytes.to_vec()).unwrap()
        }
        Ok(Answer::Accept(_)) => panic!("an upload"),
        Err(refusal) => format!(
            "{} {}",
            refusal.reason().code().wire(),
            refusal.client_text()
        ),
    }
}

/// What tftp-hpa's sample map does, with a directory behind it.
const MAP: &str = r#"
    [[route]]
    regex = '\\'
    as_sent = true
    replace = "/"
    repeat = true
    [[route]]
    regex = '^[A-Z]:'
    as_sent = true
    case = "ignore"
    replace = ""
    [[route]]
    regex = '^/?private/'
    as_sent = true
    refuse = "denied"
    [[route]]
    regex = '^ftp:'
    as_sent = true
    refuse = "not-found"
    [[route]]
    regex = '^[^/]'
    as_sent = true
    replace = "/tftpboot/{0}"
    [[route]]
    regex = '^(.*)\.PVT$'
    rewrite = "/mr{1}.pvt"
    [[route]]
    path = "/tftpboot/{*path}"
    dir = "boot"
    [[route]]
    dir = "boot"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_map_of_expressions_is_applied_in_order() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/pxelinux.0", "relative");
    write(dir.path(), "boot/efi/boot.efi", "backslashes");
    write(dir.path(), "boot/mr/tftpboot/x.pvt", "suffix");
    let site = open(dir.path(), MAP).await;
    for (path, expected) in [
        ("pxelinux.0", "relative"),
        ("/tftpboot/pxelinux.0", "relative"),
        ("/pxelinux.0", "relative"),
        (r"\efi\boot.efi", "backslashes"),
        (r"c:\efi\boot.efi", "backslashes"),
        (r"efi\boot.efi", "backslashes"),
        ("x.PVT", "suffix"),
        ("private/x", "2 Access denied"),
        ("/private/x", "2 Access denied"),
        ("ftp://x", "1 File not found"),
        ("/ftp:/x", "1 File not found"),
    ] {
        assert_eq!(get_as(&site, path, "10.0.0.7").await, expected, "{path}");
    }
    assert_eq!(get_as(&site, "/none", "10.0.0.7").await, "1 File not found");
    assert!(is_at_hand(&site, "/none"), "expressions wait for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_what_expressions_did() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/efi/boot.efi", "backslashes");
    let restart = "[[route]]\npath = '/old/{*path}'\nrewrite = '/{path}'\nrestart = true\n";
    let site = open(dir.path(), &format!("{MAP}{restart}[[route]]\ntext = 'x'")).await;
    let told = site
        .explain(&get(r"c:\efi\boot.efi", "10.0.0.7", &[]), false)
        .await;
    let told = told.to_string();
    for words in [
        "goes on as /c:/efi/boot.efi",
        "goes on as /efi/boot.efi",
        "YES",
        "11 bytes",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let site = open(dir.path(), &format!("{restart}{MAP}")).await;
    let told = site
        .explain(&get("/old/old/efi/boot.efi", "10.0.0.7", &[]), false)
        .await;
    let told = told.to_string();
    assert_eq!(told.matches("begins anew as /").count(), 2, "{told}");
    assert!(told.contains("11 bytes"), "{told}");
    let described = site.routes()[1].to_string();
    assert_eq!(
        described,
        r#"\\: looked for with "/" for all it finds by what follows"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_stands_in_rewrites_texts_and_directories() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "dnsmasq.leases",
        "4102444800 52:54:00:12:34:56 10.0.0.7 web1 *\n",
    );
    write(dir.path(), "boot/10.0.0.7/motd", "by address");
    write(dir.path(), "boot/0A000007/motd", "by hex");
    write(dir.path(), "boot/52-54-00-12-34-56/motd", "by mac");
    write(
        dir.path(),
        "boot/52-54-00-12-34-56/SEP001B0D123456.cnf",
        "phone",
    );
    let site = open(
        dir.path(),
        r#"
        [identity]
        dnsmasq = "dnsmasq.leases"
        [[route]]
        path = "/a/{*path}"
        dir = "boot/{client}"
        [[route]]
        path = "/h/{*path}"
        dir = "boot"
        rewrite = "/{client:hex}/{path}"
        [[route]]
        path = "/m/{name}"
        dir = "boot/{client:mac}"
        [[route]]
        path = "/p/SEP{mac}.cnf"
        dir = "boot"
        rewrite = "/{client:mac}/SEP{mac:raw}.cnf"
        [[route]]
        path = "/t"
        text = "{client} {client:hex} {client:mac} {{}}"
        [[route]]
        path = "/o/{*path}"
        try = [{ dir = "boot/{client:mac}" }, { text = "for {client}" }]
        "#,
    )
    .await;
    for (path, expected) in [
        ("/a/motd", "by address"),
        ("/a/x/../motd", "by address"),
        ("/h/motd", "by hex"),
        ("/m/motd", "by mac"),
        ("/p/SEP001B0D123456.cnf", "phone"),
        ("/t", "10.0.0.7 0A000007 52-54-00-12-34-56 {}"),
        ("/o/motd", "by mac"),
        ("/o/none", "for 10.0.0.7"),
    ] {
        assert_eq!(get_as(&site, path, "10.0.0.7").await, expected, "{path}");
        assert_eq!(
            get_as(&site, path, "::ffff:10.0.0.7").await,
            expected,
            "{path}"
        );
    }
    assert_eq!(
        get_as(&site, "/m/motd", "10.0.0.8").await,
        "1 File not found"
    );
    assert_eq!(get_as(&site, "/o/motd", "10.0.0.8").await, "for 10.0.0.8");
    let told = site
        .explain(&get("/a/motd", "10.0.0.7", &[]), false)
        .await
        .to_string();
    assert!(told.contains("boot/{client} (links beneath it)"), "{told}");
    assert!(told.contains("boot/10.0.0.7/motd"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_has_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "dhcpd.conf",
        "host a { hardware ethernet 52:54:00:12:34:56; fixed-address 10.0.0.7; }\n",
    );
    write(dir.path(), "boot/52-54-00-12-34-56/config", "mine");
    write(dir.path(), "boot/52-54-00-12-34-57/config", "another's");
    write(dir.path(), "boot/common", "common");
    let site = |fallback: &str| {
        format!(
            "[identity]\nisc = 'dhcpd.conf'\n[[route]]\ndir = 'boot'\nper_client = 'mac'\n\
             fallback = '{fallback}'"
        )
    };
    for (fallback, common, unknown) in [
        ("file", "common", "common"),
        ("directory", "1 File not found", "common"),
        ("none", "1 File not found", "1 File not found"),
    ] {
        let site = open(dir.path(), &site(fallback)).await;
        assert_eq!(get_as(&site, "/config", "10.0.0.7").await, "mine");
        assert_eq!(
            get_as(&site, "/common", "10.0.0.7").await,
            common,
            "{fallback}"
        );
        assert_eq!(
            get_as(&site, "/common", "10.0.0.8").await,
            unknown,
            "{fallback}"
        );
        for client in ["10.0.0.7", "10.0.0.8"] {
            let others = get_as(&site, "/52-54-00-12-34-57/config", client).await;
            assert_eq!(others, "1 File not found", "{fallback}");
        }
        // The name in a request proves nothing.
        let claimed = get_as(&site, "/pxelinux.cfg/01-52-54-00-12-34-57", "10.0.0.7").await;
        assert_eq!(claimed, "1 File not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_climbs_through_a_directory_s_name() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/secret/key", "secret");
    write(dir.path(), "boot/a/x", "x");
    let site = open(
        dir.path(),
        "[[route]]\nregex = '^/([^/]*)z([^/]*)/(.*)$'\ndir = 'boot/{1}{2}/a'\n\
         [[route]]\nregex = '^/to/(.*)$'\ndir = 'boot/{1}'\n",
    )
    .await;
    for path in [
        ".z./key",
        ".z./../x",
        "/to/a/../../secret",
        "a/b",
        "/to/..",
        "/to/\\..\\secret",
    ] {
        let Some(request) = Request::synthetic(Op::Read, path, peer("10.0.0.7"), &[]) else {
            continue;
        };
        let answer = site.app().call(request).await;
        assert!(answer.is_err(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_refused_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let site = open(
        dir.path(),
        "[[quirk]]\nrefuse_options = ['blksize', 'blksize2']\n[[route]]\ntext = 'x'\n\
         refuse_options = 'tsize'",
    )
    .await;
    let asked = [("blksize", "1468"), ("tsize", "0"), ("timeout", "3")];
    let told = site.explain(&get("/x", "10.0.0.7", &asked), false).await;
    assert_eq!(format!("{:?}", told.granted), r#"{"timeout": 3}"#);
    let told = told.to_string();
    assert!(told.contains("no tsize (route)"), "{told}");
    assert!(
        told.contains("no blksize, no blksize2 (quirk number 1)"),
        "{told}"
    );
}

/// Whose own file it is, and where, stands in the account.
#[tokio::test(flavor = "multi_thread")]
async fn explain_names_the_file_of_a_clients_own_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/10.0.0.7/Menu", "own");
    write(dir.path(), "boot/menu", "shared");
    let route = "[[route]]\ndir = 'boot'\nper_client = 'address'\ncase_insensitive = true\n";
    let site = open(dir.path(), route).await;
    for (client, path) in [
        ("10.0.0.7", "boot/10.0.0.7/Menu"),
        ("10.0.0.8", "boot/menu"),
    ] {
        let told = site.explain(&get("/menu", client, &[]), false).await;
        let told = told.to_string();
        let file = format!(", {}\n", dir.path().join(path).display());
        assert!(told.contains(&file), "{client}: no {file:?} in {told}");
    }
}
