//! Machines added to a TOML file of an inventory, beneath what somebody wrote there.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use bootwire_render::inventory::{Format, Machine, parse_machines};

use crate::MachinesError;

/// Adds machines to the end of the file; makes it if it is not there. What is there stays as it is,
/// comments too.
///
/// # Errors
/// If the file cannot be read or written, or has no list of machines at its end.
pub fn append(file: &Path, machines: &[Machine]) -> Result<(), MachinesError> {
    append_to(file, machines).map_err(MachinesError::Inventory)
}

fn append_to(file: &Path, machines: &[Machine]) -> Result<(), String> {
    let shown = file.display();
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
    };
    let gap = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let entries: Vec<String> = machines.iter().map(entry).collect();
    let addition = format!("{gap}{}", entries.join("\n"));
    // The server would go on with what it has, and complain: better now.
    let count = |text: &str| {
        let parsed = parse_machines(shown.to_string(), Format::Toml, text.as_bytes());
        parsed.map(|all| all.len())
    };
    let had = count(&before).map_err(|error| format!("{shown}: {error}"))?;
    let has = count(&format!("{before}{addition}"));
    if !has.is_ok_and(|has| has == had + machines.len()) {
        return Err(format!(
            "{shown} has no list of [[machine]] at its end: add the machine by hand"
        ));
    }
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let cannot = |error| format!("cannot write to {shown}: {error}");
    let mut opened = opened.map_err(cannot)?;
    opened
        .write_all(addition.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(cannot)
}

/// A machine as TOML.
fn entry(machine: &Machine) -> String {
    let mut text = "[[machine]]\n".to_owned();
    let fields = [
        ("mac", machine.mac.map(|mac| mac.to_string())),
        ("uuid", machine.uuid.map(|uuid| uuid.to_string())),
        ("serial", machine.serial.clone()),
        ("ip", machine.ip.map(|ip| ip.to_string())),
        ("hostname", machine.hostname.clone()),
        ("profile", machine.profile.clone()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{name} = {}", quoted(&value));
        }
    }
    text
}

/// A string of TOML.
fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            _ => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(hostname: &str) -> Machine {
        Machine {
            mac: Some("52:54:00:12:34:57".parse().unwrap()),
            hostname: Some(hostname.to_owned()),
            ..Machine::default()
        }
    }

    #[test]
    fn what_somebody_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("machines.toml");
        let before = "# ours\n[[machine]]\nmac = \"52:54:00:12:34:56\" # old";
        fs::write(&file, before).unwrap();
        append(&file, &[machine("node-7"), machine("a\"b\\\u{7f}\u{1}ü")]).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(before), "{text}");
        let all = parse_machines("", Format::Toml, text.as_bytes()).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[2].hostname.as_deref(), Some("a\"b\\\u{7f}\u{1}ü"));
    }

    #[test]
    fn a_file_that_is_not_there_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("discovered.toml");
        append(&file, &[machine("node-7")]).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            "[[machine]]\nmac = \"52:54:00:12:34:57\"\nhostname = \"node-7\"\n"
        );
    }

    #[test]
    fn a_file_with_mistakes_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("machines.toml");
        for wrong in ["mac = ", "machine = [{ mac = \"52:54:00:12:34:56\" }]\n"] {
            fs::write(&file, wrong).unwrap();
            append(&file, &[machine("node-7")]).unwrap_err();
            assert_eq!(fs::read_to_string(&file).unwrap(), wrong);
        }
    }
}
