//! Templates that go wrong, and what their clients and the log are told.

use std::fs;
use std::time::Duration;

use super::{Failure, error, fails};
use crate::harness::{Server, Wire};

const CONFIG: &str = r#"
[templates]
dir = "templates"
vars = { release = "12.7" }
[inventory]
files = "machines.toml"
[[route]]
path = "/{mac}.cfg"
template = "machine.cfg.j2"
[[route]]
path = "/stranger/{mac}.cfg"
template = "machine.cfg.j2"
unknown = { profile = "rescue" }
[[route]]
path = "/locked/{mac}.cfg"
template = "machine.cfg.j2"
unknown = "denied"
[[route]]
text = "good"
"#;

const MACHINES: &str = r#"
[[machine]]
mac = "52:54:00:12:34:56"
hostname = "node-7"
vars = { disk = "/dev/vda" }
"#;

fn serve(template: &str) -> Server {
    Server::builder()
        .beside("templates/machine.cfg.j2", template)
        .beside("machines.toml", MACHINES)
        .config(CONFIG)
        .start()
}

fn failure(template: &str) -> Failure {
    fails(&serve(template), "52-54-00-12-34-56.cfg")
}

#[test]
fn each_machine_gets_its_own() {
    let server = serve(
        "{{ machine.hostname | default('nobody') }} {{ machine.profile | default('-') }} \
         {{ vars.release }} {{ request.params.mac }}",
    );
    let get =
        |path: &str| String::from_utf8(Wire::new(server.address()).fetch(path)).expect("text");
    assert_eq!(
        get("52-54-00-12-34-56.cfg"),
        "node-7 - 12.7 52:54:00:12:34:56"
    );
    // Machines nobody knows: the next name, a profile, or a stop, as the route has it.
    assert_eq!(error(&server, "52-54-00-00-00-01.cfg").0, 1);
    assert_eq!(
        get("stranger/52-54-00-00-00-01.cfg"),
        "nobody rescue 12.7 52:54:00:00:00:01"
    );
    assert_eq!(error(&server, "locked/52-54-00-00-00-01.cfg").0, 2);
}

#[test]
fn what_is_not_known_is_error_0_and_the_log_has_file_and_line() {
    failure("set timeout=3\n\nset root={{ vars.dsk }}\n")
        .expect_try_again(&["machine.cfg.j2:3", "undefined"]);
}

#[test]
fn a_missing_include_is_error_0_and_the_log_names_it() {
    failure("a\n{% include \"common.j2\" %}\n")
        .expect_try_again(&["machine.cfg.j2:2", "common.j2"]);
}

#[test]
fn a_loop_without_end_is_error_0() {
    failure("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}")
        .expect_try_again(&["machine.cfg.j2"]);
}

/// What would fail each time is told before anybody asks: the route that names it, and the template's
/// own line.
#[test]
fn a_template_that_does_not_compile_is_told_at_the_start() {
    let told = super::refused(
        &Server::builder()
            .beside("templates/machine.cfg.j2", "a\nb\n{% if %}\n")
            .beside("machines.toml", MACHINES)
            .config(CONFIG),
    );
    for words in ["bootwire.toml:7: ", "machine.cfg.j2:3: syntax error"] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
}

/// One that breaks later keeps its last good text.
#[test]
fn a_template_that_breaks_later_is_told_and_its_last_good_text_stays() {
    let server = serve("first {{ machine.hostname }}");
    let path = server.outside().join("templates/machine.cfg.j2");
    let get = || Wire::new(server.address()).fetch("52-54-00-12-34-56.cfg");
    assert_eq!(get(), b"first node-7");
    fs::write(&path, "second {{ machine.hostname").expect("a file");
    // Looked at once a second at most, when somebody asks.
    let told = || {
        let lines = server.notes().lines();
        lines.iter().any(|line| line.contains("machine.cfg.j2:1"))
    };
    eventually(|| {
        assert_eq!(get(), b"first node-7");
        told()
    });
    fs::write(&path, "third {{ machine.hostname }}").expect("a file");
    eventually(|| get() == b"third node-7");
}

/// Asks again and again, for half a minute at most.
fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_boot_loaders_ask_in_vain_is_answered_without_the_template() {
    let server = Server::builder()
        .beside("templates/grub.cfg.j2", "{{ vars.missing }}")
        .config(
            r#"
            [[route]]
            path = "/grub/{*name}"
            template = "grub.cfg.j2"
            unknown = "render"
            "#,
        )
        .start();
    let empty = Wire::new(server.address()).fetch("grub/x86_64-efi/command.lst");
    assert_eq!(empty, b"");
    assert_eq!(error(&server, "grub/grub.cfg-C0A802").0, 1);
    assert_eq!(error(&server, "grub/grub.cfg-01-52-54-00-12-34-56").0, 0);
}
