//! Names that boot loaders for computers ask for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bootwire::MacAddr;

use super::{Ask, Asked, Key, Loader};

/// Lists GRUB reads from the directory of its platform.
const GRUB_LISTS: [&str; 8] = [
    "command.lst",
    "crypto.lst",
    "fs.lst",
    "handler.lst",
    "parttool.lst",
    "partmap.lst",
    "terminal.lst",
    "video.lst",
];

/// What shim asks for before GRUB; a computer without updates of its revocations has none of them.
const SHIM_OPTIONAL: [&str; 3] = [
    "revocations.efi",
    "revocations_sbat.efi",
    "revocations_sku.efi",
];

pub(super) fn asked(parent: &str, name: &str) -> Option<Asked> {
    let (loader, ask) = grub(name)
        .map(|ask| (Loader::Grub, ask))
        .or_else(|| pxelinux(parent, name).map(|ask| (Loader::Pxelinux, ask)))
        .or_else(|| ipxe(name).map(|ask| (Loader::Ipxe, ask)))
        .or_else(|| shim(name).map(|ask| (Loader::Shim, ask)))
        .or_else(|| windows(parent, name).map(|ask| (Loader::Windows, ask)))?;
    Some(Asked { loader, ask })
}

fn grub(name: &str) -> Option<Ask> {
    if GRUB_LISTS.contains(&name) {
        return Some(Ask::List);
    }
    match name.strip_prefix("grub.cfg")? {
        "" => Some(Ask::Default),
        rest => {
            let rest = rest.strip_prefix('-')?;
            machine(rest).or_else(|| ipv6_groups(rest))
        }
    }
}

fn pxelinux(parent: &str, name: &str) -> Option<Ask> {
    if parent != "pxelinux.cfg" {
        return None;
    }
    // U-Boot appends its architecture and board: default-arm-bcm283x.
    if name == "default" || name.starts_with("default-") {
        return Some(Ask::Default);
    }
    machine(name)
}

/// What GRUB and PXELINUX have in common: a UUID, a hardware address behind its type, an IPv4
/// address in hex.
fn machine(text: &str) -> Option<Ask> {
    if let Ok(uuid) = text.parse() {
        return Some(Ask::Machine(Key::Uuid(uuid)));
    }
    typed_mac(text)
        .map(Key::Mac)
        .map(Ask::Machine)
        .or_else(|| hex_ip(text))
}

/// `01-52-54-00-12-34-56`: the ARP hardware type, then the address.
fn typed_mac(text: &str) -> Option<MacAddr> {
    let (kind, mac) = text.split_at_checked(3)?;
    let kind = kind.as_bytes();
    let is_typed = kind[0].is_ascii_hexdigit() && kind[1].is_ascii_hexdigit() && kind[2] == b'-';
    // Six bytes joined by dashes and nothing else is what is asked.
    (is_typed && mac.len() == 17)
        .then(|| mac.parse().ok())
        .flatten()
}

/// `C0A80207`, or its first digits.
fn hex_ip(text: &str) -> Option<Ask> {
    let is_hex = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    if text.len() < 8 {
        return Some(Ask::Network(text.to_owned()));
    }
    let address = u32::from_str_radix(text, 16).ok()?;
    Some(Ask::Machine(Key::Ip(IpAddr::V4(Ipv4Addr::from(address)))))
}

/// `fd00-0-0-0-0-0-0-7`, or its first groups.
fn ipv6_groups(text: &str) -> Option<Ask> {
    let mut groups = [0_u16; 8];
    let mut count = 0;
    for group in text.split('-') {
        // GRUB writes no leading zeros.
        let is_group = (1..=4).contains(&group.len())
            && group.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (group.len() == 1 || !group.starts_with('0'));
        if !is_group {
            return None;
        }
        *groups.get_mut(count)? = u16::from_str_radix(group, 16).ok()?;
        count += 1;
    }
    Some(if count == groups.len() {
        Ask::Machine(Key::Ip(IpAddr::V6(Ipv6Addr::from(groups))))
    } else {
        Ask::Network(text.to_owned())
    })
}

/// iPXE has no search of its own but `autoexec.ipxe`; these are the names that embedded scripts
/// and documents use.
fn ipxe(name: &str) -> Option<Ask> {
    if name == "autoexec.ipxe" {
        return Some(Ask::Optional);
    }
    let stem = name.strip_suffix(".ipxe")?;
    let (kind, rest) = stem.split_once('-').unwrap_or(("", stem));
    let key = match kind.to_ascii_lowercase().as_str() {
        "mac" => Key::Mac(rest.parse().ok()?),
        "uuid" => Key::Uuid(rest.parse().ok()?),
        "serial" => Key::Serial(serial(rest)?),
        "host" | "hostname" => Key::Hostname(hostname(rest)?),
        "ip" => Key::Ip(rest.parse().ok()?),
        _ => bare(stem)?,
    };
    Some(Ask::Machine(key))
}

/// A whole name that is nothing but a hardware address or a UUID, with or without PXELINUX's type.
fn bare(text: &str) -> Option<Key> {
    let mac = || typed_mac(text).or_else(|| text.parse().ok());
    let uuid = || text.parse().ok();
    mac().map(Key::Mac).or_else(|| uuid().map(Key::Uuid))
}

fn shim(name: &str) -> Option<Ask> {
    let is_certificate = name
        .strip_prefix("shim_certificate_")
        .and_then(|rest| rest.strip_suffix(".efi"))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    (SHIM_OPTIONAL.contains(&name) || is_certificate).then_some(Ask::Optional)
}

fn windows(parent: &str, name: &str) -> Option<Ask> {
    let is_store = name.eq_ignore_ascii_case("bcd") && parent.eq_ignore_ascii_case("boot");
    is_store.then_some(Ask::Default)
}

/// A serial number as a file name can hold it.
pub(super) fn serial(text: &str) -> Option<String> {
    let is_serial = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_serial.then(|| text.to_owned())
}

/// A host name, in lower case.
pub(crate) fn hostname(text: &str) -> Option<String> {
    let is_name = (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_name.then(|| text.to_ascii_lowercase())
}
