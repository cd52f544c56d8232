//! The servers of others, as Debian has them. `./test` unpacks them into `target/peers`, so that none is
//! installed and started.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running server, with a process for each request if it has such. All are killed when it is dropped.
pub(super) struct Old {
    child: Child,
    port: u16,
}

/// Where `./test` puts them.
fn peers() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers")
}

/// Debian's sample of something.
pub(super) fn sample(path: &str) -> String {
    let path = peers().join("usr/share/doc").join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}: run ./test", path.display()))
}

impl Old {
    /// Starts `program`, by way of `wrapper`, and waits until it listens on `port`.
    pub(super) fn start(wrapper: &[&str], program: &str, words: &[String], port: u16) -> Self {
        let path = peers().join("usr/sbin").join(program);
        assert!(path.exists(), "no {}: run ./test", path.display());
        let libraries = ["lib", "usr/lib"].map(|lib| {
            let at = peers()
                .join(lib)
                .join(format!("{}-linux-gnu", std::env::consts::ARCH));
            at.to_string_lossy().into_owned()
        });
        let mut line: Vec<&OsStr> = wrapper.iter().map(OsStr::new).collect();
        line.push(path.as_os_str());
        line.extend(words.iter().map(OsStr::new));
        let child = Command::new(line[0])
            .args(&line[1..])
            .env("LD_LIBRARY_PATH", libraries.join(":"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", path.display()));
        let mut old = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !old.listens() {
            let ended = old.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{program} ended at once: {ended:?}");
            assert!(Instant::now() < deadline, "{program} does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        old
    }

    fn listens(&self) -> bool {
        let list = Path::new("/proc")
            .join(self.child.id().to_string())
            .join("net/udp");
        let list = fs::read_to_string(list).unwrap_or_default();
        let port = format!(":{:04X}", self.port);
        let mut locals = list
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        locals.any(|local| local.ends_with(&port))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let group = format!("kill -s KILL -- -{}", self.child.id());
        let _ = Command::new("sh").args(["-c", &group]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
