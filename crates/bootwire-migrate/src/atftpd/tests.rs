use proptest::prelude::*;

use super::*;

fn written(words: &[&str], map: &str) -> Migrated {
    let options = Options::of_words("command line", words);
    migrate(&options, Some(Source::new("pcre", map)))
}

fn has(migrated: &Migrated, lines: &[&str]) {
    for line in lines {
        assert!(
            migrated.text().lines().any(|it| it == *line),
            "{line}\n{}",
            migrated.text()
        );
    }
}

#[test]
fn options_become_keys() {
    let migrated = written(
        &[
            "--daemon",
            "--port",
            "6969",
            "--bind-address",
            "127.0.0.1",
            "--maxthread",
            "50",
            "--retry-timeout=3",
            "--tftpd-timeout",
            "300",
            "--user",
            "tftp.staff",
            "--no-blksize",
            "--no-tsize",
            "--verbose=5",
            "--logfile",
            "-",
            "/srv/tftp/",
        ],
        "",
    );
    assert!(migrated.is_whole(), "{:?}", migrated.findings());
    has(
        &migrated,
        &[
            "listen = \"127.0.0.1:6969\"",
            "transfers_max = 50",
            "resend_min = \"3s\"",
            "user = \"tftp:staff\"",
            "refuse_options = [\"blksize\", \"tsize\"]",
            "path = \"/srv/tftp/{*path}\"",
            "dir = \"/srv/tftp\"",
            "upload = \"/srv/tftp\"",
        ],
    );
}

#[test]
fn debians_file_is_read() {
    let text = "USE_INETD=false\n# OPTIONS below are used only with init script\n\
                OPTIONS=\"--maxthread 100 --pcre /etc/pcre --mcast-ttl 1 /srv/tftp\"\n";
    let options = Options::of_file(Source::new("f", text));
    assert_eq!(options.map_file(), Some("/etc/pcre"));
    let migrated = migrate(&options, None);
    has(&migrated, &["# f:3: --maxthread 100"]);
    let lost: Vec<_> = migrated
        .findings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        lost[0].starts_with("f:3: --mcast-ttl 1: there is no multicast"),
        "{lost:?}"
    );
    assert!(migrated.findings()[0].kind == crate::Kind::Lost || !migrated.is_whole());
}

#[test]
fn rules_try_the_name_first() {
    let migrated = written(&["/d"], "^(p)?pxe(.*)$ $2/{x}$1$9\n");
    has(
        &migrated,
        &[
            "# pcre:1: ^(p)?pxe(.*)$ $2/{x}$1$9",
            "regex = \"^(p)?pxe(.*)$\"",
            "try = [{ dir = \"/d\", links = \"anywhere\" }, { replace = \"{2}/{{x}}{1}\", dir = \"/d\", \
         links = \"anywhere\" }]",
        ],
    );
}

#[test]
fn what_only_perl_knows_is_named() {
    let map = "(?=a)b c\n(a)\\1 b\n(?>a) b\na++ b\n\\Qa\\E b\nthree words here\n[(?=]x ok\n";
    let migrated = written(&["/d"], map);
    let lost: Vec<_> = migrated
        .findings()
        .iter()
        .filter(|f| f.kind == crate::Kind::Lost)
        .collect();
    assert_eq!(lost.len(), 6, "{lost:#?}");
    assert!(migrated.text().contains("regex = \"[(?=]x\""));
    assert_eq!(groups(r"(a)(?:b)(?<n>c)[(]\((?P<m>d)(?=e)"), 3);
}

proptest! {
    #[test]
    fn any_text_is_read(words in "\\PC{0,100}", map in "(\\PC{0,20} \\PC{0,20}\n){0,5}") {
        let options = Options::of_words("c", words.split(' '));
        let of_file = Options::of_file(Source::new("f", &words));
        for options in [options, of_file] {
            let migrated = migrate(&options, Some(Source::new("m", &map)));
            prop_assert!(!migrated.text().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
