//! PXELINUX: its library, the search for its configuration, and what that says.

use bootwire_proto::OptionKind::{Blksize, Tsize};

use super::search;
use crate::boots::run::{File, Run, Stop, Way};
use crate::boots::scripts::syslinux::Menu;
use crate::boots::{Part, manners};

/// The first port after each start.
const FIRST_PORT: u16 = 49_152;
/// Configurations that include or follow each other.
const CONFIGS_MAX: u32 = 16;

struct Pxelinux<'a, 'm> {
    run: &'a mut Run<'m>,
    port: u16,
    directory: &'a str,
}

/// Boots what the configuration says.
pub(super) async fn run(run: &mut Run<'_>, directory: &str) -> Result<(), Stop> {
    let mut loader = Pxelinux {
        run,
        port: FIRST_PORT,
        directory,
    };
    loader.need(Part::Module, "ldlinux.c32").await?;
    let mut file = loader.search().await?;
    let mut configs = 0;
    let label = loop {
        let mut menu = Menu::parse(&file.text());
        let mut seen = 0;
        while let Some(path) = menu.includes.get(seen).cloned() {
            seen += 1;
            configs += 1;
            if configs > CONFIGS_MAX {
                return Err(Stop::with("PXELINUX: includes without end"));
            }
            if let Some(other) = loader.look_for(Part::Configuration, &path).await? {
                menu.add(&other.text());
            }
        }
        if let Some(ui) = menu.ui.clone() {
            loader.look_for(Part::Module, &ui).await?;
        }
        loader.run.work(menu.timeout.min(300) * 100).await;
        let Some(label) = menu.chosen() else {
            return Err(Stop::with("PXELINUX: nothing to boot"));
        };
        configs += 1;
        match &label.config {
            Some(path) if configs <= CONFIGS_MAX => {
                file = loader.need(Part::Configuration, path).await?;
            }
            _ => break label,
        }
    };
    if label.is_local {
        return Err(Stop::with("PXELINUX: boots from the disk"));
    }
    let Some(kernel) = &label.kernel else {
        return Err(Stop::with("PXELINUX: no kernel named"));
    };
    loader.need(Part::Kernel, kernel).await?;
    for path in &label.initrds {
        loader.need(Part::Initrd, path).await?;
    }
    Ok(())
}

impl Pxelinux<'_, '_> {
    /// Where it is looked for: beside the loader, unless the name begins with a slash.
    fn path(&self, path: &str) -> String {
        if path.starts_with('/') || path.starts_with("::") {
            path.trim_start_matches("::").to_owned()
        } else {
            format!("{}{path}", self.directory)
        }
    }

    fn port(&mut self) -> u16 {
        let port = self.port;
        self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    async fn look_for(&mut self, part: Part, path: &str) -> Result<Option<File>, Stop> {
        let (path, port) = (self.path(path), self.port());
        self.run.try_for(part, &path, port, WAY).await
    }

    async fn need(&mut self, part: Part, path: &str) -> Result<File, Stop> {
        let (path, port) = (self.path(path), self.port());
        self.run.need(part, &path, port, WAY).await
    }

    async fn search(&mut self) -> Result<File, Stop> {
        let mut names = vec![format!("01-{}", self.run.machine.mac.dashed())];
        names.extend(search::shorter_and_shorter(self.run.card.ipv4()));
        for name in names {
            let path = format!("pxelinux.cfg/{name}");
            if let Some(file) = self.look_for(Part::Configuration, &path).await? {
                return Ok(file);
            }
        }
        self.need(Part::Configuration, "pxelinux.cfg/default").await
    }
}

const WAY: Way<'static> = Way::new(&[(Tsize, 0), (Blksize, 1408)], manners::PXELINUX);
