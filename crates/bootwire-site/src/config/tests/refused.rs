//! What is refused, and with what words.

use super::{ROUTE, good, problems, says};
use crate::config::Config;

#[test]
fn unknown_keys_are_named_with_what_was_meant() {
    says(
        "lissten = \"[::]:69\"\n",
        &["boot.toml:1: no such key \"lissten\": did you mean \"listen\"?"],
    );
    says(
        "[cache]\n\ndirectory = \"/x\"\n",
        &["boot.toml:3: no such key \"directory\": did you mean \"dir\"?"],
    );
    says(
        "[cache]\nsize = 5\n",
        &["boot.toml:2: no such key \"size\": there are \"dir\", \"max\" and \"memory_max\""],
    );
    says(
        "[[route]]\npath = \"/{*p}\"\ntemplat = \"x\"\n",
        &["boot.toml:3: no such key \"templat\": did you mean \"template\"?"],
    );
}

#[test]
fn keys_below_the_wrong_header_are_sent_home() {
    says(
        "[cache]\nmax = 5\nlisten = \"[::]:69\"\n",
        &["\"max\" and \"memory_max\"; it belongs to the top of the file, above all tables"],
    );
    says(
        "upload = \"/srv\"\n",
        &["boot.toml:1: no such key \"upload\" here: it belongs to [[route]]"],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    says(
        r#"workers = 0
drain = "soon"
single_port = "yes"

[cache]
max = "20 apples"

[[route]]
path = "/{*path"
dir = 5
colour = "red"

[[route]]
path = "/x"
origin = "none"
links = "beneath"
"#,
        &[
            "boot.toml:1: workers is 0: write 1 to 1024",
            "boot.toml:2: \"soon\" is no time: write a time like 15m or 60s",
            "boot.toml:3: a text does not fit here: write true or false",
            "boot.toml:6: \"20 apples\" is no size: no such unit",
            "boot.toml:9: path, column 2: this brace is never closed",
            "boot.toml:10: a whole number does not fit here: write a text in quotes",
            "boot.toml:11: no such key \"colour\"",
            "boot.toml:15: no such origin \"none\": there are none",
            "boot.toml:16: \"links\" belongs to \"dir\"",
        ],
    );
}

#[test]
fn what_is_no_toml_is_shown_by_line() {
    says(
        "a = 1\na = 2\n[x\n",
        &[
            "boot.toml:2: duplicate key",
            "boot.toml:3: unclosed table, expected `]`",
        ],
    );
}

#[test]
fn a_route_has_one_answer() {
    says(
        "[[route]]\npath = \"/x\"\n",
        &["boot.toml:1: a route needs one of \"dir\", \"origin\""],
    );
    says(
        "[[route]]\ndir = \"/x\"\ntext = \"y\"\n",
        &["boot.toml:3: \"text\" beside \"dir\": only one of them can be"],
    );
    says(
        "[[route]]\nempty = false\n",
        &["boot.toml:2: write \"empty = true\""],
    );
    says("[[route]]\ntry = []\n", &["boot.toml:2: nothing to try"]);
    says(
        "[route]\ndir = \"/x\"\n",
        &["boot.toml:1: write [[route]] with two brackets"],
    );
}

#[test]
fn keys_belong_to_their_answers() {
    for (action, key, owner) in [
        ("dir = \"/x\"", "size_max = 5", "\"upload\""),
        ("dir = \"/x\"", "unknown = \"render\"", "\"template\""),
        (
            "text = \"x\"",
            "probes = false",
            "\"template\", \"http\" or \"exec\"",
        ),
        ("upload = \"/x\"", "links = \"in-root\"", "\"dir\""),
        ("upload = \"/x\"", "vars = { a = 1 }", "\"template\""),
    ] {
        let found = problems(&format!("[[route]]\n{action}\n{key}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("boot.toml:3: "), "{}", found[0]);
        assert!(
            found[0].ends_with(&format!("belongs to {owner}")),
            "{}",
            found[0]
        );
    }
}

#[test]
fn rewrites_stand_alone_or_with_an_answer() {
    good(
        "[[route]]\npath = \"/{arch}/{*path}\"\nfrom = \"10.0.0.0/8\"\nrewrite = \"/d/{arch}/{path}\"\n",
        &[],
        &[],
    );
    good(
        "[[route]]\npath = \"/k\"\nrewrite = \"/d/k\"\ndir = \"/x\"\n",
        &[],
        &[],
    );
    says(
        "[[route]]\npath = \"/k\"\nrewrite = \"/d/{x}\"\nblksize_max = 512\n",
        &[
            "boot.toml:3: rewrite, column 4: {x} is no parameter",
            "boot.toml:4: \"blksize_max\" in a route that only rewrites",
        ],
    );
}

#[test]
fn tries_are_answers_without_conditions() {
    good(
        "[[route]]\ntry = [{ dir = \"a\" }, { dir = \"b\", links = \"in-root\" }]\n",
        &[],
        &[],
    );
    says(
        "[[route]]\ntry = [\n  { path = \"/x\", dir = \"a\" },\n  { upload = \"b\" },\n  { try = [{ dir = \"c\" }] },\n  {},\n  { dir = \"d\", deadline = \"1s\" },\n]\n",
        &[
            "boot.toml:3: \"path\" belongs to the route",
            "boot.toml:4: uploads cannot be tried",
            "boot.toml:5: \"try\" inside \"try\"",
            "boot.toml:6: a route needs one of",
            "boot.toml:7: \"deadline\" belongs to the route",
        ],
    );
}

#[test]
fn contradictions_are_refused() {
    for (text, expected) in [
        (
            "single_port = true\nports = \"1-2\"",
            "2: \"ports\" beside \"single_port\"",
        ),
        (
            "ports = \"9-5\"",
            "the first port must not be above the last",
        ),
        ("listen = \"0.0.0.0\"", "is not a listen address"),
        ("listen = []", "listen is empty"),
        (
            "allow = [\"10.0.0.0/8\", \"lan\"]",
            "\"lan\" is no network: write a network like",
        ),
        ("give_up = 0", "give_up is 0s: write 1s to 1h"),
        ("spin = \"1s\"", "spin is 1s: write 0s to 10ms"),
        ("blksize_max = 7", "blksize_max is 7: write 8 to 65464"),
        (
            "blksize_max = 70000",
            "70000 does not fit here: write a whole number from 0 to 65535",
        ),
        (
            "log = \"jsn\"",
            "no such word \"jsn\": write \"text\", \"json\" or \"journald\"",
        ),
        (
            "log_searches = true\nlog = { level = \"normal\" }",
            "\"log_searches\" beside log.level, which says it too",
        ),
        (
            "log = { format = \"journald\", file = \"socket\" }",
            "for journald this is the socket of another journal",
        ),
        (
            "log = { fromat = \"json\" }",
            "no such key \"fromat\": did you mean \"format\"?",
        ),
        (
            "[otlp]\nevery = \"30s\"",
            "the \"url\" of the collector is missing",
        ),
        (
            "[otlp]\nurl = \"collector:4318\"",
            "a URL begins with http:// or https://",
        ),
        (
            "[[webhook]]\nevents = \"boot\"",
            "a webhook needs a \"url\" to post to",
        ),
        (
            "[[webhook]]\nurl = \"http://h\"\nbatch = 0",
            "batch is 0: write 1 to 10000",
        ),
        (
            "[[webhook]]\nurl = \"http://h\"\nevents = []",
            "events is empty",
        ),
        (
            "[origin.a]",
            "an origin needs one of \"url\", \"s3\", \"gcs\", \"azure\"",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\ns3 = \"b\"",
            "3: \"s3\" beside \"url\"",
        ),
        (
            "[origin.a]\ns3 = \"b\"\nbearer_file = \"t\"",
            "\"bearer_file\" belongs to \"url\"",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\nprefix = \"t\"",
            "\"prefix\" belongs to",
        ),
        (
            "[origin.a]\nurl = \"ftp://h/\"",
            "a URL begins with http:// or https://",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\nclient_key = \"k\"",
            "belongs to \"client_certificate\"",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\nbearer_file = \"f\"\nbearer_env = \"E\"",
            "4: \"bearer_env\" beside \"bearer_file\"",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\nbearer_file = \"f\"\nheaders = { Authorization = \"x\" }",
            "\"Authorization\" beside \"bearer_file\"",
        ),
        (
            "[origin.a]\ns3 = \"b\"\nsettings = { region = \"x\" }\nsettings_env = { region = \"Y\" }",
            "\"region\" is in \"settings\" too",
        ),
        (
            "[origin.a]\nurl = \"http://h/\"\npin = \"reboot\"",
            "write \"boot\"",
        ),
        (
            "[inventory]\nsqlite = \"a\"\npostgres = \"postgres://h/d\"\nquery = \"q\"",
            "only one",
        ),
        (
            "[inventory]\npostgres = \"postgres://h/d\"",
            "needs a \"query\"",
        ),
        (
            "[inventory]\nsqlite = \"a\"\nquery = \"q\"",
            "\"query\" belongs to \"postgres\"",
        ),
        (
            "[inventory]\nhttp = \"http://h/{mac}\"\nmachine = \"x\"",
            "write \"/x\"",
        ),
        (
            "[inventory]\nhttp = \"http://{mac}/\"",
            "cannot choose the host",
        ),
        ("[inventory]\nfresh_for = 5", "an inventory needs one of"),
        (
            "[[route]]\nhttp = {}",
            "an HTTP hook needs one of \"post\", \"get\"",
        ),
        (
            "[[route]]\nhttp = { post = \"http://h/\", get = \"http://h/\" }",
            "\"get\" beside \"post\"",
        ),
        ("[[route]]\nexec = {}", "the \"program\" is missing"),
        (
            "[[route]]\nexec = { program = \"p\", concurrency = 0 }",
            "concurrency is 0",
        ),
        (
            "[[route]]\ndir = \"x\"\nop = \"write\"",
            "only \"upload\" and \"refuse\" answer that",
        ),
        (
            "[[route]]\nupload = \"x\"\nop = \"read\"",
            "uploads are written",
        ),
        (
            "[[route]]\nupload = \"x\"\nmode = \"0999\"",
            "write them in octal",
        ),
        (
            "[[route]]\nrefuse = { code = 3 }",
            "code 3 is not for refusing",
        ),
        (
            "[[route]]\nrefuse = { code = 2, text = \"grüß\" }",
            "printable ASCII",
        ),
        (
            "[[route]]\nrefuse = { text = \"no\" }",
            "\"code\" is missing",
        ),
        ("[[route]]\nrefuse = \"never\"", "no such word \"never\""),
        (
            "[[route]]\ntemplate = \"x\"\nunknown = \"denied\"",
            "no client would get the template",
        ),
        (
            "[[route]]\ndir = \"x\"\nrollover = 2",
            "rollover is 2: write 0 to 1",
        ),
        (
            "[[route]]\ndir = \"x\"\noptions = false\nblksize_max = 512",
            "means nothing",
        ),
        ("[[route]]\ndir = \"x\"\noption = \"=5\"", "is no option"),
        ("[[quirk]]\nname = \"x\"", "this quirk changes nothing"),
        (
            "[[quirk]]\noptions = false\nloader = \"grub2\"",
            "did you mean \"grub\"?",
        ),
        (
            "[[quirk]]\noptions = false\nmac = \"node\"",
            "does not begin a hardware address",
        ),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].contains(expected), "{text}: {}", found[0]);
    }
    let long = format!(
        "[[route]]\nrefuse = {{ code = 2, text = \"{}\" }}",
        "x".repeat(61)
    );
    says(&long, &["the text has 61 bytes: boot screens show 60"]);
}

/// Secrets are neither repeated in problems nor shown for debugging.
#[test]
fn secrets_are_kept() {
    for text in [
        "[origin.a]\nurl = \"https://user:hunter2@host/\"\n",
        "[origin.a]\nurl = \"hunter2\"\n",
        "[origin.a]\nurl = \"http://h/\"\nheaders = \"hunter2\"\n",
        "[origin.a]\ns3 = \"b\"\nsettings = [\"hunter2\"]\n",
        "[inventory]\npostgres = \"mysql://u:hunter2@h/d\"\n",
        "[inventory]\npostgres = \"postgres://u:hunter2@h/d\"\n",
        "[inventory]\nhttp = \"https://u:hunter2@h/\"\n",
        "[inventory]\nbearer_env = \"hunter2\"\nbearer_file = \"f\"\n",
        "[[route]]\nhttp = { post = \"https://u:hunter2@h/\" }\n",
        "[[route]]\nexec = { program = \"p\", env = \"hunter2\" }\n",
        "[templates]\nvars = \"hunter2\"\n",
    ] {
        let found = problems(text);
        assert!(!found.is_empty(), "{text}");
        assert!(!found.join("\n").contains("hunter2"), "{found:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bootwire.toml");
    let text = "[origin.a]\nurl = \"http://h/\"\nheaders = { X-Token = \"hunter2\" }\n";
    std::fs::write(&path, format!("{text}{ROUTE}")).unwrap();
    let config = Config::load_with(&path, std::iter::empty()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text: String = (0..150).map(|number| format!("zz{number} = 1\n")).collect();
    let found = problems(&text);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "and: 50 problems more");
}

#[test]
fn metrics_go_to_addresses() {
    let route = "[[route]]\ndir = \"/srv\"\n";
    for (table, what) in [
        (
            "listen = \"9469\"",
            "boot.toml:2: \"9469\" is no address to listen on: write an address and a port, like \
             127.0.0.1:9469",
        ),
        (
            "statsd = { address = \"localhost\" }",
            "boot.toml:2: \"localhost\" is no StatsD server: write a host and a port, like 127.0.0.1:8125",
        ),
        (
            "statsd = { address = \"h:8125\", prefix = \"a b\" }",
            "boot.toml:2: \"a b\" cannot begin names: write letters, digits, dots, - and _",
        ),
    ] {
        says(&format!("[metrics]\n{table}\n{route}"), &[what]);
    }
    for address in ["127.0.0.1:8125", "[::1]:8125", "statsd.example.com:8125"] {
        let text = format!("[metrics]\nstatsd = {{ address = \"{address}\" }}\n{route}");
        let statsd = good(&text, &[], &[]).document.metrics.statsd.unwrap();
        assert_eq!(
            (statsd.address.as_str(), statsd.prefix.as_str()),
            (address, "bootwire")
        );
    }
}
