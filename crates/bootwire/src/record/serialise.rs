//! Records as data, for JSON and whatever else serde writes.
//!
//! Names and units of the members are a promise; members may be added.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::TransferRecord;
use crate::{Mode, Op, escape};

/// As an object with these members, in the order of the fields: times are RFC 3339 in UTC, durations
/// whole microseconds in members that end in `_us`.
impl Serialize for TransferRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Members::from(self).serialize(serializer)
    }
}

/// The members, in the order they are written.
#[derive(Serialize)]
#[serde(rename = "TransferRecord")]
struct Members<'r> {
    id: u64,
    /// When the record was made: at the end.
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

impl<'r> From<&'r TransferRecord> for Members<'r> {
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
            filename: escape::escaped(&record.filename),
            mode: record.mode.map(Mode::name),
            options: &record.options,
            route: record.route.as_deref(),
            labels: &record.labels,
            outcome: record.outcome.as_str(),
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
