//! dnsmasq, which listens on port 69 alone: in a network of its own.

use super::ask::Ask;
use super::old::Old;
use super::tree::tree;
use super::{Case, Migration, compare, differs, same};
use crate::harness::{Isolation, give_to_nobody, is_root};

/// Runs both with this configuration, and `tftp-root`.
fn both(test: &str, conf: &str, code: i32, cases: impl FnOnce(&str) -> Vec<Case>) {
    if !is_root() {
        // Skipped: dnsmasq needs root to become nobody.
        return;
    }
    if !Isolation::enter(test, "") {
        return;
    }
    let builder = tree();
    let root = builder.root().to_string_lossy().into_owned();
    let conf = format!("user=nobody\nenable-tftp\ntftp-root={root}\n{conf}");
    let builder = builder.beside("dnsmasq.conf", conf);
    let file = builder
        .place()
        .join("dnsmasq.conf")
        .to_string_lossy()
        .into_owned();
    give_to_nobody(builder.place());
    let migration = Migration::of(&["dnsmasq", &file]);
    assert_eq!(migration.code, Some(code), "{}", migration.told);
    let conf = format!("--conf-file={file}");
    let words = [
        "--keep-in-foreground",
        "--port=0",
        "--pid-file=",
        "--log-facility=-",
        &conf,
    ];
    let old = Old::start("dnsmasq", &words, 69);
    compare(&old, builder, &migration, &cases(&root));
}

/// What every dnsmasq does.
fn common(root: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "a",
        "/a",
        "//a",
        "./a",
        "sub/f",
        "/sub/f",
        "sub//f",
        "\\sub\\f",
        "sub",
        "sub/f/x",
        "no/such",
        "relative",
        "absolute",
        "by-host",
        "tftpboot/x@y",
        "pxelinux.cfg/default",
    ]
    .map(|name| same(Ask::get(name)))
    .into();
    cases.extend([
        same(Ask::get(format!("{root}/a"))),
        same(Ask::get(format!("{root}//sub/f"))),
        same(Ask::get(format!("{root}/no"))),
        same(Ask::get(format!("{root}2/a"))),
        same(Ask::get("closed")),
        same(Ask::get("pxelinux.0")),
        same(Ask::get("a").mode("netascii")),
        same(Ask::get("a").mode("mail")),
        same(Ask::get("../a")),
        same(Ask::put("new", "new")),
        same(Ask::put("open", "open")),
        differs(
            Ask::get("outside"),
            "name the directories they lead to in \"read\"",
        ),
        differs(
            Ask::get("sub/../a"),
            "a name with `..` in it is refused by dnsmasq",
        ),
        differs(
            Ask::get("a").with(&[("windowsize", "4")]),
            "windowsize and timeout are granted",
        ),
        differs(
            Ask::get("a").with(&[("timeout", "4")]),
            "windowsize and timeout are granted",
        ),
    ]);
    cases
}

#[test]
fn a_directory_in_lower_case() {
    let test = "migrate::dnsmasq::a_directory_in_lower_case";
    both(test, "tftp-mtu=1400\ntftp-lowercase\n", 0, |root| {
        let mut cases = common(root);
        cases.extend([
            same(Ask::get("pxelinux.0").with(&[("blksize", "1024"), ("tsize", "0")])),
            same(Ask::get("pxelinux.0").with(&[("blksize", "1468")])),
            same(Ask::get("LOWER/F")),
            same(Ask::get("\\Lower\\F")),
            same(Ask::get("UPPER/F")),
            same(Ask::get("menu").from(7)),
        ]);
        cases
    });
}

#[test]
fn a_directory_for_each_client() {
    let test = "migrate::dnsmasq::a_directory_for_each_client";
    both(
        test,
        "tftp-unique-root\ntftp-no-blocksize\ntftp-max=100\n",
        0,
        |root| {
            let mut cases = common(root);
            cases.extend([
                same(Ask::get("pxelinux.0").with(&[("blksize", "1024"), ("tsize", "0")])),
                same(Ask::get("LOWER/F")),
                same(Ask::get("menu").from(7)),
                same(Ask::get("MENU").from(7)),
                same(Ask::get("a").from(7)),
                same(Ask::get("menu").from(8)),
                same(Ask::get("a").from(8)),
                differs(
                    Ask::get(format!("{root}/menu")).from(7),
                    "for dnsmasq only /ROOT/CLIENT/x",
                ),
            ]);
            cases
        },
    );
}
