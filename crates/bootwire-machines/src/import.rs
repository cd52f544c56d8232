//! Machines from a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};
use std::path::Path;

use bootwire_render::inventory::{Format, LookupKey, Machine, parse_machines};

use crate::MachinesError;

/// The largest file read, in bytes.
const FILE_MAX: u64 = 64 << 20;

/// Machines of which no two share a key, and where they are from.
#[derive(Debug, Default)]
pub struct File {
    /// The file.
    place: String,
    machines: Vec<Machine>,
}

impl std::ops::Deref for File {
    type Target = [Machine];

    fn deref(&self) -> &[Machine] {
        &self.machines
    }
}

impl File {
    /// Reads a file, `-` for standard input. Without a format, the end of its name tells it, or what it
    /// looks like.
    ///
    /// # Errors
    /// If it cannot be read or understood, or two of its machines share a key.
    pub fn read(path: &Path, format: Option<Format>) -> Result<Self, MachinesError> {
        understood(path, format).map_err(MachinesError::File)
    }

    /// The machine that has this key, in words.
    pub(crate) fn named(&self, key: &LookupKey) -> String {
        let at = self
            .machines
            .iter()
            .position(|one| one.keys().contains(key));
        named(&self.place, at.unwrap_or_default())
    }
}

fn named(place: &str, index: usize) -> String {
    format!("{place}, machine {}", index + 1)
}

fn understood(path: &Path, format: Option<Format>) -> Result<File, String> {
    let is_input = path.as_os_str() == "-";
    let place = if is_input {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let content = if is_input {
        limited(io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(limited)
    };
    let content = content.map_err(|error| format!("cannot read {place}: {error}"))?;
    let format = format.or_else(|| Format::of(path));
    let format = format.unwrap_or_else(|| Format::guess(&content));
    let machines =
        parse_machines(&place, format, &content).map_err(|problem| problem.to_string())?;
    check(&place, &machines)?;
    Ok(File { place, machines })
}

fn limited(from: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(FILE_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_MAX {
        return Err(io::Error::other(format!("larger than {FILE_MAX} bytes")));
    }
    Ok(content)
}

/// Every machine must be found again, and by its keys alone.
fn check(place: &str, machines: &[Machine]) -> Result<(), String> {
    let mut owners = HashMap::new();
    for (index, machine) in machines.iter().enumerate() {
        let keys = machine.keys();
        if keys.is_empty() {
            return Err(format!(
                "{}: it needs a mac, uuid, serial, ip or hostname",
                named(place, index)
            ));
        }
        for key in keys {
            match owners.entry(key) {
                Entry::Vacant(free) => _ = free.insert(index),
                Entry::Occupied(taken) => {
                    return Err(format!(
                        "{} and machine {} both have {}",
                        named(place, *taken.get()),
                        index + 1,
                        taken.key()
                    ));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_machines_of_one_file_cannot_share_a_key() {
        let machine = |serial: &str, hostname: &str| Machine {
            serial: Some(serial.to_owned()),
            hostname: Some(hostname.to_owned()),
            ..Machine::default()
        };
        let told = |machines: &[Machine]| check("f", machines).unwrap_err();
        assert!(check("f", &[machine("a", "1"), machine("b", "2")]).is_ok());
        assert_eq!(
            told(&[machine("a", "1"), machine("b", "2"), machine("A", "3")]),
            "f, machine 1 and machine 3 both have serial a"
        );
        assert_eq!(
            told(&[machine("a", "1"), Machine::default()]),
            "f, machine 2: it needs a mac, uuid, serial, ip or hostname"
        );
    }
}
