//! The local file a download goes to: under its name when it is complete, never before.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWrite;

use crate::exit::Failure;

/// Where the bytes go.
pub(crate) enum Output {
    Stdout(tokio::io::Stdout),
    /// A device or a pipe, which has no "complete".
    Special(File),
    /// A file in the making.
    File(Part),
}

/// A temporary file beside the one it will become. Dropping it removes it.
pub(crate) struct Part {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    force: bool,
    kept: bool,
}

impl Output {
    /// Opens what `-o` names: `-` for standard output, a file, a directory to put `name` in, or
    /// without it `name` in the current directory.
    pub(crate) async fn open(
        wanted: Option<&Path>,
        name: &[u8],
        force: bool,
    ) -> Result<Self, Failure> {
        if wanted == Some(Path::new("-")) {
            return Ok(Self::Stdout(tokio::io::stdout()));
        }
        let path = match wanted {
            Some(path) if !path.is_dir() => path.to_owned(),
            dir => {
                if matches!(name, b"" | b"." | b"..") {
                    return Err(Failure::local(anyhow!(
                        "this path gives the file no name: choose one with -o FILE"
                    )));
                }
                dir.unwrap_or(Path::new("")).join(OsStr::from_bytes(name))
            }
        };
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                Err(Failure::local(anyhow!("{} is a directory", path.display())))
            }
            Ok(found) if !found.is_file() => OpenOptions::new()
                .write(true)
                .open(&path)
                .await
                .with_context(|| format!("cannot write to {}", path.display()))
                .map(Self::Special)
                .map_err(Failure::local),
            Ok(_) if !force => Err(exists(&path)),
            _ => Part::create(path, force).await.map(Self::File),
        }
    }

    pub(crate) fn writer(&mut self) -> &mut (dyn AsyncWrite + Unpin) {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::Special(file) => file,
            Self::File(part) => &mut part.file,
        }
    }

    /// The transfer succeeded: the file takes its name.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) | Self::Special(_) => Ok(()),
            Self::File(part) => part.keep(),
        }
    }
}

impl Part {
    async fn create(path: PathBuf, force: bool) -> Result<Self, Failure> {
        let name = path
            .file_name()
            .ok_or_else(|| Failure::local(anyhow!("{} is not a file name", path.display())))?;
        let mut hidden = OsStr::new(".").to_owned();
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .await
            .with_context(|| format!("cannot create {}", path.display()))
            .map_err(Failure::local)?;
        Ok(Self {
            file,
            temporary,
            path,
            force,
            kept: false,
        })
    }

    fn keep(mut self) -> Result<(), Failure> {
        // Somebody may have made the file meanwhile.
        if !self.force && self.path.symlink_metadata().is_ok() {
            return Err(exists(&self.path));
        }
        std::fs::rename(&self.temporary, &self.path)
            .with_context(|| format!("cannot rename the download to {}", self.path.display()))
            .map_err(Failure::local)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done with an unfinished file that does not want to go.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::local(anyhow!(
        "{} exists: replace it with --force, or choose another name with -o FILE",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_download_takes_its_name_only_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut output = Output::open(Some(&path), b"", false).await.ok().unwrap();
        output.writer().write_all(b"content").await.unwrap();
        output.writer().flush().await.unwrap();
        assert!(!path.exists());
        output.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"content");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[tokio::test]
    async fn a_download_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::open(Some(dir.path()), b"file", false).await;
        assert_eq!(names(dir.path()).len(), 1);
        drop(output);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[tokio::test]
    async fn a_file_is_replaced_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let refused = Output::open(Some(dir.path()), b"file", false).await.err();
        assert!(refused.unwrap().to_string().contains("--force"));
        let output = Output::open(Some(dir.path()), b"file", true).await;
        output.ok().unwrap().keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[tokio::test]
    async fn a_file_made_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let output = Output::open(Some(&path), b"", false).await.ok().unwrap();
        std::fs::write(&path, "new").unwrap();
        assert!(output.keep().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[tokio::test]
    async fn a_path_without_a_name_asks_for_one() {
        for name in [&b""[..], b".", b".."] {
            let refused = Output::open(None, name, false).await.err().unwrap();
            assert!(refused.to_string().contains("-o FILE"));
        }
    }

    #[tokio::test]
    async fn a_device_is_written_as_it_is() {
        let output = Output::open(Some(Path::new("/dev/null")), b"", false).await;
        assert!(matches!(output, Ok(Output::Special(_))));
    }
}
