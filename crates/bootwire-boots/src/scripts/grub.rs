//! GRUB's configuration: a shell with menus.

use super::words::{Variables, Word, lines, words};
use super::{Entry, Format, NAME_MAX, Script, Target, names};
use crate::Stage;

/// Commands that load a kernel.
const KERNELS: [&str; 9] = [
    "linux",
    "linux16",
    "linuxefi",
    "multiboot",
    "multiboot2",
    "kfreebsd",
    "xnu_kernel",
    "xen_hypervisor",
    "kernel",
];
/// Commands that load what a kernel begins with.
const INITRDS: [&str; 6] = [
    "initrd",
    "initrd16",
    "initrdefi",
    "module",
    "module2",
    "xen_module",
];

/// Blocks of the text that are open at a time; what is deeper is not told apart.
const DEPTH_MAX: usize = 32;

pub(super) fn read(text: &str) -> Script {
    let mut reading = Reading::new();
    for line in lines(text, '#') {
        let words = words(&line, &reading.variables);
        let mut command: Vec<String> = Vec::new();
        for word in words {
            match word {
                Word::Text(text) => command.push(text),
                Word::Mark('{') => reading.open(std::mem::take(&mut command)),
                Word::Mark('}') => {
                    reading.run(std::mem::take(&mut command));
                    reading.close();
                }
                Word::Mark(_) => reading.run(std::mem::take(&mut command)),
            }
        }
        reading.run(command);
    }
    reading.finish()
}

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Menuentry,
    Submenu,
    Function,
}

struct Reading {
    script: Script,
    variables: Variables,
    blocks: Vec<Block>,
    /// The entry that is open; else what stands outside of all.
    entry: Option<Entry>,
    outside: Entry,
    /// Depth of `if`.
    conditions: usize,
    /// Where in the menu an entry is: they are counted, also those that name no file.
    position: usize,
    /// Position, and index in the script.
    places: Vec<(usize, String, String, usize)>,
    id: String,
}

impl Reading {
    fn new() -> Self {
        Self {
            script: Script::new(Format::Grub),
            variables: Variables::default(),
            blocks: Vec::new(),
            entry: None,
            outside: Entry::default(),
            conditions: 0,
            position: 0,
            places: Vec::new(),
            id: String::new(),
        }
    }

    /// `menuentry "Debian" --id debian {`
    fn open(&mut self, command: Vec<String>) {
        if self.blocks.len() >= DEPTH_MAX {
            return;
        }
        let block = match command.first().map(String::as_str) {
            Some("menuentry") if self.entry.is_none() => Block::Menuentry,
            Some("submenu") => Block::Submenu,
            _ => Block::Function,
        };
        if block == Block::Menuentry {
            let title = command.get(1).cloned().unwrap_or_default();
            let id = command.iter().position(|word| word == "--id");
            let id = id.and_then(|at| command.get(at + 1)).cloned();
            let glued = command.iter().find_map(|word| word.strip_prefix("--id="));
            self.id = id.or_else(|| glued.map(str::to_owned)).unwrap_or_default();
            self.entry = Some(Entry {
                title: title.chars().take(128).collect(),
                ..Entry::default()
            });
        } else if block == Block::Function {
            self.run(command);
        }
        self.blocks.push(block);
    }

    fn close(&mut self) {
        if self.blocks.pop() != Some(Block::Menuentry) {
            return;
        }
        if let Some(entry) = self.entry.take() {
            let (at, title) = (self.script.entries.len(), entry.title.clone());
            if self.script.push(entry) {
                let id = std::mem::take(&mut self.id);
                self.places.push((self.position, title, id, at));
            }
        }
        self.position += 1;
    }

    fn entry(&mut self) -> &mut Entry {
        self.entry.as_mut().unwrap_or(&mut self.outside)
    }

