//! Real clients, each with its own ways on the command line.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use super::{bootwire, run_to_end};

/// Longest any client may take for one file; the large ones need a good part of it on a busy
/// machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A client program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Atftp,
    Bootwire,
    Busybox,
    Curl,
    TftpHpa,
    Tftpy,
}

/// What a client is told beyond the names; what it has no way to say is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) blksize: Option<u16>,
    pub(crate) windowsize: Option<u16>,
    pub(crate) tsize: bool,
    pub(crate) netascii: bool,
    /// No options at all, for clients that send some on their own.
    pub(crate) plain: bool,
}

impl Extras {
    /// Nothing but a block size.
    pub(crate) fn blksize(bytes: u16) -> Self {
        Self {
            blksize: Some(bytes),
            ..Self::default()
        }
    }

    /// Nothing but netascii.
    pub(crate) fn netascii() -> Self {
        Self {
            netascii: true,
            ..Self::default()
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Get,
    Put,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Atftp,
        Self::Bootwire,
        Self::Busybox,
        Self::Curl,
        Self::TftpHpa,
        Self::Tftpy,
    ];

    /// Fetches `remote` into `local`; fails the test if the client does not succeed.
    pub(crate) fn get(self, server: SocketAddr, remote: &str, local: &Path, extras: Extras) {
        let output = self.try_get(server, remote, local, extras);
        self.assert_success(&output, remote);
    }

    /// Sends `local` as `remote`; fails the test if the client does not succeed.
    pub(crate) fn put(self, server: SocketAddr, local: &Path, remote: &str, extras: Extras) {
        let output = self.try_put(server, local, remote, extras);
        self.assert_success(&output, remote);
    }

    /// Fetches `remote`, or not.
    pub(crate) fn try_get(
        self,
        server: SocketAddr,
        remote: &str,
        local: &Path,
        extras: Extras,
    ) -> Output {
        run_to_end(
            &mut self.command(Direction::Get, server, remote, local, extras),
            LIMIT,
        )
    }

    /// Sends `local`, or not.
    pub(crate) fn try_put(
        self,
        server: SocketAddr,
        local: &Path,
        remote: &str,
        extras: Extras,
    ) -> Output {
        run_to_end(
            &mut self.command(Direction::Put, server, remote, local, extras),
            LIMIT,
        )
    }

    /// Fails the test unless the client says that all went well. tftp-hpa ends with 0 in any case,
    /// but says so.
    fn assert_success(self, output: &Output, remote: &str) {
        let told = said(output);
        assert!(
            output.status.success() && !told.contains("Error code"),
            "{self:?} with {remote:?}: {told}"
        );
    }

    /// Whether the client's words or exit code name this TFTP error, 1 to 7, as each of them does.
    /// atftp shows the server's text and no code.
    pub(crate) fn reports(self, output: &Output, code: u8, text: &str) -> bool {
        let told = said(output);
        match self {
            Self::Atftp => told.contains(&format!("error received from server <{text}")),
            Self::Bootwire => !output.status.success() && told.contains(text),
            Self::Busybox => told.contains(&format!("server error: ({code})")),
            // curl's manual, EXIT CODES.
            Self::Curl => output.status.code() == Some(67 + i32::from(code)),
            Self::TftpHpa => told.contains(&format!("Error code {code}: {text}")),
            Self::Tftpy if code == 1 => told.contains("File not found"),
            Self::Tftpy => told.contains(&format!("errorcode = {code}")),
        }
    }

    fn command(
        self,
        direction: Direction,
        server: SocketAddr,
        remote: &str,
        local: &Path,
        extras: Extras,
    ) -> Command {
        match self {
            Self::Atftp => atftp(direction, server, remote, local, extras),
            Self::Bootwire => bootwire_command(direction, server, remote, local, extras),
            Self::Busybox => busybox(direction, server, remote, local, extras),
            Self::Curl => curl(direction, server, remote, local, extras),
            Self::TftpHpa => tftp_hpa(direction, server, remote, local, extras),
            Self::Tftpy => tftpy(direction, server, remote, local, extras),
        }
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}({})",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status
    )
}

