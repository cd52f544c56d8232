//! A new configuration for a server that is at work.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::expect_note;
use crate::harness::{Packet, Server, Wire, bootwire, noise, run_to_end};

/// Serves the directory under `/files/` and this word everywhere else.
fn config(word: &str) -> String {
    format!(
        "[[route]]\npath = \"/files/{{*path}}\"\ndir = \"root\"\n[[route]]\ntext = \"{word}\"\n"
    )
}

/// As editors and tools do it: the new file takes the old one's name.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file");
    fs::rename(new, path).expect("renamed");
}

/// Waits until the server answers with this word.
#[track_caller]
fn expect_word(server: &Server, word: &str) {
    let begun = Instant::now();
    loop {
        let got = Wire::new(server.address()).fetch("word");
        if got == word.as_bytes() {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "still {:?} instead of {word:?}: {:#?}",
            String::from_utf8_lossy(&got),
            server.notes().lines()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// A transfer that runs across `change` and ends well.
fn across(server: &Server, change: impl FnOnce()) {
    let mut client = Wire::new(server.address());
    client.read("files/file", &[("blksize", "1024")]);
    client.expect_oack();
    client.ack(0);
    let mut content = client.expect_data(1);
    change();
    client.ack(1);
    content.extend(client.read_rest(1024, 2));
    assert!(content == noise(100_000, 7));
}

fn start() -> Server {
    Server::builder()
        .file("file", &noise(100_000, 7))
        .config(&config("one"))
        .start()
}

#[test]
fn sighup_reads_the_configuration_again() {
    let server = start();
    expect_word(&server, "one");
    across(&server, || {
        // Written in place, in two steps, which no watcher can tell from a finished file.
        fs::write(server.outside().join("bootwire.toml"), config("two")).expect("a file");
        server.signal("HUP");
        expect_word(&server, "two");
    });
}

#[test]
fn a_changed_file_is_noticed() {
    let server = start();
    expect_word(&server, "one");
    across(&server, || {
        replace(&server.outside().join("bootwire.toml"), &config("two"));
        expect_word(&server, "two");
    });
    let drop_ins = server.outside().join("bootwire.d");
    fs::create_dir(&drop_ins).expect("a directory");
    fs::write(
        drop_ins.join("10-more.toml"),
        "[[route]]\npath = \"/word\"\ntext = \"three\"\n",
    )
    .expect("a file");
    server.signal("HUP");
    expect_word(&server, "three");
    // Watched from now on.
    replace(
        &drop_ins.join("10-more.toml"),
        "[[route]]\npath = \"/word\"\ntext = \"four\"\n",
    );
    expect_word(&server, "four");
}

/// A ConfigMap: what is mounted is a link to a link to a directory, and an update turns the one in
/// the middle.
#[test]
fn a_kubernetes_update_is_noticed() {
    let builder = Server::builder().file("file", &noise(100_000, 7)).beside(
        "mounted/..1/bootwire.toml",
        config("one").replace("\"root\"", "\"../root\""),
    );
    let mounted = builder.place().join("mounted");
    symlink("..1", mounted.join("..data")).expect("a link");
    symlink("..data/bootwire.toml", mounted.join("bootwire.toml")).expect("a link");
    let server = builder.config_file("mounted/bootwire.toml").start();
    expect_word(&server, "one");
    for (number, word) in [(2, "two"), (3, "three")] {
        across(&server, || {
            let next = mounted.join(format!("..{number}"));
            fs::create_dir(&next).expect("a directory");
            let text = config(word).replace("\"root\"", "\"../root\"");
            fs::write(next.join("bootwire.toml"), text).expect("a file");
            symlink(format!("..{number}"), mounted.join("..data_tmp")).expect("a link");
            fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).expect("renamed");
            fs::remove_dir_all(mounted.join(format!("..{}", number - 1))).expect("removed");
            expect_word(&server, word);
        });
    }
}

/// Hundreds of transfers a second while the configuration changes again and again: all end well.
#[test]
fn no_transfer_is_dropped_under_load() {
    let server = start();
    let file = server.path("file");
    thread::scope(|scope| {
        let bench = scope.spawn(|| {
            let mut bench = Command::new(bootwire());
            bench.arg("bench");
            bench.arg(format!("tftp://{}/files/file", server.address()));
            bench.arg("--expect").arg(&file);
            bench.args(["--clients", "20", "--duration", "4", "--json", "--quiet"]);
            run_to_end(&mut bench, Duration::from_secs(60))
        });
        for change in 0..15 {
            let word = format!("word {change}");
            replace(&server.outside().join("bootwire.toml"), &config(&word));
            server.signal("HUP");
            expect_word(&server, &word);
            thread::sleep(Duration::from_millis(100));
        }
        let output = bench.join().expect("the load generator");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}");
        let found: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert!(found["completed"].as_u64() > Some(100), "{told}");
    });
}

/// The old configuration stays in force, and the log says where the new one is wrong.
#[test]
fn a_bad_configuration_is_told_and_the_old_one_stays() {
    let server = start();
    let path = server.outside().join("bootwire.toml");
    for (wrong, words) in [
        ("[[route]]\ntxt = \"two\"\n", ["bootwire.toml:2", "txt"]),
        (
            "[[route]]\ntext = \"a\"\norigin = \"none\"\n",
            ["bootwire.toml:", "origin"],
        ),
        (
            "[[route]]\n\norigin = \"nowhere\"\n",
            ["bootwire.toml:", "nowhere"],
        ),
        ("[[route\n", ["bootwire.toml:1", ""]),
        (
            "\n\n[[route]]\npath = \"/{mac\"\ntext = \"a\"\n",
            ["bootwire.toml:4", "brace"],
        ),
        (
            "[[route]]\ndir = \"missing\"\n",
            ["bootwire.toml:", "missing"],
        ),
    ] {
        across(&server, || {
            replace(&path, wrong);
            server.signal("HUP");
            expect_note(&server, &words);
        });
        expect_word(&server, "one");
    }
    replace(&path, &config("two"));
    expect_word(&server, "two");
}

/// Many begin to write a file by emptying it, and may be stopped there: by a full disk, by a pause.
#[test]
fn an_emptied_or_cut_file_changes_nothing() {
    let server = start();
    let path = server.outside().join("bootwire.toml");
    expect_word(&server, "one");
    for (empty, words) in [
        ("", ["bootwire.toml", "empty"]),
        ("\n \n", ["bootwire.toml", "empty"]),
        ("drain = \"5s\"\n", ["bootwire.toml", "no [[route]]"]),
    ] {
        across(&server, || {
            replace(&path, empty);
            server.signal("HUP");
            expect_note(&server, &words);
            expect_note(&server, &["not reloaded", "keeps"]);
        });
        expect_word(&server, "one");
    }
    // In place and without a signal, with pauses longer than a look takes. Who pauses for as long as
    // a finished file stays the same has finished it: that is not asked here.
    let begun = Instant::now();
    while !in_parts(&server, &path, &config("two")) {
        assert!(begun.elapsed() < Duration::from_secs(120), "never in time");
        replace(&path, &config("one"));
        server.signal("HUP");
        expect_word(&server, "one");
    }
    expect_word(&server, "two");
}

/// Writes a file that is cut before its second route for 1.5 s. The server must answer as before
/// meanwhile; false if this machine was so slow that the server may take it for finished.
fn in_parts(server: &Server, path: &Path, whole: &str) -> bool {
    let (first, rest) = whole.split_at(whole.find("[[route]]\ntext").expect("the second route"));
    let mut file = fs::File::create(path).expect("a file");
    for part in [first, rest] {
        let paused = Instant::now();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(500));
            let mut client = Wire::new(server.address());
            client.read("word", &[]);
            let answer = client.receive();
            if paused.elapsed() > Duration::from_millis(2500) {
                return false;
            }
            assert_eq!(
                answer,
                Packet::Data {
                    block: 1,
                    payload: b"one".to_vec()
                }
            );
            client.ack(1);
        }
        std::io::Write::write_all(&mut file, part.as_bytes()).expect("written");
    }
    true
}

