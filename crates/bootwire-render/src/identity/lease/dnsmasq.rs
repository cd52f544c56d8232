//! `1767225600 52:54:00:12:34:56 192.168.2.7 node-7 *`: expiry (0 for ever), hardware address (for
//! IPv6 the IAID), address, name or `*`, client identifier or DUID.

use std::net::IpAddr;

use super::{Lease, Lines, Table, duid};
use crate::dialect::host;

pub(super) fn read(text: &str, table: &mut Table) -> Lines {
    let mut lines = Lines::default();
    for line in text.lines() {
        let lease = lease(line);
        // `duid 00:01:...` is the server's own.
        lines.note(line, lease.is_some() || line.starts_with("duid "));
        if let Some((ip, lease)) = lease {
            table.set(ip, lease);
        }
    }
    lines
}

fn lease(line: &str) -> Option<(IpAddr, Lease)> {
    let mut words = line.split_ascii_whitespace();
    let expires: u64 = words.next()?.parse().ok()?;
    let hardware = words.next()?;
    let ip: IpAddr = words.next()?.parse().ok()?;
    let (name, client) = (words.next()?, words.next());
    let mac = match ip {
        IpAddr::V4(_) => hardware.parse().ok(),
        IpAddr::V6(_) => client.and_then(duid::mac),
    };
    let lease = Lease {
        mac,
        hostname: host(name),
        expires: (expires != 0).then_some(expires),
    };
    Some((ip, lease))
}
