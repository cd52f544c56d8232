//! shim: it looks for revocations and certificates, and starts GRUB.

use bootwire_proto::OptionKind::{Blksize, Windowsize};

use super::uefi::Stack;
use super::{Program, efi_program};
use crate::boots::run::{Run, Stop, Way};
use crate::boots::{Part, manners};

pub(super) async fn run(
    run: &mut Run<'_>,
    directory: &str,
    mut stack: Stack,
) -> Result<Program, Stop> {
    let options = [(Blksize, 512), (Windowsize, 4)];
    let way = Way::new(&options, manners::EDK2);
    for name in [
        "revocations_sku.efi",
        "revocations_sbat.efi",
        "shim_certificate_0.efi",
    ] {
        let path = format!("{directory}{name}");
        run.try_for(Part::Module, &path, stack.port(), way).await?;
    }
    let suffix = run.machine.arch.efi_suffix();
    let path = format!("{directory}grub{suffix}.efi");
    let port = stack.port();
    let file = run.need(Part::Loader, &path, port, way).await?;
    run.work(200).await;
    efi_program(run, &file, stack)
}
