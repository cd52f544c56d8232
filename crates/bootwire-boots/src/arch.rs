//! What kind of processor a program is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Arch {
    /// 64-bit PCs.
    #[serde(rename = "x86-64")]
    X86_64,
    /// 32-bit PCs.
    #[serde(rename = "x86")]
    X86,
    /// 64-bit ARM.
    #[serde(rename = "arm64")]
    Arm64,
    /// 32-bit ARM.
    #[serde(rename = "arm")]
    Arm,
    /// 64-bit RISC-V.
    #[serde(rename = "riscv64")]
    Riscv64,
    /// 64-bit LoongArch.
    #[serde(rename = "loongarch64")]
    LoongArch64,
}

/// Directories that GRUB takes its modules from: who asks for one runs that GRUB.
const PLATFORMS: [(&str, Arch); 8] = [
    ("x86_64-efi", Arch::X86_64),
    ("i386-efi", Arch::X86),
    ("arm64-efi", Arch::Arm64),
    ("arm-efi", Arch::Arm),
    ("arm-uboot", Arch::Arm),
    ("riscv64-efi", Arch::Riscv64),
    ("loongarch64-efi", Arch::LoongArch64),
    ("arm64-uboot", Arch::Arm64),
];

/// What the names of loaders end in: `bootaa64.efi`, `grubx64.efi`, `ipxe-arm64.efi`.
const SUFFIXES: [(&str, Arch); 12] = [
    ("x86_64", Arch::X86_64),
    ("amd64", Arch::X86_64),
    ("x64", Arch::X86_64),
    ("aarch64", Arch::Arm64),
    ("arm64", Arch::Arm64),
    ("aa64", Arch::Arm64),
    ("riscv64", Arch::Riscv64),
    ("loongarch64", Arch::LoongArch64),
    ("arm32", Arch::Arm),
    ("ia32", Arch::X86),
    ("i386", Arch::X86),
    ("arm", Arch::Arm),
];

impl Arch {
    /// `x86-64`, `x86`, `arm64`, `arm`, `riscv64`, `loongarch64`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86-64",
            Self::X86 => "x86",
            Self::Arm64 => "arm64",
            Self::Arm => "arm",
            Self::Riscv64 => "riscv64",
            Self::LoongArch64 => "loongarch64",
        }
    }

    /// With its article: "an arm64".
    pub(crate) const fn with_article(self) -> &'static str {
        match self {
            Self::X86_64 => "an x86-64",
            Self::X86 => "an x86",
            Self::Arm64 => "an arm64",
            Self::Arm => "an arm",
            Self::Riscv64 => "a riscv64",
            Self::LoongArch64 => "a loongarch64",
        }
    }

    /// What the header of an EFI program (PE) says it is for. `None` for everything else.
    #[must_use]
    pub fn of_program(head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"MZ") {
            return None;
        }
        let offset = head.get(0x3c..0x40)?.try_into().ok()?;
        let offset = usize::try_from(u32::from_le_bytes(offset)).ok()?;
        let machine = head.get(offset..offset.checked_add(6)?)?;
        if !machine.starts_with(b"PE\0\0") {
            return None;
        }
        match u16::from_le_bytes([machine[4], machine[5]]) {
            0x8664 => Some(Self::X86_64),
            0x014c => Some(Self::X86),
            0xaa64 => Some(Self::Arm64),
            0x01c0 | 0x01c2 | 0x01c4 => Some(Self::Arm),
            0x5064 => Some(Self::Riscv64),
            0x6264 => Some(Self::LoongArch64),
            _ => None,
        }
    }

    /// What a request for this path says of the machine that asks. Only programs that run there ask
    /// for such names.
    pub(crate) fn shown_by(path: &str) -> Option<Self> {
        let by_platform = path.split('/').find_map(|part| {
            let found = PLATFORMS.iter().find(|(name, _)| *name == part);
            found.map(|(_, arch)| *arch)
        });
        // U-Boot: default-arm-bcm283x.
        let by_default = || {
            let rest = path.rsplit_once("/default-")?.1;
            match rest.split('-').next()? {
                "arm" => Some(Self::Arm),
                "arm64" | "aarch64" => Some(Self::Arm64),
                "riscv" | "riscv64" => Some(Self::Riscv64),
                "x86" => Some(Self::X86),
                "x86_64" => Some(Self::X86_64),
                _ => None,
            }
        };
        by_platform.or_else(by_default)
    }

    /// What the name of a loader promises.
    pub(crate) fn promised_by(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?.to_ascii_lowercase();
        let stem = name.strip_suffix(".signed").unwrap_or(&name);
        let stem = stem.strip_suffix(".efi")?;
        let found = SUFFIXES.iter().find(|(suffix, _)| stem.ends_with(suffix));
        found.map(|(_, arch)| *arch)
    }

    /// A word of an inventory or a label.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace('-', "_");
        Some(match word.as_str() {
            "x86_64" | "amd64" | "x64" => Self::X86_64,
            "x86" | "i386" | "i686" | "ia32" => Self::X86,
            "arm64" | "aarch64" => Self::Arm64,
            "arm" | "armhf" | "armv7l" => Self::Arm,
            "riscv64" => Self::Riscv64,
            "loongarch64" => Self::LoongArch64,
            _ => return None,
        })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn program(machine: u16) -> Vec<u8> {
        let mut head = vec![0; 0x86];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 0x80;
        head[0x80..0x84].copy_from_slice(b"PE\0\0");
        head[0x84..].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn headers_and_names_tell_processors() {
        assert_eq!(Arch::of_program(&program(0x8664)), Some(Arch::X86_64));
        assert_eq!(Arch::of_program(&program(0xaa64)), Some(Arch::Arm64));
        assert_eq!(Arch::of_program(&program(0x1234)), None);
        assert_eq!(Arch::of_program(b"\x7fELF"), None);
        assert_eq!(
            Arch::shown_by("/grub/arm64-efi/normal.mod"),
            Some(Arch::Arm64)
        );
        assert_eq!(
            Arch::shown_by("/grub/i386-pc/normal.mod"),
            None,
            "a 64-bit PC may run it"
        );
        assert_eq!(
            Arch::shown_by("/pxelinux.cfg/default-arm-bcm283x"),
            Some(Arch::Arm)
        );
        assert_eq!(
            Arch::promised_by("/EFI/BOOT/BOOTAA64.EFI"),
            Some(Arch::Arm64)
        );
        assert_eq!(Arch::promised_by("/grubx64.efi.signed"), Some(Arch::X86_64));
        assert_eq!(Arch::promised_by("/ipxe.efi"), None);
        assert_eq!(Arch::of_word("AArch64"), Some(Arch::Arm64));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(mut head in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Arch::of_program(&head);
            if head.len() > 2 {
                head[..2].copy_from_slice(b"MZ");
            }
            let _ = Arch::of_program(&head);
        }
    }
}
