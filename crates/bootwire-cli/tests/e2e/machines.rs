//! `bootwire machines`, as people and scripts use it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{bootwire, is_root, run_to_end};

/// A directory with a database that is yet to be made.
struct Place(TempDir);

/// How a command ended.
struct Ended {
    code: i32,
    out: String,
    told: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let ended = Self {
            code: output.status.code().expect("an exit code"),
            out: text(output.stdout),
            told: text(output.stderr),
        };
        assert!(!ended.told.contains("panicked"), "{}", ended.told);
        ended
    }
}

impl Ended {
    /// It worked, and said this on standard output.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.told);
        self.out
    }

    /// It ended with this code and said all of `words`.
    #[track_caller]
    fn fails(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.told);
        assert!(self.out.is_empty(), "{}", self.out);
        for word in words {
            assert!(self.told.contains(word), "no {word:?} in {}", self.told);
        }
    }
}

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("a file");
        self.path(name).to_str().expect("text").to_owned()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(bootwire());
        command.arg("machines").args(words);
        command
            .arg("--database")
            .arg(self.path("state/machines.db"));
        command
    }

    fn machines(&self, words: &[&str]) -> Ended {
        run_to_end(&mut self.command(words), Duration::from_secs(60)).into()
    }

    /// All machines.
    #[track_caller]
    fn list(&self) -> Value {
        serde_json::from_str(&self.machines(&["list", "--json"]).ok()).expect("JSON")
    }
}

/// Two machines.
const FLEET: &str = r#"
[[machine]]
mac = "52-54-00-12-34-56"
hostname = "node-7"
profile = "worker"
vars = { disk = "/dev/vda" }

[[machine]]
serial = "CZ2"
hostname = "node-8"
"#;

fn fleet() -> Value {
    json!([
        {
            "mac": "52:54:00:12:34:56",
            "hostname": "node-7",
            "profile": "worker",
            "vars": {"disk": "/dev/vda"},
        },
        {"serial": "CZ2", "hostname": "node-8"},
    ])
}

#[test]
fn machines_are_added_shown_changed_and_removed() {
    let place = Place::new();
    let words = ["add", "--mac", "52-54-00-12-34-56", "--hostname", "node-7"];
    let more = ["--profile", "worker", "--var", "disk=/dev/vda"];
    place.machines(&[&words[..], &more].concat()).ok();
    place
        .machines(&["add", "--serial", "CZ2", "--hostname", "node-8"])
        .ok();
    assert_eq!(place.list(), fleet());
    assert_eq!(
        place.machines(&["list"]).ok(),
        "MAC                SERIAL  HOSTNAME  PROFILE  VARS\n\
         52:54:00:12:34:56          node-7    worker   disk=/dev/vda\n\
         \x20                  CZ2     node-8\n"
    );
    for name in ["NODE-7", "5254.0012.3456"] {
        assert_eq!(
            place.machines(&["show", name]).ok(),
            "mac: 52:54:00:12:34:56\nhostname: node-7\nprofile: worker\nvars.disk: /dev/vda\n"
        );
    }
    let one: Value =
        serde_json::from_str(&place.machines(&["show", "cz2", "--json"]).ok()).unwrap();
    assert_eq!(one, fleet()[1]);

    let set = ["set", "node-8", "--ip", "10.0.0.8", "--var", "slots=[1, 2]"];
    place.machines(&set).ok();
    place
        .machines(&["set", "10.0.0.8", "--unset", "serial"])
        .ok();
    assert_eq!(
        place.list()[1],
        json!({"ip": "10.0.0.8", "hostname": "node-8", "vars": {"slots": [1, 2]}})
    );
    place
        .machines(&["remove", "node-8", "node-9"])
        .fails(3, &["node-9"]);
    assert_eq!(place.list().as_array().expect("a list").len(), 2, "none is");
    place.machines(&["remove", "node-8", "node-7"]).ok();
    assert_eq!(place.machines(&["list"]).ok(), "");
    assert_eq!(place.list(), json!([]));
}

#[test]
fn what_cannot_be_is_explained() {
    let place = Place::new();
    place
        .machines(&["list"])
        .fails(1, &["does not exist", "add or import"]);
    place.machines(&["add"]).fails(2, &["--mac"]);
    place
        .machines(&["add", "--mac", "52:54"])
        .fails(2, &["--mac"]);
    place
        .machines(&["add", "--serial", "x", "--var", "y"])
        .fails(2, &["NAME=VALUE"]);
    place
        .machines(&["add", "--profile", "x"])
        .fails(1, &["needs a mac"]);
    place
        .machines(&["add", "--hostname", "node-7", "--serial", "A"])
        .ok();
    place
        .machines(&["add", "--hostname", "Node-7"])
        .fails(1, &["hostname node-7", "the machine with serial a"]);
    place.machines(&["add", "--hostname", "node-8"]).ok();
    place.machines(&["set", "node-8", "--serial", "a"]).fails(
        1,
        &[
            "hostname node-8 cannot have serial a",
            "with hostname node-7",
        ],
    );
    place
        .machines(&["set", "node-8", "--unset", "hostname"])
        .fails(1, &["needs a mac"]);
    place
        .machines(&["set", "node-8", "--unset", "disk"])
        .fails(1, &["no variable \"disk\""]);
    place.machines(&["set", "node-8"]).fails(2, &["--unset"]);
    place
        .machines(&["show", "node-9"])
        .fails(3, &["no machine has \"node-9\""]);
    place
        .machines(&["set", "node-9", "--profile", "x"])
        .fails(3, &["node-9"]);
    assert_eq!(place.list().as_array().expect("a list").len(), 2);
}

