mod documented;

use std::path::Path;

use proptest::prelude::*;

use super::assemble::{Assembled, Text, assemble};
use super::value::{Size, Time};
use super::*;

/// What is wrong with a file called `boot.toml`, a line each.
fn problems(text: &str) -> Vec<String> {
    let lines = assembled(text, &[], &[]).err();
    let lines = lines.into_iter().flat_map(|problems| problems.0);
    lines.map(|problem| problem.to_string()).collect()
}

fn assembled(
    main: &str,
    drop_ins: &[&str],
    environment: &[(&str, &str)],
) -> Result<Assembled, Problems> {
    let text = |name: String, text: &str| Text {
        name,
        text: text.to_owned(),
    };
    let drop_ins: Vec<_> = drop_ins
        .iter()
        .enumerate()
        .map(|(number, drop_in)| text(format!("{number}.toml"), drop_in))
        .collect();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assemble(&text("boot.toml".to_owned(), main), &drop_ins, environment)
}

#[track_caller]
fn good(main: &str, drop_ins: &[&str], environment: &[(&str, &str)]) -> Assembled {
    assembled(main, drop_ins, environment).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let found = problems(text);
    assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.contains(expected),
            "{text}: {found} has no {expected}"
        );
    }
}

/// A route, so that nothing else is wrong.
const ROUTE: &str = "[[route]]\ndir = \"/srv/tftp\"\n";

#[test]
fn nothing_is_a_configuration() {
    let config = good("", &[], &[]);
    assert!(config.document.route.is_empty() && config.warnings.is_empty());
}

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
            "no such word \"jsn\": write \"text\" or \"json\"",
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
            "nobody would get the template",
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

#[test]
fn drop_ins_go_over_the_main_file_and_their_routes_before() {
    let config = good(
        "workers = 1\ngive_up = 10\n[cache]\ndir = \"/a\"\nmax = 5\n[origin.a]\nurl = \"http://h/\"\n[[route]]\npath = \"/main\"\norigin = \"a\"\n",
        &[
            "workers = 2\n[cache]\nmax = 6\n[[route]]\npath = \"/first\"\norigin = \"b\"\n[origin.b]\nurl = \"http://i/\"\n",
            "workers = 3\n[[route]]\npath = \"/second\"\nempty = true\n[[quirk]]\noptions = false\n",
        ],
        &[],
    );
    let document = &config.document;
    assert_eq!(document.workers, Some(3));
    assert_eq!(
        document.give_up,
        Some(Time(std::time::Duration::from_secs(10)))
    );
    assert_eq!(document.cache.dir.as_deref(), Some(Path::new("/a")));
    assert_eq!(document.cache.max, Some(Size(6)));
    assert_eq!(document.origin.len(), 2);
    let paths: Vec<_> = document
        .route
        .iter()
        .map(|route| route.path.as_deref().unwrap())
        .collect();
    assert_eq!(paths, ["/first", "/second", "/main"]);
    let places: Vec<_> = document
        .route
        .iter()
        .map(|route| config.sources.show(route.file, route.span.start))
        .collect();
    assert_eq!(places, ["0.toml:4", "1.toml:2", "boot.toml:8"]);
    assert_eq!(document.quirk.len(), 1);

    let problems = assembled("workers = 1", &["workers = 0", "x = 1"], &[])
        .err()
        .unwrap();
    let shown = problems.to_string();
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            "0.toml:1: workers is 0: write 1 to 1024",
            "1.toml:1: no such key \"x\" here"
        ]
    );
}

