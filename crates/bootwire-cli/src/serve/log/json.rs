//! Records as JSON objects. Names and units of the members are a promise; members may be added.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire::{Op, TransferRecord};
use serde::Serialize;

use crate::shown;

/// The object on one line. JSON escapes the control characters of ASCII by itself; the others, and
/// what turns the direction of writing, could still steer a terminal that shows the log.
pub(super) fn line(record: &TransferRecord) -> String {
    // Numbers and text: nothing of it can fail to be written.
    let plain = serde_json::to_string(&Line::from(record)).unwrap_or_default();
    if plain.bytes().all(|byte| matches!(byte, 0x20..0x7f)) {
        return plain;
    }
    let mut safe = String::with_capacity(plain.len());
    for letter in plain.chars() {
        if letter.is_control() || shown::steers(letter) {
            // All of these fit 16 bits. Writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// The members, in the order they are written.
#[derive(Serialize)]
struct Line<'r> {
    id: u64,
    /// When the line was made: at the end.
    time: String,
    started: String,
    op: &'static str,
    peer: SocketAddr,
    local: SocketAddr,
    path: &'r str,
    /// A name need not be UTF-8: other bytes are shown like \xff, and the backslash as \\.
    filename: String,
    mode: Option<&'static str>,
    options: &'r [(String, String)],
    route: Option<&'r str>,
    labels: &'r [(String, String)],
    outcome: &'static str,
    /// Not found, and its boot loader goes on without.
    search: bool,
    error: Option<Error<'r>>,
    detail: Option<&'r str>,
    blksize: u16,
    windowsize: u16,
    timeout_us: Option<u64>,
    size: Option<u64>,
    bytes: u64,
    blocks: u64,
    blocks_resent: u64,
    timeouts: u32,
    duplicate_acks: u32,
    round_trip_us: Option<u64>,
    last_ack_missing: bool,
    handler_us: u64,
    first_data_us: Option<u64>,
    duration_us: u64,
}

#[derive(Serialize)]
struct Error<'r> {
    code: u16,
    text: &'r str,
}

impl<'r> From<&'r TransferRecord> for Line<'r> {
    fn from(record: &'r TransferRecord) -> Self {
        Self {
            id: record.id,
            time: humantime::format_rfc3339_micros(record.ended()).to_string(),
            started: humantime::format_rfc3339_micros(record.started).to_string(),
            op: match record.op {
                Op::Read => "read",
                Op::Write => "write",
            },
            peer: record.peer,
            local: record.local,
            path: &record.path,
            filename: shown::escaped(&record.filename),
            mode: record.mode.map(bootwire::Mode::name),
            options: &record.options,
            route: record.route.as_deref(),
            labels: &record.labels,
            outcome: record.outcome.as_str(),
            search: super::is_search(record),
            error: record.error.as_ref().map(|(code, text)| Error {
                code: code.wire(),
                text,
            }),
            detail: record.detail.as_deref(),
            blksize: record.blksize,
            windowsize: record.windowsize,
            timeout_us: record.timeout.map(micros),
            size: record.size,
            bytes: record.bytes,
            blocks: record.blocks,
            blocks_resent: record.blocks_resent,
            timeouts: record.timeouts,
            duplicate_acks: record.duplicate_acks,
            round_trip_us: record.round_trip.map(micros),
            last_ack_missing: record.last_ack_missing,
            handler_us: micros(record.handler_time),
            first_data_us: record.first_data.map(micros),
            duration_us: micros(record.duration),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use bootwire::ErrorCode;
    use serde_json::{Value, json};

    use super::super::sample;
    use super::*;

    #[tokio::test]
    async fn all_fields_are_there_under_stable_names() {
        let mut record = sample::record().await;
        record.error = Some((ErrorCode::NotDefined, "text".to_owned()));
        record.labels = vec![("machine".to_owned(), "web1".to_owned())];
        record.timeout = Some(Duration::from_secs(3));
        assert_eq!(
            serde_json::from_str::<Value>(&line(&record)).unwrap(),
            json!({
                "id": 7,
                "time": "2027-01-15T08:00:00.623456Z",
                "started": "2027-01-15T08:00:00.123456Z",
                "op": "read",
                "peer": "10.0.0.7:49152",
                "local": "10.0.0.1:30001",
                "path": "/boot/vmlinuz",
                "filename": "boot/vmlinuz",
                "mode": "octet",
                "options": [["blksize", "1468"]],
                "route": null,
                "labels": [["machine", "web1"]],
                "outcome": "complete",
                "search": false,
                "error": {"code": 0, "text": "text"},
                "detail": null,
                "blksize": 1468,
                "windowsize": 4,
                "timeout_us": 3_000_000,
                "size": 10_000_000,
                "bytes": 10_000_000,
                "blocks": 6813,
                "blocks_resent": 0,
                "timeouts": 0,
                "duplicate_acks": 0,
                "round_trip_us": 250,
                "last_ack_missing": false,
                "handler_us": 40,
                "first_data_us": 600,
                "duration_us": 500_000,
            })
        );
    }

    #[tokio::test]
    async fn an_object_is_one_line_whatever_the_client_sends() {
        let mut record = sample::record().await;
        record.path = "/a\nb\x1b\u{fffd}".to_owned();
        record.filename = b"a\nb\x1b\xff".to_vec();
        let told = line(&record);
        assert!(!told.contains(['\n', '\x1b']), "{told}");
        let read: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["filename"], "a\\nb\\u{1b}\\xff");
    }

    #[tokio::test]
    async fn a_line_cannot_steer_a_terminal_and_reads_back_as_it_was() {
        let mut record = sample::record().await;
        record.path = "/\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\nforged".to_owned();
        let line = line(&record);
        assert!(
            !line
                .chars()
                .any(|letter| letter.is_control() || shown::steers(letter))
        );
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["path"], *record.path);
    }
}
