//! Programs as hooks.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use bootwire::{BoxFuture, Refusal};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{Asker, Decision, HookError, Question};

/// How the output of a program is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// It is the content.
    #[default]
    Raw,
    /// It is the JSON of a [`Decision`].
    Json,
}

/// Bytes a program may write to its error output. The first line goes into the log.
const ERRORS_MAX: usize = 64 << 10;
/// Characters of that line.
const ERROR_LINE_MAX: usize = 200;

/// A program that decides. It is started directly, without a shell; what the client sent reaches it
/// only as whole arguments and as environment:
///
/// | variable | is |
/// |---|---|
/// | `BOOTWIRE_REQUEST` | the [`Question`] as JSON |
/// | `BOOTWIRE_PATH`, `BOOTWIRE_MODE`, `BOOTWIRE_PEER`, `BOOTWIRE_LOCAL` | its fields |
/// | `BOOTWIRE_MAC`, `BOOTWIRE_UUID`, `BOOTWIRE_SERIAL`, `BOOTWIRE_IP`, `BOOTWIRE_HOSTNAME`, `BOOTWIRE_LOADER` | the same, unset where not known |
///
/// Of the server's own environment it gets nothing; `PATH` and `LANG` are set to plain values.
///
/// | it ends with | the client gets |
/// |---|---|
/// | exit code 0 | what it wrote |
/// | 66 (`EX_NOINPUT`) | code 1, "File not found" |
/// | 75 (`EX_TEMPFAIL`) | code 0, "Server busy, try again" |
/// | 77 (`EX_NOPERM`) | code 2, "Access denied" |
/// | another code, or a signal | code 0, "Content not available now, try again" |
///
/// At the deadline, or when it writes more than it may, it is killed with all processes it has
/// started.
#[derive(Clone, Debug)]
pub struct Exec {
    program: Arc<Program>,
}

#[derive(Clone, Debug)]
struct Program {
    path: PathBuf,
    args: Vec<String>,
    env: Vec<(OsString, OsString)>,
    output: Output,
    size_max: usize,
}

impl Exec {
    /// The program at `path`, which should be absolute.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let program = Program {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            output: Output::default(),
            size_max: 4 << 20,
        };
        Self {
            program: Arc::new(program),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Program)) -> Self {
        change(Arc::make_mut(&mut self.program));
        self
    }

    /// Adds an argument. `{mac}`, `{path}` and the other fields of a [`Question`], and the parameters
    /// of the route, stand for their values, and for nothing where there is none. A value never
    /// makes an argument begin with `-`: such a request is refused.
    #[must_use]
    pub fn arg(self, arg: impl Into<String>) -> Self {
        self.change(|program| program.args.push(arg.into()))
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.change(|program| program.env.push((name.into(), value.into())))
    }

    /// How its output is read. Default [`Output::Raw`].
    #[must_use]
    pub fn output(self, output: Output) -> Self {
        self.change(|program| program.output = output)
    }

    /// Bytes it may write. Default 4 MiB.
    #[must_use]
    pub fn size_max(self, bytes: usize) -> Self {
        self.change(|program| program.size_max = bytes)
    }
}

impl Asker for Exec {
    fn ask(&self, question: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>> {
        let program = Arc::clone(&self.program);
        Box::pin(async move { program.run(&question).await })
    }

    fn kind(&self) -> &'static str {
        "exec"
    }
}

impl Program {
    async fn run(&self, question: &Question) -> Result<Decision, HookError> {
        let Some(args) = self.arguments(question) else {
            return Ok(Decision::Refuse(Refusal::denied().because(
                "a value would have made an argument of the hook begin with -",
            )));
        };
        let mut command = Command::new(&self.path);
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .envs(self.env.iter().cloned())
            .env("BOOTWIRE_REQUEST", question.to_json())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts can be killed with it.
            .process_group(0);
        for name in [
            "path", "mode", "peer", "local", "mac", "uuid", "serial", "ip", "hostname", "loader",
        ] {
            if let Some(value) = question.value(name) {
                command.env(format!("BOOTWIRE_{}", name.to_ascii_uppercase()), value);
            }
        }
        let child = command
            .spawn()
            .map_err(|error| HookError::Failed(format!("{}: {error}", self.path.display())))?;
        let mut group = Group { child: Some(child) };
        let (stdout, stderr) = group.pipes();
        // Read beside the output, for a program that fills either pipe waits.
        let mut errors = JoinSet::new();
        errors.spawn(read(stderr, ERRORS_MAX));
        let output = read(stdout, self.size_max).await?;
        let errors = errors.join_next().await;
        let errors = errors
            .and_then(Result::ok)
            .unwrap_or_else(|| Ok(Vec::new()))?;
        let status = group.wait().await?;
        self.decision(status, output, &errors)
    }

