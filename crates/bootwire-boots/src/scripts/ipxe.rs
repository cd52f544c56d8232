//! iPXE's scripts.

use super::words::{Variables, lines};
use super::{Entry, Format, Script, Target, names};
use crate::Stage;

/// `directory` is where the script was: names in it begin there.
pub(super) fn read(text: &str, directory: &str) -> Script {
    let mut reading = Reading {
        script: Script::new(Format::Ipxe),
        directory,
        variables: Variables::default(),
        entry: Entry::default(),
        wanted: None,
    };
    for line in lines(text, '#') {
        // `command || goto failed`: what follows is for another day.
        let mut alternatives = line.split("||");
        let first = alternatives.next().unwrap_or_default();
        for command in first.split("&&") {
            reading.run(command, false);
        }
        for alternative in alternatives {
            for command in alternative.split("&&") {
                reading.run(command, true);
            }
        }
    }
    reading.finish()
}

struct Reading<'a> {
    script: Script,
    directory: &'a str,
    variables: Variables,
    /// What stands behind the last label.
    entry: Entry,
    wanted: Option<String>,
}

impl Reading<'_> {
    fn run(&mut self, command: &str, otherwise: bool) {
        let command = command.trim();
        if let Some(label) = command.strip_prefix(':') {
            self.leave();
            self.entry.title = label.trim().chars().take(128).collect();
            return;
        }
        let filled = self.variables.filled(command, false);
        let mut words = filled.split_whitespace();
        let name = words.next().unwrap_or_default();
        // Options with values: --name initrd, --timeout 5000.
        let mut arguments = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "--name" | "-n" | "--timeout" | "-t" | "--default" | "--drive" | "-d"
                | "--keep" => {
                    let value = words.next().unwrap_or_default();
                    if word == "--default" || (name == "choose" && word == "-d") {
                        self.wanted = Some(value.to_owned());
                    }
                }
                word if word.starts_with("--") => {}
                word => arguments.push(word),
            }
        }
        let first = arguments.first().copied();
        match name {
            "set" => {
                if let Some(name) = first {
                    let value = arguments[1..].join(" ");
                    // A value with something unknown in it is itself unknown in part.
                    self.variables.set(name, &value);
                }
            }
            "clear" => {
                if let Some(name) = first {
                    self.variables.set(name, "");
                }
            }
            "isset" | "iseq" => {}
            "kernel" | "imgselect" | "boot" | "imgexec" if first.is_some() => {
                let target = self.target(first);
                // `boot` alone, or by the name of an image that is here.
                let is_name =
                    name != "kernel" && first.is_some_and(|name| !name.contains(['/', '.']));
                if !is_name {
                    self.entry.conditional |= otherwise;
                    let stage = stage(target.as_ref(), Stage::Kernel);
                    self.take(stage, target);
                }
            }
            "initrd" | "module" => {
                let target = self.target(first);
                self.entry.conditional |= otherwise;
                self.entry.name(Stage::Initrd, target);
            }
            "imgfetch" | "imgload" => {
                let target = self.target(first);
                let stage = target
                    .as_ref()
                    .map_or(Stage::Other, |target| Stage::of_path(target.as_str()));
                self.entry.name(stage, target);
            }
            "fdt" => {
                let target = self.target(first);
                self.entry.name(Stage::DeviceTree, target);
            }
            "chain" => {
                let target = self.target(first);
                let stage = stage(target.as_ref(), Stage::Config);
                self.entry.conditional |= otherwise;
                self.take(stage, target);
            }
            "sanboot" | "sanhook" => match self.target(first) {
                Some(Target::Url(url)) => {
                    self.entry.name(Stage::Image, Some(Target::Url(url)));
                }
                // --drive 0x80
                _ if name == "sanboot" => self.entry.local = true,
                _ => {}
            },
            "exit" if !otherwise => self.entry.local = true,
            _ => {}
        }
    }

    fn target(&self, name: Option<&str>) -> Option<Target> {
        names::url_or_path(self.directory, name?)
    }

    /// Scripts that are fetched here are read when they are; all else is a file.
    fn take(&mut self, stage: Stage, target: Option<Target>) {
        match (stage, target) {
            (Stage::Config, Some(Target::Path(path))) => {
                self.script.include(Some(Target::Path(path)));
            }
            (stage, target) => self.entry.name(stage, target),
        }
    }

    fn leave(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        // What leads to an exit by `goto` is told by the entry it leads to.
        self.script.push(entry);
    }

    fn finish(mut self) -> Script {
        self.leave();
        let entries = &self.script.entries;
        let wanted = self
            .wanted
            .as_ref()
            .and_then(|wanted| entries.iter().position(|entry| entry.title == *wanted));
        // Without a menu a script runs from its top.
        let has_menu = self.wanted.is_some();
        let top = entries
            .first()
            .filter(|entry| !has_menu && entry.title.is_empty());
        self.script.default = wanted.or(top.map(|_| 0));
        self.script
    }
}

/// What a file is used as, by its name if that says so.
fn stage(target: Option<&Target>, usual: Stage) -> Stage {
    let Some(target) = target else { return usual };
    let path = target.as_str().split(['?', '#']).next().unwrap_or_default();
    match Stage::of_path(path) {
        Stage::Loader => Stage::Loader,
        Stage::Kernel => Stage::Kernel,
        _ => usual,
    }
}
