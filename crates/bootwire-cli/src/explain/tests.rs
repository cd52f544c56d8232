//! Accounts of requests to one configuration that has everything, beside the text they should have.
//!
//! `RENEW=1 cargo test -p bootwire-cli explain` writes what they have now.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::*;

/// The configuration in `tests/site`, and files for it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = source().join("site");
        copy(&from, dir.path());
        std::fs::create_dir_all(dir.path().join("uploads")).unwrap();
        Self { dir }
    }

    fn config(&self) -> Config {
        let file = self.dir.path().join("bootwire.toml");
        Config::load_with(&file, std::iter::empty()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is said to a command line; paths of this run made the same for all runs.
    async fn told(&self, line: &str) -> String {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        let words = line.split('|').map(str::trim);
        let words = std::iter::once("explain").chain(words);
        let args = Line::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{error}"))
            .args;
        let config = self.config();
        let question = args.question(&config).unwrap();
        let site = Site::builder().look(config, args.run).await;
        let site = site.unwrap_or_else(|problems| panic!("{problems}"));
        let account = site.explain(&question, args.run).await;
        let told = if args.json {
            serde_json::to_string_pretty(&account).unwrap()
        } else {
            account.to_string()
        };
        let exit = match verdict(&account) {
            Ok(()) => "0".to_owned(),
            Err(failure) => format!("{:?}: {failure}", failure.exit),
        };
        let told = format!("{told}\n(exit {exit})\n");
        told.replace(&self.dir.path().display().to_string(), "DIR")
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/tests")
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The command lines and the files that have what they should say.
const ACCOUNTS: [(&str, &str); 22] = [
    (
        "template",
        "GET /grub/grub.cfg-01-52-54-00-12-34-56 | --from | 10.0.0.7 | --option | blksize=1468 | --option | tsize=0",
    ),
    (
        "template-json",
        "GET /grub/grub.cfg-01-52-54-00-12-34-56 | --from | 10.0.0.7 | --option | tsize=0 | --json",
    ),
    (
        "unknown-machine",
        "/grub/grub.cfg-01-52-54-00-ff-ff-ff | --from | 10.0.0.8",
    ),
    (
        "broken-template",
        "/broken/52-54-00-12-34-56 | --from | 10.0.0.7",
    ),
    ("probe", "/grub/x86_64-efi/command.lst | --from | 10.0.0.7"),
    (
        "dir",
        "\\\\files//hello.txt | --from | 10.0.0.7 | --option | windowsize=64",
    ),
    ("dir-missing", "/files/none | --from | 10.0.0.7"),
    (
        "renamed",
        "/tftpboot/files/hello.txt | --from | fd00::7 | --to | fd00::1",
    ),
    ("condition", "/lab/motd | --from | 10.0.0.7"),
    ("text", "/motd/525400123456 | --from | 10.0.0.7"),
    ("empty", "/empty | --from | 10.0.0.7"),
    ("refuse", "/secret/x | --from | 10.0.0.7"),
    ("origin", "/images/vmlinuz 6 | --from | 10.0.0.7"),
    ("exec", "/boot/52:54:00:12:34:56.ipxe | --from | 10.0.0.7"),
    (
        "exec-run",
        "/boot/52:54:00:12:34:56.ipxe | --from | 10.0.0.7 | --run",
    ),
    ("http", "/ask/me | --from | 10.0.0.7"),
    ("chain", "/chain/grub.cfg | --from | 10.0.0.7"),
    (
        "chain-probe",
        "/chain/x86_64-efi/command.lst | --from | 10.0.0.7",
    ),
    (
        "quirks",
        "/files/hello.txt | --from | 10.9.0.1 | --option | blksize=1468",
    ),
    (
        "upload",
        "PUT /backups/router1.cfg | --from | 10.0.0.1 | --option | tsize=100",
    ),
    ("upload-denied", "PUT /elsewhere | --from | 10.0.0.1"),
    ("stranger", "/nowhere | --from | 203.0.113.7"),
];

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_as_they_should_be() {
    let place = Place::new();
    let mut wrong = String::new();
    for (name, line) in ACCOUNTS {
        let told = format!(
            "$ bootwire explain {}\n\n{}",
            line.replace(" | ", " "),
            place.told(line).await
        );
        let file = source().join(format!("{name}.txt"));
        if std::env::var_os("RENEW").is_some() {
            std::fs::write(&file, &told).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if told != expected {
            let differs = difference(&expected, &told);
            let _ = writeln!(wrong, "{}\n{differs}", file.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}RENEW=1 writes the new text");
}

/// The lines that differ, and those around them.
fn difference(expected: &str, told: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), told.lines().collect());
    let same = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let rest = old.len().min(new.len()) - same;
    let ends = old.iter().rev().zip(new.iter().rev());
    let ends = ends.take_while(|(old, new)| old == new).count().min(rest);
    let mut lines: Vec<String> = Vec::new();
    let context = same.saturating_sub(3);
    lines.extend(old[context..same].iter().map(|line| format!("  {line}")));
    lines.extend(
        old[same..old.len() - ends]
            .iter()
            .map(|line| format!("- {line}")),
    );
    lines.extend(
        new[same..new.len() - ends]
            .iter()
            .map(|line| format!("+ {line}")),
    );
    lines.join("\n")
}

/// Whoever explains need not be the user who serves, and may not read everything.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_where_it_matters() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bootwire.toml");
    let text = "[inventory]\nsqlite = 'none/machines.db'\n\
                [origin.bucket]\ns3 = 'boot'\nsettings_file = { secret_access_key = 'none' }\n\
                [[route]]\npath = '/up/{*path}'\nupload = 'up'\nsecret_suffix_file = 'none'\n\
                [[route]]\npath = '/ask'\nhttp = { post = 'http://h/?t=secret', bearer_file = 'none' }\n\
                [[route]]\ntext = 'hello'";
    std::fs::write(&file, text).unwrap();
    let config = Config::load_with(&file, std::iter::empty()).unwrap();
    let site = Site::builder().look(config, false).await.unwrap();
    let account = async |text: &str| {
        let to = ("192.0.2.1:69".parse().unwrap(), 0);
        let question = question::request(text, "10.0.0.7".parse().unwrap(), to, &[]);
        site.explain(&question.unwrap(), false).await.to_string()
    };
    let told = account("/x").await;
    assert!(
        told.contains("does not know it") && told.contains("| hello"),
        "{told}"
    );
    let told = account("PUT /up/x.tr0ub4dor").await;
    assert!(
        told.contains("ERROR 2") && told.contains("secret could not be read"),
        "{told}"
    );
    let told = account("/ask").await;
    assert!(
        told.contains("POST http://h/ would be asked") && !told.contains("t=secret"),
        "{told}"
    );

    std::fs::write(
        &file,
        "[inventory]\nfiles = 'none.toml'\n[[route]]\ntext = 'hello'",
    )
    .unwrap();
    let config = Config::load_with(&file, std::iter::empty()).unwrap();
    let site = Site::builder().look(config, false).await.unwrap();
    let to = ("192.0.2.1:69".parse().unwrap(), 0);
    let question = question::request("/x", "10.0.0.7".parse().unwrap(), to, &[]).unwrap();
    let account = site.explain(&question, false).await;
    let error = account.inventory.unwrap().error.unwrap();
    assert!(error.contains("none.toml"), "{error}");
    assert!(matches!(
        account.outcome,
        Outcome::Content { size: Some(5), .. }
    ));
}

/// What explain says a client gets is what a server with the same configuration sends.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_as_explained() {
    use bootwire::client::Client;

    let place = Place::new();
    let config = place.config();
    let site = Site::builder().open(config).await;
    let site = site.unwrap_or_else(|problems| panic!("{problems}"));
    let server = bootwire::Server::bind("127.0.0.1:0")
        .workers(1)
        .serve(site.app());
    let server = server.start().unwrap();
    let address = server.local_addrs()[0];
    for path in [
        "/grub/grub.cfg-01-52-54-00-12-34-56",
        "/grub/grub.cfg-01-52-54-00-ff-ff-ff",
        "/grub/x86_64-efi/command.lst",
        "/files/hello.txt",
        "/files/none",
        "/tftpboot/files/hello.txt",
        "/lab/motd",
        "/motd/525400123456",
        "/empty",
        "/secret/x",
        "/boot/52:54:00:12:34:56.ipxe",
        "/chain/grub.cfg",
        "/chain/x86_64-efi/command.lst",
        "/nowhere",
    ] {
        let to = (address, 0);
        // As the client asks, apart from sizes.
        let options = [question::option("tsize=0").unwrap()];
        let question = question::request(path, address.ip(), to, &options).unwrap();
        let looked_at = Site::builder().look(place.config(), true).await;
        let looked_at = looked_at.unwrap_or_else(|problems| panic!("{problems}"));
        let account = looked_at.explain(&question, true).await;
        // One that is served says the same.
        let served = site.explain(&question, true).await;
        assert_eq!(served.to_string(), account.to_string());
        let mut got = Vec::new();
        let fetched = Client::new(address).get(path, &mut got).await;
        match (&account.outcome, fetched) {
            (Outcome::Content { size, text }, Ok(_)) => {
                assert_eq!(size.unwrap_or(got.len() as u64), got.len() as u64, "{path}");
                if let Some(text) = text {
                    assert_eq!(text.as_bytes(), got, "{path}");
                }
            }
            (
                Outcome::Refused { code, text, .. },
                Err(bootwire::client::ClientError::Remote {
                    code: sent,
                    text: said,
                }),
            ) => {
                assert_eq!((*code, text), (sent.wire(), &said), "{path}");
            }
            (explained, fetched) => panic!("{path}: {explained:?}, but {fetched:?}"),
        }
    }
}

/// As the server does: routes see the name without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_context_is_taken_off_the_name() {
    let place = Place::new();
    let file = place.dir.path().join("bootwire.toml");
    let name = "GET /ipxe.efi-00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (setting, code) in [("traceparent = true", "(exit 0)"), ("", "(exit NotFound")] {
        let route = "[[route]]\npath = \"/ipxe.efi\"\ntext = \"loader\"\n";
        std::fs::write(&file, format!("{setting}\n{route}")).unwrap();
        let told = place.told(name).await;
        assert!(told.contains(code), "{setting}: {told}");
        assert_eq!(told.contains("loader"), code == "(exit 0)", "{told}");
    }
}