#[test]
fn the_environment_goes_over_all_files() {
    let config = good(
        "workers = 1\nlisten = [\"[::]:69\"]\n[cache]\ndir = \"/a\"\nmax = 5\n[origin.boot-images]\nurl = \"http://h/\"\n[[route]]\norigin = \"boot-images\"\n",
        &["workers = 2"],
        &[
            ("BOOTWIRE_WORKERS", "7"),
            ("BOOTWIRE_LISTEN", "127.0.0.1:6969"),
            ("BOOTWIRE_CACHE__DIR", "007"),
            ("BOOTWIRE_IDENTITY__DNSMASQ", "[\"/a\", \"/b\"]"),
            ("BOOTWIRE_ORIGIN__BOOT_IMAGES__URL", "http://other/"),
            ("BOOTWIRE_TEMPLATES__VARS__NTP", "10.0.0.1"),
            ("BOOTWIRE_PATH", "/grub/grub.cfg"),
            ("HOME", "/root"),
        ],
    );
    let document = &config.document;
    assert_eq!(document.workers, Some(7));
    assert_eq!(document.listen.as_ref().unwrap().0, ["127.0.0.1:6969"]);
    assert_eq!(document.cache.dir.as_deref(), Some(Path::new("007")));
    assert_eq!(document.cache.max, Some(Size(5)));
    assert_eq!(document.identity.dnsmasq.as_ref().unwrap().0.len(), 2);
    assert_eq!(
        document.origin["boot-images"].url.as_deref(),
        Some("http://other/")
    );
    assert_eq!(document.templates.vars["ntp"], "10.0.0.1");

    let problems = assembled(
        "",
        &[],
        &[
            ("BOOTWIRE_LISTN", "x"),
            ("BOOTWIRE_CACHE__MAX", "lots"),
            ("BOOTWIRE_ROUTE", "[]"),
            ("BOOTWIRE_WORKERS__X", "1"),
        ],
    );
    let problems = problems.err().unwrap().to_string();
    let lines: Vec<_> = problems.lines().collect();
    assert_eq!(lines.len(), 4, "{problems}");
    for (line, expected) in lines.iter().zip([
        "environment variable BOOTWIRE_CACHE__MAX: \"lots\" is no size",
        "environment variable BOOTWIRE_LISTN: no such key \"listn\": did you mean \"listen\"?",
        "environment variable BOOTWIRE_ROUTE: a route cannot be set in the environment",
        "environment variable BOOTWIRE_WORKERS__X: a table does not fit here",
    ]) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn routes_nobody_reaches_are_warned_of() {
    for (text, warning) in [
        (
            "[[route]]\ndir = \"/a\"\n[[route]]\npath = \"/x\"\ntext = \"y\"\n",
            "boot.toml:3: nobody comes here",
        ),
        (
            "[[route]]\npath = \"/x\"\ntext = \"x\"\n[[route]]\npath = \"/x\"\ntext = \"y\"\n",
            "boot.toml:4: nobody comes here",
        ),
        (
            "[[route]]\ndir = \"/a\"\n[origin.a]\nurl = \"http://h/\"\n",
            "boot.toml:3: no route asks the origin \"a\"",
        ),
        (
            "[cache]\ndir = \"/x\"\n",
            "boot.toml:1: a cache without origins",
        ),
    ] {
        assert_eq!(good(text, &[], &[]).warnings.len(), 1, "{text}");
        let warnings = good(text, &[], &[]).warnings;
        assert!(warnings[0].starts_with(warning), "{warnings:?}");
    }
    for text in [
        // Uploads are not reads, conditions let others by, hooks pass, rewrites go on.
        "[[route]]\ndir = \"/a\"\n[[route]]\nupload = \"/b\"\n",
        "[[route]]\nfrom = \"10.0.0.0/8\"\ndir = \"/a\"\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nhttp = { post = \"http://h/\" }\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nrewrite = \"/x/{path}\"\n[[route]]\ndir = \"/b\"\n",
        "[[route]]\nhttp = { post = \"http://h/\" }\n[origin.a]\nurl = \"http://h/\"\n",
    ] {
        let warnings = good(text, &[], &[]).warnings;
        assert!(warnings.is_empty(), "{text}: {warnings:?}");
    }
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
fn files_are_read_in_order_and_paths_begin_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("boot.toml");
    let drop_ins = dir.path().join("boot.d");
    std::fs::write(&main, "workers = 1\n[[route]]\ndir = \"tftp\"\n").unwrap();
    let config = Config::load_with(&main, std::iter::empty()).unwrap();
    assert_eq!(config.files, [main.as_path()]);
    assert_eq!(config.watched, [dir.path()]);
    assert_eq!(config.path(Path::new("tftp")), dir.path().join("tftp"));
    assert_eq!(config.path(Path::new("/tftp")), Path::new("/tftp"));
    let shown = main.display();
    assert_eq!(
        config.place(&config.document.route[0]),
        format!("{shown}:2")
    );
    assert_eq!(config.place_of("workers"), format!("{shown}:1"));
    assert_eq!(config.place_of("cache.dir"), shown.to_string());

    std::fs::create_dir(&drop_ins).unwrap();
    std::fs::write(drop_ins.join("20-b.toml"), "workers = 3\n").unwrap();
    std::fs::write(
        drop_ins.join("10-a.toml"),
        "workers = 2\n[cache]\nmax = 5\n",
    )
    .unwrap();
    std::fs::write(drop_ins.join(".hidden.toml"), "workers = 4\n").unwrap();
    std::fs::write(drop_ins.join("30-c.toml~"), "workers = 5\n").unwrap();
    let config = Config::load_with(&main, std::iter::empty()).unwrap();
    assert_eq!(config.document.workers, Some(3));
    assert_eq!(config.files.len(), 3);
    assert_eq!(config.watched, [dir.path(), drop_ins.as_path()]);
    let second = drop_ins.join("10-a.toml");
    assert_eq!(
        config.place_of("cache.dir"),
        format!("{}:2", second.display())
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let load = |path: &Path| {
        Config::load_with(path, std::iter::empty())
            .unwrap_err()
            .to_string()
    };
    let missing = dir.path().join("missing.toml");
    let told = load(&missing);
    assert!(told.starts_with(&missing.display().to_string()) && told.contains("No such file"));
    assert!(load(dir.path()).contains("not a regular file"));
    let latin = dir.path().join("latin.toml");
    std::fs::write(&latin, b"# gr\n# gr\xfc\xdf\n").unwrap();
    assert!(load(&latin).contains("line 2 is not UTF-8"));
    let large = dir.path().join("large.toml");
    std::fs::write(&large, vec![b'#'; 5 << 20]).unwrap();
    assert!(load(&large).contains("larger than"));
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text: String = (0..150).map(|number| format!("zz{number} = 1\n")).collect();
    let found = problems(&text);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "and: 50 problems more");
}

/// The documentation.
const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// The configurations it shows.
fn examples() -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("\n```toml\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap_or(block))
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    assert!(examples().count() > 2);
    for (number, example) in examples().enumerate() {
        let config = good(example, &[], &[]);
        // The first has it all.
        assert!(
            number > 0 || config.warnings.is_empty(),
            "{:?}",
            config.warnings
        );
    }
}

#[test]
fn the_documentation_has_every_key() {
    let schema = serde_json::to_value(schema::schema()).unwrap();
    let tables = schema["definitions"].as_object().unwrap().values();
    let properties = tables
        .chain([&schema])
        .filter_map(|table| table["properties"].as_object());
    let mut keys: Vec<_> = properties.flat_map(|table| table.keys()).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 100, "{keys:?}");
    for key in keys {
        let shown = [
            format!("`{key}`"),
            format!("`[{key}]`"),
            format!("`[[{key}]]`"),
        ];
        let words = [format!("{key} = "), format!("`[{key}.NAME]`")];
        let is_there = shown
            .iter()
            .chain(&words)
            .any(|shown| PAGE.contains(shown.as_str()));
        assert!(is_there, "docs/configuration.md says nothing of {key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever becomes of a configuration on the way: no panic, and every problem has its place.
    #[test]
    fn no_text_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[\\[\\]{}=\"'#.,a-z0-9_\n -]{0,12}"), 1..6)
    ) {
        let mut text = examples().next().unwrap().to_owned();
        for (at, cut, with) in edits {
            let mut from = at.index(text.len() + 1);
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let mut to = (from + cut).min(text.len());
            while !text.is_char_boundary(to) {
                to += 1;
            }
            text.replace_range(from..to, &with);
        }
        let lines = text.matches('\n').count() + 1;
        for problem in problems(&text) {
            if problem.starts_with("and: ") {
                continue;
            }
            let line = problem.strip_prefix("boot.toml:").and_then(|rest| rest.split(':').next());
            let line: usize = line.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("no line in {problem:?}"));
            prop_assert!((1..=lines).contains(&line), "{problem}");
        }
    }

    #[test]
    fn no_noise_makes_it_panic(text in "[\\[\\]{}=\"'#.,a-z0-9_\n -]{0,200}") {
        let _ = problems(&text);
    }
}
