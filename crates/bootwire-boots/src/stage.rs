//! Which part of a boot a file is.

use std::fmt;
use std::str::FromStr;

use bootwire_render::dialect::{Ask, Loader, asked};
use serde::{Deserialize, Serialize};

/// Which part of a boot a transfer is.
///
/// It is told by what a served configuration names, else by a route's `stage` (a label called
/// `stage` on the record), else by the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Stage {
    /// A program that loads others: the firmware's first file, shim, GRUB, iPXE.
    Loader,
    /// A part of a loader: GRUB's modules, `.c32` files, fonts.
    Module,
    /// Names that a loader tries and does without.
    Search,
    /// What tells a loader or a device what to do.
    Config,
    /// The operating system's kernel.
    Kernel,
    /// The kernel's first file system.
    Initrd,
    /// The description of the hardware.
    DeviceTree,
    /// An image of a system, or a device's firmware.
    Image,
    /// A file that the machine sent.
    Upload,
    /// Anything else.
    Other,
}

impl Stage {
    /// All of them, in the order of a boot.
    pub const ALL: [Self; 10] = [
        Self::Loader,
        Self::Module,
        Self::Search,
        Self::Config,
        Self::Kernel,
        Self::Initrd,
        Self::DeviceTree,
        Self::Image,
        Self::Upload,
        Self::Other,
    ];

    /// The word: `loader`, `module`, `search`, `config`, `kernel`, `initrd`, `devicetree`, `image`,
    /// `upload`, `other`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Module => "module",
            Self::Search => "search",
            Self::Config => "config",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::DeviceTree => "devicetree",
            Self::Image => "image",
            Self::Upload => "upload",
            Self::Other => "other",
        }
    }

    /// What a sentence calls it: "the device tree".
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Loader => "boot loader",
            Self::Module => "module",
            Self::Config | Self::Search => "configuration",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::DeviceTree => "device tree",
            Self::Image => "image",
            Self::Upload | Self::Other => "file",
        }
    }

    /// The stage of a file that is called so.
    ///
    /// ```
    /// use bootwire_boots::Stage;
    ///
    /// assert_eq!(Stage::of_path("/grub/x86_64-efi/normal.mod"), Stage::Module);
    /// assert_eq!(Stage::of_path("/pxelinux.cfg/01-52-54-00-12-34-56"), Stage::Config);
    /// assert_eq!(Stage::of_path("/images/12.7/vmlinuz"), Stage::Kernel);
    /// ```
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        if let Some(found) = asked(path) {
            match found.ask {
                Ask::List => return Self::Module,
                Ask::Network(_) | Ask::Optional => return Self::Search,
                // Whatever is in a Raspberry Pi's own directory is named as in the root.
                Ask::Machine(_) | Ask::Default if found.loader == Loader::RaspberryPi => {}
                Ask::Machine(_) | Ask::Default => return Self::Config,
            }
        }
        let lower = path.to_ascii_lowercase();
        let (directory, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        by_name(name).unwrap_or_else(|| by_directory(directory))
    }
}

