//! A `bootwire serve` of one test's own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Output, Ports, Record, is_root};

/// How long a server may take to start, to write a record, or to stop when idle.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test.
pub(crate) fn bootwire() -> &'static str {
    env!("CARGO_BIN_EXE_bootwire")
}

/// A server being set up: files to serve, flags to give.
pub(crate) struct Builder {
    place: Arc<TempDir>,
    port: Ports,
    host: String,
    config: Option<PathBuf>,
    flags: Vec<OsString>,
    wrapper: Vec<OsString>,
    json: bool,
    relative: bool,
    admin: Option<String>,
}

/// A running server. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: Output,
    notes: Output,
    readers: Vec<thread::JoinHandle<()>>,
    place: Arc<TempDir>,
    config: Option<PathBuf>,
    port: Ports,
}

impl Builder {
    fn new() -> Self {
        let place = TempDir::new().expect("a temporary directory");
        fs::create_dir(place.path().join("root")).expect("a root");
        Self::at(Arc::new(place))
    }

    fn at(place: Arc<TempDir>) -> Self {
        Self {
            place,
            port: Ports::one(),
            host: "127.0.0.1".to_owned(),
            config: None,
            flags: Vec::new(),
            wrapper: Vec::new(),
            json: true,
            relative: false,
            admin: None,
        }
    }

    /// The directory to be served. Its parent is the test's own too.
    pub(crate) fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// The port it will listen on.
    pub(crate) fn port(&self) -> u16 {
        self.port.first()
    }

