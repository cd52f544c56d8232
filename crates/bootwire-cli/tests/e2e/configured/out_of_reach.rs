//! A configuration that needs what the closed sandbox does not grant: it is refused before a client
//! meets that.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use super::web::{Manner, Object, Web};
use super::{expect_note, fails, fetch};
use crate::harness::{Packet, Server, Wire, bootwire, give_to_nobody, is_root, noise, run_to_end};

const HOOK: &str = "#!/bin/sh\necho made\n";

/// A server within the sandbox, with `more` beside its directory.
fn serving(more: &str) -> Server {
    Server::builder()
        .file("hello", b"hello")
        .beside("hooks/hook", HOOK)
        .beside("others/hook", HOOK)
        .plain_log()
        .config(&config(more))
        .start()
}

/// The directory last, behind the routes in `more`.
fn config(more: &str) -> String {
    format!(
        "[sandbox]\nlevel = \"require\"\nwrite = \"cache\"\n[cache]\ndir = \"cache\"\n{more}\n\
         [[route]]\ndir = \"root\"\n"
    )
}

fn replace(server: &Server, more: &str) {
    let new = server.outside().join("new");
    fs::write(&new, config(more)).expect("a file");
    fs::rename(&new, server.outside().join("bootwire.toml")).expect("renamed");
}

/// The server refuses `more` in one line with these words, which says that a restart helps, and serves
/// what it served.
#[track_caller]
fn refused(server: &Server, more: &str, words: &str) {
    let before = server.notes().lines().len();
    replace(server, more);
    let refused = server.notes().wait(Duration::from_secs(30), |lines| {
        let new = lines.get(before..)?;
        let told = new.iter().any(|line| line.contains("not reloaded"));
        told.then(|| new.to_vec())
    });
    let lines = refused.unwrap_or_else(|| panic!("{more}: {:#?}", server.notes().lines()));
    let why: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("sandbox"))
        .collect();
    assert!(
        matches!(why.as_slice(), [one] if one.contains(words)
            && one.contains("bootwire.toml:6: ")
            && one.contains("restart the server")),
        "{words:?}: {lines:#?}"
    );
    // Nothing is wrong with what it says.
    assert!(
        !lines.iter().any(|line| line.contains("mistake")),
        "{lines:#?}"
    );
    assert_eq!(Wire::new(server.address()).fetch("hello"), b"hello");
}

/// The server takes `more`, which it says by a route of its own.
#[track_caller]
fn taken(server: &Server, more: &str, word: &str) {
    let name = format!("taken-with-{word}");
    replace(
        server,
        &format!("{more}\n[[route]]\npath = \"/{name}\"\ntext = \"taken\"\n"),
    );
    expect_note(server, &[&name]);
    in_force(server, &name);
}

/// Waits until the route `name`, whose text is "taken", is answered: a reload is told a moment before
/// all workers have it.
#[track_caller]
fn in_force(server: &Server, name: &str) {
    let begun = Instant::now();
    loop {
        let mut client = Wire::new(server.address());
        client.read(name, &[]);
        match client.receive() {
            Packet::Data { payload, .. } => {
                client.ack(1);
                assert_eq!(payload, b"taken");
                return;
            }
            other => assert!(begun.elapsed() < Duration::from_secs(30), "{other:?}"),
        }
    }
}

fn hook(url: &str) -> String {
    format!("[[route]]\npath = \"/asked\"\nhttp = {{ get = \"{url}\" }}\n")
}

/// What a server that connects to nobody and starts nothing has no way to.
#[test]
fn a_reload_needs_no_ways_out_that_the_sandbox_does_not_grant() {
    let server = serving("");
    for (more, words) in [
        (hook("http://127.0.0.1:8081/"), "TCP port 8081"),
        (hook("https://boot.example.com/{path}"), "TCP port 443"),
        (
            "[inventory]\nhttp = \"http://127.0.0.1:8082/{mac}\"\n".to_owned(),
            "TCP port 8082",
        ),
        (
            "[inventory]\npostgres = \"postgres://me@127.0.0.1/x\"\nquery = \"SELECT 1\"\n"
                .to_owned(),
            "TCP port 5432",
        ),
        (
            "[identity]\nneighbours = true\n".to_owned(),
            "the kernel's neighbour table",
        ),
        (
            "[[route]]\npath = \"/made\"\nexec = { program = \"hooks/hook\" }\n".to_owned(),
            "no program start, like /",
        ),
    ] {
        refused(&server, &more, words);
    }
    // What waits for a restart anyway is in nobody's way until then.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let file = |name: &str| elsewhere.path().join(name).display().to_string();
    for (more, key) in [
        (
            "[[webhook]]\nurl = \"http://127.0.0.1:8083/\"\n".to_owned(),
            "webhook",
        ),
        (
            "[otlp]\nurl = \"http://127.0.0.1:4318/\"\n".to_owned(),
            "otlp",
        ),
        (
            "[metrics]\nlisten = \"127.0.0.1:9469\"\n".to_owned(),
            "metrics.listen",
        ),
        (format!("[log]\nfile = \"{}\"\n", file("log")), "log"),
        (
            format!("[boots]\ndatabase = \"{}\"\n", file("boots.db")),
            "boots.database",
        ),
    ] {
        taken(&server, &more, key);
        expect_note(
            &server,
            &["warning: ", key, "changed: restart the server to apply"],
        );
    }
}

