//! Inventory files: what is read, what is refused, and what changes do.

use std::fs;
use std::time::Duration;

use bootwire::{Op, Request};

use super::*;

fn who(path: &str, ip: &str) -> Identity {
    let peer = format!("{ip}:2000").parse().unwrap();
    Identity::of(&Request::synthetic(Op::Read, path, peer, &[]).unwrap())
}

/// Who asks for GRUB's configuration by this hardware address.
fn mac(mac: &str) -> Identity {
    who(&format!("grub.cfg-01-{mac}"), "192.0.2.200")
}

async fn name(files: &Files, who: &Identity) -> Option<String> {
    files.find(who).await.unwrap()?.hostname.clone()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn open(&self) -> Result<Files, FileError> {
        Files::open([self.0.path()]).map(|files| files.check_every(Duration::ZERO))
    }
}

const TOML: &str = r#"
[[machine]]
mac = "52-54-00-00-00-01"
uuid = "4C4C4544-0042-3510-8051-B4C04F4D3233"
serial = "CZ1"
ip = "192.0.2.1"
hostname = "one"
profile = "worker"
vars = { disk = "/dev/sda", slots = [1, 2] }

[[machine]]
serial = "CZ2"
hostname = "two"
"#;

#[tokio::test]
async fn a_machine_is_found_by_each_of_its_keys_and_the_hardware_address_goes_first() {
    let folder = Folder::new();
    let files = folder.write("a.toml", TOML).open().unwrap();
    for one in [
        mac("52-54-00-00-00-01"),
        who(
            "pxelinux.cfg/4c4c4544-0042-3510-8051-b4c04f4d3233",
            "192.0.2.200",
        ),
        who("conf.cz1", "192.0.2.200"),
        who("vmlinuz", "192.0.2.1"),
        who("ONE-confg", "192.0.2.200"),
        // The hardware address decides, though the network address is another's.
        who("grub.cfg-01-52-54-00-00-00-01", "192.0.2.2"),
    ] {
        assert_eq!(name(&files, &one).await.as_deref(), Some("one"), "{one:?}");
    }
    assert_eq!(
        name(&files, &who("conf.CZ2", "192.0.2.9")).await.as_deref(),
        Some("two")
    );
    assert_eq!(name(&files, &mac("52-54-00-00-00-99")).await, None);
    let machine = files.machines()[0].clone();
    assert_eq!(machine.profile.as_deref(), Some("worker"));
    assert_eq!(machine.vars["slots"][1], 2);
    assert_eq!(files.check().await.unwrap(), "machines: 2, files: 1");
}

#[tokio::test]
async fn json_and_yaml_say_the_same_and_other_files_are_left_alone() {
    let folder = Folder::new();
    folder
        .write("a.json", r#"[{"mac": "525400000001", "hostname": "one"}]"#)
        .write(
            "b.json",
            r#"{"machines": [{"mac": "525400000002", "hostname": "two"}]}"#,
        )
        .write("README.md", "no inventory")
        .write(".hidden.toml", "no inventory");
    let files = folder.open().unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-02")).await.as_deref(),
        Some("two")
    );
}

#[cfg(feature = "yaml")]
#[tokio::test]
async fn yaml_is_a_list_or_a_table_of_one() {
    let folder = Folder::new();
    folder
        .write(
            "a.yaml",
            "# ours\n- mac: 52:54:00:00:00:01\n  hostname: one\n  vars:\n    disk: /dev/sda\n",
        )
        .write(
            "b.yml",
            "---\nmachine:\n  - mac: 52:54:00:00:00:02\n    hostname: two\n",
        );
    let files = folder.open().unwrap();
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("one")
    );
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-02")).await.as_deref(),
        Some("two")
    );
    folder.write(
        "b.yml",
        "machine:\n  - mac: 52:54:00:00:00:02\n    hostnam: two\n",
    );
    files.reload();
    let problems = files.problems();
    assert!(problems[0].place.ends_with("b.yml:3"), "{problems:?}");
    assert!(problems[0].what.contains("hostnam"), "{problems:?}");
}

#[test]
fn mistakes_are_told_with_file_and_line_before_a_server_starts() {
    for (file, text, line, what) in [
        (
            "a.toml",
            "[[machine]]\nmac = \"52:54:00\"\n",
            ":2",
            "not a MAC address",
        ),
        (
            "a.toml",
            "[[machine]]\nhostname = \"x\"\nhostnam = \"y\"\n",
            ":3",
            "unknown field `hostnam`",
        ),
        ("a.toml", "[[machine]\n", ":1", "expected"),
        ("a.json", "[\n{\"uuid\": \"x\"}\n]", ":2", "not a UUID"),
        ("a.json", "{\"machine\": [\n", ":2", "EOF"),
        ("a.json", "[{\"ip\":\n\"1.2.3\"}]", ":2", "IP address"),
    ] {
        let folder = Folder::new();
        let error = folder.write(file, text).open().unwrap_err().to_string();
        assert!(error.contains(&format!("{file}{line}: ")), "{error}");
        assert!(error.contains(what), "{error}");
    }
    let error = Files::open(["/nowhere/machines"]).unwrap_err().to_string();
    assert!(error.contains("/nowhere/machines: No such file"), "{error}");
}

