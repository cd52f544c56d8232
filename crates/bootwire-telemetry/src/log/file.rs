//! Lines in a file that is moved away now and then.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read it: names and addresses of machines are nobody else's business.
const MODE: u32 = 0o640;

/// A file that lines are added to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// It ends within a line, which could not be taken back.
    torn: bool,
}

impl LogFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: open(path)?,
            torn: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens what has its name now. If that fails, lines go on into the file that is open.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Adds whole lines. If not all of them fit, the file keeps those that did, whole: the error comes
    /// with how many were lost.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut rest = lines;
        if self.torn {
            self.file
                .write_all(b"\n")
                .map_err(|why| (count(lines), why))?;
            self.torn = false;
        }
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(self.lose(lines, rest, io::ErrorKind::WriteZero.into())),
                Ok(written) => rest = &rest[written..],
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(self.lose(lines, rest, why)),
            }
        }
        Ok(())
    }

    /// What to do about the line that was cut: take its beginning back.
    fn lose(&mut self, lines: &[u8], rest: &[u8], why: io::Error) -> (u64, io::Error) {
        let written = &lines[..lines.len() - rest.len()];
        let whole = written.iter().rposition(|&byte| byte == b'\n');
        let cut = written.len() - whole.map_or(0, |at| at + 1);
        if cut > 0 {
            let shorter = self.file.metadata().and_then(|metadata| {
                let len = metadata.len().saturating_sub(cut as u64);
                self.file.set_len(len)
            });
            self.torn = shorter.is_err();
        }
        (count(rest), why)
    }
}

/// How many lines end here.
pub(super) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe without a reader would keep whoever opens it.
    if let Ok(there) = path.metadata()
        && !there.is_file()
        && !there.file_type().is_char_device()
    {
        return Err(io::Error::other(
            "this is no file that lines can be added to",
        ));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(MODE).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_was_moved_away_keeps_its_lines_and_the_next_go_into_another() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
        fs::write(&path, "from before\n").unwrap();
        let mut log = LogFile::open(&path).unwrap();
        log.write(b"1\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        log.write(b"2\n").unwrap();
        log.reopen().unwrap();
        log.write(b"3\n").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "from before\n1\n2\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "3\n");
    }

    #[test]
    fn what_cannot_be_opened_again_is_written_to_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
        let mut log = LogFile::open(&path).unwrap();
        fs::rename(&path, &moved).unwrap();
        fs::create_dir(&path).unwrap();
        let why = log.reopen().unwrap_err();
        assert!(why.to_string().contains("no file"), "{why}");
        log.write(b"1\n").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "1\n");
    }

    #[test]
    fn a_full_disk_loses_whole_lines_and_says_how_many() {
        let mut log = LogFile::open(Path::new("/dev/full")).unwrap();
        let (lost, why) = log.write(b"1\n2\n3\n").unwrap_err();
        assert_eq!((lost, why.kind()), (3, io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_line_that_was_cut_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = LogFile::open(&path).unwrap();
        // As if the disk had taken five bytes of these.
        let lines = b"12\n34\n56\n";
        log.file.write_all(&lines[..5]).unwrap();
        let full = io::ErrorKind::StorageFull.into();
        let (lost, _) = log.lose(lines, &lines[5..], full);
        assert_eq!(lost, 2);
        log.write(b"78\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "12\n78\n");
    }
}
