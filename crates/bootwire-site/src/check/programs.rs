//! Whether the programs that a configuration names are there and can be run.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::report::Report;
use crate::config::Config;
use crate::interpreter::{interpreter, kept_out};

/// Looks at the programs of hooks and of uploads. `executable`: the places from which alone a sandbox
/// will let them start.
pub(super) fn look(config: &Config, executable: Option<&[PathBuf]>, report: &mut Report<'_>) {
    for (place, program) in config.requirements().programs {
        let shown = program.display();
        let kept_out = || executable.and_then(|executable| kept_out(&program, executable));
        let runs = runs(&program).and_then(|()| kept_out().map_or(Ok(()), Err));
        match runs {
            Ok(()) => report.ok("program", format_args!("{place}: {shown}")),
            Err(why) => report.fail("program", format_args!("{place}: {shown}: {why}")),
        }
    }
}

/// Why the kernel would not run it.
fn runs(program: &Path) -> Result<(), String> {
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => barred(program),
        _ => error.to_string(),
    };
    let metadata = program.metadata().map_err(missing)?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err("it is not executable: chmod +x".to_owned());
    }
    may_execute(program).map_err(|error| match error {
        Errno::ACCESS => barred(program),
        error => error.to_string(),
    })?;
    let Some(interpreter) = interpreter(program) else {
        return Ok(());
    };
    let shown = interpreter.display();
    match may_execute(&interpreter) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) => Err(format!("its first line names {shown}, which is not there")),
        Err(error) => Err(format!("its first line names {shown}: {error}")),
    }
}

/// Whether the user that this process has become may execute a file, or enter a directory.
fn may_execute(path: &Path) -> rustix::io::Result<()> {
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

/// What keeps the server's user from running a program that is there.
fn barred(program: &Path) -> String {
    let mut way: Vec<&Path> = program.ancestors().skip(1).collect();
    way.reverse();
    let closed = (way.into_iter()).find(|dir| may_execute(dir) == Err(Errno::ACCESS));
    match closed {
        Some(dir) => {
            let dir = dir.display();
            format!("the server's user may not enter {dir}: chmod o+x {dir}, or move the program")
        }
        None => {
            "the server's user may not run it: look at its owner and mode, and whether the file \
                 system is mounted noexec"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_program_is_there_executable_and_so_is_what_runs_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hook");
        let write = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            runs(&path)
        };
        let wrong = |told: Result<(), String>, what: &str| {
            let why = told.unwrap_err();
            assert!(why.contains(what), "{why}");
        };
        wrong(runs(&path), "not there");
        wrong(runs(dir.path()), "no file");
        wrong(write("#!/bin/sh\n", 0o644), "chmod +x");
        wrong(
            write("#! /nowhere/sh -e\n", 0o755),
            "/nowhere/sh, which is not there",
        );
        for text in ["#!/bin/sh\n", "#! /bin/sh -e\necho\n", "\x7fELF", ""] {
            assert_eq!(write(text, 0o755), Ok(()), "{text:?}");
        }
    }
}
