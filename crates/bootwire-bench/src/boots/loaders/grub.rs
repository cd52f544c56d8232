//! GRUB: its lists, the search for its configuration, and what that says.

use std::collections::BTreeMap;

use bootwire_proto::OptionKind::{Blksize, Tsize};

use super::{Program, search};
use crate::boots::run::{File, Run, Stop, Way, needed};
use crate::boots::scripts::grub::{Statement, Word, parse};
use crate::boots::{Got, Part, manners};

/// The first port after each start.
const FIRST_PORT: u16 = 25_300;
const PREFIX: &str = "/grub";
/// Statements of one boot, configurations that follow each other included.
const STEPS_MAX: u32 = 10_000;

/// Boots what the configuration says.
pub(super) async fn run(run: &mut Run<'_>) -> Result<Option<Program>, Stop> {
    let mut grub = Grub {
        variables: BTreeMap::from([
            ("prefix".to_owned(), PREFIX.to_owned()),
            ("root".to_owned(), "tftp".to_owned()),
            ("net_default_mac".to_owned(), run.machine.mac.to_string()),
            ("grub_platform".to_owned(), "efi".to_owned()),
        ]),
        run,
        port: FIRST_PORT,
        steps: 0,
        kernel: None,
    };
    for list in ["command.lst", "fs.lst", "crypto.lst", "terminal.lst"] {
        let platform = grub.run.machine.arch.grub_platform();
        let path = format!("{PREFIX}/{platform}/{list}");
        grub.look_for(Part::Module, &path).await?;
    }
    let mut file = grub.search().await?;
    loop {
        let mut entries = Vec::new();
        let statements = parse(&file.text());
        let mut end = grub.execute(&statements, &mut entries).await?;
        while let End::Over = end {
            if entries.is_empty() {
                return Err(Stop::with("GRUB: no entry to boot"));
            }
            let entry = entries.swap_remove(grub.chosen(&entries));
            grub.count_down().await;
            let mut below = Vec::new();
            end = grub.execute(&entry.1, &mut below).await?;
            entries = below;
            if grub.kernel.is_some() {
                return Ok(None);
            }
        }
        match end {
            End::Over | End::Booted => return Ok(None),
            End::Config(other) => file = other,
            End::Exit => return Err(Stop::with("GRUB: exit")),
        }
    }
}

/// How some statements ended.
enum End {
    /// With the last.
    Over,
    Booted,
    /// With another configuration.
    Config(File),
    Exit,
}

/// An entry of the menu: its title and options, and what it does.
type Entry = (Vec<String>, Vec<Statement>);

struct Grub<'a, 'm> {
    run: &'a mut Run<'m>,
    port: u16,
    variables: BTreeMap<String, String>,
    steps: u32,
    kernel: Option<String>,
}

impl Grub<'_, '_> {
    fn port(&mut self) -> u16 {
        let port = self.port;
        self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    async fn ask(&mut self, part: Part, path: &str) -> Result<(Got, File), Stop> {
        let (path, port) = (self.absolute(path), self.port());
        let way = Way::new(&[(Blksize, 1024), (Tsize, 0)], manners::GRUB);
        self.run.ask(part, &path, port, way).await
    }

    async fn look_for(&mut self, part: Part, path: &str) -> Result<Option<File>, Stop> {
        let (got, file) = self.ask(part, path).await?;
        Ok((got == Got::Whole).then_some(file))
    }

    async fn need(&mut self, part: Part, path: &str) -> Result<File, Stop> {
        needed("GRUB: ", part, path, self.ask(part, path).await?)
    }

    /// Names begin with a slash, devices are cut off: `(tftp)/vmlinuz`.
    fn absolute(&self, path: &str) -> String {
        let path = match path.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map_or(rest, |(_, path)| path),
            None => path,
        };
        match path.strip_prefix('/') {
            Some(_) => path.to_owned(),
            None => format!(
                "{}/{path}",
                self.variables.get("prefix").map_or("", String::as_str)
            ),
        }
    }

    /// Finds its configuration, which it then reads once more.
    async fn search(&mut self) -> Result<File, Stop> {
        let machine = self.run.machine;
        let mut names = vec![
            format!("{PREFIX}/grub.cfg-{}", machine.uuid),
            format!("{PREFIX}/grub.cfg-01-{}", machine.mac.dashed()),
        ];
        let by_address = search::shorter_and_shorter(self.run.card.ipv4());
        names.extend(by_address.map(|address| format!("{PREFIX}/grub.cfg-{address}")));
        for name in &names {
            if self.look_for(Part::Configuration, name).await?.is_some() {
                return self.need(Part::Configuration, name).await;
            }
        }
        let name = format!("{PREFIX}/grub.cfg");
        self.need(Part::Configuration, &name).await
    }

