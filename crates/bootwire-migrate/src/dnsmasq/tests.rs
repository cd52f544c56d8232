use proptest::prelude::*;

use super::*;
use crate::draft::Kind;

fn written(text: &str) -> Migrated {
    let mut config = Config::default();
    config.add(Source::new("dnsmasq.conf", text));
    migrate(&config)
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
fn settings_become_keys_with_their_lines() {
    let migrated = written(
        "# a comment\nenable-tftp\ntftp-root=/srv/tftp/ # here\ntftp-unique-root\ntftp-lowercase\n\
         tftp-mtu=1400\ntftp-single-port\ntftp-max=500\ntftp-port-range=30000,30063\n\
         tftp-no-blocksize\nuser=tftp\ngroup=\"staff\"\nlisten-address=192.168.2.1,::1\n\
         dhcp-range=192.168.2.10,192.168.2.99\n",
    );
    assert!(migrated.is_whole(), "{:?}", migrated.findings());
    has(
        &migrated,
        &[
            "# dnsmasq.conf:3: tftp-root=/srv/tftp/",
            "listen = [\"192.168.2.1:69\", \"[::1]:69\"]",
            "blksize_max = 1368",
            "single_port = true",
            "transfers_max = 500",
            "ports = \"30000-30063\"",
            "refuse_options = \"blksize\"",
            "user = \"tftp:staff\"",
            "rewrite = \"/{1:lower}\"",
            "path = \"/srv/tftp/{*path}\"",
            "dir = \"/srv/tftp\"",
            "links = \"anywhere\"",
            "per_client = \"address\"",
            "fallback = \"directory\"",
            "dnsmasq = \"/var/lib/misc/dnsmasq.leases\"",
        ],
    );
}

#[test]
fn interfaces_have_roots() {
    let migrated = written(
        "enable-tftp=eth0,eth1\ntftp-root=/a\ntftp-root=/b,eth1\ntftp-unique-root=mac\n\
         dhcp-leasefile=/l\n",
    );
    has(
        &migrated,
        &[
            "interface = [\"eth0\", \"eth1\"]",
            "interface = \"eth1\"",
            "per_client = \"mac\"",
            "dnsmasq = \"/l\"",
            "neighbours = true",
        ],
    );
    let text = migrated.text();
    assert!(
        text.find("dir = \"/b\"") < text.find("dir = \"/a\""),
        "{text}"
    );
}

#[test]
fn what_is_not_tftp_is_named() {
    let migrated = written(
        "enable-tftp\ntftp-root=/a\ntftp-secure\ntftp-no-fail\ndhcp-boot=tag:x,pxelinux.0\n\
         dhcp-option=66,1.2.3.4\npxe-service=x86PC,\"a, b\",pxelinux\nexcept-interface=wlan0\n\
         dhcp-script=/x\ntftp-frob\n",
    );
    let of = |kind| {
        let found = migrated
            .findings()
            .iter()
            .filter(|f| f.kind == kind && f.place.is_some());
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    let lost = of(Kind::Lost);
    for line in [3, 4, 8, 9, 10] {
        let start = format!("dnsmasq.conf:{line}: ");
        assert!(
            lost.iter().any(|line| line.starts_with(&start)),
            "{start} {lost:#?}"
        );
    }
    let differs = of(Kind::Differs).join("\n");
    for words in [
        "dhcp-boot=FILE,,ADDRESS",
        "dhcp-option=66,1.2.3.4: stays",
        "pxe-service",
    ] {
        assert!(differs.contains(words), "{words} {differs}");
    }
    assert!(!written("tftp-root=/a\n").is_whole(), "TFTP is not enabled");
}

#[test]
fn includes_are_named() {
    let mut config = Config::default();
    let found = config.add(Source::new("c", "conf-file=/x\nconf-dir=/d,*.conf,.bak\n"));
    let found: Vec<_> = found
        .iter()
        .map(|it| {
            (
                it.place.to_string(),
                it.path.as_str(),
                it.endings.join(" "),
                it.directory,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("c:1".to_owned(), "/x", String::new(), false),
            ("c:2".to_owned(), "/d", "*.conf .bak".to_owned(), true),
        ]
    );
    let found = config.add_words(
        "command line",
        ["--enable-tftp", "--tftp-root=/a", "-k", "--conf-file=/y"],
    );
    assert_eq!(found.len(), 1);
    assert!(
        migrate(&config)
            .text()
            .contains("# command line: tftp-root=/a")
    );
}

proptest! {
    #[test]
    fn any_text_is_read(text in "((enable-tftp|tftp-root|tftp-unique-root|tftp-mtu|tftp-max|listen-address|dhcp-boot|dhcp-option|user)(=\\PC{0,20})?\n){0,12}", any in "\\PC{0,200}") {
        for text in [text, any] {
            let migrated = written(&text);
            prop_assert!(!migrated.text().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