#[test]
fn files_are_imported_whole_or_not_at_all() {
    let place = Place::new();
    let toml = place.write("fleet.toml", FLEET);
    let import = |file: &str| place.machines(&["import", file]);
    let told = import(&toml);
    assert_eq!((told.code, told.told.as_str()), (0, "2 machines added\n"));
    assert_eq!(place.list(), fleet());
    // A second time nothing is left to do.
    assert_eq!(import(&toml).told, "0 machines added, 2 unchanged\n");

    let clash = "- serial: new\n- hostname: NODE-7\n  profile: storage\n";
    let clash = place.write("clash.yaml", clash);
    import(&clash).fails(
        1,
        &[
            "clash.yaml, machine 2 has hostname node-7",
            "the machine with mac 52:54:00:12:34:56 has already",
            "--replace",
        ],
    );
    assert_eq!(place.list(), fleet(), "none is");
    let told = place.machines(&["import", &clash, "--replace"]).told;
    assert_eq!(told, "1 machine added, 1 replaced\n");
    assert_eq!(
        place.list(),
        json!([
            {"hostname": "NODE-7", "profile": "storage"},
            {"serial": "CZ2", "hostname": "node-8"},
            {"serial": "new"},
        ])
    );
    let two = place.write("two.json", r#"[{"hostname": "node-7", "serial": "new"}]"#);
    place.machines(&["import", &two, "--replace"]).fails(
        1,
        &[
            "two.json, machine 1 has hostname node-7",
            "remove one of them",
        ],
    );

    for (name, text, words) in [
        (
            "a.toml",
            "[[machine]]\nhostnam = \"x\"\n",
            &["a.toml:2", "hostnam"][..],
        ),
        ("b.json", "[{\"mac\": \"1\"}]", &["b.json:1"]),
        (
            "c.yaml",
            "- profile: x\n",
            &["c.yaml, machine 1", "needs a mac"],
        ),
        (
            "d.toml",
            "[[machine]]\nserial = \"x\"\n[[machine]]\nserial = \"X\"\n",
            &["d.toml, machine 1 and machine 2 both have serial x"],
        ),
    ] {
        import(&place.write(name, text)).fails(7, words);
    }
    import("/no/such/file.toml").fails(7, &["/no/such/file.toml", "No such file"]);
    assert_eq!(place.list().as_array().expect("a list").len(), 3);
}

#[test]
fn standard_input_is_read_as_what_it_looks_like() {
    let from = |text: &str| {
        let place = Place::new();
        let mut command = place.command(&["import", "-"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(text.as_bytes()).expect("written");
        drop(input);
        Ended::from(child.wait_with_output().expect("ended")).ok();
        place.list()
    };
    assert_eq!(from(FLEET), fleet());
    assert_eq!(from(&fleet().to_string()), fleet());
    assert_eq!(
        from("- serial: CZ2\n  hostname: node-8\n"),
        json!([fleet()[1]])
    );
}

#[test]
fn the_configuration_names_the_database() {
    let place = Place::new();
    let toml = place.write("fleet.toml", FLEET);
    let config = place.write("boot.toml", "[inventory]\nsqlite = \"db/machines\"\n");
    let run = |words: &[&str]| -> Ended {
        let mut command = Command::new(bootwire());
        command.arg("machines").args(words);
        run_to_end(&mut command, Duration::from_secs(60)).into()
    };
    run(&["import", &toml, "--config", &config]).ok();
    assert!(place.path("db/machines").is_file());
    let list = run(&["--config", &config, "list", "--json"]).ok();
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list, fleet());

    let config = place.write("boot.toml", "[inventory]\nfiles = \"x\"\n");
    run(&["list", "-c", &config]).fails(1, &["no sqlite in its [inventory]"]);
    let config = place.write("boot.toml", "[inventory]\nsqlit = \"x\"\n");
    run(&["list", "-c", &config]).fails(7, &["boot.toml:2", "did you mean \"sqlite\"?"]);
    if !Path::new("/etc/bootwire/bootwire.toml").exists() {
        run(&["list"]).fails(1, &["--database", "--config"]);
    }
}

#[test]
fn a_database_of_somebody_else_or_of_something_else_says_whose_it_is() {
    let place = Place::new();
    let list = |prefix: &[&str]| {
        let mut words: Vec<&str> = prefix.to_vec();
        words.push(bootwire());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["machines", "list"]);
        command.arg("--database").arg(place.0.path().join("m/db"));
        Ended::from(run_to_end(&mut command, Duration::from_secs(60)))
    };
    let dir = place.0.path().join("m");
    std::fs::create_dir(&dir).expect("a directory");
    std::fs::write(
        dir.join("db"),
        "no database at all, but longer than a header of one\n".repeat(90),
    )
    .expect("a file");
    list(&[]).fails(1, &["db is not an SQLite database"]);

    // Only root can be somebody else.
    if !is_root() {
        return;
    }
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set(place.0.path(), 0o755);
    std::os::unix::fs::chown(&dir, Some(1), None).expect("root may");
    let words = "user nobody may not write into";
    std::fs::set_permissions(dir.join("db"), std::fs::Permissions::from_mode(0o666))
        .expect("a mode");
    list(&nobody).fails(1, &[words, "belongs to daemon", "sudo -u daemon"]);
    set(&dir.join("db"), 0o600);
    list(&nobody).fails(
        1,
        &["user nobody may not read and write", "run this as root"],
    );
    set(&dir, 0o700);
    list(&nobody).fails(1, &["user nobody may not enter", "belongs to daemon"]);
}
