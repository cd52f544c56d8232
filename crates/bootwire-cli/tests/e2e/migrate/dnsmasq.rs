//! dnsmasq, which listens on port 69 alone: in a network of its own.

use super::ask::Ask;
use super::trial::{Trial, words};
use super::{Case, differs, same};

/// Runs both with this configuration, in which `ROOT` is the directory.
fn both(trial: Option<Trial>, conf: &str, code: i32, cases: impl FnOnce(&str) -> Vec<Case>) {
    let Some(mut trial) = trial else {
        return;
    };
    let root = trial.root();
    let leases = trial.beside("leases", "");
    let conf = conf.replace("ROOT", &root).replace("LEASES", &leases);
    let conf = format!("user=nobody\ntftp-root={root}\n{conf}");
    let file = trial.beside("dnsmasq.conf", &conf);
    let line = words([
        "--keep-in-foreground",
        "--port=0",
        "--pid-file=",
        "--log-facility=-",
        &format!("--conf-file={file}"),
    ]);
    let order = words(["dnsmasq", &file]);
    trial.run(&order, code, ("dnsmasq", &line), &cases(&root));
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
    let trial = Trial::on_port_69(test);
    both(
        trial,
        "enable-tftp\ntftp-mtu=1400\ntftp-lowercase\n",
        0,
        |root| {
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
        },
    );
}

#[test]
fn a_directory_for_each_client() {
    let test = "migrate::dnsmasq::a_directory_for_each_client";
    both(
        Trial::on_port_69(test),
        "enable-tftp\ntftp-unique-root\ntftp-no-blocksize\ntftp-max=100\n",
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

#[test]
fn a_directory_for_each_hardware_address() {
    let test = "migrate::dnsmasq::a_directory_for_each_hardware_address";
    both(
        Trial::behind_networks(test),
        "enable-tftp\ntftp-unique-root=mac\ndhcp-leasefile=LEASES\n",
        0,
        |root| {
            let mut cases = Vec::new();
            // The client of the first network has a directory of its own.
            for network in [1, 2] {
                for name in [
                    "menu",
                    "MENU",
                    "a",
                    "/a",
                    "sub/f",
                    "no/such",
                    "relative",
                    "closed",
                    "../a",
                    "pxelinux.0",
                    "own",
                    "/own/f",
                    "own/f",
                    "52-54-00-12-34-01/menu",
                    "lower/f",
                ] {
                    let ask = Ask::get(name).over(network);
                    let is_hidden = network == 2 && name.starts_with("52-");
                    cases.push(if is_hidden {
                        differs(ask, "the directory of another client")
                    } else {
                        same(ask)
                    });
                }
                cases.push(same(Ask::get(format!("{root}/a")).over(network)));
                cases.push(same(Ask::put("new", "new").over(network)));
            }
            cases
        },
    );
}

#[test]
fn a_directory_for_each_interface() {
    let test = "migrate::dnsmasq::a_directory_for_each_interface";
    both(
        Trial::behind_networks(test),
        "enable-tftp\ntftp-root=ROOT/tftpboot,eth2\n",
        0,
        |root| {
            let mut cases = Vec::new();
            for network in [1, 2] {
                for name in [
                    "a",
                    "/a",
                    "./a",
                    "sub/f",
                    "\\sub\\f",
                    "x@y",
                    "key.pvt",
                    "tftpboot/a",
                    "tftpboot/x@y",
                    "no/such",
                    "sub",
                    "../a",
                    "pxelinux.0",
                    "closed",
                ] {
                    cases.push(same(Ask::get(name).over(network)));
                }
                for name in [
                    format!("{root}/a"),
                    format!("{root}/tftpboot/a"),
                    format!("{root}/tftpboot/sub/f"),
                ] {
                    cases.push(same(Ask::get(name).over(network)));
                }
            }
            cases
        },
    );
}
