//! What boot loaders ask for, and in which order.
//!
//! Most boot loaders look for their configuration under several names, the most special first, and
//! take the first that is there. [`asked`] tells for one path which loader's name it is, what in it
//! names the machine, and whether it is only a step of a search; [`grub_names`] and
//! [`pxelinux_names`] are the whole searches; [`Probes`] answers the steps that lead nowhere before
//! anything slow is asked; [`goes_on_without`] tells misses that matter from those of every boot.
//!
//! ```
//! use bootwire_render::dialect::{Ask, Key, Loader, asked};
//!
//! let found = asked("/grub/grub.cfg-01-52-54-00-12-34-56").expect("a name of GRUB's");
//! assert_eq!(found.loader, Loader::Grub);
//! assert_eq!(found.ask, Ask::Machine(Key::Mac("52:54:00:12:34:56".parse().expect("a MAC"))));
//!
//! // GRUB tries C0A80207 first, then cuts digit by digit.
//! let found = asked("/grub/grub.cfg-C0A802").expect("a name of GRUB's");
//! assert_eq!(found.ask, Ask::Network("C0A802".to_owned()));
//! ```

mod devices;
mod key;
mod loaders;
mod misses;
mod probes;
mod search;

pub use key::{Key, ParseUuidError, Uuid};
/// A host name in one spelling; `None` for text that is none, such as the `*` of lease files.
pub(crate) use loaders::hostname as host;
pub use misses::goes_on_without;
pub use probes::{EmptyLists, Probes};
pub use search::{Searcher, grub_names, pxelinux_names};

macro_rules! loaders {
    ($($(#[doc = $doc:literal])+ $loader:ident $word:literal;)*) => {
        /// Who asks with a name of this shape.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Loader {
            $($(#[doc = $doc])+ $loader,)*
        }

        impl Loader {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$loader),*];

            /// One word for logs, templates and quirks, such as `grub` or `raspberrypi`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$loader => $word,)* }
            }
        }
    };
}

loaders! {
    /// GRUB 2.
    Grub "grub";
    /// PXELINUX, LPXELINUX, syslinux.efi, and U-Boot's `pxe` command, which asks for the same names.
    Pxelinux "pxelinux";
    /// iPXE.
    Ipxe "ipxe";
    /// The boot ROM and EEPROM of a Raspberry Pi.
    RaspberryPi "raspberrypi";
    /// shim, which loads GRUB under Secure Boot.
    Shim "shim";
    /// The boot manager of Windows.
    Windows "windows";
    /// Cisco IOS: AutoInstall.
    CiscoIos "ios";
    /// Cisco NX-OS: POAP.
    CiscoNxos "nxos";
    /// A telephone: Cisco, Snom, Polycom, Yealink.
    Phone "phone";
}

impl Loader {
    /// Whether it belongs to a device that needs nothing but its configuration: a router, a switch, a
    /// telephone. The others load a system.
    #[must_use]
    pub const fn is_of_device(self) -> bool {
        matches!(self, Self::CiscoIos | Self::CiscoNxos | Self::Phone)
    }
}

/// What a name asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Something for the one machine that the name gives.
    Machine(Key),
    /// A step of a search: an IPv4 address in hex, cut to 7 digits or fewer, as it was sent; or the
    /// first groups of an IPv6 address. Stands for a whole network; few servers have such a file.
    Network(String),
    /// The last name of a search, for any machine: `pxelinux.cfg/default`, `grub.cfg`.
    Default,
    /// A list of modules that GRUB reads if it is there. An empty file does as well as none and
    /// keeps the screen clean.
    List,
    /// A file loaders try in every boot and do without: `autoexec.ipxe`, shim's revocations.
    Optional,
}

/// What [`asked`] finds in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Whose name it is.
    pub loader: Loader,
    /// What it asks for.
    pub ask: Ask,
}

/// Tells whose name a path is, if boot loaders have made it up. `None` for every other path, such
/// as that of a kernel. Looks at nothing but the text.
///
/// `path` is normalised as [`bootwire::Request::path`] is.
#[must_use]
pub fn asked(path: &str) -> Option<Asked> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = directory.rsplit('/').next().unwrap_or_default();
    loaders::asked(parent, name).or_else(|| devices::asked(parent, name))
}

#[cfg(test)]
mod tests;
