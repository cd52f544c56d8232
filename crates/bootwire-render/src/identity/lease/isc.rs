//! ISC dhcpd: blocks `lease ADDRESS { statement; ... }`, appended; the last one of an address counts.

use std::net::IpAddr;

use super::{Lease, Lines, Table};
use crate::dialect::host;

/// A block that is being read.
struct Block {
    ip: IpAddr,
    lease: Lease,
    active: bool,
}

pub(super) fn read(text: &str, table: &mut Table) -> Lines {
    let (mut block, mut lines): (Option<Block>, _) = (None, Lines::default());
    for line in text.lines() {
        let line = line.trim();
        lines.note(line, is_statement(line));
        let words: Vec<&str> = line
            .trim_end_matches([';', '{'])
            .split_ascii_whitespace()
            .take(8)
            .collect();
        match (&mut block, words.as_slice()) {
            (_, ["lease", ip]) if line.ends_with('{') => {
                block = ip.parse().ok().map(|ip| Block {
                    ip,
                    lease: Lease {
                        mac: None,
                        hostname: None,
                        expires: None,
                    },
                    active: true,
                });
            }
            (Some(_), ["}"]) => {
                if let Some(Block { ip, lease, active }) = block.take() {
                    if active {
                        table.set(ip, lease);
                    } else {
                        table.remove(ip);
                    }
                }
            }
            (Some(block), words) => block.statement(words),
            (None, _) => {}
        }
    }
    lines
}

/// Whether it begins with a word and ends as lines of dhcpd do.
fn is_statement(line: &str) -> bool {
    let first = line.split_ascii_whitespace().next().unwrap_or_default();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    line == "}" || !first.is_empty() && first.bytes().all(is_word) && line.ends_with([';', '{'])
}

impl Block {
    fn statement(&mut self, words: &[&str]) {
        match words {
            ["hardware", "ethernet", mac] => self.lease.mac = mac.parse().ok(),
            ["client-hostname", name] => self.lease.hostname = host(name.trim_matches('"')),
            ["binding", "state", state] => self.active = *state == "active",
            ["ends", "never"] => self.lease.expires = None,
            ["ends", "epoch", seconds, ..] => {
                self.lease.expires = Some(seconds.trim_end_matches(';').parse().unwrap_or(0));
            }
            // A time that cannot be read is past: better no lease than a wrong one.
            ["ends", _weekday, day, time] => {
                self.lease.expires = Some(epoch(day, time).unwrap_or(0));
            }
            _ => {}
        }
    }
}

/// `2026/11/22 12:00:00`, in UTC, as seconds since 1970.
fn epoch(day: &str, time: &str) -> Option<u64> {
    let [year, month, date] = numbers(day, '/')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&date)
        && hour < 24
        && minute < 60
        && second < 62;
    if !is_time {
        return None;
    }
    // Days before the month, counting years from March so that leap days come last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (month * 153 + 2) / 5 + date - 1 - DAYS_TO_1970;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from the first of March of the year 0 to 1970.
const DAYS_TO_1970: u64 = 719_468;

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let numbers: Vec<u64> = text
        .splitn(3, separator)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::epoch;

    #[test]
    fn times_are_read_as_date_gives_them() {
        for (day, time, seconds) in [
            ("1970/01/01", "00:00:00", 0),
            ("2000/02/29", "12:00:00", 951_825_600),
            ("2026/11/22", "12:34:56", 1_795_350_896),
            ("2038/01/19", "03:14:08", 2_147_483_648),
        ] {
            assert_eq!(epoch(day, time), Some(seconds), "{day} {time}");
        }
        for (day, time) in [
            ("0000/01/01", "00:00:00"),
            ("2026/13/01", "00:00:00"),
            ("2026/11", "00:00:00"),
            ("2026/11/22", "24:00:00"),
            ("99999999999999999999/1/1", "00:00:00"),
        ] {
            assert_eq!(epoch(day, time), None, "{day} {time}");
        }
    }
}
