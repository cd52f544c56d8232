//! What is wrong with expressions, rewrites, and directories of clients.

use super::{good, says};

#[test]
fn expressions_and_what_belongs_to_them() {
    says(
        r#"[[route]]
regex = '^/(a'
text = "x"

[[route]]
regex = '^/a'
path = "/a"
text = "x"

[[route]]
path = "/a"
as_sent = true
replace = "/b"

[[route]]
regex = '^/a'
rewrite = "/b"
replace = "/c"
text = "x"

[[route]]
path = "/a"
rewrite = "/b"
repeat = true

[[route]]
regex = '^/a'
replace = "{2}"
restart = true
text = "x"

[[route]]
not_regex = '(?<=x)'
text = "x"
"#,
        &[
            "boot.toml:2: regex, column 3: unclosed group",
            "\"regex\" beside \"path\": only one of them can be",
            "boot.toml:12: \"as_sent\" belongs to \"regex\" or \"not_regex\"",
            "boot.toml:13: \"replace\" belongs to \"regex\", which says what",
            "boot.toml:18: \"replace\" beside \"rewrite\": only one of them can be",
            "boot.toml:24: \"repeat\" belongs to \"replace\"",
            "boot.toml:28: replace, column 1: {2} is no parameter of ^/a, which has none",
            "boot.toml:29: \"restart\" belongs to a route that only rewrites",
            "boot.toml:33: not_regex, column 1: look-around",
        ],
    );
    says(
        "case_insensitive = true\n[[route]]\ncase = 'match'\ntext = 'x'\n",
        &["boot.toml:3: all routes ignore case by \"case_insensitive\" at the top"],
    );
}

#[test]
fn directories_of_clients() {
    says(
        r#"[[route]]
path = "/a/{*p}"
dir = "/srv"
fallback = "none"

[[route]]
path = "/b/{*p}"
dir = "/srv"
per_client = "mac"

[[route]]
path = "/c/{*p}"
dir = "/srv/{clint}"

[[route]]
path = "/d/{*p}"
dir = "/srv/{client}/../x"

[[route]]
path = "/e/{*p}"
rewrite = "/{client:mac}/{p}"

[[route]]
path = "/f/{*p}"
rewrite = "/{client:mac}/{p}"
dir = "/srv"

[[route]]
path = "/g/{*p}"
dir = "/srv"
per_client = "ip"
"#,
        &[
            "boot.toml:4: \"fallback\" is for directories of single clients",
            "boot.toml:9: per_client = \"mac\" needs to know hardware addresses: name lease files",
            "boot.toml:13: dir, below /srv, column 1: {clint} is no parameter of /c/{*p}",
            "boot.toml:17: leave out \"..\"",
            "boot.toml:21: {client:mac} in a route that only rewrites",
            "boot.toml:25: {client:mac} needs to know hardware addresses",
            "boot.toml:31: no such word \"ip\": write \"address\", \"mac\" or \"hex-address\"",
        ],
    );
}

#[test]
fn uploads_and_options() {
    says(
        r#"[[route]]
upload = "/srv"
existing = "overwrite"
mode = "0640"
create_dirs = true

[[route]]
path = "/a/{*p}"
upload = "/srv"
public_only = true

[[route]]
text = "x"
refuse_options = ["blksiz", "tsize"]

[[route]]
path = "/b"
text = "x"
options = false
refuse_options = "tsize"

[origin.o]
url = "http://h/"
bearer_file = "/a"
basic_file = "/b"
"#,
        &[
            "boot.toml:4: \"mode\" beside existing = \"overwrite\": files keep their permissions",
            "boot.toml:5: \"create_dirs\" beside existing = \"overwrite\"",
            "boot.toml:10: \"public_only\" says which files are replaced, and none is",
            "boot.toml:14: no such option \"blksiz\": did you mean \"blksize\"?",
            "boot.toml:20: \"refuse_options\" means nothing where \"options\" are not granted",
            "boot.toml:25: \"basic_file\" beside \"bearer_file\": only one of them can be",
        ],
    );
}

#[test]
fn links_that_lead_out_of_the_sandbox_are_warned_of() {
    let warnings = |more: &str| {
        let text = format!("{more}[[route]]\ndir = '/srv'\nlinks = 'anywhere'\n");
        good(&text, &[], &[]).warnings
    };
    let warned = warnings("");
    assert!(
        warned[0].to_string().contains("\"read\" of [sandbox]"),
        "{warned:?}"
    );
    assert!(warnings("[sandbox]\nread = '/images'\n").is_empty());
    assert!(warnings("[sandbox]\nlevel = 'off'\n").is_empty());
}

#[test]
fn what_takes_everything_and_what_does_not() {
    let warned = |first: &str| {
        let text = format!("[[route]]\n{first}\ntext = 'a'\n[[route]]\npath = '/b'\ntext = 'b'\n");
        !good(&text, &[], &[]).warnings.is_empty()
    };
    for all in ["", "path = '/{*x}'", "path = '/{*x?}'", "path = '/b'"] {
        assert!(warned(all), "{all}");
    }
    for some in [
        "path = '/{*x}.PVT'",
        "path = '/{*x}/y'",
        "regex = '/b'",
        "not_regex = 'x'",
    ] {
        assert!(!warned(some), "{some}");
    }
}
