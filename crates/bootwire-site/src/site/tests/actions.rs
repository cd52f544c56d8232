//! One action at a time.

use bootwire::Server;

use super::origins::Web;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_serves_what_the_star_took() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/linux/vmlinuz", "kernel");
    let site = open(
        dir.path(),
        "[[route]]\npath = '/images/{*path}'\ndir = 'boot'\n\
         [[route]]\npath = '/{arch}/{*path}'\ndir = 'boot'\nrewrite = '/linux/{path}'",
    )
    .await;
    assert_eq!(size(&site, "/images/linux/vmlinuz").await, Ok(Some(6)));
    assert_eq!(size(&site, "/x64/vmlinuz").await, Ok(Some(6)), "renamed");
    assert_eq!(code(&site, "/images/none").await, 1);
    assert!(is_at_hand(&site, "/images/linux/vmlinuz"), "open already");
    assert!(
        is_at_hand(&site, "/x64/vmlinuz"),
        "through the new name too"
    );
    assert!(is_at_hand(&site, "/images/none"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_a_directory_count() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/Boot/BCD", "store");
    write(dir.path(), "boot/10.0.0.7/motd", "yours");
    std::os::unix::fs::symlink("/Boot/BCD", dir.path().join("boot/link")).unwrap();
    let route = |settings: &str| format!("[[route]]\ndir = 'boot'\n{settings}");
    let plain = open(dir.path(), &route("")).await;
    for (path, settings) in [
        ("/boot/bcd", "case_insensitive = true"),
        ("/motd", "per_client = true"),
        ("/link", "links = 'in-root'"),
    ] {
        assert!(size(&plain, path).await.is_err(), "{path}");
        let site = open(dir.path(), &route(settings)).await;
        assert!(size(&site, path).await.is_ok(), "{settings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_empty_files_and_refusals_are_at_hand() {
    let dir = tempfile::tempdir().unwrap();
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/hello/{mac}"
        text = "for {mac}\n"
        [[route]]
        path = "/nothing"
        empty = true
        [[route]]
        path = "/later"
        refuse = "busy"
        [[route]]
        path = "/secret"
        refuse = { code = 2, text = "Not enrolled" }
        [[route]]
        op = "write"
        refuse = { code = 2, text = "Read only" }
        "#,
    )
    .await;
    for path in ["/hello/525400123456", "/nothing", "/later", "/secret"] {
        assert!(is_at_hand(&site, path), "{path}");
    }
    assert_eq!(
        text(&site, "/hello/525400123456").await.unwrap(),
        "for 52:54:00:12:34:56\n"
    );
    assert_eq!(text(&site, "/nothing").await.unwrap(), "");
    assert_eq!(code(&site, "/later").await, 0);
    let refusal = text(&site, "/secret").await.unwrap_err();
    assert_eq!(refusal.client_text(), "Not enrolled");
    let refused = site.app().at_hand(&put("/x", "10.0.0.7")).unwrap();
    assert_eq!(refused.unwrap_err().client_text(), "Read only");
    assert_eq!(code(&site, "/else").await, 1, "no route is for it");
}

const MACHINES: &str = "[[machine]]\nmac = '52:54:00:12:34:56'\nhostname = 'node-7'\n\
                        vars = { disk = '/dev/vda', level = 'machine' }\n";

const TEMPLATE: &str = "{{ machine.hostname | default('nobody') }} {{ machine.profile | default('none') }} \
                        {{ vars.disk | default('-') }} {{ vars.level }} {{ vars.site }}";

#[tokio::test(flavor = "multi_thread")]
async fn templates_know_the_machine_and_all_variables() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", TEMPLATE);
    write(dir.path(), "machines.toml", MACHINES);
    let unknown = [
        "'not-found'",
        "'denied'",
        "'render'",
        "{ profile = 'guest' }",
    ];
    let routes = unknown.iter().enumerate().map(|(number, unknown)| {
        format!(
            "[[route]]\npath = '/{number}/{{mac}}'\ntemplate = 'boot.j2'\nunknown = {unknown}\n\
             vars = {{ level = 'route' }}\n"
        )
    });
    let text_of = format!(
        "[inventory]\nfiles = 'machines.toml'\n\
         [templates]\nvars = {{ level = 'all', site = 'ams' }}\n{}",
        routes.collect::<String>()
    );
    let site = open(dir.path(), &text_of).await;
    let known = "node-7 none /dev/vda machine ams";
    for number in 0..4 {
        let path = format!("/{number}/525400123456");
        assert_eq!(text(&site, &path).await.unwrap(), known);
        assert!(is_at_hand(&site, &path), "files are in memory");
    }
    assert_eq!(code(&site, "/0/52540012ffff").await, 1);
    assert_eq!(code(&site, "/1/52540012ffff").await, 2);
    assert_eq!(
        text(&site, "/2/52540012ffff").await.unwrap(),
        "nobody none - route ams"
    );
    assert_eq!(
        text(&site, "/3/52540012ffff").await.unwrap(),
        "nobody guest - route ams"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_an_inventory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", TEMPLATE);
    let database = bootwire_render::inventory::sql::Sqlite::open(dir.path().join("machines.db"));
    let machine: bootwire_render::inventory::Machine = serde_json::from_value(serde_json::json!({
        "mac": "52:54:00:12:34:56", "hostname": "node-8", "vars": {"level": "db", "site": "x"},
    }))
    .unwrap();
    database.await.unwrap().add(&machine).await.unwrap();
    let site = open(
        dir.path(),
        "[inventory]\nsqlite = 'machines.db'\nfresh_for = '1h'\n\
         [[route]]\npath = '/{mac}'\ntemplate = 'boot.j2'",
    )
    .await;
    assert!(
        !is_at_hand(&site, "/525400123456"),
        "nobody has asked it yet"
    );
    assert_eq!(
        text(&site, "/525400123456").await.unwrap(),
        "node-8 none - db x"
    );
    assert!(is_at_hand(&site, "/525400123456"), "its answer is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_an_inventory() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "templates/boot.j2",
        "{{ machine.hostname }} {{ vars.site }}",
    );
    let answer = r#"{"results": [{"name": "node-9", "site": {"slug": "ams"}}]}"#;
    let web = Web::with(&[("/devices/52%3A54%3A00%3A12%3A34%3A56", answer)]).await;
    let site = open(
        dir.path(),
        &format!(
            "[inventory]\nhttp = '{}devices/{{mac}}'\nmachine = '/results/0'\n\
             fields = {{ hostname = '/name', site = '/site/slug' }}\n\
             [[route]]\npath = '/{{mac}}'\ntemplate = 'boot.j2'\nunknown = 'denied'",
            web.url()
        ),
    )
    .await;
    assert_eq!(text(&site, "/525400123456").await.unwrap(), "node-9 ams");
    assert_eq!(code(&site, "/525400ffffff").await, 2, "404 is nobody");
    let asked = web.asked();
    assert!(is_at_hand(&site, "/525400123456") && is_at_hand(&site, "/525400ffffff"));
    assert_eq!(web.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_tell_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "templates/boot.j2",
        "{{ machine.mac }} {{ machine.hostname }}",
    );
    write(
        dir.path(),
        "leases",
        "0 52:54:00:12:34:56 10.0.0.7 node-7 *\n",
    );
    let site = open(
        dir.path(),
        "[identity]\ndnsmasq = 'leases'\n[[route]]\ntemplate = 'boot.j2'",
    )
    .await;
    assert_eq!(
        text(&site, "/grub/grub.cfg").await.unwrap(),
        "52:54:00:12:34:56 node-7"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_without_the_template_unless_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "rendered");
    let site = open(
        dir.path(),
        "[[route]]\npath = '/grub/{*path}'\ntemplate = 'boot.j2'\n\
         [[route]]\ntemplate = 'boot.j2'\nprobes = false",
    )
    .await;
    assert_eq!(
        text(&site, "/grub/x86_64-efi/command.lst").await.unwrap(),
        ""
    );
    assert_eq!(code(&site, "/grub/grub.cfg-C0A802").await, 1);
    assert_eq!(text(&site, "/grub/grub.cfg").await.unwrap(), "rendered");
    assert_eq!(
        text(&site, "/x86_64-efi/command.lst").await.unwrap(),
        "rendered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn caps_quirks_and_labels_are_on_what_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let site = open(
        dir.path(),
        r#"
        [[quirk]]
        name = "small"
        path = "/small"
        blksize_max = 1000
        [[quirk]]
        from = "10.9.0.0/16"
        options = false
        [[route]]
        text = "content"
        blksize_max = 1200
        windowsize_max = 2
        labels = { site = "ams" }
        "#,
    )
    .await;
    let server = Server::bind("[::]:69");
    let options = [("blksize", "1468"), ("windowsize", "8")];
    let granted = async |path: &str, client: &str| {
        let request = get(path, client, &options);
        let called = site.app().call(request.clone()).await.unwrap();
        let at_hand = site.app().at_hand(&request).unwrap().unwrap();
        let granted = server.grants(&request, &called);
        assert_eq!(granted, server.grants(&request, &at_hand));
        granted
            .into_iter()
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(granted("/x", "10.0.0.7").await, [1200, 2]);
    assert_eq!(granted("/small", "10.0.0.7").await, [1000, 2]);
    assert!(granted("/x", "10.9.0.7").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_told_with_its_place_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/broken.j2", "one\n{{ two");
    let told = wrong(
        dir.path(),
        "[[route]]\npath = '/a'\ndir = 'nowhere'\n\
         [[route]]\npath = '/b'\ntemplate = 'none.j2'\n\
         [[route]]\npath = '/c'\ntemplate = 'broken.j2'\n\
         [[route]]\npath = '/d/{*path}'\nupload = 'nowhere'\n",
    )
    .await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    for (line, parts) in [
        (lines[0], ["bootwire.toml:1: ", "nowhere: No such file"]),
        (
            lines[1],
            [
                "bootwire.toml:4: ",
                "no template \"none.j2\"; there are bootwire/",
            ],
        ),
        (lines[2], ["bootwire.toml:7: ", "broken.j2:2: syntax error"]),
        (lines[3], ["bootwire.toml:10: ", "nowhere: No such file"]),
    ] {
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_told_in_lines() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "x");
    write(dir.path(), "machines.toml", MACHINES);
    let site = open(
        dir.path(),
        r#"
        [inventory]
        files = "machines.toml"
        [[route]]
        path = "/old/{*path}"
        rewrite = "/{path}"
        [[route]]
        path = "/grub/grub.cfg-01-{mac}"
        from = "10.0.0.0/8"
        template = "boot.j2"
        [[route]]
        try = [{ text = "a" }, { refuse = "denied" }]
        "#,
    )
    .await;
    let base = dir.path().display();
    assert_eq!(
        site.describe(),
        [
            "route 1 /old/{*path}: looked for as /{path} by what follows".to_owned(),
            "route 2 /grub/grub.cfg-01-{mac}: template boot.j2 (from 10.0.0.0/8)".to_owned(),
            "route 3 /{*path}: a text, else refused, code 2: Access denied".to_owned(),
            format!("inventory: files, {base}/machines.toml"),
            format!("templates: 4, those of {base}/templates among them"),
        ]
    );
    assert!(site.problems().is_empty());
    write(dir.path(), "machines.toml", "[[machine]]\nmac = 'x'\n");
}
