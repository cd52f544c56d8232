use proptest::prelude::*;

use super::*;
use crate::draft::Kind;

const SAMPLE: &str = "\
ri\t^[a-z]:\t\t\t\t# Remove drive letters
rg\t\\\\\t\t/\t\t# Convert backslashes
rg\t\\#\t\t@
rg\t/../\t\t/..no../
e\t^ok/
r\t^[^/]\t\t/tftpboot/\\0
a\t\\.pvt$
";

fn written(words: &[&str], map: &str) -> Migrated {
    let options = Options::of_words("command line", words);
    migrate(&options, Some(Source::new("map", map)))
}

fn kinds(migrated: &Migrated, kind: Kind) -> Vec<String> {
    let of_kind = migrated
        .findings()
        .iter()
        .filter(|finding| finding.kind == kind);
    of_kind.map(ToString::to_string).collect()
}

#[test]
fn rules_become_routes_with_their_lines() {
    let migrated = written(&["-s", "/srv/tftp"], SAMPLE);
    assert!(migrated.is_whole(), "{:?}", migrated.findings());
    for block in [
        "# map:1: ri ^[a-z]:\n[[route]]\nregex = \"^[a-z]:\"\nas_sent = true\ncase = \"ignore\"\n\
         replace = \"\"\n",
        "# map:2: rg \\\\  /\n[[route]]\nregex = '\\\\'\nas_sent = true\nreplace = \"/\"\nrepeat = true\n",
        "# map:5: e ^ok/\n[[route]]\nregex = \"^ok/\"\nas_sent = true\ndir = \"/srv/tftp\"\n",
        "replace = \"/tftpboot/{0}\"\n",
        "regex = '\\.pvt$'\nas_sent = true\nop = \"write\"\nrefuse = \"denied\"\n",
    ] {
        assert!(
            migrated.text().contains(block),
            "{block}\n----\n{}",
            migrated.text()
        );
    }
}

#[test]
fn options_become_keys() {
    let words = [
        "-l",
        "-a",
        ":6969",
        "-4",
        "-c",
        "-p",
        "-U",
        "027",
        "-u",
        "tftp",
        "-B",
        "1468",
        "-R",
        "30000:30063",
        "-r",
        "tsize",
        "-r",
        "BLKSIZE",
        "-T",
        "2000000",
        "-v",
        "-s",
        "/srv/tftp/",
    ];
    let migrated = written(&words, "");
    assert!(migrated.is_whole(), "{:?}", migrated.findings());
    for line in [
        "listen = \"0.0.0.0:6969\"",
        "ports = \"30000-30063\"",
        "blksize_max = 1468",
        "resend_min = \"2000000us\"",
        "user = \"tftp\"",
        "dir = \"/srv/tftp\"",
        "upload = \"/srv/tftp\"",
        "existing = \"replace\"",
        "mode = \"0640\"",
        "refuse_options = [\"blksize\", \"tsize\"]",
    ] {
        assert!(
            migrated.text().lines().any(|it| it == line),
            "{line}\n{}",
            migrated.text()
        );
    }
    assert!(!migrated.text().contains("public_only"));
}

#[test]
fn what_cannot_be_said_is_named_with_its_line() {
    let words = [
        "-a",
        "boot.example:69",
        "--frob",
        "-R",
        "9",
        "-s",
        "/a",
        "/b",
    ];
    let migrated = written(&words, "r (a)\\1 b\nrE ^x y\nr ^a \\L\\x\n");
    let lost = kinds(&migrated, Kind::Lost);
    for words in [
        "command line: \"/b\": --secure has one directory",
        "command line: --address boot.example:69: write the address",
        "command line: -R 9: no range",
        "command line: --frob: in.tftpd has no such option",
        "map:1: r (a)\\1 b: it refers to its own group",
        "map:2: the letter 'E' is newer",
        "map:3: r ^a \\L\\x: \\x in lower case",
    ] {
        let words = words.replace("--address", "-a");
        assert!(
            lost.iter().any(|line| line.starts_with(&words)),
            "{words}: {lost:#?}"
        );
    }
    for line in &lost {
        let first: String = line.split(' ').take(4).collect::<Vec<_>>().join(" ");
        assert!(migrated.text().contains(&first), "{first}");
    }
}

#[test]
fn groups_have_cases_and_those_that_are_missing_are_empty() {
    let migrated = written(&["-s", "/d"], "r ^(a).(b) \\L\\0\\E-\\U\\1\\9{x}\n");
    let expected = "regex = \"(^(a).(b))\"\nas_sent = true\nreplace = \"{1:lower}-{2:upper}{{X}}\"";
    assert!(migrated.text().contains(expected), "{}", migrated.text());
}

#[test]
fn without_secure_names_are_whole_paths() {
    let migrated = written(&["/srv/tftp", "/images/"], "e ^x\n");
    for line in [
        "path = \"/srv/tftp/{*path}\"",
        "path = \"/images/{*path}\"",
        "links = \"anywhere\"",
    ] {
        assert!(
            migrated.text().lines().any(|it| it == line),
            "{}",
            migrated.text()
        );
    }
    assert!(kinds(&migrated, Kind::Lost)[0].contains("\"e\" without --secure"));
}

#[test]
fn a_map_alone_is_debians() {
    let migrated = migrate(&Options::default(), Some(Source::new("map", "r ^a b\n")));
    assert!(migrated.text().contains("dir = \"/srv/tftp\""));
    assert!(migrated.text().contains("links = \"in-root\""));
    assert!(kinds(&migrated, Kind::Differs)[0].contains("no directory is named"));
}

proptest! {
    #[test]
    fn any_text_is_read(options in "\\PC{0,200}", map in "([rgeisaGP46~ ]{1,4}[ \\t]\\PC{0,30}\n){0,8}", bytes in any::<Vec<u8>>()) {
        let any = String::from_utf8_lossy(&bytes);
        let of_file = Options::of_file(Source::new("f", &options));
        let of_words = Options::of_words("c", options.split(' '));
        for options in [of_file, of_words, Options::of_file(Source::new("b", &any))] {
            let written = migrate(&options, Some(Source::new("m", &map)));
            prop_assert!(!written.text().chars().any(|c| c.is_control() && c != '\n'));
            let _ = migrate(&options, Some(Source::new("m", &any)));
        }
    }
}
