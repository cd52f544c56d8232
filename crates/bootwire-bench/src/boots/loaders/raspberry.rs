//! The boot loader of a Raspberry Pi 4: many files, some of them opened more than once.

use bootwire_proto::ErrorCode;
use bootwire_proto::OptionKind::{Blksize, Tsize};

use crate::boots::run::{File, Run, Stop, Way};
use crate::boots::scripts::raspberry::ConfigTxt;
use crate::boots::{Got, Part, manners};

const WAY: Way<'static> = Way::new(&[(Tsize, 0), (Blksize, 1024)], manners::RASPBERRY_PI);
/// How it closes a file it does not want, or not yet.
const EARLY: &str = "Early terminate";

struct Pi<'a, 'm> {
    run: &'a mut Run<'m>,
    /// The directory of its serial number, with its slash, if it found its files there.
    directory: String,
}

/// Boots what `config.txt` says.
pub(super) async fn run(run: &mut Run<'_>) -> Result<(), Stop> {
    let own = format!("{}/", run.machine.serial);
    let mut pi = Pi {
        run,
        directory: own,
    };
    if !pi.is_there(Part::Loader, "start4.elf").await? {
        pi.directory.clear();
    }
    let config = pi.look_for(Part::Configuration, "config.txt").await?;
    for name in ["pieeprom.sig", "recover4.elf", "recovery.elf"] {
        pi.look_for(Part::Module, name).await?;
    }
    // Opened, closed after a block, and opened again, within milliseconds.
    pi.glance_at(Part::Loader, "start4.elf").await?;
    pi.need(Part::Loader, "start4.elf").await?;
    pi.look_for(Part::Module, "fixup4.dat").await?;
    pi.run.work(800).await;

    // From here on it is start4.elf that asks.
    let config = match pi.look_for(Part::Configuration, "config.txt").await? {
        Some(file) => Some(file),
        None => config,
    };
    let config = ConfigTxt::parse(&config.map_or_else(String::new, |file| file.text()));
    pi.look_for(Part::Module, "dt-blob.bin").await?;
    pi.look_for(Part::Initrd, &config.device_tree).await?;
    pi.look_for(Part::Configuration, &config.cmdline).await?;
    pi.is_there(Part::Kernel, &config.kernel).await?;
    pi.need(Part::Kernel, &config.kernel).await?;
    if let Some(initramfs) = &config.initramfs {
        pi.need(Part::Initrd, initramfs).await?;
    }
    Ok(())
}

impl Pi<'_, '_> {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.directory)
    }

    async fn ask(&mut self, part: Part, name: &str, way: Way<'_>) -> Result<(Got, File), Stop> {
        let (path, port) = (self.path(name), self.run.any_port());
        self.run.ask(part, &path, port, way).await
    }

    /// Asks for the size alone.
    async fn is_there(&mut self, part: Part, name: &str) -> Result<bool, Stop> {
        let way = WAY.leaving(0, ErrorCode::NotDefined, EARLY);
        let (got, _) = self.ask(part, name, way).await?;
        Ok(matches!(got, Got::Left { .. }))
    }

    /// Takes the first block.
    async fn glance_at(&mut self, part: Part, name: &str) -> Result<(), Stop> {
        let way = WAY.leaving(1, ErrorCode::NotDefined, EARLY);
        self.ask(part, name, way).await.map(|_| ())
    }

    async fn look_for(&mut self, part: Part, name: &str) -> Result<Option<File>, Stop> {
        let (got, file) = self.ask(part, name, WAY).await?;
        Ok((got == Got::Whole).then_some(file))
    }

    async fn need(&mut self, part: Part, name: &str) -> Result<File, Stop> {
        let (path, port) = (self.path(name), self.run.any_port());
        self.run.need(part, &path, port, WAY).await
    }
}
