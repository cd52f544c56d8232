//! Drop-ins, the environment, files.

use std::path::Path;

use super::{assembled, good};
use crate::config::assemble::{Text, assemble};
use crate::config::model::{self, SETTINGS};
use crate::config::value::{Size, Time};
use crate::config::{Config, Flags, Problem, RouteFlag};

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
    assert_eq!(document.give_up, Time(std::time::Duration::from_secs(10)));
    assert_eq!(document.cache.dir, Path::new("/a"));
    assert_eq!(document.cache.max, Size(6));
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
    assert_eq!(document.cache.dir, Path::new("007"));
    assert_eq!(document.cache.max, Size(5));
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
fn files_are_read_in_order_and_paths_begin_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("boot.toml");
    let drop_ins = dir.path().join("boot.d");
    std::fs::write(&main, "workers = 1\n[[route]]\ndir = \"tftp\"\n").unwrap();
    let config = Config::load_with(&main, std::iter::empty()).unwrap();
    assert_eq!(config.files, [main.as_path()]);
    assert_eq!(config.watched, [dir.path(), drop_ins.as_path()]);
    assert_eq!(config.path(Path::new("tftp")), dir.path().join("tftp"));
    assert_eq!(config.path(Path::new("/tftp")), Path::new("/tftp"));
    let shown = main.display();
    let routes: Vec<_> = config.route_places().collect();
    assert_eq!(routes, [format!("{shown}:2")]);
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

/// `--KEY VALUE`.
fn flag(flags: &mut Flags, path: &str, values: &[&str]) {
    let setting = SETTINGS.iter().find(|setting| setting.path() == path);
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    flags.set(setting.unwrap(), values);
}

#[test]
fn flags_go_over_the_environment_and_say_where_they_are_wrong() {
    let text = |text: &str| Text {
        name: "boot.toml".to_owned(),
        text: text.to_owned(),
    };
    let mut flags = Flags::default();
    flag(&mut flags, "workers", &["9"]);
    flag(&mut flags, "give_up", &["90"]);
    flag(&mut flags, "drain", &["0.25"]);
    flag(&mut flags, "listen", &["127.0.0.1:1", "127.0.0.1:2"]);
    flag(&mut flags, "single_port", &[]);
    flag(&mut flags, "sandbox.user", &["0990"]);
    flag(&mut flags, "budgets.unproven_memory", &["5M"]);
    let variables = [("BOOTWIRE_WORKERS", "7"), ("BOOTWIRE_LOG", "json")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let main = text("workers = 1\ngive_up = 5\n");
    let found = assemble(&main, &[], variables, &flags).ok().unwrap();
    let document = found.document;
    assert_eq!(document.workers, Some(9));
    assert_eq!(document.log.format, model::LogFormat::Json);
    assert_eq!(document.give_up, Time(std::time::Duration::from_secs(90)));
    assert_eq!(document.drain, Time(std::time::Duration::from_millis(250)));
    assert_eq!(document.listen.unwrap().0, ["127.0.0.1:1", "127.0.0.1:2"]);
    assert!(document.single_port);
    assert_eq!(document.sandbox.user.as_deref(), Some("0990"));
    assert_eq!(document.budgets.unproven_memory, Size(5 << 20));

    let mut flags = Flags::default();
    flag(&mut flags, "blksize_max", &["7"]);
    flag(&mut flags, "give_up", &["soon"]);
    flag(&mut flags, "allow", &["lan"]);
    flag(&mut flags, "sandbox.level", &["most"]);
    let problems = assemble(&text(""), &[], [], &flags).err().unwrap();
    let shown = problems.to_string();
    let expected = [
        "--blksize-max: 7 is out of range: write 8 to 65464",
        "--give-up: \"soon\" is no time: write a time like 15m or 60s",
        "--allow: \"lan\" is no network: write a network like",
        "--sandbox: no such word \"most\": write \"off\", \"best-effort\" or \"require\"",
    ];
    for (line, expected) in shown.lines().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert_eq!(shown.lines().count(), expected.len(), "{shown}");
    assert!(problems.0.iter().all(Problem::is_in_a_flag));
}

#[test]
fn a_directory_on_the_command_line_is_a_configuration() {
    let key = |flag, key, value: Option<&str>| RouteFlag {
        flag,
        key,
        value: value.map(str::to_owned),
    };
    let mut flags = Flags::default();
    flags.add_route(vec![
        key("--upload-dir", "upload", Some("in")),
        key("--create", "existing", Some("create")),
        key("--upload-max", "size_max", Some("1X")),
    ]);
    flags.add_route(vec![
        key("", "dir", Some("/srv")),
        key("--per-client", "per_client", None),
    ]);
    let problems = Config::of_flags(&flags).unwrap_err().to_string();
    assert!(
        problems.starts_with("--upload-max: \"1X\" is no size"),
        "{problems}"
    );
    let mut flags = Flags::default();
    flags.add_route(vec![key("", "dir", Some("srv"))]);
    let config = Config::of_flags(&flags).unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!(config.requirements().served, [here.join("srv")]);
    assert!(config.files.is_empty() && config.watched.is_empty());
    assert_eq!(config.layers.read().unwrap().routes.len(), 1);
}

#[test]
fn what_a_running_server_cannot_change_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let fixed = |text: &str| {
        let file = dir.path().join("boot.toml");
        std::fs::write(&file, text).unwrap();
        Config::load_with(&file, std::iter::empty())
            .unwrap()
            .fixed()
    };
    let old = fixed("listen = \"[::]:69\"\n[cache]\nmax = 5\n");
    let new = fixed(
        "listen = \"[::]:70\"\ngive_up = 60\ncase_insensitive = true\n[budgets]\nunproven_max = 5\n\
         [sandbox]\nread = \"/srv\"\n[[route]]\ndir = \"/x\"\ndeadline = \"20s\"\n",
    );
    let changed = old.iter().zip(&new).filter(|(old, new)| old != new);
    let keys: Vec<_> = changed.map(|((key, _), _)| key.as_str()).collect();
    assert_eq!(
        keys,
        ["listen", "deadline", "budgets.unproven_max", "sandbox.read"]
    );
}
