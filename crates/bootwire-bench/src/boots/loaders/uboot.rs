//! U-Boot: a script, then what PXELINUX does. Codes 1 and 2 end it; any other begins the file anew.

use bootwire_proto::OptionKind::{Blksize, Timeout};

use super::search;
use crate::boots::run::{File, Run, Stop, Way, needed};
use crate::boots::scripts::syslinux::Menu;
use crate::boots::{Got, Part, manners};

const WAY: Way<'static> = Way::new(&[(Timeout, 5), (Blksize, 1468)], manners::U_BOOT);
/// It tries for ever; whoever stands beside it does not.
const TRIES_MAX: u32 = 5;

struct UBoot<'a, 'm> {
    run: &'a mut Run<'m>,
}

/// Boots what the configuration says.
pub(super) async fn run(run: &mut Run<'_>) -> Result<(), Stop> {
    let mut loader = UBoot { run };
    // A script has a header of its own, and would be run; without one it looks as PXELINUX does.
    loader
        .look_for(Part::Configuration, "boot.scr.uimg")
        .await?;
    let menu = Menu::parse(&loader.search().await?.text());
    loader.run.work(menu.timeout.min(300) * 100).await;
    let label = menu
        .chosen()
        .ok_or_else(|| Stop::with("U-Boot: nothing to boot"))?;
    let kernel = label
        .kernel
        .ok_or_else(|| Stop::with("U-Boot: no kernel named"))?;
    loader.need(Part::Kernel, &kernel).await?;
    for path in &label.initrds {
        loader.need(Part::Initrd, path).await?;
    }
    if let Some(fdt) = &label.fdt {
        loader.need(Part::Initrd, fdt).await?;
    }
    Ok(())
}

impl UBoot<'_, '_> {
    async fn ask(&mut self, part: Part, path: &str) -> Result<(Got, File), Stop> {
        for _ in 0..TRIES_MAX {
            let port = self.run.any_port();
            let (got, file) = self.run.ask(part, path, port, WAY).await?;
            match got {
                Got::Refused { code, .. } if code != 1 && code != 2 => self.run.work(1000).await,
                got => return Ok((got, file)),
            }
        }
        Err(Stop::With(format!(
            "U-Boot: starts {path} over and over: the server says \"try again\""
        )))
    }

    async fn look_for(&mut self, part: Part, path: &str) -> Result<Option<File>, Stop> {
        let (got, file) = self.ask(part, path).await?;
        Ok((got == Got::Whole).then_some(file))
    }

    async fn need(&mut self, part: Part, path: &str) -> Result<File, Stop> {
        needed("U-Boot: ", part, path, self.ask(part, path).await?)
    }

    async fn search(&mut self) -> Result<File, Stop> {
        let mut names = vec![format!("01-{}", self.run.machine.mac.dashed())];
        names.extend(search::shorter_and_shorter(self.run.card.ipv4()));
        names.extend(["default-arm-qemu".to_owned(), "default-arm".to_owned()]);
        for name in names {
            let path = format!("pxelinux.cfg/{name}");
            if let Some(file) = self.look_for(Part::Configuration, &path).await? {
                return Ok(file);
            }
        }
        self.need(Part::Configuration, "pxelinux.cfg/default").await
    }
}
