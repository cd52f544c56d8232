//! Records as JSON objects: the framework's, with a member of ours behind.

use std::fmt::Write;

use bootwire::{TransferRecord, escape as shown};
use serde::Serialize;

/// The object on one line. JSON escapes the control characters of ASCII by itself; the others, and
/// what turns the direction of writing, could still steer a terminal that shows the log.
pub(super) fn line(record: &TransferRecord) -> String {
    // Numbers and text: nothing of it can fail to be written.
    let plain = serde_json::to_string(&RecordLine::of(record)).unwrap_or_default();
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

/// A record as it is told: with what the framework does not know.
#[derive(Serialize)]
pub(crate) struct RecordLine<'r> {
    #[serde(flatten)]
    record: &'r TransferRecord,
    /// Not found, and its boot loader goes on without.
    search: bool,
}

impl<'r> RecordLine<'r> {
    pub(crate) fn of(record: &'r TransferRecord) -> Self {
        Self {
            record,
            search: super::is_search(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bootwire::ErrorCode;
    use serde_json::Value;

    use super::*;
    use crate::sample;

    #[tokio::test]
    async fn all_fields_are_there_under_stable_names() {
        let mut record = sample::record().await;
        record.error = Some((ErrorCode::NotDefined, "text".to_owned()));
        record.labels = vec![("machine".to_owned(), "web1".to_owned())];
        record.timeout = Some(Duration::from_secs(3));
        let expected = r#"{
            "schema": 1,
            "id": 7,
            "time": "2027-01-15T08:00:00.623456Z",
            "started": "2027-01-15T08:00:00.123456Z",
            "op": "read",
            "peer": "10.0.0.7:49152",
            "local": "10.0.0.1:30001",
            "machine": "web1",
            "path": "/boot/vmlinuz",
            "filename": "boot/vmlinuz",
            "traceparent": null,
            "mode": "octet",
            "options": [["blksize", "1468"]],
            "granted": [["blksize", "1468"]],
            "route": null,
            "labels": [["machine", "web1"]],
            "answer": "dir",
            "cache": "hit",
            "version": "\"v1\"",
            "outcome": "complete",
            "error": {"code": 0, "text": "text"},
            "detail": null,
            "blksize": 1468,
            "windowsize": 4,
            "timeout_us": 3000000,
            "size": 10000000,
            "bytes": 10000000,
            "blocks": 6813,
            "blocks_resent": 0,
            "gaps": 0,
            "timeouts": 0,
            "duplicate_acks": 0,
            "round_trip_us": 250,
            "round_trip_min_us": 180,
            "last_ack_missing": false,
            "handler_us": 40,
            "first_data_us": 600,
            "waits": {"client_us": 470000, "network_us": 0, "content_us": 40, "server_us": 29960},
            "limited_by": "client",
            "duration_us": 500000,
            "search": false
        }"#;
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&line(&record)), value(expected));
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
