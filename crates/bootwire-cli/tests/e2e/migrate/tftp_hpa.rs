//! in.tftpd of tftp-hpa.

use super::ask::Ask;
use super::old::sample;
use super::trial::{Trial, words};
use super::{Case, differs, same};

/// Runs both with these options and this map, in which `ROOT` is the directory.
fn both(options: &[&str], map: &str, code: i32, cases: impl FnOnce(&str) -> Vec<Case>) {
    let Some(mut trial) = Trial::on_a_free_port() else {
        return;
    };
    let root = trial.root();
    let file = trial.beside("tftpd.map", &map.replace("ROOT", &root));
    let mut line = words(options);
    let address = format!("127.0.0.1:{}", trial.port());
    line.extend(words(["--user", "nobody", "--address", &address]));
    line.extend(words(["--map-file", &file, &root]));
    let order = [words(["tftp-hpa", "--"]), line.clone()].concat();
    line.insert(0, "--foreground".to_owned());
    trial.run(&order, code, ("in.tftpd", &line), &cases(&root));
}

/// What every in.tftpd does that is called with `--secure`.
fn common() -> Vec<Case> {
    vec![
        same(Ask::get("/sub/f")),
        same(Ask::get("//sub//f")),
        same(Ask::get("/./sub/f")),
        same(Ask::get("/sub/../sub/f")),
        same(Ask::get("/absolute")),
        same(Ask::get("/relative")),
        same(Ask::get("/by-host")),
        same(Ask::get("/outside")),
        same(Ask::get("/sub")),
        same(Ask::get("/sub/f/")),
        same(Ask::get("/no/such")),
        same(Ask::get("/a").mode("netascii")),
        same(Ask::get("/a").mode("mail")),
        same(Ask::get("/pxelinux.0")),
        same(Ask::get("/pxelinux.0").with(&[("blksize", "1024"), ("tsize", "0")])),
        same(Ask::get("/a").with(&[("timeout", "3"), ("rollover", "1")])),
        same(Ask::put("/open", "open")),
        same(Ask::put("/a", "a")),
        differs(
            Ask::get("/a").with(&[("windowsize", "4")]),
            "windowsize is granted",
        ),
    ]
}

#[test]
fn the_sample_of_tftp_hpa() {
    let mut cases = common();
    for name in [
        "a",
        "sub/f",
        "C:/sub/f",
        "c:\\sub\\f",
        "\\sub\\f",
        "x#y",
        "ok/x.pvt",
        "/ok/x.pvt",
        "key.pvt",
        "/tftpboot/key.pvt",
        "/sub/ab/f",
        "tftpboot/a",
        "ok/../a",
        "C:a",
        "/a.pvt",
    ] {
        cases.push(same(Ask::get(name)));
    }
    cases.push(same(Ask::get("/../a")));
    cases.push(same(Ask::get("/closed")));
    cases.push(same(Ask::put("/new", "new")));
    cases.push(same(Ask::put("ok/new", "ok/new")));
    both(
        &["--secure"],
        &sample("tftpd-hpa/examples/sample.rules"),
        0,
        |_| cases,
    );
}

/// The rules that people ask about, with every letter of 5.2.
const MAP: &str = r"# letters
ri ^/tftpboot/          /
r  ^pxelinux\.cfg/      syslinux/pxelinux.cfg/
re ^/?images/           /local/images/
a  ^/?private/
a  ^/?told/             Not\ here
r  ^menu$               \i/menu
r  ^hexmenu$            \x/menu
r  ^low/(.*)$           \L\1\E
r  ^up/(.+)/(.*)$       \U\1/\2
rG ^get$                a
rP ^put$                open
aP ^/?nowrite
r4 ^four$               a
r6 ^six$                a
rg __                   /
rs ^once$               twice
r  ^twice$              a
e  ^/?sub/
~a ^[-a-zA-Z0-9._/\\]*$
r  ^(x|y)[[:digit:]]{2}$ a
r  ^/sub/f$             a
";

#[test]
fn a_map_with_every_letter() {
    let mut cases = common();
    cases.push(differs(Ask::get("/../a"), "climb out of the directory"));
    cases.retain(|case| !format!("{:?}", case.ask).contains("sub/f/"));
    for name in [
        "a",
        "/TFTPBOOT/a",
        "tftpboot/a",
        "pxelinux.cfg/default",
        "images/vmlinuz",
        "/images/vmlinuz",
        "private/key",
        "/private/key",
        "told/x",
        "menu",
        "hexmenu",
        "low/A",
        "low/SUB/F",
        "up/upper/f",
        "get",
        "put",
        "four",
        "six",
        "sub__f",
        "__sub____f",
        "once",
        "twice",
        "/sub/f",
        "a b",
        "a+b",
        "x12",
        "y99",
        "x1",
        "nowrite",
    ] {
        cases.push(same(Ask::get(name)));
    }
    cases.push(same(Ask::get("menu").from(7)));
    cases.push(same(Ask::get("hexmenu").from(7)));
    cases.push(same(Ask::put("put", "open")));
    cases.push(same(Ask::put("nowrite", "nowrite")));
    cases.push(same(Ask::put("/fresh", "fresh")));
    cases.push(same(Ask::get("/closed")));
    both(
        &["-s", "-c", "-p", "-U", "022", "-B", "1024", "-r", "timeout"],
        MAP,
        0,
        |_| cases,
    );
}

/// Without `--secure` names are whole paths.
#[test]
fn whole_paths() {
    let map = "r ^/alias/ ROOT/sub/\nr ^relative/ ROOT/\na ^.*/private/\n";
    both(&[], map, 0, |root| {
        let mut cases: Vec<Case> = [
            "a",
            "/a",
            "sub/f",
            "./a",
            "/alias/f",
            "relative/a",
            "relative/sub/f",
            "/etc/hostname",
            "/etc/passwd",
            "/no/such",
            "alias/f",
            "C:/a",
            "",
        ]
        .map(|name| same(Ask::get(name)))
        .into();
        for name in [
            "a",
            "/a",
            "./a",
            "sub/f",
            "sub//f",
            "sub/f/x",
            "sub",
            "no",
            "no/such",
            "closed",
            "relative",
            "absolute",
            "by-host",
            "pxelinux.0",
            "private/key",
            "UPPER/F",
            "upper/f",
            "127.0.0.7/menu",
        ] {
            cases.push(same(Ask::get(format!("{root}/{name}"))));
        }
        cases.push(same(Ask::get(format!("{root}/a")).mode("netascii")));
        cases.push(same(Ask::put(&format!("{root}/open"), "open")));
        cases.push(same(Ask::put(&format!("{root}/a"), "a")));
        cases.push(same(Ask::put(&format!("{root}/new"), "new")));
        cases.push(same(Ask::put("open", "open")));
        cases.push(differs(
            Ask::get(format!("{root}/outside")),
            "name the directories they lead to in \"read\"",
        ));
        cases
    });
}
