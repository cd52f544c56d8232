//! What `bootwire check` says, whole: of a configuration that will do, of one that will not, and of
//! servers that run or do not.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Server, bootwire, give_to_nobody, is_root, run_to_end};

/// Far more than any check takes, its patience with dead origins included.
const LIMIT: Duration = Duration::from_secs(60);

/// Puts a configuration and other files into a directory.
fn place(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    // A server that root starts is nobody, and so is a check.
    if is_root() {
        give_to_nobody(dir.path());
    }
    dir
}

/// What a check of `dir` prints, its times and the directory's name left out, and its exit code.
fn check(dir: &Path, flags: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(bootwire());
    command
        .arg("check")
        .args(["--config", "bootwire.toml"])
        .args(flags)
        .current_dir(dir);
    let output = run_to_end(&mut command, LIMIT);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().map(|line| {
        let line = line.replace(&dir.display().to_string(), "DIR");
        match line.rsplit_once(" in ") {
            Some((line, time)) if time.ends_with(" ms") => format!("{line} in TIME"),
            _ => line,
        }
    });
    // Only where root runs the tests.
    let lines = lines.filter(|line| *line != "ok      user: nobody, whom the server becomes");
    // What the kernel of this machine is set to, others' are not.
    let lines = lines.filter(|line| !line.starts_with("warning host: "));
    let lines: Vec<String> = lines.collect();
    (lines.join("\n") + "\n", output.status.code())
}

#[track_caller]
fn expect(told: &(String, Option<i32>), text: &str, code: i32) {
    assert_eq!(told.0, text, "\nit said:\n{}\nexpected:\n{text}", told.0);
    assert_eq!(told.1, Some(code));
}

const MACHINES: &str = r#"
[[machine]]
mac = "52:54:00:12:34:56"
vars = { disk = "/dev/vda" }

[[machine]]
mac = "52:54:00:12:34:57"
"#;

#[test]
fn what_will_do_is_told_line_by_line() {
    let dir = place(&[
        ("machines/rack1.toml", MACHINES),
        (
            "templates/grub.cfg.j2",
            "linux /vmlinuz root={{ vars.disk }}\n",
        ),
        ("tftproot/hello", "hello"),
        (
            "bootwire.toml",
            r#"
            listen = "127.0.0.1:0"
            [inventory]
            files = "machines"
            [templates]
            dir = "templates"
            vars = { disk = "/dev/sda" }
            [[route]]
            path = "/grub/grub.cfg-01-{mac}"
            template = "grub.cfg.j2"
            [[route]]
            path = "/by-serial/{serial}"
            template = "grub.cfg.j2"
            [[route]]
            dir = "tftproot"
            "#,
        ),
    ]);
    let expected = "\
ok      configuration: bootwire.toml, 3 routes
ok      inventory: machines: 2, files: 1
ok      template grub.cfg.j2: bootwire.toml:8: rendered for 2 machines
ok      template grub.cfg.j2: bootwire.toml:11: no machine to try /by-serial/{serial} with
ok      transfer: 2000 bytes from this machine to itself in TIME
";
    expect(&check(dir.path(), &[]), expected, 0);
    let offline = expected.replace("ok      inventory: machines: 2, files: 1\n", "");
    expect(&check(dir.path(), &["--offline"]), &offline, 0);
}

/// `script` runs a command on a terminal.
#[test]
fn a_terminal_shows_colours_unless_somebody_minds() {
    let place = place(&[("bootwire.toml", "[[route]]\npath = '/motd'\ntext = 'x'\n")]);
    let told = |no_color: &str| {
        let command = format!("{} check --offline --config bootwire.toml", bootwire());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.env("TERM", "xterm").env("NO_COLOR", no_color);
        let output = run_to_end(script.current_dir(place.path()), Duration::from_secs(30));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let coloured = told("");
    assert!(coloured.contains("\x1b[32mok"), "{coloured:?}");
    let plain = told("1");
    assert!(plain.contains("ok") && !plain.contains('\x1b'), "{plain:?}");
}

#[test]
fn a_machine_that_only_its_lease_tells_is_asked_for_from_there_or_not_at_all() {
    let config = r#"
        listen = "127.0.0.1:0"
        [inventory]
        files = "machines.toml"
        [identity]
        dnsmasq = "leases"
        [templates]
        dir = "templates"
        [[route]]
        path = "/menu.ipxe"
        template = "menu.j2"
        "#;
    let files = [
        ("machines.toml", MACHINES),
        ("leases", "0 52:54:00:12:34:56 10.0.0.7 * *\n"),
        ("templates/menu.j2", "#!ipxe\n# {{ vars.disk }}\n"),
        ("bootwire.toml", config),
    ];
    let dir = place(&files);
    let expected = "\
ok      configuration: bootwire.toml, 1 route
ok      inventory: machines: 2, files: 1
ok      template menu.j2: bootwire.toml:9: rendered for 1 machine
ok      transfer: 2000 bytes from this machine to itself in TIME
";
    expect(&check(dir.path(), &[]), expected, 0);
    // What fails for a machine that has a lease is told.
    std::fs::write(dir.path().join("templates/menu.j2"), "{{ vars.none }}").unwrap();
    let (told, code) = check(dir.path(), &[]);
    assert!(told.contains("for mac 52:54:00:12:34:56"), "{told}");
    assert_eq!(code, Some(1));
}

#[test]
fn programs_that_cannot_be_run_are_told() {
    use std::os::unix::fs::PermissionsExt;

    let dir = place(&[
        ("fine", "#!/bin/sh\n"),
        ("plain", "#!/bin/sh\n"),
        (
            "bootwire.toml",
            r#"
            listen = "127.0.0.1:0"
            [[route]]
            path = "/a"
            exec = { program = "fine" }
            [[route]]
            path = "/b"
            try = [{ exec = { program = "plain" } }, { exec = { program = "/nowhere/hook" } }]
            "#,
        ),
    ]);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir.path().join("fine"), executable).unwrap();
    let (told, code) = check(dir.path(), &[]);
    let has = |words: &[&str]| {
        let mut lines = told.lines();
        assert!(
            lines.any(|line| words.iter().all(|word| line.contains(word))),
            "{words:?} not in\n{told}"
        );
    };
    has(&["ok ", "program", "fine"]);
    has(&["FAIL", "program", "plain", "not executable: chmod +x"]);
    has(&["FAIL", "program", "/nowhere/hook", "it is not there"]);
    assert_eq!(code, Some(1));
}

