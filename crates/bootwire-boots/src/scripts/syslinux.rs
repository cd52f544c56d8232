//! PXELINUX' configuration, which extlinux and U-Boot read, too.

use super::words::lines;
use super::{Entry, Format, Script, Target, names};
use crate::Stage;

/// `directory` is where the loader was.
pub(super) fn read(text: &str, directory: &str) -> Script {
    let mut reading = Reading {
        script: Script::new(Format::Syslinux),
        directory,
        entry: None,
        outside: Entry::default(),
        label: String::new(),
        wanted: None,
        marked: None,
    };
    for line in lines(text, '#') {
        reading.line(&line);
    }
    reading.finish()
}

struct Reading<'a> {
    script: Script,
    directory: &'a str,
    /// The entry behind the last `LABEL`.
    entry: Option<Entry>,
    outside: Entry,
    label: String,
    /// What `DEFAULT` and `ONTIMEOUT` say.
    wanted: Option<String>,
    /// The label with `MENU DEFAULT`.
    marked: Option<String>,
}

impl Reading<'_> {
    fn line(&mut self, line: &str) {
        let (word, rest) = split(line);
        match word.to_ascii_lowercase().as_str() {
            "label" => {
                self.leave();
                self.label = rest.chars().take(128).collect();
                self.entry = Some(Entry {
                    title: self.label.clone(),
                    ..Entry::default()
                });
            }
            "default" => self.wanted = Some(rest.to_owned()),
            "ontimeout" => self.wanted = Some(rest.to_owned()),
            "kernel" | "linux" | "boot" | "bss" | "pxe" | "fdimage" => self.kernel(rest),
            "com32" | "config" => {
                let (name, _) = split(rest);
                match word.eq_ignore_ascii_case("config") {
                    true => {
                        let target = self.target(name);
                        self.script.include(target);
                    }
                    false => self.name(Stage::Module, name),
                }
            }
            "initrd" => self.initrds(rest),
            "append" => {
                let initrds = rest.split_whitespace();
                let initrds = initrds.filter_map(|word| word.strip_prefix("initrd="));
                initrds.for_each(|names| self.initrds(names));
            }
            "fdt" | "devicetree" => self.name(Stage::DeviceTree, rest),
            "localboot" => self.entry().local = true,
            "include" => {
                let (name, _) = split(rest);
                let target = self.target(name);
                self.script.include(target);
            }
            "menu" => {
                let (what, rest) = split(rest);
                match what.to_ascii_lowercase().as_str() {
                    "include" => {
                        let (name, _) = split(rest);
                        let target = self.target(name);
                        self.script.include(target);
                    }
                    "default" => self.marked = Some(self.label.clone()),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn entry(&mut self) -> &mut Entry {
        self.entry.as_mut().unwrap_or(&mut self.outside)
    }

    fn target(&self, name: &str) -> Option<Target> {
        // `::name` begins at the root, `10.0.0.1::name` at another server's.
        match name.split_once("::") {
            Some((_, path)) => names::path("", path),
            None => names::url_or_path(self.directory, name),
        }
    }

    fn name(&mut self, stage: Stage, name: &str) {
        let target = self.target(name);
        self.entry().name(stage, target);
    }

    fn kernel(&mut self, rest: &str) {
        // What is behind the name are the kernel's arguments.
        let (name, _) = split(rest);
        let module = [".c32", ".cbt"].iter().any(|end| name.ends_with(end));
        let stage = if module { Stage::Module } else { Stage::Kernel };
        self.name(stage, name);
    }

    fn initrds(&mut self, names: &str) {
        for name in names.split([',', ' ']).filter(|name| !name.is_empty()) {
            self.name(Stage::Initrd, name);
        }
    }

    fn leave(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.script.push(entry);
        }
    }

    fn finish(mut self) -> Script {
        self.leave();
        self.script.push(std::mem::take(&mut self.outside));
        let by_label = |label: &String| {
            let entries = self.script.entries.iter();
            let mut entries = entries.enumerate();
            entries.find(|(_, entry)| entry.title.eq_ignore_ascii_case(label))
        };
        let marked = self.marked.as_ref().and_then(by_label);
        let wanted = self.wanted.as_ref().and_then(by_label);
        let default = wanted.or(marked).map(|(at, _)| at);
        // DEFAULT may be a command line: "DEFAULT vmlinuz initrd=initrd.img".
        if let (None, Some(command)) = (default, &self.wanted) {
            let command = command.clone();
            let (name, rest) = split(&command);
            let mut entry = Entry::default();
            std::mem::swap(&mut self.outside, &mut entry);
            self.kernel(name);
            let initrds = rest.split_whitespace();
            let initrds = initrds.filter_map(|word| word.strip_prefix("initrd="));
            initrds.for_each(|names| self.initrds(names));
            let entry = std::mem::take(&mut self.outside);
            // A menu is drawn by a module, and its entries are what counts.
            let is_menu = entry.files.iter().all(|file| file.stage == Stage::Module);
            if (!is_menu || self.script.entries.is_empty()) && self.script.push(entry) {
                self.script.default = Some(self.script.entries.len() - 1);
            }
            return self.script;
        }
        self.script.default = default;
        self.script
    }
}

/// The first word, and what follows.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim_start())
}