    /// Executes statements; entries of a menu are only collected.
    async fn execute(
        &mut self,
        statements: &[Statement],
        entries: &mut Vec<Entry>,
    ) -> Result<End, Stop> {
        let mut to_do: Vec<&Statement> = statements.iter().rev().collect();
        while let Some(statement) = to_do.pop() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(Stop::with("GRUB: reads configurations without end"));
            }
            match statement {
                Statement::Entry(title, body) => {
                    entries.push((self.expanded(title), body.clone()));
                }
                Statement::If {
                    condition,
                    then,
                    otherwise,
                } => {
                    let holds = holds(&self.expanded(condition));
                    let branch = if holds { then } else { otherwise };
                    to_do.extend(branch.iter().rev());
                }
                Statement::Command(command) => {
                    let command = self.expanded(command);
                    match self.command(&command).await? {
                        End::Over => {}
                        end => return Ok(end),
                    }
                }
            }
        }
        Ok(End::Over)
    }

    fn expanded(&self, command: &[Word]) -> Vec<String> {
        let expand = |word: &Word| word.expand(&self.variables);
        command.iter().map(expand).collect()
    }

    async fn command(&mut self, command: &[String]) -> Result<End, Stop> {
        let [name, arguments @ ..] = command else {
            return Ok(End::Over);
        };
        let first = arguments.first().map_or("", String::as_str);
        match name.as_str() {
            "set" => {
                if let Some((name, value)) = first.split_once('=') {
                    self.variables.insert(name.to_owned(), value.to_owned());
                }
            }
            "insmod" if !first.is_empty() => {
                let platform = self.run.machine.arch.grub_platform();
                let path = format!("{PREFIX}/{platform}/{first}.mod");
                self.look_for(Part::Module, &path).await?;
            }
            "configfile" | "source" | "." if !first.is_empty() => {
                return self.need(Part::Configuration, first).await.map(End::Config);
            }
            "linux" | "linuxefi" | "linux16" => {
                self.need(Part::Kernel, first).await?;
                self.kernel = Some(first.to_owned());
            }
            "initrd" | "initrdefi" | "initrd16" => {
                for path in arguments {
                    self.need(Part::Initrd, path).await?;
                }
            }
            "devicetree" => _ = self.need(Part::Initrd, first).await?,
            "chainloader" => {
                let file = self.need(Part::Kernel, first).await?;
                self.run.run_efi(&file)?;
                self.kernel = Some(first.to_owned());
            }
            "boot" if self.kernel.is_some() => return Ok(End::Booted),
            "exit" | "halt" | "reboot" => return Ok(End::Exit),
            _ => {}
        }
        Ok(End::Over)
    }

    /// The entry that starts if nobody touches a key: by its number, title or `--id`.
    fn chosen(&self, entries: &[Entry]) -> usize {
        let default = self.variables.get("default").map_or("0", String::as_str);
        if let Ok(number) = default.parse::<usize>() {
            return number.min(entries.len() - 1);
        }
        let is_it = |(words, _): &Entry| {
            let id = words.iter().skip_while(|word| *word != "--id").nth(1);
            words.get(1).map(String::as_str) == Some(default)
                || id.map(String::as_str) == Some(default)
        };
        entries.iter().position(is_it).unwrap_or(0)
    }

    /// Shows the menu for as long as it says.
    async fn count_down(&mut self) {
        let timeout = self.variables.get("timeout").map_or("0", String::as_str);
        let seconds = timeout.parse::<u64>().unwrap_or(0).min(30);
        self.run.work(seconds * 1000).await;
    }
}

/// Whether a condition holds: `[ a = b ]` and its like.
fn holds(condition: &[String]) -> bool {
    let words: Vec<_> = condition.iter().map(String::as_str).collect();
    let inner = match words.as_slice() {
        ["[", inner @ .., "]"] | ["test", inner @ ..] => inner,
        ["true"] => return true,
        _ => return false,
    };
    match inner {
        ["!", rest @ ..] => !holds_inner(rest),
        rest => holds_inner(rest),
    }
}

fn holds_inner(words: &[&str]) -> bool {
    match words {
        ["-n", text] | [text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_or_do_not() {
        for (text, expected) in [
            ("true", true),
            ("false", false),
            ("[ a = a ]", true),
            ("[ a = b ]", false),
            ("[ a != b ]", true),
            ("[ -n a ]", true),
            ("[ ! -n a ]", false),
            ("[ -e /grub/grubenv ]", false),
            ("", false),
        ] {
            let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(holds(&words), expected, "{text}");
        }
    }
}
