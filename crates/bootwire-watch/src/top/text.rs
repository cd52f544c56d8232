//! How texts and amounts are written in a cell.

use crate::{shown, size};

/// Text from elsewhere, which must not steer the terminal.
pub(super) fn plain(text: &str) -> String {
    if text
        .chars()
        .any(|letter| letter.is_control() || shown::steers(letter))
    {
        return shown::escaped(text.as_bytes());
    }
    text.to_owned()
}

/// Bytes a second in few letters: `112 MB/s`.
pub(super) fn rate(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B/s");
    for larger in ["kB/s", "MB/s", "GB/s"] {
        if number < 1000.0 {
            break;
        }
        number /= 1000.0;
        unit = larger;
    }
    match number < 9.95 && unit != "B/s" {
        true => format!("{number:.1} {unit}"),
        false => format!("{number:.0} {unit}"),
    }
}

/// Bytes in few letters: `12 MiB`.
pub(super) fn short(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ => size::bytes(bytes),
    }
}

/// Text of exactly so many letters: of a long one, its end, which tells files apart.
pub(super) fn fitted(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return format!("{text:<width$}");
    }
    let end: String = text.chars().skip(count + 1 - width).collect();
    format!("…{end}")
}