/// What the whole name or a part of it says.
fn by_name(name: &str) -> Option<Stage> {
    let starts = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
    let ends = |with: &[&str]| with.iter().any(|with| name.ends_with(with));
    let holds = |what: &[&str]| what.iter().any(|what| name.contains(what));
    if holds(&["initrd", "initramfs", "uinitrd", "ramdisk"]) || ends(&[".cpio", ".cpio.gz"]) {
        return Some(Stage::Initrd);
    }
    if ends(&[".dtb", ".dtbo"]) {
        return Some(Stage::DeviceTree);
    }
    if ends(&[
        ".mod", ".lst", ".c32", ".mo", ".gmo", ".pf2", ".ttf", ".psf",
    ]) {
        return Some(Stage::Module);
    }
    if starts(&["vmlinuz", "vmlinux", "bzimage", "zimage", "uimage", "xen"])
        || (starts(&["kernel"]) && !ends(&[".txt", ".cfg"]))
        || matches!(
            name,
            "image" | "image.gz" | "linux" | "linux.efi" | "wimboot" | "memdisk"
        )
        || ends(&[".lkrn", ".itb", ".fit", ".krn"])
    {
        return Some(Stage::Kernel);
    }
    if ends(&[
        ".efi", ".0", ".kpxe", ".kkpxe", ".kkkpxe", ".pxe", ".n12", ".com", ".n1",
    ]) || (starts(&["start", "fixup"]) && ends(&[".elf", ".dat"]))
        || starts(&["bootmgr", "bootcode", "u-boot", "pxelinux", "lpxelinux"])
        || matches!(
            name,
            "core.img" | "core.elf" | "boot.ipxe.0" | "grub" | "grub.elf" | "yaboot"
        )
    {
        return Some(Stage::Loader);
    }
    if starts(&["grub.cfg", "boot.scr", "config.txt", "cmdline.txt"])
        || ends(&[
            ".cfg", ".ipxe", ".conf", ".cnf", ".xml", ".tlv", ".ks", ".toml", ".yaml", ".yml",
            ".txt", "-confg", ".seed", ".ign", ".py", ".sh",
        ])
        || name == "bcd"
    {
        return Some(Stage::Config);
    }
    let image = [
        ".wim",
        ".sdi",
        ".squashfs",
        ".img",
        ".img.gz",
        ".img.xz",
        ".iso",
        ".vhd",
        ".vhdx",
        ".swi",
        ".bin",
        ".tgz",
        ".tar.gz",
        ".loads",
        ".sbn",
        ".sgn",
        ".spf",
        ".rom",
        ".pkg",
        ".fw",
    ];
    ends(&image).then_some(Stage::Image)
}

fn by_directory(directory: &str) -> Stage {
    match directory.rsplit('/').next() {
        Some("dtb" | "dtbs" | "overlays") => Stage::DeviceTree,
        Some("locale" | "fonts") => Stage::Module,
        _ => Stage::Other,
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such stage: write loader, module, search, config, kernel, initrd, devicetree, image, upload \
     or other"
)]
pub struct ParseStageError;

impl FromStr for Stage {
    type Err = ParseStageError;

    fn from_str(text: &str) -> Result<Self, ParseStageError> {
        let found = Self::ALL.into_iter().find(|stage| stage.as_str() == text);
        found.ok_or(ParseStageError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_stages() {
        for (path, stage) in [
            ("/bootx64.efi", Stage::Loader),
            ("/pxelinux.0", Stage::Loader),
            ("/undionly.kpxe", Stage::Loader),
            ("/boot/bootmgr.exe", Stage::Loader),
            ("/1a2b3c4d/start4.elf", Stage::Loader),
            ("/1a2b3c4d/config.txt", Stage::Config),
            ("/1a2b3c4d/kernel8.img", Stage::Kernel),
            ("/1a2b3c4d/bcm2711-rpi-4-b.dtb", Stage::DeviceTree),
            ("/1a2b3c4d/overlays/vc4.dtbo", Stage::DeviceTree),
            ("/bootcode.bin", Stage::Loader),
            ("/grub/x86_64-efi/command.lst", Stage::Module),
            ("/ldlinux.c32", Stage::Module),
            ("/pxelinux.cfg/C0A8", Stage::Search),
            ("/pxelinux.cfg/default", Stage::Config),
            ("/grub/grub.cfg-01-52-54-00-12-34-56", Stage::Config),
            ("/autoexec.ipxe", Stage::Search),
            ("/Boot/BCD", Stage::Config),
            ("/Boot/boot.sdi", Stage::Image),
            ("/sources/boot.wim", Stage::Image),
            ("/debian-installer/amd64/linux", Stage::Kernel),
            ("/debian-installer/amd64/initrd.gz", Stage::Initrd),
            ("/boot/Image", Stage::Kernel),
            ("/dtb/", Stage::DeviceTree),
            ("/SEP001122334455.cnf.xml", Stage::Config),
            ("/router1-confg", Stage::Config),
            ("/EOS-4.30.swi", Stage::Image),
            ("/motd", Stage::Other),
        ] {
            assert_eq!(Stage::of_path(path), stage, "{path}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
        }
        assert_eq!("kernal".parse::<Stage>(), Err(ParseStageError));
    }
}