    /// Puts a file into the root.
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("directories");
        fs::write(path, content).expect("a file");
        self
    }

    /// The parent of the root, where the configuration is.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// Puts a file beside the root; one that begins with `#!` may be run.
    pub(crate) fn beside(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.place.path().join(name);
        let content = content.as_ref();
        fs::create_dir_all(path.parent().expect("below the place")).expect("directories");
        fs::write(&path, content).expect("a file");
        if content.starts_with(b"#!") {
            fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a mode");
        }
        self
    }

    /// Serves what a configuration says instead of the root. It stands in the root's parent and
    /// says nothing about addresses and the log.
    pub(crate) fn config(self, text: &str) -> Self {
        self.beside("bootwire.toml", text)
            .config_file("bootwire.toml")
    }

    /// The same with a file that is there already.
    pub(crate) fn config_file(mut self, name: &str) -> Self {
        self.config = Some(name.into());
        self
    }

    /// Starts in the root's parent, and names the configuration from there.
    pub(crate) fn relative(mut self) -> Self {
        self.relative = true;
        self
    }

    /// Adds flags.
    pub(crate) fn flags<S: AsRef<OsStr>>(mut self, flags: impl IntoIterator<Item = S>) -> Self {
        self.flags
            .extend(flags.into_iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Listens on another address than 127.0.0.1; in brackets for IPv6.
    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Starts the server by way of another command that ends in `exec`.
    pub(crate) fn wrapped<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = wrapper
            .into_iter()
            .map(|word| word.as_ref().to_owned())
            .collect();
        self
    }

    /// Serves the admin API here. Without it there is none: all tests' servers would want the one place
    /// where it is by default.
    pub(crate) fn admin(mut self, place: &str) -> Self {
        self.admin = Some(place.to_owned());
        self
    }

    /// Serves the admin API at a socket beside the root.
    pub(crate) fn admin_socket(self) -> Self {
        let socket = self.place.path().join("admin.sock");
        self.admin(socket.to_str().expect("UTF-8"))
    }

    /// Throws the log away, for tests with more transfers than it makes sense to read about.
    pub(crate) fn without_log(self) -> Self {
        self.plain_log()
            .wrapped(["sh", "-c", "exec \"$0\" \"$@\" >/dev/null"])
    }

    /// Leaves the log as it is without flags.
    pub(crate) fn plain_log(mut self) -> Self {
        self.json = false;
        self
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(self) -> Server {
        let mut words = self.wrapper.clone();
        words.extend([bootwire().into(), "serve".into(), "--verbose".into()]);
        let listen = format!("{}:{}", self.host, self.port.first());
        let admin = self.admin.as_deref().unwrap_or("off");
        let mut environment = vec![("BOOTWIRE_ADMIN__LISTEN", admin)];
        if let Some(config) = &self.config {
            let config = if self.relative {
                config.clone()
            } else {
                self.place.path().join(config)
            };
            words.extend(["--config".into(), config.into()]);
            // Not in the file, whose lines keep their numbers.
            environment.push(("BOOTWIRE_LISTEN", listen.as_str()));
            environment.extend(self.json.then_some(("BOOTWIRE_LOG", "json")));
        } else {
            words.push(self.root().into_os_string());
            words.extend(["--listen".into(), (&listen).into()]);
            if self.json {
                words.extend(["--log".into(), "json".into()]);
            }
        }
        words.extend(self.flags);
        if is_root() {
            // Started as root it becomes nobody, who then owns everything as the tests' user does
            // otherwise.
            give_to_nobody(self.place.path());
        }

        let mut command = Command::new(&words[0]);
        if self.relative {
            command.current_dir(self.place.path());
        }
        let mut child = command
            .args(&words[1..])
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {words:?}: {error}"));
        let (log, notes) = (Output::default(), Output::default());
        let readers = vec![
            log.follow(child.stdout.take().expect("piped")),
            notes.follow(child.stderr.take().expect("piped")),
        ];
        let server = Server {
            child,
            log,
            notes,
            readers,
            place: self.place,
            config: self.config,
            port: self.port,
        };
        server.wait_until_listening()
    }
}

impl Server {
    /// A server to be set up.
    pub(crate) fn builder() -> Builder {
        Builder::new()
    }

    /// A server of one file.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        Self::builder().file(name, content).start()
    }

    fn wait_until_listening(mut self) -> Self {
        let deadline = Instant::now() + PATIENCE;
        // It has said what it serves once all its workers listen; its rights come last.
        let has_said = |line: &String| line.contains("sandbox: ");
        while !self.has_bound() || !self.notes.lines().iter().any(has_said) {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                panic!("the server ended at once ({status}): {}", self.printed());
            }
            assert!(
                Instant::now() < deadline,
                "the server does not listen: {}",
                self.printed()
            );
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Whether the kernel's own list, in the server's name space, has our port.
    fn has_bound(&self) -> bool {
        let port = format!(":{:04X}", self.port());
        ["udp", "udp6"].iter().any(|list| {
            let list =
                fs::read_to_string(format!("/proc/{}/net/{list}", self.pid())).unwrap_or_default();
            list.lines().any(|line| {
                line.split_whitespace()
                    .nth(1)
                    .is_some_and(|local| local.ends_with(&port))
            })
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port.first()
    }

    /// 127.0.0.1 and its port.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory it has in use (`VmRSS`).
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("alive");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("a size");
        let kib: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number");
        kib << 10
    }

    /// A path in the directory it serves.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join("root").join(name)
    }

    /// The parent of the directory it serves.
    pub(crate) fn outside(&self) -> &Path {
        self.place.path()
    }

    /// Names of everything in the directory it serves, sorted.
    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.path(""))
    }

    /// Waits until nothing but `names` is in the directory it serves: what an upload leaves is
    /// removed after the client was told.
    pub(crate) fn expect_listing(&self, names: &[&str]) {
        expect_listing(&self.path(""), names);
    }

    /// What it printed on standard output: a line for each transfer.
    pub(crate) fn log(&self) -> &Output {
        &self.log
    }

    /// What it printed on standard error: everything else.
    pub(crate) fn notes(&self) -> &Output {
        &self.notes
    }

    /// Both, for the reader of a test that failed.
    fn printed(&self) -> String {
        format!("{:#?} {:#?}", self.notes.lines(), self.log.lines())
    }

    /// Waits for `count` records at least.
    pub(crate) fn records(&self, count: usize) -> Vec<Record> {
        self.records_within(count, PATIENCE)
    }

    /// Waits for `count` records at least, up to `limit`.
    pub(crate) fn records_within(&self, count: usize, limit: Duration) -> Vec<Record> {
        let found = self.log.wait(limit, |lines| {
            let records = records_in(lines);
            (records.len() >= count).then_some(records)
        });
        found.unwrap_or_else(|| panic!("no {count} records within {limit:?}: {}", self.printed()))
    }

    /// Waits for the first record.
    pub(crate) fn record(&self) -> Record {
        self.records(1).swap_remove(0)
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("a shell");
        assert!(status.success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                for reader in self.readers.drain(..) {
                    reader.join().expect("reader");
                }
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the server does not end: {}",
                self.printed()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it in good order and returns every record it made.
    pub(crate) fn finish(mut self) -> Vec<Record> {
        self.signal("TERM");
        let status = self.wait(PATIENCE);
        assert_eq!(
            status.code(),
            Some(0),
            "ended by {:?}: {}",
            status.signal(),
            self.printed()
        );
        records_in(&self.log.lines())
    }

    /// Stops it in good order and sets up another one in its place.
    pub(crate) fn again(mut self) -> Builder {
        self.signal("TERM");
        let status = self.wait(PATIENCE);
        assert_eq!(status.code(), Some(0), "{}", self.printed());
        Builder {
            config: self.config.clone(),
            ..Builder::at(Arc::clone(&self.place))
        }
    }

    /// Stops it in good order and returns its only record.
    pub(crate) fn finish_with_one(self) -> Record {
        let mut records = self.finish();
        assert_eq!(records.len(), 1, "one request, one record: {records:#?}");
        records.swap_remove(0)
    }
}

/// Makes nobody the owner of everything beneath a path. Links are left as they are.
pub(crate) fn give_to_nobody(path: &Path) {
    const NOBODY: u32 = 65_534;
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("a directory") {
            give_to_nobody(&entry.expect("an entry").path());
        }
    }
}

/// Names of everything in a directory, sorted.
fn listing(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

/// Waits until nothing but `names` is in a directory.
pub(crate) fn expect_listing(directory: &Path, names: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    while listing(directory) != names {
        assert!(
            Instant::now() < deadline,
            "{:?} instead of {names:?}",
            listing(directory)
        );
        thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("the server printed: {}\n", self.printed()).as_bytes(),
            );
        }
    }
}

/// The records in some lines, in the order of the requests.
fn records_in(lines: &[String]) -> Vec<Record> {
    let mut records: Vec<_> = lines
        .iter()
        .filter_map(|line| Record::parse(line))
        .collect();
    records.sort_by_key(|record| record.number("id"));
    records
}
