//! Types of parameters.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::MacAddr;

/// What a parameter takes from a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything but a slash.
    Name,
    /// Anything, slashes too.
    Rest,
    /// Decimal digits.
    Int,
    /// Letters, digits, `.`, `_` and `-`.
    Serial,
    /// A hardware address.
    Mac,
    /// A UUID.
    Uuid,
    /// An IP address as text.
    Ip,
    /// An IPv4 address as eight hex digits.
    Hex,
    /// An architecture.
    Arch,
}

/// How far a parameter may reach.
pub(super) enum Reach {
    /// Any number of bytes for which this holds, at least one.
    While(fn(u8) -> bool),
    /// One of these lengths, longest first; the bytes must be checked.
    Lengths(&'static [usize]),
}

/// Length of the longest IPv6 address as text, and all shorter ones down to `::`.
const IP_LENGTHS: [usize; 44] = {
    let mut lengths = [0; 44];
    let mut index = 0;
    while index < lengths.len() {
        lengths[index] = 45 - index;
        index += 1;
    }
    lengths
};

/// GRUB's platforms, UEFI's suffixes (`BOOTX64.EFI`), and the words of kernels and iPXE; longest
/// first.
const ARCHES: [&str; 45] = [
    "powerpc-ieee1275",
    "sparc64-ieee1275",
    "loongarch64-efi",
    "mipsel-loongson",
    "mipsel-qemu_mips",
    "i386-multiboot",
    "mips-qemu_mips",
    "i386-coreboot",
    "i386-ieee1275",
    "arm-coreboot",
    "i386-xen_pvh",
    "loongarch64",
    "riscv32-efi",
    "riscv64-efi",
    "x86_64-efi",
    "x86_64-xen",
    "arm-uboot",
    "arm64-efi",
    "i386-qemu",
    "mipsel-arc",
    "i386-efi",
    "i386-xen",
    "ia64-efi",
    "mips-arc",
    "arm-efi",
    "aarch64",
    "i386-pc",
    "powerpc",
    "ppc64le",
    "riscv32",
    "riscv64",
    "sparc64",
    "mipsel",
    "x86_64",
    "amd64",
    "arm32",
    "arm64",
    "armhf",
    "ppc64",
    "s390x",
    "aa64",
    "i386",
    "ia32",
    "arm",
    "x64",
];

/// Lengths of the words in [`ARCHES`].
const ARCH_LENGTHS: [usize; 14] = [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3];

impl Kind {
    /// The types a pattern can name, as in `{client:ip}`.
    pub(super) const TYPES: [(&'static str, Self); 8] = [
        ("name", Self::Name),
        ("int", Self::Int),
        ("serial", Self::Serial),
        ("mac", Self::Mac),
        ("uuid", Self::Uuid),
        ("ip", Self::Ip),
        ("hex", Self::Hex),
        ("arch", Self::Arch),
    ];

    /// The type called `word`.
    pub(super) fn typed(word: &str) -> Option<Self> {
        Self::TYPES
            .iter()
            .find(|(known, _)| *known == word)
            .map(|&(_, kind)| kind)
    }

    /// The type of a parameter that names none, for the names that have one of their own.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::typed(name).filter(|kind| {
            matches!(
                kind,
                Self::Serial | Self::Mac | Self::Uuid | Self::Ip | Self::Arch
            )
        })
    }

    pub(super) fn reach(self) -> Reach {
        match self {
            Self::Name => Reach::While(|byte| byte != b'/'),
            Self::Rest => Reach::While(|_| true),
            Self::Int => Reach::While(|byte| byte.is_ascii_digit()),
            Self::Serial => Reach::While(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
            }),
            Self::Mac => Reach::Lengths(&[17, 14, 12]),
            Self::Uuid => Reach::Lengths(&[36]),
            Self::Ip => Reach::Lengths(&IP_LENGTHS),
            Self::Hex => Reach::Lengths(&[8]),
            Self::Arch => Reach::Lengths(&ARCH_LENGTHS),
        }
    }

    /// Whether handlers see one spelling, whatever was sent.
    pub(super) const fn is_typed(self) -> bool {
        !matches!(self, Self::Name | Self::Rest | Self::Int | Self::Serial)
    }

    /// The value handlers see for these bytes, in one spelling; `None` if they are not of this type.
    pub(super) fn value(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Name | Self::Rest | Self::Int | Self::Serial => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            Self::Mac => {
                let mac: MacAddr = std::str::from_utf8(bytes).ok()?.parse().ok()?;
                Some(mac.to_string())
            }
            Self::Uuid => uuid(bytes),
            Self::Ip => ip(bytes),
            Self::Hex => hex(bytes),
            Self::Arch => {
                let known = ARCHES
                    .iter()
                    .find(|known| known.as_bytes().eq_ignore_ascii_case(bytes))?;
                Some((*known).to_owned())
            }
        }
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    is_uuid.then(|| String::from_utf8_lossy(bytes).to_ascii_lowercase())
}

fn ip(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(address.to_string());
    }
    // GRUB writes all eight groups of an IPv6 address, with dashes for colons.
    let is_dashed =
        bytes.iter().filter(|&&byte| byte == b'-').count() == 7 && !bytes.contains(&b':');
    let address = if is_dashed {
        text.replace('-', ":").parse::<Ipv6Addr>()
    } else {
        text.parse()
    };
    Some(address.ok()?.to_string())
}

fn hex(bytes: &[u8]) -> Option<String> {
    if bytes.len() != 8 || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let address = u32::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok()?;
    Some(Ipv4Addr::from(address).to_string())
}
