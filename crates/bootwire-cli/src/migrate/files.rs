//! The files of another server.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bootwire_migrate::Source;
use bootwire_migrate::dnsmasq::Include;

use crate::exit::Failure;

/// Longest file that is read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    text: String,
}

impl File {
    pub(super) fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.text)
    }
}

/// Reads a file. Bytes that are no UTF-8 become question marks.
pub(super) fn read(path: &Path) -> Result<File, Failure> {
    let name = bootwire::escape::escaped(path.to_string_lossy().as_bytes());
    let file = fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(anyhow!("{name} has more than {} MiB", FILE_MAX >> 20).into());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(File { name, text })
}

/// The files that a line of dnsmasq includes. Of a directory those without `~`, `.` or `#` where editors
/// put them, as dnsmasq has it.
pub(super) fn included(include: &Include) -> Result<Vec<PathBuf>, String> {
    let path = PathBuf::from(&include.path);
    if !include.directory {
        return Ok(vec![path]);
    }
    let entries = fs::read_dir(&path).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_left_over = name.ends_with('~')
            || name.starts_with('.')
            || name.starts_with('#') && name.ends_with('#');
        if !is_left_over && is_meant(&name, &include.endings) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// `*.conf` takes only such names; `.bak` leaves such names out.
fn is_meant(name: &str, endings: &[String]) -> bool {
    let wanted: Vec<&str> = endings
        .iter()
        .filter_map(|ending| ending.strip_prefix('*'))
        .collect();
    let unwanted = endings
        .iter()
        .filter(|ending| !ending.starts_with('*') && !ending.is_empty());
    (wanted.is_empty() || wanted.iter().any(|ending| name.ends_with(ending)))
        && !unwanted
            .into_iter()
            .any(|ending| name.ends_with(ending.as_str()))
}
