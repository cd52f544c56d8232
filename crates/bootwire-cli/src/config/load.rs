//! Reading the files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::assemble::Text;
use super::problem::{Problem, Problems};

/// The largest file read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// Drop-ins read, at most.
const DROP_INS_MAX: usize = 1000;

/// The main file and its drop-ins.
pub(super) struct Files {
    pub(super) main: Text,
    pub(super) drop_ins: Vec<Text>,
    /// All of them.
    pub(super) paths: Vec<PathBuf>,
}

/// Reads the main file, and the drop-ins beside it.
pub(super) fn files(main: &Path) -> Result<Files, Problems> {
    let mut problems = Vec::new();
    let mut paths = vec![main.to_owned()];
    match drop_ins(main) {
        Ok(found) => paths.extend(found),
        Err(problem) => problems.push(problem),
    }
    let mut texts = Vec::new();
    for path in &paths {
        match text(path) {
            Ok(text) => texts.push(Text {
                name: path.display().to_string(),
                text,
            }),
            Err(error) => problems.push(cannot_read(path, &error)),
        }
    }
    let mut texts = texts.into_iter();
    match texts.next() {
        Some(main) if problems.is_empty() => Ok(Files {
            main,
            drop_ins: texts.collect(),
            paths,
        }),
        _ => Err(Problems(problems)),
    }
}

/// The directory of drop-ins: `bootwire.d` beside `bootwire.toml`.
pub(super) fn drop_in_dir(main: &Path) -> PathBuf {
    main.with_extension("d")
}

/// The drop-ins in the order of their names; none if the directory is not there.
fn drop_ins(main: &Path) -> Result<Vec<PathBuf>, Problem> {
    let dir = drop_in_dir(main);
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // A file of that name holds no drop-ins.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(&dir, &error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot_read(&dir, &error))?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
        if paths.len() > DROP_INS_MAX {
            let what = format!("more than {DROP_INS_MAX} drop-ins");
            return Err(Problem::new(dir.display().to_string(), what));
        }
    }
    paths.sort();
    Ok(paths)
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    Problem::new(path.display().to_string(), format!("cannot read: {error}"))
}

fn text(path: &Path) -> io::Result<String> {
    // To open a FIFO would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::other(format!("larger than {FILE_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        io::Error::other(format!("line {} is not UTF-8", line + 1))
    })
}