/// One way out is not all of them.
#[test]
fn a_reload_needs_no_other_ports_and_sockets_than_the_sandbox_grants() {
    // Nobody listens there; taken, so that the other tests do not get it.
    let taken_port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let known = taken_port.local_addr().expect("an address").port();
    let other = match known {
        8084 => 8085,
        _ => 8084,
    };
    let url = |port: u16| format!("http://127.0.0.1:{port}/");
    // 5432 is granted as any other port.
    let both = hook(&url(known)) + &hook(&url(5432));
    let server = serving(&both);
    for (more, words) in [
        (hook(&url(other)), format!("TCP port {other}")),
        (
            format!("[origin.x]\nurl = \"{}\"\n", url(other)),
            format!("TCP ports 443, {other}"),
        ),
        (
            format!(
                "[origin.x]\nurl = \"{}\"\nredirect_to = \"cdn.example.com\"\n",
                url(known)
            ),
            "some TCP ports only".to_owned(),
        ),
        (
            "[inventory]\npostgres = \"postgres://me@127.0.0.1/x\"\nquery = \"SELECT 1\"\n"
                .to_owned(),
            "Unix sockets".to_owned(),
        ),
    ] {
        refused(&server, &more, &words);
    }
    // The port that is granted serves others as well.
    let again = hook(&(url(known) + "other"));
    taken(&server, &again, "again");
}

/// A program starts from the directories that were named when the sandbox was closed.
#[test]
fn a_reload_names_no_program_in_a_directory_that_the_sandbox_does_not_grant() {
    let exec = |program: &str| {
        format!("[[route]]\npath = \"/made\"\nexec = {{ program = \"{program}\" }}\n")
    };
    let server = serving(&exec("hooks/hook"));
    assert_eq!(fetch(&server, "made"), b"made\n");
    refused(&server, &exec("others/hook"), "no program in ");
    let finished = "[[route]]\npath = \"/up/{*path}\"\nupload = \"cache\"\nfinished = { program = \
                    \"others/hook\" }\n";
    refused(&server, finished, "no program in ");
    // The file beside it, and what the system has.
    fs::write(server.outside().join("hooks/second"), HOOK).expect("a file");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(server.outside().join("hooks/second"), mode).expect("a mode");
    taken(&server, &exec("hooks/second"), "second");
    assert_eq!(fetch(&server, "made"), b"made\n");
    taken(&server, &exec("/bin/true"), "system");
    assert_eq!(fetch(&server, "made"), b"");
}