/// Root may run what the server's user may not.
#[test]
fn programs_that_the_servers_user_may_not_run_are_told() {
    use std::os::unix::fs::PermissionsExt;

    if !is_root() {
        return;
    }
    let dir = place(&[
        ("ours", "#!/bin/sh\n"),
        ("roots", "#!/bin/sh\n"),
        ("closed/hook", "#!/bin/sh\n"),
        (
            "bootwire.toml",
            r#"
            listen = "127.0.0.1:0"
            [[route]]
            path = "/a"
            exec = { program = "ours" }
            [[route]]
            path = "/b"
            try = [{ exec = { program = "roots" } }, { exec = { program = "closed/hook" } }]
            "#,
        ),
    ]);
    // Nobody has the first one, root the others.
    for name in ["ours", "roots", "closed/hook", "closed"] {
        let path = dir.path().join(name);
        let owner = (name != "ours").then_some(0);
        std::os::unix::fs::lchown(&path, owner, owner).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let (told, code) = check(dir.path(), &[]);
    for expected in [
        "ok      program: bootwire.toml:3: DIR/ours\n",
        "DIR/roots: the server's user may not run it",
        "DIR/closed/hook: the server's user may not enter DIR/closed: chmod o+x",
    ] {
        assert!(told.contains(expected), "{expected:?} not in\n{told}");
    }
    assert_eq!(code, Some(1));
}

#[test]
fn every_mistake_in_a_configuration_is_told_with_its_line() {
    let dir = place(&[(
        "bootwire.toml",
        r#"
listn = "127.0.0.1:0"
[[route]]
path = "/grub/{mac"
dir = "tftproot"
[[route]]
path = "/images/{*path}"
origin = "images"
template = "x.j2"
"#,
    )]);
    let expected = "\
FAIL    configuration: bootwire.toml:2: no such key \"listn\": did you mean \"listen\"?
FAIL    configuration: bootwire.toml:4: path, column 7: this brace is never closed: write {name}, or {{ for a literal brace
FAIL    configuration: bootwire.toml:8: no such origin \"images\": there are none
FAIL    configuration: bootwire.toml:9: \"template\" beside \"origin\": only one of them can be
bootwire: 4 of 4 checks failed
";
    expect(&check(dir.path(), &[]), expected, 1);
}

#[test]
fn what_is_out_of_reach_or_cannot_be_rendered_is_told_with_what_to_do() {
    // Nobody answers there any more.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let dir = place(&[
        ("machines.toml", MACHINES),
        ("templates/grub.cfg.j2", "root={{ vars.disk }}\n"),
        ("templates/broken.j2", "fine\n{% if %}\n"),
        (
            "bootwire.toml",
            &format!(
                r#"
                [origin.images]
                url = "http://{closed}/boot/"
                [cache]
                dir = "cache"
                [inventory]
                files = "machines.toml"
                [templates]
                dir = "templates"
                [[route]]
                path = "/grub/grub.cfg-01-{{mac}}"
                template = "grub.cfg.j2"
                [[route]]
                path = "/images/{{*path}}"
                origin = "images"
                "#
            ),
        ),
    ]);
    let (told, code) = check(dir.path(), &[]);
    let lines: Vec<&str> = told.lines().collect();
    let has = |begin: &str, words: &[&str]| {
        lines
            .iter()
            .any(|line| line.starts_with(begin) && words.iter().all(|word| line.contains(word)))
    };
    assert!(has("FAIL    file: ", &["broken.j2:2"]), "{told}");
    assert!(has("FAIL    origin images: http://", &["onnect"]), "{told}");
    let template = "FAIL    template grub.cfg.j2: bootwire.toml:10: for ";
    assert!(
        has(
            template,
            &["52:54:00:12:34:57", "grub.cfg.j2:1", "undefined"]
        ),
        "{told}"
    );
    assert!(!has(template, &["52:54:00:12:34:56"]), "{told}");
    assert!(has("ok      transfer: ", &[]), "{told}");
    assert_eq!(code, Some(1));
    assert!(!dir.path().join("cache").exists(), "a check makes nothing");
}

#[test]
fn a_server_that_runs_is_well_and_one_that_does_not_is_not() {
    let server = Server::builder()
        .file("hello", b"hello")
        .config("[[route]]\ndir = \"root\"\n")
        .start();
    let live = |flags: &[&str]| {
        let mut command = Command::new(bootwire());
        let address = server.address().to_string();
        command
            .args(["check", "--live", "--server", &address])
            .args(flags);
        let output = run_to_end(&mut command, LIMIT);
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code(),
        )
    };
    let (told, code) = live(&[]);
    assert!(told.starts_with("ok      server: 127.0.0.1:"), "{told}");
    assert_eq!(code, Some(0));
    let (told, code) = live(&["--get", "hello"]);
    assert!(told.contains(" sent 5 bytes in "), "{told}");
    assert_eq!(code, Some(0));
    let (told, code) = live(&["--get", "absent"]);
    assert!(told.starts_with("FAIL    server: "), "{told}");
    assert_eq!(code, Some(1));

    // Of all that one fetched file and one that is not there are left.
    assert_eq!(server.finish().len(), 2);

    // Somebody listens there and says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dir = place(&[(
        "bootwire.toml",
        &format!(
            "listen = \"{}\"\n[[route]]\nempty = true\n",
            silent.local_addr().unwrap()
        ),
    )]);
    let (told, code) = check(dir.path(), &["--live", "--within", "1"]);
    assert!(told.contains("does not answer within 1 s"), "{told}");
    assert!(told.contains(" is in use by "), "{told}");
    assert_eq!(code, Some(1));
}

