//! Reading the files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::assemble::Text;
use super::location::Location;
use super::problem::{Problem, Problems};

/// The largest file read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// Drop-ins read, at most.
const DROP_INS_MAX: usize = 1000;

/// How often a file is read that changes meanwhile, and the time in between.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// The main file and its drop-ins.
pub(super) struct Files {
    pub(super) main: Text,
    pub(super) drop_ins: Vec<Text>,
    /// All of them, absolute.
    pub(super) paths: Vec<PathBuf>,
    /// Those that hold nothing but white space.
    pub(super) blank: Vec<PathBuf>,
}

/// Reads the main file, and the drop-ins beside it.
pub(super) fn files(location: &Location) -> Result<Files, Problems> {
    if !location.is_file() {
        return Ok(Files {
            main: Text {
                name: location.to_string(),
                text: String::new(),
            },
            drop_ins: Vec::new(),
            paths: Vec::new(),
            blank: Vec::new(),
        });
    }
    let mut problems = Vec::new();
    let mut paths = vec![location.main().to_owned()];
    match drop_ins(location) {
        Ok(found) => paths.extend(found),
        Err(problem) => problems.push(problem),
    }
    let (mut texts, mut blank) = (Vec::new(), Vec::new());
    for path in &paths {
        let text = match text(path) {
            Ok(text) => text,
            Err(error) => {
                problems.push(cannot_read(location, path, &error));
                continue;
            }
        };
        if text.trim().is_empty() {
            blank.push(path.clone());
        }
        texts.push(Text {
            name: location.show(path),
            text,
        });
    }
    let mut texts = texts.into_iter();
    match texts.next() {
        Some(main) if problems.is_empty() => Ok(Files {
            main,
            drop_ins: texts.collect(),
            paths,
            blank,
        }),
        _ => Err(Problems(problems)),
    }
}

/// The drop-ins in the order of their names; none if the directory is not there.
fn drop_ins(location: &Location) -> Result<Vec<PathBuf>, Problem> {
    let dir = location.drop_ins();
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // A file of that name holds no drop-ins.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(location, &dir, &error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| cannot_read(location, &dir, &error))?
            .path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
        if paths.len() > DROP_INS_MAX {
            let what = format!("more than {DROP_INS_MAX} drop-ins");
            return Err(Problem::new(location.show(&dir), what));
        }
    }
    paths.sort();
    Ok(paths)
}

fn cannot_read(location: &Location, path: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound && path == location.main() {
        let what = "No such file: name the configuration with --config FILE";
        return Problem::new(location.show(path), what);
    }
    Problem::new(location.show(path), format!("cannot read: {error}"))
}

fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        io::Error::other(format!("line {} is not UTF-8", line + 1))
    })
}

/// The content of a file that nobody wrote to meanwhile: half of what it will say may well be a
/// configuration, of other meaning.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        // To open a FIFO would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        let mut bytes = Vec::new();
        (&mut file).take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(io::Error::other(format!("larger than {FILE_MAX} bytes")));
        }
        let after = file.metadata()?;
        if before.len() == after.len() && before.modified()? == after.modified()? {
            return Ok(bytes);
        }
    }
    Err(io::Error::other(
        "it changes all the time: is it still being written?",
    ))
}
