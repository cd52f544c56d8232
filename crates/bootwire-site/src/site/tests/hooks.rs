//! Programs and services that decide.

use std::time::Duration;

use super::origins::Web;
use super::*;

const DECIDES: &str = r#"#!/bin/sh
case "$BOOTWIRE_PATH" in
    /text) echo '{"text": "from the hook"}' ;;
    /template) echo '{"template": "boot.j2", "vars": {"who": "hook"}}' ;;
    /refuse) echo '{"refuse": {"code": 2, "text": "Not today"}}' ;;
    /origin) echo '{"redirect": {"origin": "none", "path": "/x"}}' ;;
    *) echo '{"pass": true}' ;;
esac
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_decides_and_what_it_passes_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    program(dir.path(), "decide", DECIDES);
    write(
        dir.path(),
        "templates/boot.j2",
        "{{ vars.who }} at {{ vars.site }}",
    );
    let site = open(
        dir.path(),
        r#"
        [templates]
        vars = { who = "nobody", site = "ams" }
        [[route]]
        path = "/alone/{*path}"
        rewrite = "/{path}"
        exec = { program = "decide", output = "decision" }
        [[route]]
        try = [
            { exec = { program = "decide", output = "decision" } },
            { text = "behind" },
        ]
        "#,
    )
    .await;
    assert_eq!(text(&site, "/text").await.unwrap(), "from the hook");
    assert_eq!(text(&site, "/template").await.unwrap(), "hook at ams");
    assert_eq!(
        text(&site, "/refuse").await.unwrap_err().client_text(),
        "Not today"
    );
    assert_eq!(text(&site, "/else").await.unwrap(), "behind");
    assert_eq!(code(&site, "/alone/else").await, 1, "nothing is behind it");
    let refusal = text(&site, "/origin").await.unwrap_err();
    assert!(refusal.detail().unwrap().contains("\"none\""), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_environment_and_bounds_are_those_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    program(
        dir.path(),
        "echo",
        "#!/bin/sh\nprintf '%s %s' \"$1\" \"$SITE\"\n",
    );
    program(dir.path(), "slow", "#!/bin/sh\nexec sleep 60\n");
    let site = open(
        dir.path(),
        r#"
        [[route]]
        path = "/echo/{mac}"
        exec = { program = "echo", args = ["{mac}"], env = { SITE = "ams" } }
        [[route]]
        path = "/large/{mac}"
        exec = { program = "echo", args = ["{mac}"], size_max = 4 }
        [[route]]
        path = "/slow"
        exec = { program = "slow", deadline = "100ms" }
        [[route]]
        path = "/impatient"
        deadline = "100ms"
        exec = { program = "slow" }
        "#,
    )
    .await;
    assert_eq!(
        text(&site, "/echo/525400123456").await.unwrap(),
        "52:54:00:12:34:56 ams"
    );
    let large = text(&site, "/large/525400123456").await.unwrap_err();
    assert!(large.detail().unwrap().contains("larger than 4"), "{large}");
    for path in ["/slow", "/impatient"] {
        let began = std::time::Instant::now();
        let late = text(&site, path).await.unwrap_err();
        assert_eq!(late.reason().code().wire(), 0);
        assert!(late.detail().unwrap().contains("100ms"), "{late}");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_the_content_and_what_it_does_not_have_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[
        ("/boot/a.ipxe", "#!ipxe\n"),
        ("/decide", r#"{"text": "decided"}"#),
    ])
    .await;
    let url = web.url();
    let site = open(
        dir.path(),
        &format!(
            "[[route]]\npath = '/decide/{{*path}}'\n\
             http = {{ get = '{url}decide', output = 'decision' }}\n\
             [[route]]\n\
             try = [{{ http = {{ get = '{url}boot{{path}}' }} }}, {{ text = 'behind' }}]"
        ),
    )
    .await;
    assert_eq!(text(&site, "/a.ipxe").await.unwrap(), "#!ipxe\n");
    assert_eq!(text(&site, "/b.ipxe").await.unwrap(), "behind");
    assert_eq!(text(&site, "/decide/x").await.unwrap(), "decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_a_reason_to_try_again() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let site = open(
        dir.path(),
        &format!("[[route]]\nhttp = {{ post = 'http://{address}/decide' }}"),
    )
    .await;
    assert_eq!(code(&site, "/x").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_there_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let told = wrong(
        dir.path(),
        "[[route]]\nhttp = { post = 'http://127.0.0.1/x', bearer_file = 'token' }",
    )
    .await;
    assert!(told.contains("bootwire.toml:1: cannot read"), "{told}");
    assert!(told.contains("token: No such file"), "{told}");
}