    fn run(&mut self, mut command: Vec<String>) {
        // What else may stand before a command.
        while let Some("then" | "else" | "do" | "if" | "elif" | "while" | "until" | "!") =
            command.first().map(String::as_str)
        {
            if matches!(command[0].as_str(), "if" | "elif") {
                self.conditions = (self.conditions + usize::from(command[0] == "if")).min(1000);
            }
            command.remove(0);
        }
        let Some(name) = command.first().map(String::as_str) else {
            return;
        };
        // Options begin with two dashes.
        let arguments: Vec<&str> = command[1..]
            .iter()
            .map(String::as_str)
            .filter(|word| !word.starts_with("--"))
            .collect();
        let conditional = self.conditions > 0;
        match name {
            "fi" => self.conditions = self.conditions.saturating_sub(1),
            "set" | "export" => {
                for argument in &arguments {
                    self.set(argument);
                }
            }
            name if KERNELS.contains(&name) => {
                let target = arguments.first().and_then(|name| target(name));
                self.kernel(target, arguments.first().copied(), conditional);
            }
            name if INITRDS.contains(&name) => {
                // A module has arguments behind its name.
                let count = if name.starts_with("initrd") {
                    arguments.len()
                } else {
                    1
                };
                for argument in arguments.iter().take(count) {
                    let target = target(argument);
                    let entry = self.entry();
                    entry.conditional |= conditional;
                    entry.name(Stage::Initrd, target);
                }
            }
            "devicetree" => {
                let target = arguments.first().and_then(|name| target(name));
                self.entry().name(Stage::DeviceTree, target);
            }
            "chainloader" => {
                let local = arguments.first().is_none_or(|name| is_local(name));
                let target = arguments.first().and_then(|name| target(name));
                let entry = self.entry();
                entry.local |= local;
                entry.name(Stage::Loader, target);
            }
            "configfile" | "source" | "normal" | "extract_entries_configfile" => {
                let target = arguments.first().and_then(|name| target(name));
                self.script.include(target);
            }
            "exit" | "fwsetup" => self.entry().local = true,
            name if arguments.is_empty() && name.contains('=') => {
                let name = name.to_owned();
                self.set(&name);
            }
            _ => {}
        }
    }

    fn kernel(&mut self, target: Option<Target>, name: Option<&str>, conditional: bool) {
        let local = name.is_some_and(is_local);
        let entry = self.entry();
        entry.local |= local;
        entry.conditional |= conditional;
        entry.name(Stage::Kernel, target);
    }

    fn set(&mut self, assignment: &str) {
        if let Some((name, value)) = assignment.split_once('=') {
            self.variables.set(name, value);
        }
    }

    fn finish(mut self) -> Script {
        if let Some(entry) = self.entry.take() {
            self.script.push(entry);
        }
        let has_menu = !self.script.entries.is_empty();
        if has_menu
            && !self
                .outside
                .files
                .iter()
                .any(|file| file.stage == Stage::Kernel)
        {
            // An `exit` outside of menus is that of some `if`.
            return self.with_default();
        }
        self.script.push(self.outside.clone());
        self.with_default()
    }

    /// `set default=2`, or a title, or an id; GRUB takes the first entry where nothing is said.
    fn with_default(mut self) -> Script {
        let wanted = self.variables.get("default").unwrap_or("0");
        let by_number = wanted.parse::<usize>().ok();
        let found = self.places.iter().find(|(position, title, id, _)| {
            by_number.map_or_else(
                || title == wanted || (!id.is_empty() && id == wanted),
                |number| number == *position,
            )
        });
        self.script.default = found.map(|(.., at)| *at);
        self.script
    }
}

/// Devices that are in the machine.
fn is_local(name: &str) -> bool {
    let device = name.strip_prefix('(').unwrap_or_default();
    [
        "hd", "cd", "memdisk", "loop", "lvm", "md", "proc", "crypto", "fd",
    ]
    .iter()
    .any(|local| device.starts_with(local))
        || name.starts_with('+')
}

/// `/vmlinuz`, `(tftp)/vmlinuz`, `(tftp,10.0.0.1)/vmlinuz`, `($root)/vmlinuz`,
/// `(http,web:8080)/vmlinuz`.
fn target(name: &str) -> Option<Target> {
    if name.len() > NAME_MAX || is_local(name) {
        return None;
    }
    let Some(rest) = name.strip_prefix('(') else {
        return names::path("", name);
    };
    let (device, path) = rest.split_once(')')?;
    match device.split_once(',') {
        Some((kind @ ("http" | "https"), host)) => {
            names::url_or_path("", &format!("{kind}://{host}{path}"))
        }
        _ if matches!(device, "http" | "https") => Some(Target::Url(format!("{device}://*{path}"))),
        _ => names::path("", path),
    }
}
