//! Old and new side by side: the servers of others beside a Bootwire with the configuration that
//! `bootwire migrate` made of theirs. Each request gets the same from both, or the output of `migrate`
//! names the difference.

mod ask;
mod atftpd;
mod dnsmasq;
mod old;
mod tftp_hpa;
mod tree;
mod trial;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Builder, Server, bootwire, give_to_nobody, run_to_end};
use ask::{Answer, Ask, ask};
use old::Old;

/// What `bootwire migrate` printed.
struct Migration {
    config: String,
    told: String,
    code: Option<i32>,
}

impl Migration {
    fn of<S: AsRef<str>>(words: &[S]) -> Self {
        let mut command = Command::new(bootwire());
        command.arg("migrate").args(words.iter().map(AsRef::as_ref));
        let output = run_to_end(&mut command, Duration::from_secs(30));
        Self {
            config: String::from_utf8(output.stdout).expect("UTF-8"),
            told: String::from_utf8(output.stderr).expect("UTF-8"),
            code: output.status.code(),
        }
    }
}

/// A request, and the words with which `migrate` names what is different, if it is.
struct Case {
    ask: Ask,
    differs: Option<&'static str>,
}

fn same(ask: Ask) -> Case {
    Case { ask, differs: None }
}

fn differs(ask: Ask, words: &'static str) -> Case {
    let differs = Some(words);
    Case { ask, differs }
}

/// `bootwire check` finds nothing wrong with the configuration.
fn checked(builder: &Builder) {
    give_to_nobody(builder.place());
    let mut command = Command::new(bootwire());
    command
        .args(["check", "--config"])
        .arg(builder.place().join("bootwire.toml"));
    let output = run_to_end(&mut command, Duration::from_secs(30));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Asks both servers for everything. What they store is looked at, and put back.
fn compare(old: &Old, server: &Server, migration: &Migration, cases: &[Case]) {
    let root = server.path("");
    let mut wrong = Vec::new();
    let names: BTreeSet<_> = cases.iter().map(|case| format!("{:?}", case.ask)).collect();
    assert!(names.len() >= 30, "only {} requests", names.len());
    for case in cases {
        let stored = |port| {
            let path = case.ask.stored.map(|name| root.join(name));
            let before = path.as_ref().map(|path| fs::read(path).ok());
            let answer = ask(port, &case.ask);
            if answer == Answer::Stored {
                // Some write what they have acknowledged a moment later.
                let path = path.as_ref().expect("an upload");
                let deadline = Instant::now() + Duration::from_secs(10);
                while !fs::read(path).is_ok_and(|content| content == ask::UPLOADED)
                    && Instant::now() < deadline
                {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            let after = path.as_ref().map(|path| fs::read(path).ok());
            if let (Some(path), Some(before)) = (&path, before) {
                match before {
                    Some(content) => fs::write(path, content).expect("put back"),
                    None => drop(fs::remove_file(path)),
                }
            }
            (answer, after)
        };
        let (one, other) = (stored(old.port()), stored(server.port()));
        let is_same = one.0.is_like(&other.0) && one.1 == other.1;
        match case.differs {
            None if !is_same => wrong.push(format!("{:?}: {one:?} became {other:?}", case.ask)),
            Some(words) if !migration.told.contains(words) => {
                wrong.push(format!("{:?}: nobody says {words:?}", case.ask));
            }
            Some(_) if is_same => wrong.push(format!("{:?}: {one:?} from both", case.ask)),
            _ => {}
        }
        if one.0 == Answer::Silence {
            wrong.push(format!("{:?}: no answer of the old one", case.ask));
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\n{}\n{}",
        migration.config,
        migration.told
    );
}
