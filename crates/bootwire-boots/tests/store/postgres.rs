//! A real PostgreSQL, started for the test.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bootwire_boots::store::{Filter, Page, Postgres, Store};

use crate::{answers, boots};

/// A cluster of its own in a directory, on a unix socket there.
struct Cluster {
    dir: tempfile::TempDir,
    server: Child,
}

/// The newest PostgreSQL of Debian's.
fn bin(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions: Vec<_> = versions
        .expect("the package postgresql is installed")
        .map(|entry| entry.unwrap().path())
        .collect();
    versions.sort();
    versions.pop().unwrap().join("bin").join(program)
}

/// As the user postgres where we are root, for as root it does not run.
fn as_postgres(program: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    let mut command = match is_root {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(program);
            command
        }
        false => Command::new(program),
    };
    command
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Cluster {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let owned = Command::new("chown")
            .arg("postgres")
            .arg(dir.path())
            .status();
        assert!(owned.unwrap().success());
        let data = dir.path().join("data");
        let made = as_postgres(&bin("initdb"))
            .args([
                "--auth=trust",
                "--no-sync",
                "--no-instructions",
                "--locale=C.UTF-8",
                "-D",
            ])
            .arg(&data)
            .status();
        assert!(made.unwrap().success());
        let server = as_postgres(&bin("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "shared_buffers=16MB",
            ])
            .spawn()
            .unwrap();
        Self { dir, server }
    }

    fn store(&self) -> Store {
        let host = self.dir.path().display();
        let url = format!("postgres:///postgres?host={host}&user=postgres");
        Postgres::connect(&url).unwrap().into()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown; setpriv has become the server itself.
        let _ = Command::new("kill")
            .arg("-INT")
            .arg(self.server.id().to_string())
            .status();
        let _ = self.server.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_answers_once_it_is_up_and_serves_several_servers() {
    let cluster = Cluster::start();
    let (one, other) = (cluster.store(), cluster.store());
    // It may be down at first.
    for _ in 0..600 {
        if one.check().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Both make the tables, or find them made.
    let (made, found) = tokio::join!(one.check(), other.check());
    assert!(made.is_ok() && found.is_ok(), "{made:?} {found:?}");
    Box::pin(answers(&one)).await;
    let boots = boots(40, 5);
    let halves = boots.split_at(20);
    let (first, second) = tokio::join!(one.put(halves.0, &[]), other.put(halves.1, &[]));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let listed = other.list(&Filter::all(), &Page::first(100)).await.unwrap();
    assert_eq!(listed.items.len(), 40);
}