fn atftp(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let mut command = Command::new("atftp");
    let mut option = |text: String| {
        command.args(["--option", &text]);
    };
    if let Some(bytes) = extras.blksize {
        option(format!("blksize {bytes}"));
    }
    if let Some(blocks) = extras.windowsize {
        option(format!("windowsize {blocks}"));
    }
    if extras.tsize {
        option("tsize".to_owned());
    }
    if extras.netascii {
        option("mode netascii".to_owned());
    }
    command.arg(match direction {
        Direction::Get => "--get",
        Direction::Put => "--put",
    });
    command
        .args(["--remote-file", remote, "--local-file"])
        .arg(local);
    command.args([server.ip().to_string(), server.port().to_string()]);
    command
}

fn bootwire_command(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let mut command = Command::new(bootwire());
    let url = format!("tftp://{server}/{}", url_path(remote));
    match direction {
        Direction::Get => command
            .args(["get", "--force", &url, "--output"])
            .arg(local),
        Direction::Put => command.arg("put").arg(local).arg(&url),
    };
    if let Some(bytes) = extras.blksize {
        command.args(["--blksize", &bytes.to_string()]);
    }
    if let Some(blocks) = extras.windowsize {
        command.args(["--windowsize", &blocks.to_string()]);
    }
    if extras.netascii {
        command.args(["--mode", "netascii"]);
    }
    if extras.plain {
        command.arg("--no-options");
    }
    command
}

fn busybox(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let mut command = Command::new("busybox");
    command.arg("tftp");
    if let Some(bytes) = extras.blksize {
        command.args(["-b", &bytes.to_string()]);
    }
    command.arg(match direction {
        Direction::Get => "-g",
        Direction::Put => "-p",
    });
    command.args(["-r", remote, "-l"]).arg(local);
    command.args([server.ip().to_string(), server.port().to_string()]);
    command
}

fn curl(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--globoff"]);
    if let Some(bytes) = extras.blksize {
        command.args(["--tftp-blksize", &bytes.to_string()]);
    }
    if extras.plain {
        command.arg("--tftp-no-options");
    }
    command.arg(match direction {
        Direction::Get => "--output",
        Direction::Put => "--upload-file",
    });
    let mode = if extras.netascii {
        ";mode=netascii"
    } else {
        ""
    };
    command
        .arg(local)
        .arg(format!("tftp://{server}/{}{mode}", url_path(remote)));
    command
}

fn tftp_hpa(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let mut command = Command::new("tftp");
    command.args([
        "-m",
        if extras.netascii {
            "netascii"
        } else {
            "binary"
        },
    ]);
    command.arg(if server.is_ipv6() { "-6" } else { "-4" });
    command.args([server.ip().to_string(), server.port().to_string()]);
    match direction {
        Direction::Get => command.args(["-c", "get", remote]).arg(local),
        Direction::Put => command.args(["-c", "put"]).arg(local).arg(remote),
    };
    command
}

fn tftpy(
    direction: Direction,
    server: SocketAddr,
    remote: &str,
    local: &Path,
    extras: Extras,
) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/tftpy_client.py");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python_packages()).arg(here);
    command.arg(match direction {
        Direction::Get => "get",
        Direction::Put => "put",
    });
    let IpAddr::V4(host) = server.ip() else {
        panic!("tftpy knows IPv4 only")
    };
    command
        .args([
            host.to_string(),
            server.port().to_string(),
            remote.to_owned(),
        ])
        .arg(local);
    if let Some(bytes) = extras.blksize {
        command.arg(format!("blksize={bytes}"));
    }
    if extras.tsize {
        command.arg("tsize=0");
    }
    command
}

/// Where `./test` puts tftpy, before what is there already.
fn python_packages() -> OsString {
    let ours = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("pytools");
    let mut path = ours.into_os_string();
    if let Some(others) = std::env::var_os("PYTHONPATH") {
        path.push(":");
        path.push(others);
    }
    path
}

/// The path part of a URL: what may not stand there is written as %XX.
fn url_path(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                path.push(char::from(byte));
            }
            _ => path.extend(format!("%{byte:02X}").chars()),
        }
    }
    path
}
