//! Sizes, times and rates as people write and read them.

use std::fmt::Write;
use std::ops::RangeInclusive;
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
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<u64, String> {
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

/// Reads a time: `15m`, `1h 30m`, `500ms`, or a number of seconds like `0.25`.
///
/// # Errors
/// What to write instead.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| humantime::parse_duration(text).ok())
        .ok_or_else(|| "write a time like 30s, 5m or 500ms; a number is seconds".to_owned())
}

/// As [`parse_time`], within bounds.
///
/// # Errors
/// What to write instead.
pub fn parse_time_within(text: &str, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
    let time = parse_time(text)?;
    if bounds.contains(&time) {
        return Ok(time);
    }
    let (from, to) = bounds.into_inner();
    let shown = humantime::format_duration;
    Err(format!("write {} to {}", shown(from), shown(to)))
}

/// Bytes in the largest unit of which there is at least one: `20 GiB`, `1.5 MiB`.
pub fn bytes(bytes: u64) -> String {
    let (mut whole, mut unit) = (bytes as f64, "bytes");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if whole < 1024.0 {
            break;
        }
        whole /= 1024.0;
        unit = larger;
    }
    match unit {
        "bytes" => count(bytes, "byte", "bytes"),
        _ if whole.fract() < 0.05 => format!("{whole:.0} {unit}"),
        _ => format!("{whole:.1} {unit}"),
    }
}

/// Bytes a second, as a number and its unit; `None` where no time passed.
fn rate(bytes: u64, duration: Duration) -> Option<(f64, &'static str)> {
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
    Some((rate, unit))
}

/// Writes what `{:.1}` would, faster: that works out as many digits as a number may have, for
/// which a line of the log has no use.
fn write_tenths(out: &mut String, number: f64) {
    let tenths = number * 10.0;
    let fraction = tenths.fract();
    // Writing to a String cannot fail.
    let _ = if (0.0..1e15).contains(&tenths) && (fraction - 0.5).abs() > 1e-3 {
        let rounded = tenths as u64 + u64::from(fraction > 0.5);
        write!(out, "{}.{}", rounded / 10, rounded % 10)
    } else {
        // So close to the middle between two digits the number itself has to say.
        write!(out, "{number:.1}")
    };
}

/// A time span such as `1.23 s`, `4.5 ms`, `80 us`: three digits are enough for an eye.
pub fn span(duration: Duration) -> String {
    let mut out = String::new();
    write_span(&mut out, duration);
    out
}

/// Writes a [`span`].
pub fn write_span(out: &mut String, duration: Duration) {
    let micros = duration.as_micros();
    // Writing to a String cannot fail.
    let _ = if micros < 1000 {
        write!(out, "{micros} us")
    } else if micros < 1_000_000 {
        write_tenths(out, duration.as_secs_f64() * 1e3);
        out.write_str(" ms")
    } else if micros < 100_000_000 {
        write!(out, "{:.2} s", duration.as_secs_f64())
    } else {
        write!(out, "{:.0} s", duration.as_secs_f64())
    };
}

/// `123 bytes in 1.23 s (100.0 B/s)`.
pub fn moved(bytes: u64, duration: Duration) -> String {
    let mut out = String::new();
    write_moved(&mut out, bytes, duration);
    out
}

/// Writes what was [`moved`].
pub fn write_moved(out: &mut String, bytes: u64, duration: Duration) {
    write_count(out, bytes, "byte", "bytes");
    out.push_str(" in ");
    write_span(out, duration);
    if let Some((rate, unit)) = rate(bytes, duration) {
        out.push_str(" (");
        write_tenths(out, rate);
        out.push(' ');
        out.push_str(unit);
        out.push(')');
    }
}

/// `1 byte`, `2 bytes`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    let mut out = String::new();
    write_count(&mut out, number, one, many);
    out
}

/// Writes a [`count`].
pub fn write_count(out: &mut String, number: u64, one: &str, many: &str) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{number} {}", if number == 1 { one } else { many });
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
    fn one_notation_for_all_times() {
        for (text, millis) in [
            ("60", 60_000),
            ("0.25", 250),
            ("60s", 60_000),
            ("1m 30s", 90_000),
            ("500ms", 500),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_time(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["", "soon", "-1", "1e99", "inf", "nan", "5 parsecs"] {
            let error = parse_time(text).unwrap_err();
            assert!(error.contains("like 30s"), "{text}: {error}");
        }
        let within = |text| parse_time_within(text, Duration::ZERO..=Duration::from_millis(10));
        assert_eq!(within("1ms"), Ok(Duration::from_millis(1)));
        assert_eq!(within("1s").unwrap_err(), "write 0s to 10ms");
    }

    #[test]
    fn tenths_are_what_the_standard_library_makes_of_them() {
        let steps = (0..200_000_u32).map(|step| f64::from(step) / 400.0);
        let large = (0..2000_u32).map(|step| f64::from(step).powi(5) / 7.0);
        for number in steps.chain(large).chain([f64::MAX, 1e14 + 0.05]) {
            let mut out = String::new();
            write_tenths(&mut out, number);
            assert_eq!(out, format!("{number:.1}"));
        }
    }

    #[test]
    fn rates_and_spans_are_short() {
        let second = Duration::from_secs(1);
        assert_eq!(moved(9, Duration::ZERO), "9 bytes in 0 us");
        for (bytes, told) in [
            (999, "999.0 B/s"),
            (94_300_000, "94.3 MB/s"),
            (5_000_000_000_000, "5000.0 GB/s"),
        ] {
            assert_eq!(
                moved(bytes, second),
                format!("{bytes} bytes in 1.00 s ({told})")
            );
        }
        assert_eq!(span(Duration::from_micros(80)), "80 us");
        assert_eq!(span(Duration::from_micros(4_510)), "4.5 ms");
        assert_eq!(span(Duration::from_millis(1_234)), "1.23 s");
        assert_eq!(span(Duration::from_secs(1_000)), "1000 s");
        assert_eq!(moved(1, second), "1 byte in 1.00 s (1.0 B/s)");
        assert_eq!(moved(0, second), "0 bytes in 1.00 s");
    }
}