/// A drop-in with all the routes that is emptied is no less of a loss than the main file.
#[test]
fn an_emptied_drop_in_changes_nothing() {
    let server = Server::builder()
        .config("drain = \"5s\"\n[[route]]\ntext = \"rest\"\n")
        .beside(
            "bootwire.d/10.toml",
            "[[route]]\npath = \"/word\"\ntext = \"one\"\n",
        )
        .start();
    expect_word(&server, "one");
    let drop_in = server.outside().join("bootwire.d/10.toml");
    fs::write(&drop_in, "").expect("a file");
    server.signal("HUP");
    expect_note(&server, &["bootwire.d/10.toml", "empty"]);
    expect_word(&server, "one");
    fs::write(&drop_in, "# not now\n").expect("a file");
    server.signal("HUP");
    expect_word(&server, "rest");
}

/// The current directory is out of reach once the sandbox is closed.
#[test]
fn a_configuration_with_a_relative_name_is_read_again() {
    let server = Server::builder().config(&config("one")).relative().start();
    expect_word(&server, "one");
    let path = server.outside().join("bootwire.toml");
    fs::write(&path, config("two")).expect("a file");
    server.signal("HUP");
    expect_word(&server, "two");
    expect_note(&server, &["reloaded bootwire.toml"]);
    replace(&path, "[[route]]\ntxt = \"three\"\n");
    server.signal("HUP");
    expect_note(&server, &["bootwire: bootwire.toml:2", "txt"]);
    // One below, and without a signal.
    drop(server);
    let server = Server::builder()
        .beside("conf/boot.toml", config("one"))
        .beside("conf/root/file", "")
        .config_file("conf/boot.toml")
        .relative()
        .start();
    let path = server.outside().join("conf/boot.toml");
    replace(&path, &config("two"));
    expect_word(&server, "two");
}
