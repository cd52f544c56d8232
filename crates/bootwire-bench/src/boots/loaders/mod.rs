//! What runs on a machine, from its firmware to the kernel.

mod grub;
mod ipxe;
mod pxelinux;
mod raspberry;
mod search;
mod shim;
mod uboot;
mod uefi;
mod windows;

use bootwire_proto::OptionKind::{Blksize, Tsize};

pub(super) use uefi::boot as uefi;

use super::manners;
use super::run::{File, Run, Stop, Way};
use super::{Kind, Part};
use uefi::Stack;

/// A program that goes on booting.
pub(super) enum Program {
    Shim {
        /// The directory it was loaded from, with its slash.
        directory: String,
        stack: Stack,
    },
    Grub,
    Pxelinux {
        directory: String,
    },
    /// It makes a network of its own.
    Ipxe,
    Windows,
    RaspberryPi,
    UBoot,
}

/// Runs a program. Answers what it starts, if that is no kernel.
pub(super) async fn start(run: &mut Run<'_>, program: Program) -> Result<Option<Program>, Stop> {
    match program {
        Program::Shim { directory, stack } => shim::run(run, &directory, stack).await.map(Some),
        Program::Grub => grub::run(run).await,
        Program::Pxelinux { directory } => pxelinux::run(run, &directory).await.map(|()| None),
        Program::Ipxe => ipxe::run(run).await,
        Program::Windows => windows::run(run).await.map(|()| None),
        Program::RaspberryPi => raspberry::run(run).await.map(|()| None),
        Program::UBoot => uboot::run(run).await.map(|()| None),
    }
}

/// The ROM of a network card, under a BIOS: it fetches what DHCP names.
pub(super) async fn pxe_rom(run: &mut Run<'_>) -> Result<Program, Stop> {
    let port = run.any_port();
    let way = Way::new(&[(Blksize, 1432), (Tsize, 0)], manners::IPXE);
    let path = run.machine.boot_file.clone();
    let file = run.need(Part::Loader, &path, port, way).await?;
    if super::image::pe_machine(&file.head).is_some() {
        return Err(Stop::With(format!(
            "{path} is a program for UEFI, and this machine has a BIOS"
        )));
    }
    Ok(match named(&file.path) {
        Some(Named::Ipxe) => Program::Ipxe,
        _ => Program::Pxelinux {
            directory: directory(&file.path),
        },
    })
}

/// What a program is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Shim,
    Grub,
    Ipxe,
    Windows,
}

fn named(path: &str) -> Option<Named> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.to_ascii_lowercase();
    if name.ends_with(".ipxe") {
        // A script of its own.
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["ipxe", "snponly", "undionly"]) {
        Some(Named::Ipxe)
    } else if has(&["grub"]) {
        Some(Named::Grub)
    } else if has(&["shim", "bootx64", "bootaa64"]) {
        Some(Named::Shim)
    } else if has(&["bootmgfw", "wdsmgfw", "bootmgr"]) {
        Some(Named::Windows)
    } else {
        None
    }
}

/// An EFI program that was fetched, and can run here.
fn efi_program(run: &Run<'_>, file: &File, stack: Stack) -> Result<Program, Stop> {
    run.run_efi(file)?;
    let by_kind = match run.machine.kind {
        Kind::Ipxe => Named::Ipxe,
        Kind::Windows => Named::Windows,
        _ => Named::Shim,
    };
    Ok(match named(&file.path).unwrap_or(by_kind) {
        Named::Shim => Program::Shim {
            directory: directory(&file.path),
            stack,
        },
        Named::Grub => Program::Grub,
        Named::Ipxe => Program::Ipxe,
        Named::Windows => Program::Windows,
    })
}

/// The directory of a file, with its slash; empty if it has none.
fn directory(path: &str) -> String {
    match path.rfind('/') {
        Some(at) => path[..=at].to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_go_by_their_names() {
        for (path, expected) in [
            ("bootx64.efi", Some(Named::Shim)),
            ("efi/shimaa64.efi.signed", Some(Named::Shim)),
            ("/grub/grubx64.efi", Some(Named::Grub)),
            ("snponly.efi", Some(Named::Ipxe)),
            ("tftp://10.0.0.1/ipxe-arm64.efi", Some(Named::Ipxe)),
            ("boot\\x64\\wdsmgfw.efi", Some(Named::Windows)),
            ("grub/pxelinux.0", None),
            ("boot.ipxe", None),
            ("other.efi", None),
        ] {
            assert_eq!(named(path), expected, "{path}");
        }
        assert_eq!(directory("a/b/c.efi"), "a/b/");
        assert_eq!(directory("c.efi"), "");
    }
}
