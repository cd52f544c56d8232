//! A host as the guides suppose it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Ends, top};
use crate::harness::{Isolation, bootwire, is_root, run_to_end};

const LIMIT: Duration = Duration::from_secs(60);

/// Folders of the test's own where the host has its own, and the addresses of the guides.
const HOST: &str = "
    etc=$(mktemp -d)
    mount -t tmpfs none \"$etc\"
    cp -a /etc/. \"$etc\"
    mount --move \"$etc\" /etc; rmdir \"$etc\"
    mount -t tmpfs -o mode=755 none /run
    mount -t tmpfs -o mode=755 none /srv
    mount -t tmpfs -o mode=755 none /var/lib
    ip addr add 192.168.2.1/24 dev lo
    ip addr add 10.96.0.69/32 dev lo";

/// Files that the guides suppose, and what is in them.
const FILES: [(&str, &str); 10] = [
    (
        "/etc/default/tftpd-hpa",
        "TFTP_USERNAME=\"nobody\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\n\
         TFTP_OPTIONS=\"--secure --map-file /etc/tftpd.map\"\n",
    ),
    ("/etc/tftpd.map", "ri ^/tftpboot/ /\na ^/?private/\n"),
    (
        "/etc/inetd.conf",
        "tftp dgram udp4 wait root /usr/sbin/in.tftpd in.tftpd -s /srv/tftp\n",
    ),
    (
        "/etc/dnsmasq.conf",
        "enable-tftp\ntftp-root=/srv/tftp\nconf-dir=/etc/dnsmasq.d,*.conf\n",
    ),
    ("/etc/dnsmasq.d/mtu.conf", "tftp-mtu=1400\n"),
    (
        "/etc/default/atftpd",
        "USE_INETD=false\nOPTIONS=\"--daemon --port 69 --pcre /etc/tftpd.pcre /srv/tftp\"\n",
    ),
    ("/etc/tftpd.pcre", "^linux$ vmlinuz\n"),
    (
        "/etc/hooktftp.yml",
        "port: 69\nhooks:\n  - type: file\n    regexp: ^.*$\n    template: /srv/tftp/$0\n",
    ),
    (
        "/etc/bootwire/bootwire.d/backups.toml",
        "[[route]]\npath = \"/backups/{*path}\"\nupload = \"/srv/backups\"\nexisting = \"replace\"\n",
    ),
    ("/srv/tftp/PATH", "a file\n"),
];

/// The site that is asked about on the page about troubles.
const TROUBLED: &str = r#"
[origin.images]
url = "http://127.0.0.1:8069/images/"

[[route]]
path = "/grub/grub.cfg-01-{mac}"
template = "grub.cfg.j2"

[[route]]
path = "/images/{*path}"
origin = "images"

[[route]]
dir = "/srv/tftp"
"#;

/// A host where the service runs.
pub(super) struct Place {
    /// Where commands are found: the program, and a `sudo` for root.
    programs: TempDir,
    service: Serving,
}

/// A server. Killed when dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the commands of a page are given.
pub(super) struct Page<'a> {
    place: &'a Place,
    here: TempDir,
    /// What a command before has started.
    started: Option<Serving>,
}

impl Place {
    /// `None` where the test has run already, inside, or nobody is root.
    pub(super) fn enter(test: &str) -> Option<Self> {
        if !is_root() || !Isolation::enter(test, HOST) {
            return None;
        }
        for (path, content) in FILES {
            put(Path::new(path), content);
        }
        let packaged = top().join("packaging/etc/bootwire.toml");
        let packaged = fs::read_to_string(packaged).expect("the packaged configuration");
        put(Path::new("/etc/bootwire/bootwire.toml"), &packaged);
        let groups = fs::read_to_string("/etc/group").expect("groups");
        put(
            Path::new("/etc/group"),
            &format!("{groups}bootwire:x:64242:\n"),
        );
        for writable in ["/srv/backups", "/var/lib/bootwire"] {
            fs::create_dir(writable).expect("a directory");
            everybodys(Path::new(writable), 0o777);
        }

        let programs = TempDir::new().expect("a directory");
        everybodys(programs.path(), 0o755);
        symlink(bootwire(), programs.path().join("bootwire")).expect("a link");
        let sudo = programs.path().join("sudo");
        put(&sudo, "#!/bin/sh\nexec \"$@\"\n");
        everybodys(&sudo, 0o755);
        let service = serve(
            "bootwire serve --config /etc/bootwire/bootwire.toml",
            &programs,
            69,
        );
        Some(Self { programs, service })
    }

    /// A directory for the commands of a page, with what they name.
    pub(super) fn page(&self) -> Page<'_> {
        assert!(self.service.0.id() > 0);
        let here = TempDir::new().expect("a directory");
        everybodys(here.path(), 0o755);
        put(&here.path().join("bootwire.toml"), TROUBLED);
        put(&here.path().join("router1.cfg"), "hostname router1\n");
        put(
            &here.path().join("templates/grub.cfg.j2"),
            "set timeout=5\n",
        );
        Page {
            place: self,
            here,
            started: None,
        }
    }
}

impl Page<'_> {
    /// Runs a command, and says what is wrong with how it ends.
    pub(super) fn run(&mut self, line: &str, ends: Ends) -> Result<(), String> {
        // In /tmp there are others.
        let line = line.replace(
            "/tmp/tftp",
            &self.here.path().join("tftp").to_string_lossy(),
        );
        if ends == Ends::Never {
            // Only one of them has the port.
            self.started = None;
            self.started = Some(serve(&line, &self.place.programs, 6969));
            return Ok(());
        }
        let mut command = shell(&line, &self.place.programs);
        let output = run_to_end(command.current_dir(self.here.path()), LIMIT);
        let expected = match ends {
            Ends::With(code) => code,
            Ends::Well | Ends::Never => 0,
        };
        if output.status.code() == Some(expected) {
            return Ok(());
        }
        Err(format!(
            "{}, not {expected}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

/// A line as a shell runs it, with the programs of the place.
fn shell(line: &str, programs: &TempDir) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", programs.path().display());
    let mut command = Command::new("sh");
    command.args(["-ec", line]).env("PATH", path);
    command
}

/// Starts a server, and waits until it listens on `port`.
fn serve(line: &str, programs: &TempDir, port: u16) -> Serving {
    let mut command = shell(&format!("exec {line}"), programs);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut serving = Serving(command.spawn().expect("a shell"));
    let deadline = Instant::now() + LIMIT;
    while !listens(port) {
        let ended = serving.0.try_wait().expect("a child of ours");
        assert!(ended.is_none(), "{line}: {ended:?}");
        assert!(Instant::now() < deadline, "{line} does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    serving
}

/// Whether somebody listens on the port, by the kernel's own list: to try would take it.
fn listens(port: u16) -> bool {
    let port = format!(":{port:04X}");
    ["udp", "udp6"].iter().any(|list| {
        let list = fs::read_to_string(format!("/proc/self/net/{list}")).unwrap_or_default();
        let mut locals = list
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        locals.any(|local| local.ends_with(&port))
    })
}

fn put(path: &Path, content: &str) {
    let parent: PathBuf = path.parent().expect("a directory").into();
    fs::create_dir_all(parent).expect("directories");
    fs::write(path, content).expect("a file");
}

fn everybodys(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}