/// A script whose first line names a program of the test's own.
fn script(server: &Server, name: &str, interpreter: &str) {
    let path = server.outside().join(name);
    let first = server.outside().join(interpreter);
    fs::write(&path, format!("#!{}\necho made\n", first.display())).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// A script starts if what runs it may start, too.
#[test]
fn a_reload_names_no_script_that_the_sandbox_lets_nobody_run() {
    let exec = |program: &str| {
        format!("[[route]]\npath = \"/made\"\nexec = {{ program = \"{program}\" }}\n")
    };
    let server = serving(&exec("hooks/hook"));
    let lang = server.outside().join("lang");
    fs::create_dir(&lang).expect("a directory");
    fs::copy("/bin/sh", lang.join("sh")).expect("a shell");
    script(&server, "hooks/second", "lang/sh");
    refused(&server, &exec("hooks/second"), "in sandbox.execute");
    taken(&server, &exec("hooks/hook"), "first");
    assert_eq!(fetch(&server, "made"), b"made\n");
}

/// What the first boot would meet, the start says, and so does a check; the key that it names helps.
#[test]
fn a_script_that_nobody_may_run_is_told_before_the_first_boot() {
    let exec = "[[route]]\npath = \"/made\"\nexec = { program = \"hooks/second\" }\n";
    let place = tempfile::tempdir().expect("a directory");
    let dir = fs::canonicalize(place.path()).expect("its path");
    for name in ["hooks", "lang", "root"] {
        fs::create_dir(dir.join(name)).expect("a directory");
    }
    fs::copy("/bin/sh", dir.join("lang/sh")).expect("a shell");
    let path = dir.join("hooks/second");
    fs::write(&path, format!("#!{}/lang/sh\necho made\n", dir.display())).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    if is_root() {
        give_to_nobody(&dir);
    }
    let run = |command: &str, sandbox: &str| {
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[boots]\ndatabase = \"off\"\n[sandbox]\n{sandbox}\n{exec}\n\
             [[route]]\ndir = \"root\"\n"
        );
        fs::write(dir.join("bootwire.toml"), text).expect("a file");
        let mut program = Command::new(bootwire());
        let program = program.arg(command).args(["--config", "bootwire.toml"]);
        let output = run_to_end(program.current_dir(&dir), Duration::from_secs(60));
        let told = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&told).into_owned(),
        )
    };
    let wanted = format!("name {}/lang in sandbox.execute", dir.display());
    for command in ["check", "serve"] {
        let (code, told) = run(command, "level = \"require\"");
        assert_eq!(code, Some(1), "{command}: {told}");
        let lines = told.lines().filter(|line| line.contains(&wanted));
        assert_eq!(lines.count(), 1, "{command}: {told}");
    }
    for sandbox in ["level = \"require\"\nexecute = \"lang\"", "level = \"off\""] {
        let (code, told) = run("check", sandbox);
        assert_eq!(code, Some(0), "{sandbox}: {told}");
    }
}

/// A server that stores nothing may lock nothing.
#[test]
fn a_reload_locks_no_files_where_the_sandbox_lets_nobody_lock() {
    let config = |more: &str| {
        format!(
            "[sandbox]\nlevel = \"require\"\n[boots]\ndatabase = \"off\"\n{more}[[route]]\ndir = \"root\"\n"
        )
    };
    let server = Server::builder()
        .file("hello", b"hello")
        .plain_log()
        .config(&config(""))
        .start();
    // Far from anything that is there, so that nothing else is in the way.
    let new = server.outside().join("new");
    let more = config("[inventory]\nsqlite = \"no/where/machines.db\"\n");
    fs::write(&new, more).expect("a file");
    fs::rename(&new, server.outside().join("bootwire.toml")).expect("renamed");
    expect_note(
        &server,
        &["no access to locks of files: restart the server"],
    );
    expect_note(&server, &["not reloaded"]);
    assert_eq!(Wire::new(server.address()).fetch("hello"), b"hello");
}

/// Where a redirect leads no configuration says: the log names the sandbox and the key, not the kernel's
/// error alone.
#[test]
fn a_redirect_to_a_port_that_the_sandbox_does_not_grant_names_it() {
    let elsewhere = Web::of([("image", Object::new(noise(1000, 1), "1"))]);
    let manner = Manner::Redirect(format!("{}image", elsewhere.url()));
    let web = Web::of([("image", Object::new(noise(1000, 1), "1").manner(manner))]);
    let config = "[sandbox]\nlevel = \"require\"\n".to_owned() + &web.images();
    let server = Server::builder().config(&config).start();
    let failure = fails(&server, "images/image");
    failure.expect_log(&[
        "that is this server's sandbox",
        "name the host in redirect_to",
    ]);
}

/// Without a sandbox nothing is out of reach.
#[test]
fn a_reload_without_a_sandbox_may_need_anything() {
    let server = Server::builder()
        .beside("hooks/hook", HOOK)
        .config("[sandbox]\nlevel = \"off\"\n[[route]]\ndir = \"root\"\n")
        .start();
    let all = hook("http://127.0.0.1:8081/")
        + "[identity]\nneighbours = true\n[[route]]\npath = \"/made\"\nexec = { program = \
           \"hooks/hook\" }\n";
    let off = |more: &str| config(more).replace("require", "off");
    let new = server.outside().join("new");
    let more = format!("{all}[[route]]\npath = \"/word\"\ntext = \"taken\"\n");
    fs::write(&new, off(&more)).expect("a file");
    fs::rename(&new, server.outside().join("bootwire.toml")).expect("renamed");
    expect_note(&server, &["/word"]);
    in_force(&server, "word");
    assert_eq!(fetch(&server, "made"), b"made\n");
}
