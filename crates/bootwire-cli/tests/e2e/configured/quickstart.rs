//! The README's commands, line by line.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Isolation, Output, bootwire, run_to_end};

/// The shell blocks of a section.
fn blocks(heading: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).expect("a README");
    let section = readme
        .split(&format!("\n## {heading}\n"))
        .nth(1)
        .expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// A process and all it started; killed when dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -{}", self.0.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.0.wait();
    }
}

/// `cargo run --release -- …` with the binary that is there.
const CARGO: &str = r#"#!/bin/sh
[ "$1 $2 $3" = "run --release --" ] || { echo "cargo $*: not in the README's way" >&2; exit 1; }
shift 3
exec "$BOOTWIRE" "$@"
"#;

/// A fresh clone, as far as the commands need it.
fn clone_into(place: &Path) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for step in [
        format!("cp -r {examples:?} {place:?}/examples"),
        format!("rm -rf {place:?}/examples/quickstart/state"),
    ] {
        let status = Command::new("sh").args(["-c", &step]).status();
        assert!(status.expect("a shell").success(), "{step}");
    }
    fs::create_dir(place.join("bin")).expect("a directory");
    let cargo = place.join("bin/cargo");
    fs::write(&cargo, CARGO).expect("a file");
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).expect("a mode");
    fs::set_permissions(place, Permissions::from_mode(0o755)).expect("a mode");
}

fn shell(place: &Path, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", script])
        .current_dir(place)
        .env("PATH", format!("{}/bin:{path}", place.display()))
        .env("BOOTWIRE", bootwire());
    command
}

#[test]
fn the_readmes_commands_show_a_directory_a_template_and_an_origin() {
    // In a network of its own: the ports are the README's.
    if !Isolation::enter(
        "configured::quickstart::the_readmes_commands_show_a_directory_a_template_and_an_origin",
        "",
    ) {
        return;
    }
    let blocks = blocks("Serve something");
    let [server, client] = &blocks[..2] else {
        unreachable!("two of them")
    };
    let place = tempfile::TempDir::new().expect("a directory");
    clone_into(place.path());
    let running = shell(place.path(), server)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell");
    let mut running = Group(running);

    let (import, fetch) = client.split_once('\n').expect("several lines");
    let lines: Vec<_> = fetch.lines().collect();
    assert_eq!(lines.len(), 3, "{client}");
    let expected = [
        "Hello from a directory.\n",
        "set timeout=3\n\
         menuentry 'Debian 12.7 on node-7' {\n    \
         linux /images/12.7/vmlinuz root='/dev/vda' hostname='node-7'\n    \
         initrd /images/12.7/initrd.img\n}\n",
        "Hello from the origin, in place of a kernel.\n",
    ];
    wait_until_listening(&mut running);
    let output = run_to_end(&mut shell(place.path(), import), Duration::from_secs(20));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{import}: {told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with("curl tftp://127.0.0.1:6969/"), "{line}");
        let output = run_to_end(&mut shell(place.path(), line), Duration::from_secs(20));
        assert!(output.status.success(), "{line}: {}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{line}");
    }
}

#[test]
fn the_readmes_first_command_lets_machines_boot() {
    if !Isolation::enter(
        "configured::quickstart::the_readmes_first_command_lets_machines_boot",
        "",
    ) {
        return;
    }
    let blocks = blocks("See it work");
    let demo = blocks.first().expect("a command");
    let place = tempfile::TempDir::new().expect("a directory");
    clone_into(place.path());
    let temporary = place.path().join("tmp");
    fs::create_dir(&temporary).expect("a directory");
    // Without a shell that hears of Ctrl-C, too.
    let mut running = shell(place.path(), &format!("exec {demo}"))
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map(Group)
        .expect("a shell");
    let lines = Output::default();
    lines.follow(running.0.stdout.take().expect("piped"));
    let first = lines.wait(Duration::from_secs(45), |lines| lines.first().cloned());
    assert!(first.is_some(), "no boot ended");
    // As a terminal does on Ctrl-C.
    let interrupt = format!("kill -INT -{}", running.0.id());
    let status = Command::new("sh").args(["-c", &interrupt]).status();
    assert!(status.expect("a shell").success());
    let status = running.0.wait().expect("a child of ours");
    assert_eq!(status.code(), Some(0), "{:?}", lines.lines());
    assert_eq!(fs::read_dir(&temporary).expect("it").count(), 0);
}

/// Whether both ports are there, by the kernel's lists.
fn wait_until_listening(running: &mut Group) {
    let has = |list: &str, port: u16| {
        let list = fs::read_to_string(list).unwrap_or_default();
        list.contains(&format!(":{port:04X} "))
    };
    let begun = Instant::now();
    while !has("/proc/net/udp", 6969) || !has("/proc/net/tcp", 8069) {
        let ended = running.0.try_wait().expect("a child of ours");
        assert_eq!(ended, None, "the commands ended");
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody listens");
        thread::sleep(Duration::from_millis(20));
    }
}
