//! ISC dhcpd: declarations `host NAME { hardware ethernet MAC; fixed-address ADDRESS; }`, in dhcpd.conf
//! at any depth, and in dhcpd.leases where they were made while it ran.

use std::collections::HashMap;
use std::net::IpAddr;

use bootwire::MacAddr;

use super::{LEASES_MAX, Lease, Table};
use crate::dialect::host;

/// Takes the addresses of all hosts, and gives how many declarations there are.
pub(super) fn read(text: &str, table: &mut Table) -> usize {
    let mut declared: HashMap<String, Vec<IpAddr>> = HashMap::new();
    let mut count = 0;
    let mut tokens = Tokens { rest: text };
    let mut begins = true;
    while let Some(token) = tokens.next() {
        let is_host = begins && token == "host";
        begins = matches!(token, "{" | "}" | ";");
        if !is_host {
            continue;
        }
        let Some(name) = tokens.next().filter(|name| !is_mark(name)) else {
            continue;
        };
        if tokens.next() != Some("{") {
            continue;
        }
        let Some(block) = Host::read(&mut tokens) else {
            // Cut off: dhcpd is writing it.
            break;
        };
        begins = true;
        count += 1;
        for ip in declared.remove(name).unwrap_or_default() {
            table.remove(ip);
        }
        if block.deleted || block.mac.is_none() {
            continue;
        }
        for ip in &block.addresses {
            let lease = Lease {
                mac: block.mac,
                hostname: block.hostname.clone().or_else(|| host(name)),
                expires: None,
            };
            table.set(*ip, lease);
        }
        if declared.len() < LEASES_MAX {
            declared.insert(name.to_owned(), block.addresses);
        }
    }
    count
}

/// What a declaration says.
#[derive(Default)]
struct Host {
    mac: Option<MacAddr>,
    addresses: Vec<IpAddr>,
    hostname: Option<String>,
    deleted: bool,
}

/// Addresses of one host, at most.
const ADDRESSES_MAX: usize = 64;
/// Words of a statement that are looked at.
const WORDS_MAX: usize = 2 * ADDRESSES_MAX + 2;

impl Host {
    /// Reads up to the brace that closes it; `None` if there is none.
    fn read(tokens: &mut Tokens<'_>) -> Option<Self> {
        let (mut block, mut depth) = (Self::default(), 1);
        let mut words: Vec<&str> = Vec::new();
        loop {
            match tokens.next()? {
                "{" => {
                    depth += 1;
                    words.clear();
                }
                "}" => {
                    depth -= 1;
                    words.clear();
                    if depth == 0 {
                        return Some(block);
                    }
                }
                ";" => {
                    block.statement(&words);
                    words.clear();
                }
                word if words.len() < WORDS_MAX => words.push(word),
                _ => {}
            }
        }
    }

    fn statement(&mut self, words: &[&str]) {
        match words {
            ["hardware", "ethernet", mac] => self.mac = mac.parse().ok(),
            // Names are left alone: to look them up takes time.
            ["fixed-address" | "fixed-address6", addresses @ ..] => {
                let addresses = addresses.iter().filter_map(|word| word.parse().ok());
                self.addresses = addresses.take(ADDRESSES_MAX).collect();
            }
            ["option", "host-name", name] | ["supersede", "host-name", "=", name] => {
                self.hostname = host(name.trim_matches('"'));
            }
            ["deleted"] => self.deleted = true,
            _ => {}
        }
    }
}

fn is_mark(token: &str) -> bool {
    matches!(token, "{" | "}" | ";")
}

/// Words, quoted texts, braces and semicolons; commas and comments count for nothing.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let is_nothing = |letter: char| letter.is_ascii_whitespace() || letter == ',';
            self.rest = self.rest.trim_start_matches(is_nothing);
            if !self.rest.starts_with('#') {
                break;
            }
            let line = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[line..];
        }
        let end = match self.rest.bytes().next()? {
            b'{' | b'}' | b';' => 1,
            b'"' => self.rest[1..]
                .find('"')
                .map_or(self.rest.len(), |end| end + 2),
            _ => {
                let is_end = |letter: char| {
                    letter.is_ascii_whitespace()
                        || matches!(letter, '{' | '}' | ';' | ',' | '#' | '"')
                };
                self.rest.find(is_end).unwrap_or(self.rest.len())
            }
        };
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (usize, Vec<String>) {
        let mut table = Table::default();
        let count = read(text, &mut table);
        let mut told: Vec<String> = table
            .0
            .iter()
            .map(|(ip, lease)| {
                let name = lease.hostname.as_deref().unwrap_or("-");
                format!("{ip} {} {name}", lease.mac.unwrap())
            })
            .collect();
        told.sort();
        (count, told)
    }

    #[test]
    fn hosts_are_read_at_any_depth_and_in_any_layout() {
        let text = r#"
            # host commented { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0.0.1; }
            option host-name "host";
            subnet 10.0.0.0 netmask 255.255.255.0 {
              host web1 { hardware ethernet 52:54:00:00:00:02; fixed-address 10.0.0.2, 10.0.0.3; }
              group { next-server 10.0.0.1;
                host web2{hardware ethernet 52:54:00:00:00:04;
                  option host-name "Named"; # its own
                  if known { fixed-address 10.9.9.9; }
                  fixed-address 10.0.0.4;}
              }
            }
            host name-only { hardware ethernet 52:54:00:00:00:05; fixed-address web5.example.com; }
            host nobody { fixed-address 10.0.0.6; }
            host six { hardware ethernet 52:54:00:00:00:07; fixed-address6 fd00::7; }
        "#;
        let expected = [
            "10.0.0.2 52:54:00:00:00:02 web1",
            "10.0.0.3 52:54:00:00:00:02 web1",
            "10.0.0.4 52:54:00:00:00:04 named",
            "fd00::7 52:54:00:00:00:07 six",
        ];
        assert_eq!(told(text), (5, expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn the_last_declaration_of_a_name_counts() {
        let host = |name: &str, rest: &str| {
            format!("host {name} {{ dynamic; hardware ethernet 52:54:00:00:00:01; {rest} }}\n")
        };
        let text = [
            host("a", "fixed-address 10.0.0.1;"),
            host("a", "fixed-address 10.0.0.2;"),
            host("b", "fixed-address 10.0.0.3;"),
            "host b { dynamic; deleted; }\n".to_owned(),
            "host c { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0".to_owned(),
        ];
        assert_eq!(
            told(&text.concat()),
            (4, vec!["10.0.0.2 52:54:00:00:00:01 a".to_owned()])
        );
    }

    #[test]
    fn no_text_stops_it() {
        for text in [
            "host",
            "host {",
            "host a",
            "host a {",
            "\"",
            "host a { \"",
            "}}}{{{;;;",
            "host host host { }",
        ] {
            assert_eq!(told(text).1, Vec::<String>::new(), "{text}");
        }
        let nested = "host a {".repeat(10_000);
        assert_eq!(told(&nested).1, Vec::<String>::new());
    }
}
