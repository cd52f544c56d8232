//! A range of ports: `--ports`, `ports`.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// A range of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|&port| port > 0);
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first..=last)),
            (Some(_), Some(_)) => Err("the first port must not be above the last"),
            _ => Err("write two ports from 1 to 65535, like 30000-30063"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_ports_is_read() {
        assert_eq!("30000-30063".parse(), Ok(Ports(30_000..=30_063)));
        assert_eq!("30000".parse(), Ok(Ports(30_000..=30_000)));
        for text in ["", "a-b", "0-5", "5-70000", "9-5", "1-2-3"] {
            assert!(text.parse::<Ports>().is_err(), "{text}");
        }
    }
}
