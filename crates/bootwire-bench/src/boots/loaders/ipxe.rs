//! iPXE: it asks DHCP once more, and does what the script says.

use std::collections::BTreeMap;

use bootwire_proto::OptionKind::{Blksize, Tsize};

use super::{Named, Program, directory, named};
use crate::boots::run::{File, Run, Stop, Way, words};
use crate::boots::scripts::ipxe::{self, Line, Runs};
use crate::boots::{Got, Part, image, manners};

/// The ports it uses, again at each boot.
const PORTS: [u16; 3] = [2070, 2071, 2072];
/// Commands of one boot, scripts that chain each other included.
const STEPS_MAX: u32 = 10_000;

const WAY: Way<'static> = Way::new(&[(Blksize, 1432), (Tsize, 0)], manners::IPXE);

/// Boots what the script says. Answers what that starts, if it is no kernel.
pub(super) async fn run(run: &mut Run<'_>) -> Result<Option<Program>, Stop> {
    let machine = run.machine;
    let settings = [
        ("mac", machine.mac.to_string()),
        ("uuid", machine.uuid.clone()),
        ("serial", machine.serial.clone()),
        ("ip", run.card.ipv4().to_string()),
        ("next-server", run.card.server().ip().to_string()),
        ("filename", machine.ipxe_file.clone()),
        ("buildarch", buildarch(run).to_owned()),
        ("platform", "efi".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let mut loader = Ipxe {
        run,
        requests: 0,
        steps: 0,
        settings: settings.into(),
        kernel: None,
    };
    loader.fetch(Part::Module, "autoexec.ipxe").await?;
    // DHCP.
    loader.run.work(1000).await;
    let path = loader.run.machine.ipxe_file.clone();
    let (got, mut file) = loader.fetch(part(&path), &path).await?;
    if got != Got::Whole {
        let said = words(&got);
        return Err(Stop::With(format!("iPXE: {path}: {said}")));
    }
    loop {
        let Some(script) = ipxe::parse(&file.text()) else {
            loader.run.run_efi(&file)?;
            return Ok(match named(&file.path) {
                Some(Named::Ipxe) => Some(Program::Ipxe),
                Some(Named::Grub) => Some(Program::Grub),
                Some(Named::Windows) => Some(Program::Windows),
                Some(Named::Shim) | None => None,
            });
        };
        match loader.script(&script, &directory(&file.path)).await? {
            End::Booted => return Ok(None),
            End::Chain(next) => file = next,
        }
    }
}

fn buildarch(run: &Run<'_>) -> &'static str {
    match run.machine.arch {
        crate::boots::Arch::X86_64 => "x86_64",
        crate::boots::Arch::Arm64 => "arm64",
    }
}

/// What a file that is chained is.
fn part(path: &str) -> Part {
    match named(path) {
        Some(_) => Part::Loader,
        None => Part::Configuration,
    }
}

/// How a script ended.
enum End {
    Booted,
    Chain(File),
}

struct Ipxe<'a, 'm> {
    run: &'a mut Run<'m>,
    requests: usize,
    steps: u32,
    settings: BTreeMap<String, String>,
    kernel: Option<File>,
}

impl Ipxe<'_, '_> {
    async fn fetch(&mut self, part: Part, path: &str) -> Result<(Got, File), Stop> {
        let port = PORTS[self.requests % PORTS.len()];
        self.requests += 1;
        self.run.ask(part, path, port, WAY).await
    }

    async fn script(&mut self, script: &[Line], directory: &str) -> Result<End, Stop> {
        let mut at = 0;
        while let Some(line) = script.get(at) {
            at += 1;
            let mut success = true;
            for (runs, command) in line {
                self.steps += 1;
                if self.steps > STEPS_MAX {
                    return Err(Stop::with("iPXE: runs scripts without end"));
                }
                match runs {
                    Runs::AfterSuccess if !success => continue,
                    Runs::AfterFailure if success => continue,
                    Runs::Always | Runs::AfterSuccess | Runs::AfterFailure => {}
                }
                let expand = |word: &String| ipxe::expand(word, &self.settings);
                let command: Vec<_> = command.iter().map(expand).collect();
                match self.command(&command, directory).await? {
                    Step::Done(done) => success = done,
                    Step::Goto(label) => {
                        let Some(to) = script.iter().position(|one| ipxe::is_label(one, &label))
                        else {
                            return Err(Stop::With(format!("iPXE: no label {label}")));
                        };
                        at = to;
                        break;
                    }
                    Step::End(end) => return Ok(end),
                }
            }
            if !success {
                let text = line.iter().map(|(_, words)| words.join(" "));
                let text = text.collect::<Vec<_>>().join(" || ");
                return Err(Stop::With(format!("iPXE: could not {text}")));
            }
        }
        Err(Stop::with("iPXE: the script ends without booting"))
    }

    async fn command(&mut self, command: &[String], directory: &str) -> Result<Step, Stop> {
        let [name, arguments @ ..] = command else {
            // What fails before `||` and nothing does not matter.
            return Ok(Step::Done(true));
        };
        let target = file_of(arguments, directory);
        Ok(match (name.as_str(), target) {
            ("chain", Some(path)) => {
                let (got, file) = self.fetch(part(&path), &path).await?;
                match got {
                    Got::Whole => Step::End(End::Chain(file)),
                    _ => Step::Done(false),
                }
            }
            ("kernel" | "imgselect" | "imgload", Some(path)) => {
                let (got, file) = self.fetch(Part::Kernel, &path).await?;
                let whole = got == Got::Whole;
                self.kernel = whole.then_some(file);
                Step::Done(whole)
            }
            ("initrd" | "imgfetch" | "module", Some(path)) => {
                let (got, _) = self.fetch(Part::Initrd, &path).await?;
                Step::Done(got == Got::Whole)
            }
            ("boot", _) => match self.kernel.take() {
                Some(kernel) if image::pe_machine(&kernel.head).is_some() => {
                    self.run.run_efi(&kernel)?;
                    Step::End(End::Booted)
                }
                Some(_) => Step::End(End::Booted),
                None => Step::Done(false),
            },
            ("set", _) => {
                if let [name, value @ ..] = arguments {
                    let name = name.rsplit('/').next().unwrap_or(name);
                    self.settings.insert(name.to_owned(), value.join(" "));
                }
                Step::Done(true)
            }
            ("isset", _) => Step::Done(arguments.iter().any(|value| !value.is_empty())),
            ("iseq", _) => Step::Done(matches!(arguments, [left, right] if left == right)),
            ("goto", _) => match arguments {
                [label, ..] => Step::Goto(label.clone()),
                [] => Step::Done(false),
            },
            ("sleep", _) => {
                let seconds = arguments.first().and_then(|text| text.parse::<u64>().ok());
                self.run.work(seconds.unwrap_or(0).min(30) * 1000).await;
                Step::Done(true)
            }
            ("exit" | "shell" | "reboot" | "poweroff", _) => {
                return Err(Stop::With(format!("iPXE: {name}")));
            }
            _ => Step::Done(true),
        })
    }
}

/// What a command did.
enum Step {
    Done(bool),
    Goto(String),
    End(End),
}

/// The file a command names: its first argument that is no flag, as it is asked for.
fn file_of(arguments: &[String], directory: &str) -> Option<String> {
    let mut arguments = arguments.iter();
    let uri = loop {
        match arguments.next()?.as_str() {
            "--name" | "-n" | "--timeout" | "-t" => _ = arguments.next(),
            flag if flag.starts_with('-') => {}
            uri => break uri,
        }
    };
    Some(match uri.strip_prefix("tftp://") {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path).to_owned(),
        None if uri.starts_with('/') => uri.to_owned(),
        None => format!("{directory}{uri}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_in_several_ways() {
        let file = |text: &str| {
            let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            file_of(&words, "ipxe/")
        };
        for (text, expected) in [
            ("/images/vmlinuz initrd=x", "/images/vmlinuz"),
            ("vmlinuz", "ipxe/vmlinuz"),
            ("tftp://10.0.0.1/images/vmlinuz", "images/vmlinuz"),
            ("--name initrd /images/initrd", "/images/initrd"),
            ("--autofree --replace boot.ipxe", "ipxe/boot.ipxe"),
        ] {
            assert_eq!(file(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(file("--name x"), None);
    }
}