/// What `explain` prints, and its exit code.
fn explain(dir: &Path, request: &str) -> (String, Option<i32>) {
    let mut command = Command::new(bootwire());
    command
        .args(["explain", request, "--config", "bootwire.toml"])
        .current_dir(dir);
    let output = run_to_end(&mut command, LIMIT);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

#[test]
fn files_are_judged_as_the_servers_user_may_use_them() {
    let set_mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let dir = place(&[
        ("tftproot/closed", "secret!"),
        ("tftproot/open", "public"),
        ("uploads/old", "x"),
        (
            "bootwire.toml",
            "listen = '127.0.0.1:0'\n[[route]]\ndir = 'tftproot'\n[[route]]\nupload = 'uploads'\n",
        ),
    ]);
    // Nobody may read it, unless whoever owns it is above modes.
    set_mode(&dir.path().join("tftproot/closed"), 0o000);
    let (told, code) = explain(dir.path(), "/open");
    assert!(told.contains("  from 127.0.0.1 "), "this host asks: {told}");
    assert_eq!(code, Some(0), "{told}");
    let (told, code) = explain(dir.path(), "/closed");
    assert!(told.contains("ERROR 2"), "{told}");
    assert_eq!(code, Some(4), "{told}");

    if is_root() {
        set_mode(&dir.path().join("uploads"), 0o555);
        let (told, code) = check(dir.path(), &[]);
        assert!(
            told.contains("FAIL    user: user root may not write into DIR/uploads")
                && told.contains("nobody may not write into DIR/uploads, so root stays root"),
            "{told}"
        );
        assert_eq!(code, Some(1));
        set_mode(&dir.path().join("uploads"), 0o755);
        set_mode(&dir.path().join("bootwire.toml"), 0o000);
        let (told, code) = check(dir.path(), &[]);
        assert!(
            told.contains("warning user: user nobody cannot read bootwire.toml"),
            "{told}"
        );
        assert_eq!(code, Some(0), "{told}");
        set_mode(dir.path(), 0o000);
        let (told, _) = check(dir.path(), &[]);
        assert!(
            told.contains("warning user: user nobody may not enter DIR"),
            "{told}"
        );
        set_mode(dir.path(), 0o755);
    }

    let dir = place(&[(
        "bootwire.toml",
        "[sandbox]\nuser = 'no-such-user'\n[[route]]\nempty = true\n",
    )]);
    let (told, code) = check(dir.path(), &[]);
    assert!(
        told.contains("FAIL    user: user no-such-user: there is no such user in /etc/passwd"),
        "{told}"
    );
    assert_eq!(code, Some(1));
}

/// As the log shows it: most clients send names of ASCII, and those that do not are hard to type.
#[test]
fn a_name_can_be_written_as_the_log_shows_it() {
    let dir = place(&[(
        "bootwire.toml",
        "[[route]]\npath = '/{name}'\ntext = '{{ name }}'\n",
    )]);
    for (request, shown) in [(r"/b\xffot", r"/b\xffot"), (r#"GET "/a b""#, "/a b")] {
        let (told, code) = explain(dir.path(), request);
        assert!(told.starts_with(&format!("read {shown}\n")), "{told}");
        assert_eq!(code, Some(0), "{told}");
    }
}
