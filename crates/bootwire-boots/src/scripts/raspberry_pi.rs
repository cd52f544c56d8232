//! `config.txt` of a Raspberry Pi.

use super::words::lines;
use super::{Entry, Format, Script, names};
use crate::Stage;

/// `directory` is the board's own.
pub(super) fn read(text: &str, directory: &str) -> Script {
    let mut script = Script::new(Format::RaspberryPi);
    let mut entry = Entry::default();
    let mut prefix = String::new();
    for line in lines(text, '#') {
        if line.starts_with('[') {
            // [pi4], [all]: who it is for is not known here.
            entry.conditional |= !line.eq_ignore_ascii_case("[all]");
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => line
                .split_once(char::is_whitespace)
                .unwrap_or((line.as_str(), "")),
        };
        let named = |name: &str| names::path(directory, &format!("{prefix}{name}"));
        match key {
            "os_prefix" => prefix = value.chars().take(128).collect(),
            "kernel" => {
                let target = named(value);
                entry.name(Stage::Kernel, target);
            }
            // Several of them are put together; an address may follow.
            "initramfs" | "ramfsfile" => {
                let files = value.split_whitespace().next().unwrap_or_default();
                for file in files.split(',') {
                    let target = named(file);
                    entry.name(Stage::Initrd, target);
                }
            }
            "device_tree" if !value.is_empty() => {
                let target = named(value);
                entry.name(Stage::DeviceTree, target);
            }
            "include" => {
                let target = names::path(directory, value.trim());
                script.include(target);
            }
            _ => {}
        }
    }
    script.push(entry);
    script
}
