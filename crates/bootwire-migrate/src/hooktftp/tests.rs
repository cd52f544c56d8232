use proptest::prelude::*;

use super::*;
use crate::draft::Kind;

const SAMPLE: &str = r"# hooktftp
port: 6969
host: 127.0.0.1
user: hooktftp
hooks:
  - type: http
    regexp: ^pxelinux.cfg\/01-(([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$
    template: http://localhost:8080/boot/$1
  - type: shell
    regexp: ^menu/(.*)\.ipxe$
    template: /usr/local/bin/menu --for $1
  - type: file
    regexp: ^images/(.*)$
    template: /srv/images/$1
  - type: file
    regexp: ^.*$
    template: /var/lib/tftpboot/$0
";

/// What `SAMPLE` becomes, below what is said in any case.
const GOLDEN: &str = r#"
# hooktftp.yml:3: host: 127.0.0.1
# hooktftp.yml:2: port: 6969
listen = "127.0.0.1:6969"
# hooktftp serves everybody. Leave this out to serve private networks alone.
allow = "any"

[sandbox]
# hooktftp.yml:4: user: hooktftp
user = "hooktftp"

[origin]
# hooktftp.yml:7: http ^pxelinux.cfg\/01-(([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$ http://localhost:8080/boot/$1
# For answers that are made for each machine, http = { get = … } may suit better.
hook1.url = "http://localhost:8080/boot/"
hook1.ttl = "1s"
hook1.negative_ttl = "1s"

# hooktftp.yml:7: http ^pxelinux.cfg\/01-(([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$ http://localhost:8080/boot/$1
[[route]]
regex = '^pxelinux.cfg\/01-(([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$'
as_sent = true
rewrite = "/{1}"
origin = "hook1"

# hooktftp.yml:10: shell ^menu/(.*)\.ipxe$ /usr/local/bin/menu --for $1
[[route]]
regex = '^menu/(.*)\.ipxe$'
as_sent = true
rewrite = "/{1}"
exec = { program = "/usr/local/bin/menu", args = ["--for", "{path}"] }

# hooktftp.yml:13: file ^images/(.*)$ /srv/images/$1
[[route]]
regex = "^images/(.*)$"
as_sent = true
rewrite = "/{1}"
dir = "/srv/images"
links = "anywhere"

# hooktftp.yml:16: file ^.*$ /var/lib/tftpboot/$0
[[route]]
regex = "^.*$"
as_sent = true
rewrite = "/{0}"
dir = "/var/lib/tftpboot"
links = "anywhere"
"#;

fn written(text: &str) -> Migrated {
    migrate(Source::new("hooktftp.yml", text)).unwrap()
}

#[test]
fn hooks_become_routes() {
    let migrated = written(SAMPLE);
    assert!(migrated.is_whole(), "{:?}", migrated.findings());
    let text = migrated.text();
    assert!(text.ends_with(GOLDEN), "{text}");
}

#[test]
fn what_cannot_be_said_is_named() {
    let migrated = written(
        "frob: 1\nhooks:\n\
         - {type: file, regexp: ^a$, template: /d/$0, whitelist: [^/d/x]}\n\
         - {type: shell, regexp: ^(b)(c)$, template: /x $1 $2}\n\
         - {type: shell, regexp: ^b$, template: /x | /y}\n\
         - {type: http, regexp: ^(c)$, template: 'http://h/?m=$1'}\n\
         - {type: http, regexp: ^(c)$, template: 'http://$1/'}\n\
         - {type: frob, regexp: ^d$, template: /d/$0}\n\
         - {type: file, regexp: ^e$, template: /d/$0, urldecode: true, odd: 1}\n",
    );
    let lost = migrated
        .findings()
        .iter()
        .filter(|finding| finding.kind == Kind::Lost);
    let lost: Vec<String> = lost.map(ToString::to_string).collect();
    for words in [
        "hooktftp.yml: frob",
        "yml:3: the hook",
        "whitelist",
        "yml:4: ",
        "yml:5: ",
        "needs a shell",
        "yml:6: ",
        "its query",
        "yml:7: ",
        "yml:8: ",
        "yml:9: urldecode",
        "yml:9: odd",
    ] {
        assert!(
            lost.iter().any(|line| line.contains(words)),
            "{words}: {lost:#?}"
        );
    }
    assert!(
        migrate(Source::new("y", "hooks: ["))
            .unwrap_err()
            .contains("y: ")
    );
}

proptest! {
    #[test]
    fn any_text_is_read(any in "\\PC{0,200}", template in "\\PC{0,30}", regexp in "\\PC{0,30}", kind in "(file|http|shell|x)") {
        let _ = migrate(Source::new("any", &any));
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let text = format!(
            "hooks:\n- type: {kind}\n  regexp: {}\n  template: {}\n",
            quoted(&regexp),
            quoted(&template)
        );
        if let Ok(migrated) = migrate(Source::new("y", &text)) {
            prop_assert!(!migrated.text().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
