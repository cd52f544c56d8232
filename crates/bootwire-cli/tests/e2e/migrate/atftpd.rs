//! atftpd.

use super::ask::Ask;
use super::old::sample;
use super::trial::{Trial, words};
use super::{Case, differs, same};

/// Runs both with these options and this map.
fn both(options: &[&str], map: &str, code: i32, cases: impl FnOnce(&str) -> Vec<Case>) {
    let Some(mut trial) = Trial::on_a_free_port() else {
        return;
    };
    let (root, file) = (trial.root(), trial.beside("pcre", map));
    let port = trial.port().to_string();
    let mut line = words(["--daemon", "--no-fork", "--port", &port]);
    line.extend(words(["--bind-address", "127.0.0.1", "--pcre", &file]));
    line.extend(words(options));
    line.push(root.clone());
    let order = [words(["atftpd", "--"]), line.clone()].concat();
    trial.run(&order, code, ("atftpd", &line), &cases(&root));
}

/// What every atftpd does.
fn common(root: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "a",
        "/a",
        "//a",
        "./a",
        "sub/f",
        "sub//f",
        "sub/f/x",
        "no/such",
        "relative",
        "absolute",
        "by-host",
        "tftpboot/x@y",
        "UPPER/F",
        "upper/f",
        "closed",
        "pxelinux.0",
        "../a",
        "/../a",
    ]
    .map(|name| same(Ask::get(name)))
    .into();
    cases.extend([
        same(Ask::get(format!("{root}/a"))),
        same(Ask::get(format!("{root}/sub/f"))),
        same(Ask::get(format!("{root}/no"))),
        same(Ask::get("a").mode("netascii")),
        same(Ask::put("new", "new")),
        same(Ask::put("/open", "open")),
        same(Ask::put("no/such/new", "no/such/new")),
        differs(
            Ask::get("outside"),
            "name the directories they lead to in \"read\"",
        ),
        differs(Ask::get("sub/../a"), "refuses all names with `../`"),
        differs(Ask::get("sub\\f"), "`\\` counts as `/`"),
        differs(Ask::get("sub"), "sends an empty file"),
        differs(Ask::get("a").mode("mail"), "serves any word as octet"),
    ]);
    cases
}

/// The map that comes with atftpd.
#[test]
fn the_sample_of_atftpd() {
    both(&[], &sample("atftpd/pcre_pattern.txt"), 0, |root| {
        let mut cases = common(root);
        for name in [
            "pxelinux.cfg/C0A8",
            "ppxelinux.cfg/C0A80",
            "pxelinux.cfg/C0A80207",
            "ppxelinux.0",
            "str",
            "string",
            "a str",
            "linux",
            "replace",
            "serial.conf",
            "/serial.conf",
        ] {
            cases.push(same(Ask::get(name)));
        }
        cases.extend([
            same(Ask::get("pxelinux.0").with(&[("blksize", "1024"), ("tsize", "0")])),
            same(Ask::get("pxelinux.0").with(&[("timeout", "3"), ("windowsize", "2")])),
        ]);
        cases
    });
}

#[test]
fn rules_and_refused_options() {
    let map =
        "^first$ a\n^x(.*)\\.PVT$ ok/x.pvt\nlow lower\n(sub)/(g) $1/f\n^(?=look)look a\n^/abs$ a\n";
    let options = [
        "--no-blksize",
        "--no-tsize",
        "--no-timeout",
        "--maxthread",
        "20",
    ];
    both(&options, map, 3, |root| {
        let mut cases = common(root);
        for name in [
            "first", "/first", "xy.PVT", "y.PVT", "low/f", "lower/f", "sub/g", "/abs", "abs",
        ] {
            cases.push(same(Ask::get(name)));
        }
        cases.push(differs(Ask::get("look"), "it looks around"));
        cases.push(same(Ask::put("first", "first")));
        cases.push(same(Ask::get("pxelinux.0").with(&[
            ("blksize", "1024"),
            ("tsize", "0"),
            ("timeout", "2"),
        ])));
        cases
    });
}