    /// The arguments; `None` if a value would make one an option.
    fn arguments(&self, question: &Question) -> Option<Vec<String>> {
        let filled = self.args.iter().map(|arg| {
            let filled = fill(arg, question);
            (arg.starts_with('-') || !filled.starts_with('-')).then_some(filled)
        });
        filled.collect()
    }

    fn decision(
        &self,
        status: ExitStatus,
        output: Vec<u8>,
        errors: &[u8],
    ) -> Result<Decision, HookError> {
        let program = self.path.display();
        let said = first_line(errors)
            .unwrap_or_else(|| format!("{program}: {status}, and nothing on its standard error"));
        match status.code() {
            Some(0) => match self.output {
                Output::Raw => Ok(Decision::Content(output.into())),
                Output::Json => Decision::from_json(&output),
            },
            Some(66) => Ok(Decision::Refuse(Refusal::not_found().because(said))),
            Some(75) => Ok(Decision::Refuse(Refusal::busy().because(said))),
            Some(77) => Ok(Decision::Refuse(Refusal::denied().because(said))),
            _ if errors.trim_ascii().is_empty() => Err(HookError::Failed(said)),
            _ => Err(HookError::Failed(format!("{program}: {status}: {said}"))),
        }
    }
}

/// `{name}` replaced by its value, by nothing if there is none; a brace that nothing closes is kept.
fn fill(arg: &str, question: &Question) -> String {
    let mut filled = String::new();
    let mut rest = arg;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = &rest[before.len()..];
            break;
        };
        filled.push_str(question.value(name).unwrap_or_default());
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// Reads to the end, or to one byte too many.
async fn read(pipe: Option<impl AsyncRead + Unpin>, max: usize) -> Result<Vec<u8>, HookError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let mut pipe = pipe.take(max as u64 + 1);
        pipe.read_to_end(&mut bytes)
            .await
            .map_err(|error| HookError::Failed(error.to_string()))?;
    }
    if bytes.len() > max {
        return Err(HookError::TooLarge(max));
    }
    // It may be held for as long as its client takes, and is counted by its length.
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// What a program said first; `None` if nothing.
fn first_line(errors: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    let letters = line.chars().take(ERROR_LINE_MAX);
    Some(letters.flat_map(char::escape_debug).collect())
}

/// A program and all it has started: killed when this is dropped before the program has ended.
struct Group {
    child: Option<Child>,
}

impl Group {
    fn pipes(
        &mut self,
    ) -> (
        Option<tokio::process::ChildStdout>,
        Option<tokio::process::ChildStderr>,
    ) {
        let child = self.child.as_mut();
        child.map_or((None, None), |child| {
            (child.stdout.take(), child.stderr.take())
        })
    }

    async fn wait(&mut self) -> Result<ExitStatus, HookError> {
        let failed = |what: String| HookError::Failed(what);
        let Some(child) = &mut self.child else {
            return Err(failed("it was never started".to_owned()));
        };
        let status = child
            .wait()
            .await
            .map_err(|error| failed(error.to_string()))?;
        // Its number may be another's from now on.
        self.child = None;
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Not waited for yet, so the number is still its own; tokio takes the dead body away.
        let number = self.child.as_ref().and_then(Child::id);
        if let Some(pid) = number.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is held for a client is counted by its length.
    #[tokio::test]
    async fn what_a_program_said_has_no_room_to_spare() {
        for length in [0, 33, 5_000, 70_000] {
            let said = vec![b'x'; length];
            let bytes = read(Some(said.as_slice()), 100_000).await.unwrap();
            assert_eq!((bytes.len(), bytes.capacity()), (length, length));
        }
    }
}
