//! The names of one search, in order.

use std::net::IpAddr;

use bootwire::MacAddr;

use super::Uuid;

/// A machine as its boot loader knows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Searcher {
    /// SMBIOS UUID, if the loader has one.
    pub uuid: Option<Uuid>,
    /// The hardware address of the card it boots from.
    pub mac: Option<MacAddr>,
    /// The address DHCP gave it.
    pub ip: Option<IpAddr>,
}

/// What GRUB 2 asks for, in order, when its prefix is `prefix` (`/grub`, `/boot/grub`).
///
/// GRUB writes hex digits of an IPv4 address in upper case, of a hardware address in lower case.
///
/// ```
/// use bootwire_render::dialect::{Searcher, grub_names};
///
/// let names = grub_names("/grub", &Searcher {
///     mac: "52:54:00:12:34:56".parse().ok(),
///     ip: "192.0.2.7".parse().ok(),
///     ..Searcher::default()
/// });
/// assert_eq!(names[0], "/grub/grub.cfg-01-52-54-00-12-34-56");
/// assert_eq!(names[1], "/grub/grub.cfg-C0000207");
/// assert_eq!(names[8], "/grub/grub.cfg-C");
/// assert_eq!(names[9], "/grub/grub.cfg");
/// ```
#[must_use]
pub fn grub_names(prefix: &str, who: &Searcher) -> Vec<String> {
    let prefix = prefix.trim_end_matches('/');
    let mut keys = Vec::new();
    keys.extend(who.uuid.map(|uuid| uuid.to_string()));
    keys.extend(who.mac.map(|mac| format!("01-{}", mac.dashed())));
    match who.ip {
        Some(IpAddr::V4(ip)) => keys.extend(shortened(&format!("{:08X}", ip.to_bits()))),
        Some(IpAddr::V6(ip)) => {
            let groups = ip.segments().map(|group| format!("{group:x}"));
            keys.extend((1..=groups.len()).rev().map(|n| groups[..n].join("-")));
        }
        None => {}
    }
    let mut names: Vec<String> = keys
        .into_iter()
        .map(|key| format!("{prefix}/grub.cfg-{key}"))
        .collect();
    names.push(format!("{prefix}/grub.cfg"));
    names
}

/// What PXELINUX asks for, in order, when it was loaded from the directory `directory` (empty for
/// the root): the UUID, the hardware address behind its type, the IPv4 address in hex and its first
/// digits, `default`.
///
/// PXELINUX 6.04 asked for no UUID when we watched it; older ones do. U-Boot's `pxe get` asks for
/// `default-ARCH-BOARD` and `default-ARCH` before `default`.
#[must_use]
pub fn pxelinux_names(directory: &str, who: &Searcher) -> Vec<String> {
    let directory = directory.trim_end_matches('/');
    let mut keys = Vec::new();
    keys.extend(who.uuid.map(|uuid| uuid.to_string()));
    keys.extend(who.mac.map(|mac| format!("01-{}", mac.dashed())));
    if let Some(IpAddr::V4(ip)) = who.ip {
        keys.extend(shortened(&format!("{:08X}", ip.to_bits())));
    }
    keys.push("default".to_owned());
    keys.into_iter()
        .map(|key| format!("{directory}/pxelinux.cfg/{key}"))
        .collect()
}

/// The digits, then one less, down to the first.
fn shortened(digits: &str) -> impl Iterator<Item = String> {
    (1..=digits.len()).rev().map(|len| digits[..len].to_owned())
}
