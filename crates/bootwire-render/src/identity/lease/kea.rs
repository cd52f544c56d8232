//! Kea's memfile: comma-separated, one header line that names the columns, one line for each change
//! of a lease. Commas inside a value are written `&#x2c`.

use std::net::IpAddr;

use super::{Lease, Lines, Table, duid};
use crate::dialect::host;

/// Where the columns are that matter.
#[derive(Clone, Copy)]
struct Columns {
    address: usize,
    hwaddr: Option<usize>,
    duid: Option<usize>,
    lifetime: usize,
    expire: usize,
    hostname: Option<usize>,
    state: Option<usize>,
}

impl Columns {
    fn of(header: &str) -> Option<Self> {
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        let at = |wanted: &str| names.iter().position(|name| *name == wanted);
        Some(Self {
            address: at("address")?,
            hwaddr: at("hwaddr"),
            duid: at("duid"),
            lifetime: at("valid_lifetime")?,
            expire: at("expire")?,
            hostname: at("hostname"),
            state: at("state"),
        })
    }
}

pub(super) fn read(text: &str, table: &mut Table) -> Lines {
    let (mut columns, mut lines) = (None, Lines::default());
    for line in text.lines() {
        // A file that others were appended to has more than one header.
        if let Some(found) = Columns::of(line) {
            columns = Some(found);
            lines.note(line, true);
        } else {
            let change = columns.and_then(|columns| change(line, columns, table));
            lines.note(line, change.is_some());
        }
    }
    lines
}

/// One line; `None` if it makes no sense.
fn change(line: &str, columns: Columns, table: &mut Table) -> Option<()> {
    let values: Vec<&str> = line.split(',').take(64).map(str::trim).collect();
    let value = |at: usize| values.get(at).copied();
    let optional = |at: Option<usize>| at.and_then(value).unwrap_or_default();
    let ip: IpAddr = value(columns.address)?.parse().ok()?;
    let lifetime: u64 = value(columns.lifetime)?.parse().ok()?;
    let expires: u64 = value(columns.expire)?.parse().ok()?;
    // A lease without lifetime was released; a state other than 0 is declined or reclaimed.
    if lifetime == 0 || !matches!(optional(columns.state), "" | "0") {
        table.remove(ip);
        return Some(());
    }
    let hardware = optional(columns.hwaddr).parse().ok();
    let lease = Lease {
        mac: hardware.or_else(|| duid::mac(optional(columns.duid))),
        hostname: host(optional(columns.hostname).trim_end_matches('.')),
        expires: (lifetime != u64::from(u32::MAX)).then_some(expires),
    };
    table.set(ip, lease);
    Some(())
}
