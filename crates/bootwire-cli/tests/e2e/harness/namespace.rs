//! Tests that need a network, a mount table or fewer rights of their own.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use super::run_to_end;

/// Set in the process that runs inside.
// Not BOOTWIRE_…: those are keys of the configuration.
const INSIDE: &str = "E2E_INSIDE";

/// A test's own network (and mount table): nothing of the host's is there, and everything may be
/// changed.
pub(crate) struct Isolation;

impl Isolation {
    /// Runs the calling test once more in a network name space of its own, after `setup` (shell
    /// commands; the loopback device is up). Returns whether this is that process: if not, the test
    /// has already run and there is nothing left to do.
    pub(crate) fn enter(test: &str, setup: &str) -> bool {
        if std::env::var_os(INSIDE).is_some() {
            return true;
        }
        let this = std::env::current_exe().expect("this test");
        let script = format!("set -e; ip link set lo up; {setup}\nexec \"$0\" \"$@\"");
        let mut command = Command::new("unshare");
        command
            .args(Self::flags())
            .args(["sh", "-c", &script])
            .arg(this);
        command
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1");
        let output = run_to_end(&mut command, Duration::from_secs(60));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "inside: {}{told}",
            String::from_utf8_lossy(&output.stdout)
        );
        let ran = String::from_utf8_lossy(&output.stdout);
        assert!(ran.contains("1 passed"), "{test} names no test: {ran}");
        false
    }

    /// `unshare` with the flags for a network and a mount table of its own.
    fn flags() -> &'static [&'static str] {
        if is_root() {
            &["-n", "-m"]
        } else {
            &["-r", "-n", "-m"]
        }
    }

    /// A command prefix: runs what follows with a network of its own, and with `script` done first.
    pub(crate) fn prefix(script: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["unshare".into()];
        words.extend(Self::flags().iter().map(Into::into));
        words.extend([
            "sh".into(),
            "-c".into(),
            format!("set -e; {script}\nexec \"$0\" \"$@\"").into(),
        ]);
        words
    }

    /// A command prefix: runs what follows in the host's network, with a mount table of its own.
    pub(crate) fn mounts(script: &str) -> Vec<OsString> {
        let flags: &[&str] = if is_root() { &["-m"] } else { &["-r", "-m"] };
        let mut words: Vec<OsString> = vec!["unshare".into()];
        words.extend(flags.iter().map(Into::into));
        words.extend([
            "sh".into(),
            "-c".into(),
            format!("set -e; {script}\nexec \"$0\" \"$@\"").into(),
        ]);
        words
    }
}

/// Whether the tests run as root, whom file modes do not stop.
pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

/// A command prefix that takes its powers from root, also from the root of a name space.
pub(crate) fn dropping_capabilities() -> Vec<OsString> {
    ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        .map(Into::into)
        .into()
}
