//! What a machine is.

use std::fmt;
use std::net::IpAddr;

use bootwire::MacAddr;

use super::Pace;
use crate::Share;

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// Intel and AMD, 64 bits.
    X86_64,
    /// Arm, 64 bits.
    Arm64,
}

impl Arch {
    /// Its number in the header of a PE file.
    #[must_use]
    pub const fn pe_machine(self) -> u16 {
        match self {
            Self::X86_64 => 0x8664,
            Self::Arm64 => 0xaa64,
        }
    }

    /// The processor with this number, if it is one of these.
    #[must_use]
    pub const fn of_pe_machine(number: u16) -> Option<Self> {
        match number {
            0x8664 => Some(Self::X86_64),
            0xaa64 => Some(Self::Arm64),
            _ => None,
        }
    }

    /// As GRUB names its platform: `x86_64-efi`.
    pub(super) const fn grub_platform(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-efi",
            Self::Arm64 => "arm64-efi",
        }
    }

    /// As UEFI's names of files end: `x64` in `grubx64.efi`.
    pub(super) const fn efi_suffix(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Arm64 => "aa64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86-64",
            Self::Arm64 => "arm64",
        })
    }
}

/// How a machine boots, if all goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UEFI firmware (EDK2) gets shim, shim gets GRUB.
    Grub,
    /// A PXE ROM of a BIOS gets PXELINUX.
    Pxelinux,
    /// UEFI firmware gets iPXE, which asks DHCP again and gets a script.
    Ipxe,
    /// The boot loader of a Raspberry Pi 4.
    RaspberryPi,
    /// U-Boot on a board with an Arm processor.
    UBoot,
    /// UEFI firmware gets the Windows boot manager.
    Windows,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Grub,
        Self::Pxelinux,
        Self::Ipxe,
        Self::RaspberryPi,
        Self::UBoot,
        Self::Windows,
    ];

    /// The file that a DHCP server names to such a machine; empty where none does.
    const fn boot_file(self, arch: Arch) -> &'static str {
        match (self, arch) {
            (Self::Grub, Arch::X86_64) => "bootx64.efi",
            (Self::Grub, Arch::Arm64) => "bootaa64.efi",
            (Self::Pxelinux, _) => "pxelinux.0",
            (Self::Ipxe, Arch::X86_64) => "ipxe.efi",
            (Self::Ipxe, Arch::Arm64) => "ipxe-arm64.efi",
            (Self::RaspberryPi | Self::UBoot, _) => "",
            (Self::Windows, _) => "bootmgfw.efi",
        }
    }

    const fn arch(self) -> Arch {
        match self {
            Self::Grub | Self::Pxelinux | Self::Ipxe | Self::Windows => Arch::X86_64,
            Self::RaspberryPi | Self::UBoot => Arch::Arm64,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grub => "UEFI, shim, GRUB",
            Self::Pxelinux => "BIOS, PXELINUX",
            Self::Ipxe => "UEFI, iPXE",
            Self::RaspberryPi => "Raspberry Pi",
            Self::UBoot => "U-Boot",
            Self::Windows => "UEFI, Windows",
        })
    }
}

/// What a file is to the machine that fetches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A program that goes on booting: shim, GRUB, PXELINUX, iPXE, a boot manager.
    Loader,
    /// Something of a loader's own: modules, lists, fonts, what it only tries.
    Module,
    /// A configuration or a script.
    Configuration,
    /// The kernel, or what is started in its place.
    Kernel,
    /// What the kernel needs to begin with: initrd, device tree, disk image.
    Initrd,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loader => "loader",
            Self::Module => "module",
            Self::Configuration => "configuration",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
        })
    }
}

/// What goes wrong in the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It loses its power in mid file: no packet comes any more.
    Silence {
        /// In which file.
        during: Part,
        /// After how much of it. Where the machine was not told the size: of 8 MiB, and before the
        /// last block is acknowledged.
        percent: u8,
    },
    /// It starts over in mid file, once.
    Reset {
        /// In which file.
        during: Part,
        /// After how much of it, as above.
        percent: u8,
    },
    /// It hangs with a whole file in its hands.
    Hang {
        /// With the first of these.
        after: Part,
    },
    /// Its firmware asks how large the boot file is, and does not fetch it.
    ProbeOnly,
}

/// A simulated machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Machine {
    /// Its name, for whoever watches. It never goes over the wire.
    pub name: String,
    /// How it boots.
    pub kind: Kind,
    /// Its processor.
    pub arch: Arch,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Its SMBIOS UUID, in lower case.
    pub uuid: String,
    /// Its serial number; of a Raspberry Pi the eight digits it asks with.
    pub serial: String,
    /// The address it asks from: each machine its own, such as 127.0.1.7. Where the system does not
    /// have it, it asks from whichever the system takes.
    pub address: Option<IpAddr>,
    /// The file that DHCP names to its firmware; empty where none does.
    pub boot_file: String,
    /// The file that DHCP names to iPXE.
    pub ipxe_file: String,
    /// What goes wrong in it.
    pub trouble: Option<Trouble>,
    /// The share of packets that are lost, each way.
    pub loss: Share,
    /// How fast it is.
    pub pace: Pace,
}

impl Machine {
    /// A machine without trouble, as fast as it can be, with the boot files that are usual for its
    /// kind.
    #[must_use]
    pub fn new(name: &str, kind: Kind, mac: MacAddr) -> Self {
        let [a, b, c, d, e, f] = mac.octets();
        Self {
            name: name.to_owned(),
            kind,
            arch: kind.arch(),
            mac,
            uuid: format!("4c4c4544-0042-3510-8051-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}"),
            serial: format!("{c:02x}{d:02x}{e:02x}{f:02x}"),
            address: None,
            boot_file: kind.boot_file(kind.arch()).to_owned(),
            ipxe_file: "boot.ipxe".to_owned(),
            trouble: None,
            loss: Share::default(),
            pace: Pace::unpaced(),
        }
    }

    /// With this processor, and the boot file for it.
    #[must_use]
    pub fn arch(mut self, arch: Arch) -> Self {
        self.arch = arch;
        self.boot_file = self.kind.boot_file(arch).to_owned();
        self
    }

    /// Asks from this address.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// DHCP names this file to its firmware.
    #[must_use]
    pub fn boot_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.boot_file);
        self
    }

    /// DHCP names this file to iPXE.
    #[must_use]
    pub fn ipxe_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.ipxe_file);
        self
    }

    /// Gets into this trouble.
    #[must_use]
    pub const fn trouble(mut self, trouble: Trouble) -> Self {
        self.trouble = Some(trouble);
        self
    }

    /// Loses this share of the packets, each way.
    #[must_use]
    pub const fn loss(mut self, share: Share) -> Self {
        self.loss = share;
        self
    }

    /// Is this fast.
    #[must_use]
    pub const fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }
}
