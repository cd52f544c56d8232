//! The server: `bootwire serve` with the demo's configuration, in a process of its own, within its
//! sandbox like every other.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::DemoError;

/// How long it may take to start, and to end after it was asked to.
const STARTS: Duration = Duration::from_secs(30);
const ENDS: Duration = Duration::from_secs(15);

/// Lines that are kept for whoever reads slowly.
const LINES: usize = 4096;

/// A line that the server wrote.
#[derive(Debug)]
pub(crate) enum Line {
    /// Of its log: a transfer, a boot.
    Log(String),
    /// About itself.
    Note(String),
}

/// A running server. It ends when this is dropped, whatever becomes of the demo: its standard input
/// closes.
pub(crate) struct Server {
    child: Child,
    _alive: Option<ChildStdin>,
    lines: mpsc::Receiver<Line>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(program: &Path, config: &Path) -> Result<Self, DemoError> {
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--config")
            .arg(config)
            .arg("--end-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is the demo's: it ends the machines first.
            .process_group(0)
            .kill_on_drop(true);
        // What is set for another server is not meant for this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BOOTWIRE_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .spawn()
            .map_err(DemoError::system("cannot start the server"))?;
        let (sender, lines) = mpsc::channel(LINES);
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(follow(output, sender.clone(), Line::Log));
        }
        if let Some(notes) = child.stderr.take() {
            readers.push(follow(notes, sender, Line::Note));
        }
        let mut server = Self {
            _alive: child.stdin.take(),
            child,
            lines,
            readers,
        };
        server.wait_until_listening().await?;
        Ok(server)
    }

    async fn wait_until_listening(&mut self) -> Result<(), DemoError> {
        let mut said = String::new();
        let listening = timeout(STARTS, async {
            while let Some(line) = self.lines.recv().await {
                let Line::Note(line) = line else {
                    continue;
                };
                // The last line of its introduction.
                if line.starts_with("sandbox: ") {
                    return true;
                }
                said.push_str("\n  ");
                said.push_str(&line);
            }
            false
        });
        match listening.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(DemoError::Server(format!(
                "the server does not start:{said}"
            ))),
            Err(_) => Err(DemoError::Server(format!(
                "the server takes too long to start:{said}"
            ))),
        }
    }

    /// The next line it writes; `None` when it has ended.
    pub(crate) async fn line(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// Ends it.
    pub(crate) async fn end(mut self) -> Result<ExitStatus, DemoError> {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok())
            && let Some(id) = Pid::from_raw(id)
        {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::TERM);
        }
        // Nobody reads on, and it shall not wait for that.
        self.lines.close();
        let ended = timeout(ENDS, self.child.wait()).await;
        let Ok(ended) = ended else {
            let killed = self.child.kill().await;
            killed.map_err(DemoError::system("cannot end the server"))?;
            return Err(DemoError::Server(format!(
                "the server did not end in {} s, and was killed",
                ENDS.as_secs()
            )));
        };
        for reader in self.readers {
            reader.abort();
        }
        ended.map_err(DemoError::system("cannot wait for the server"))
    }
}

/// Hands on lines; drops those that nobody takes in time.
fn follow(
    output: impl AsyncRead + Unpin + Send + 'static,
    lines: mpsc::Sender<Line>,
    kind: fn(String) -> Line,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut output = BufReader::new(output).lines();
        while let Ok(Some(line)) = output.next_line().await {
            let _ = lines.try_send(kind(line));
        }
    })
}
