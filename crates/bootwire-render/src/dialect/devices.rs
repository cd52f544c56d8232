//! Names that single-board computers, routers, switches and telephones ask for.

use super::loaders::{hostname, serial};
use super::{Ask, Asked, Key, Loader};

pub(super) fn asked(parent: &str, name: &str) -> Option<Asked> {
    let (loader, ask) = raspberry_pi(parent, name)
        .map(|ask| (Loader::RaspberryPi, ask))
        .or_else(|| nxos(name).map(|ask| (Loader::CiscoNxos, ask)))
        .or_else(|| phone(name).map(|ask| (Loader::Phone, ask)))
        .or_else(|| ios(name).map(|ask| (Loader::CiscoIos, ask)))?;
    Some(Asked { loader, ask })
}

/// The directory names the board: its serial number (eight hex digits, lower case), or its hardware
/// address if `TFTP_PREFIX=2` is set in the EEPROM. In the root the names are anyone's.
fn raspberry_pi(parent: &str, name: &str) -> Option<Ask> {
    let is_serial = parent.len() == 8
        && parent
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_serial {
        return (!name.is_empty()).then(|| Ask::Machine(Key::Serial(parent.to_owned())));
    }
    let is_mac = parent.len() == 17 && parent.as_bytes()[2] == b'-';
    if is_mac && !name.is_empty() {
        return Some(Ask::Machine(Key::Mac(parent.parse().ok()?)));
    }
    matches!(name, "bootcode.bin" | "bootsig.bin" | "autoboot.txt").then_some(Ask::Default)
}

/// `network-confg`, `cisconet.cfg` and `router-confg` are everybody's; `NAME-confg` is one router's,
/// whose name `network-confg` gave it.
fn ios(name: &str) -> Option<Ask> {
    if matches!(
        name,
        "network-confg" | "cisconet.cfg" | "router-confg" | "ciscortr.cfg"
    ) {
        return Some(Ask::Default);
    }
    let host = hostname(name.strip_suffix("-confg")?)?;
    Some(Ask::Machine(Key::Hostname(host)))
}

/// `conf.SERIAL` and `conf_MAC.cfg`, as Cisco's POAP scripts ask for them.
fn nxos(name: &str) -> Option<Ask> {
    if let Some(mac) = name
        .strip_prefix("conf_")
        .and_then(|rest| rest.strip_suffix(".cfg"))
    {
        return Some(Ask::Machine(Key::Mac(mac.parse().ok()?)));
    }
    let number = serial(name.strip_prefix("conf.")?)?;
    Some(Ask::Machine(Key::Serial(number)))
}

/// Words before a telephone's hardware address, longest first.
const PHONE_PREFIXES: [&str; 5] = ["CTLSEP", "ITLSEP", "SEP", "SIP", "snom"];

fn phone(name: &str) -> Option<Ask> {
    let (stem, kind) = name.split_once('.')?;
    match kind {
        "cnf.xml" | "cnf" | "tlv" | "cfg" | "htm" | "xml" | "boot" => {}
        _ => return None,
    }
    let named = PHONE_PREFIXES
        .iter()
        .find_map(|prefix| stem.strip_prefix(prefix))
        .unwrap_or(stem);
    // snom370-000413241234.htm, 0004f2123456-phone.cfg
    let mac = named.split('-').find_map(|part| {
        let bare = part.len() == 12;
        bare.then(|| part.parse().ok()).flatten()
    })?;
    Some(Ask::Machine(Key::Mac(mac)))
}
