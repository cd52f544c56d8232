//! Sizes and rates as people write and read them.

use std::time::Duration;

/// Units and their factors: with `iB`, or a lone letter, powers of 1024; with `B` powers of 1000.
const UNITS: [(&str, u64); 15] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
    ("t", 1 << 40),
    ("tib", 1 << 40),
    ("tb", 1_000_000_000_000),
    ("bytes", 1),
];

/// Reads a size such as `1500`, `64M`, `20 GiB`; in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let digits = trimmed
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    if number.is_empty() || unit.starts_with('.') {
        return Err("write a whole number and a unit, like 64M or 20GiB".to_owned());
    }
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|&(_, factor)| factor)
        .ok_or_else(|| format!("no such unit {unit:?}: use K, M, G or T (or KiB, kB, ...)"))?;
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "that is more than 64 bits can count".to_owned())
}

/// Bytes a second, such as `94.3 MB/s`; `None` where no time passed.
pub(crate) fn rate(bytes: u64, duration: Duration) -> Option<String> {
    let seconds = duration.as_secs_f64();
    if seconds <= 0.0 || bytes == 0 {
        return None;
    }
    let mut rate = bytes as f64 / seconds;
    let mut unit = "B/s";
    for larger in ["kB/s", "MB/s", "GB/s"] {
        if rate < 1000.0 {
            break;
        }
        rate /= 1000.0;
        unit = larger;
    }
    Some(format!("{rate:.1} {unit}"))
}

/// A time span such as `1.23 s`, `4.5 ms`, `80 us`: three digits are enough for an eye.
pub(crate) fn span(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 1000 {
        format!("{micros} us")
    } else if micros < 1_000_000 {
        format!("{:.1} ms", duration.as_secs_f64() * 1e3)
    } else if micros < 100_000_000 {
        format!("{:.2} s", duration.as_secs_f64())
    } else {
        format!("{:.0} s", duration.as_secs_f64())
    }
}

/// `123 bytes in 1.23 s (100.0 B/s)`.
pub(crate) fn moved(bytes: u64, duration: Duration) -> String {
    let amount = format!("{} in {}", count(bytes, "byte", "bytes"), span(duration));
    match rate(bytes, duration) {
        Some(rate) => format!("{amount} ({rate})"),
        None => amount,
    }
}

/// `1 byte`, `2 bytes`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("64M", 64 << 20),
            ("64m", 64 << 20),
            ("20GiB", 20 << 30),
            ("20 GiB", 20 << 30),
            ("2kB", 2000),
            ("3 tb", 3_000_000_000_000),
            (" 7 bytes ", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_explained() {
        for (text, part) in [
            ("", "whole number"),
            ("M", "whole number"),
            ("-1", "whole number"),
            ("1.5G", "whole number"),
            ("5 potatoes", "no such unit \"potatoes\""),
            ("99999999999999999999", "64 bits"),
            ("99999999999T", "64 bits"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn rates_and_spans_are_short() {
        let second = Duration::from_secs(1);
        assert_eq!(rate(0, second), None);
        assert_eq!(rate(1, Duration::ZERO), None);
        assert_eq!(rate(999, second).as_deref(), Some("999.0 B/s"));
        assert_eq!(rate(94_300_000, second).as_deref(), Some("94.3 MB/s"));
        assert_eq!(
            rate(5_000_000_000_000, second).as_deref(),
            Some("5000.0 GB/s")
        );
        assert_eq!(span(Duration::from_micros(80)), "80 us");
        assert_eq!(span(Duration::from_micros(4_510)), "4.5 ms");
        assert_eq!(span(Duration::from_millis(1_234)), "1.23 s");
        assert_eq!(span(Duration::from_secs(1_000)), "1000 s");
        assert_eq!(moved(1, second), "1 byte in 1.00 s (1.0 B/s)");
        assert_eq!(moved(0, second), "0 bytes in 1.00 s");
    }
}
