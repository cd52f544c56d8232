//! A real PostgreSQL, started for a test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A cluster of its own in a directory, on a Unix socket there. It is up a moment after it was started,
/// and stops when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    dir: tempfile::TempDir,
    server: Child,
}

/// The newest PostgreSQL of Debian's.
fn bin(program: &str) -> PathBuf {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("the package postgresql is installed")
        .map(|entry| entry.expect("the directory is read").path())
        .collect();
    versions.sort();
    let newest = versions.pop().expect("the package postgresql is installed");
    newest.join("bin").join(program)
}

/// A command as the user postgres where we are root, for as root it does not run.
fn as_postgres(program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn succeed(command: &mut Command) {
    let status = command.status().expect("the program runs");
    assert!(status.success(), "{command:?}: {status}");
}

impl Cluster {
    /// Makes one and starts it.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        if rustix::process::geteuid().is_root() {
            succeed(Command::new("chown").arg("postgres").arg(dir.path()));
        }
        let data = dir.path().join("data");
        succeed(
            as_postgres(&bin("initdb"))
                .args(["--auth=trust", "--no-sync", "--no-instructions"])
                .args(["--locale=C.UTF-8", "--username=postgres", "-D"])
                .arg(&data),
        );
        let server = as_postgres(&bin("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args(["-c", "listen_addresses="])
            .args(["-c", "fsync=off"])
            .args(["-c", "shared_buffers=16MB"])
            .spawn()
            .expect("postgres runs");
        Self { dir, server }
    }

    /// The URL of its database, as its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        let host = self.dir.path().display();
        format!("postgres://postgres@localhost/postgres?host={host}")
    }

    /// Runs statements by `psql`.
    ///
    /// # Errors
    /// What it says, if one fails or the server is not up yet.
    ///
    /// # Panics
    /// If `psql` is not installed.
    pub fn psql(&self, sql: &str) -> Result<(), String> {
        let output = as_postgres(&bin("psql"))
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(self.dir.path())
            .args(["-c", sql])
            .stderr(Stdio::piped())
            .output()
            .expect("psql runs");
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
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