#[tokio::test]
async fn a_file_that_breaks_keeps_its_machines_and_only_it_does() {
    let folder = Folder::new();
    folder
        .write(
            "a.toml",
            "[[machine]]\nmac = \"52:54:00:00:00:01\"\nhostname = \"one\"\n",
        )
        .write(
            "b.toml",
            "[[machine]]\nmac = \"52:54:00:00:00:02\"\nhostname = \"two\"\n",
        );
    let files = folder.open().unwrap();
    folder
        .write("a.toml", "[[machine]]\nmac = 7\n")
        .write(
            "b.toml",
            "[[machine]]\nmac = \"52:54:00:00:00:02\"\nhostname = \"new\"\n",
        )
        .write(
            "c.toml",
            "[[machine]]\nmac = \"52:54:00:00:00:03\"\nhostname = \"three\"\n",
        );
    for (address, expected) in [
        ("52-54-00-00-00-01", Some("one")),
        ("52-54-00-00-00-02", Some("new")),
        ("52-54-00-00-00-03", Some("three")),
    ] {
        assert_eq!(name(&files, &mac(address)).await.as_deref(), expected);
    }
    let problems = files.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].place.ends_with("a.toml:2"), "{problems:?}");
    assert!(files.check().await.is_err());

    fs::remove_file(folder.0.path().join("b.toml")).unwrap();
    folder.write(
        "a.toml",
        "[[machine]]\nmac = \"52:54:00:00:00:01\"\nhostname = \"mended\"\n",
    );
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("mended")
    );
    assert_eq!(name(&files, &mac("52-54-00-00-00-02")).await, None);
    assert_eq!(files.problems(), []);
}

#[tokio::test]
async fn a_key_of_two_machines_is_the_first_ones_and_reported() {
    let folder = Folder::new();
    folder
        .write(
            "a.toml",
            "[[machine]]\nserial = \"CZ1\"\nhostname = \"one\"\n",
        )
        .write(
            "b.toml",
            "[[machine]]\nserial = \"cz1\"\nhostname = \"two\"\n[[machine]]\nprofile = \"x\"\n",
        );
    let files = folder.open().unwrap();
    assert_eq!(
        name(&files, &who("conf.CZ1", "192.0.2.9")).await.as_deref(),
        Some("one")
    );
    let problems: Vec<_> = files
        .problems()
        .iter()
        .map(|problem| problem.what.clone())
        .collect();
    assert_eq!(
        problems,
        [
            "serial cz1 belongs to an earlier machine, which counts",
            "no key to find it by"
        ]
    );
}

#[tokio::test]
async fn a_kubernetes_volume_that_is_swapped_is_seen() {
    let folder = Folder::new();
    let at = |name: &str| folder.0.path().join(name);
    for (version, host) in [("v1", "old"), ("v2", "new")] {
        fs::create_dir(at(version)).unwrap();
        let text = format!("[[machine]]\nmac = \"52:54:00:00:00:01\"\nhostname = \"{host}\"\n");
        fs::write(at(version).join("a.toml"), text).unwrap();
    }
    std::os::unix::fs::symlink("v1", at("..data")).unwrap();
    std::os::unix::fs::symlink("..data/a.toml", at("a.toml")).unwrap();
    let files = folder.open().unwrap();
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("old")
    );
    std::os::unix::fs::symlink("v2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("new")
    );
}

#[tokio::test]
async fn a_directory_that_is_away_for_a_moment_takes_no_machine_with_it() {
    let folder = Folder::new();
    let (inside, away) = (folder.0.path().join("in"), folder.0.path().join("away"));
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("a.toml"), TOML).unwrap();
    let files = Files::open([&inside]).unwrap().check_every(Duration::ZERO);
    fs::rename(&inside, &away).unwrap();
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("one")
    );
    assert_eq!(files.problems().len(), 1);
    fs::rename(&away, &inside).unwrap();
    assert_eq!(
        name(&files, &mac("52-54-00-00-00-01")).await.as_deref(),
        Some("one")
    );
    assert_eq!(files.problems(), []);
}

#[test]
fn stars_stand_for_any_text() {
    for (pattern, name, expected) in [
        ("*", "anything", true),
        ("*.toml", "a.toml", true),
        ("*.toml", "a.json", false),
        ("rack-*-*.toml", "rack-1-2.toml", true),
        ("rack-*-*.toml", "rack-1.toml", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("ä*ü", "ä--ü", true),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn a_star_chooses_among_files() {
    let folder = Folder::new();
    folder
        .write("rack-1.toml", "[[machine]]\nserial = \"1\"\n")
        .write("rack-2.toml", "[[machine]]\nserial = \"2\"\n")
        .write("other.toml", "[[machine]]\nserial = \"3\"\n");
    let files = Files::open([folder.0.path().join("rack-*.toml")]).unwrap();
    assert_eq!(files.len(), 2);
}

#[test]
fn texts_without_a_name_are_what_they_look_like() {
    for (text, format) in [
        ("# mine\n\n[[machine]]\nmac = 1", Format::Toml),
        ("[[machines]]", Format::Toml),
        ("machine = []", Format::Toml),
        ("[{\"mac\": 1}]", Format::Json),
        ("\n {\"machine\": []}", Format::Json),
        ("- mac: 1", Format::Yaml),
        ("---\nmachine:\n", Format::Yaml),
    ] {
        assert_eq!(Format::guess(text.as_bytes()), format, "{text}");
    }
}
