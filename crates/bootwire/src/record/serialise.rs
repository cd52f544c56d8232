//! Records as data, for JSON and whatever else serde writes.
//!
//! Names and units of the members are a promise; members may be added.

mod filename;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[cfg(feature = "schema")]
use super::schema::{caches, limits, modes, ops, outcomes};
use super::{Limit, Outcome, TransferRecord, Waits};
use crate::provenance::CacheUse;
use crate::{ErrorCode, Mode, Op, escape};

/// As an object with these members, in the order of the fields: times are RFC 3339 in UTC, durations
/// whole microseconds in members that end in `_us`.
impl Serialize for TransferRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Members::from(self).serialize(serializer)
    }
}

/// From what was serialised, also by an earlier release. Members that are not known are ignored.
impl<'de> Deserialize<'de> for TransferRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        Self::try_from(members).map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TransferRecord {
    fn schema_name() -> Cow<'static, str> {
        Members::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Members::json_schema(generator)
    }
}

/// What happened to one transfer.
// The comments of its members are the descriptions of the schema.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "TransferRecord")]
struct Members<'r> {
    /// Version of this schema. It grows when a member changes its meaning or goes.
    #[serde(default = "first_schema")]
    schema: u32,
    /// Number of the transfer since the server started, from 1.
    id: u64,
    /// When it ended: RFC 3339, UTC, microseconds.
    time: String,
    /// When the request arrived, in the same form.
    started: String,
    /// Read or write.
    #[cfg_attr(feature = "schema", schemars(schema_with = "ops"))]
    op: Cow<'r, str>,
    /// The client's address and port.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    peer: SocketAddr,
    /// The server's address that the client asked, with the port that answered.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    local: SocketAddr,
    /// The machine: its name in the inventory, or the MAC address, UUID or serial number it was known
    /// by.
    #[serde(default)]
    machine: Option<Cow<'r, str>>,
    /// The file name, made a path.
    path: Cow<'r, str>,
    /// The file name as it was sent. Bytes that are not UTF-8 show as \xff, a backslash as \\.
    filename: String,
    /// The W3C trace context that was taken off the end of the file name.
    #[serde(default)]
    traceparent: Option<Cow<'r, str>>,
    /// Transfer mode; null if the request cannot be read.
    #[cfg_attr(feature = "schema", schemars(schema_with = "modes"))]
    mode: Option<Cow<'r, str>>,
    /// Name and value of each option, as the client sent them, in order.
    options: Cow<'r, [(String, String)]>,
    /// Name and value of each option granted, in order.
    #[serde(default)]
    granted: Cow<'r, [(String, String)]>,
    /// The pattern of the route that answered; null if none did.
    route: Option<Cow<'r, str>>,
    /// Name and value of each label.
    labels: Cow<'r, [(String, String)]>,
    /// What kind of answer it was, such as dir; null if nobody said.
    #[serde(default)]
    answer: Option<Cow<'r, str>>,
    /// How the cache served it; null where there is none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "caches"))]
    cache: Option<Cow<'r, str>>,
    /// Which version of the content it was: an ETag, or size and time of a file.
    #[serde(default)]
    version: Option<Cow<'r, str>>,
    /// How it ended.
    #[cfg_attr(feature = "schema", schemars(schema_with = "outcomes"))]
    outcome: Cow<'r, str>,
    /// The ERROR that ended it, sent or received.
    error: Option<Error<'r>>,
    /// What the operator should know and the client was not told.
    detail: Option<Cow<'r, str>>,
    /// Block size in bytes.
    blksize: u16,
    /// Window in blocks.
    windowsize: u16,
    /// Granted timeout; null without the option.
    timeout_us: Option<u64>,
    /// Bytes of the file, if known.
    size: Option<u64>,
    /// Bytes that the client acknowledged (reads) or that were stored (writes).
    bytes: u64,
    /// Blocks sent or taken, each counted once however often it came.
    blocks: u64,
    /// DATA packets sent again (reads), or received in vain (writes).
    blocks_resent: u64,
    /// Gaps that the client's ACKs told of (reads), or that were seen in what came (writes).
    #[serde(default)]
    gaps: u32,
    /// How often the server's timer ran out.
    timeouts: u32,
    /// ACKs that said nothing new (reads).
    duplicate_acks: u32,
    /// Smoothed round trip at the end; null if none was measured.
    round_trip_us: Option<u64>,
    /// Smallest round trip.
    #[serde(default)]
    round_trip_min_us: Option<u64>,
    /// Whether only the last ACK never came.
    last_ack_missing: bool,
    /// From the request until the answer was found.
    handler_us: u64,
    /// From the request to the first DATA, sent or received.
    first_data_us: Option<u64>,
    /// Whom the transfer waited for, and how long: together no more than its duration.
    #[serde(default)]
    waits: WaitMembers,
    /// Whom it waited for longest; null if no block moved.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "limits"))]
    limited_by: Option<Cow<'r, str>>,
    /// From the request to the end.
    duration_us: u64,
}

/// The ERROR that ended a transfer.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Error")]
struct Error<'r> {
    /// Its code.
    code: u16,
    /// Its text.
    text: Cow<'r, str>,
}

/// Whom a transfer waited for.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Waits")]
struct WaitMembers {
    /// The client, the way there and back included.
    client_us: u64,
    /// The network: from a loss until the next progress.
    network_us: u64,
    /// The answer and its content: handler, origin, disk, or the place an upload is stored.
    content_us: u64,
    /// The server, while it was busy with others.
    server_us: u64,
}

const fn first_schema() -> u32 {
    1
}

impl<'r> From<&'r TransferRecord> for Members<'r> {
    fn from(record: &'r TransferRecord) -> Self {
        let waits = &record.waits;
        Self {
            schema: TransferRecord::SCHEMA,
            id: record.id,
            time: humantime::format_rfc3339_micros(record.ended()).to_string(),
            started: humantime::format_rfc3339_micros(record.started).to_string(),
            op: op_word(record.op).into(),
            peer: record.peer,
            local: record.local,
            machine: record.machine.as_deref().map(Cow::from),
            path: record.path.as_str().into(),
            filename: escape::escaped(&record.filename),
            traceparent: record.traceparent.as_deref().map(Cow::from),
            mode: record.mode.map(|mode| mode.name().into()),
            options: record.options.as_slice().into(),
            granted: record.granted.as_slice().into(),
            route: record.route.as_deref().map(Cow::from),
            labels: record.labels.as_slice().into(),
            answer: record.answer.as_deref().map(Cow::from),
            cache: record.cache.map(|cache| cache.as_str().into()),
            version: record.version.as_deref().map(Cow::from),
            outcome: record.outcome.as_str().into(),
            error: record.error.as_ref().map(|(code, text)| Error {
                code: code.wire(),
                text: text.as_str().into(),
            }),
            detail: record.detail.as_deref().map(Cow::from),
            blksize: record.blksize,
            windowsize: record.windowsize,
            timeout_us: record.timeout.map(micros),
            size: record.size,
            bytes: record.bytes,
            blocks: record.blocks,
            blocks_resent: record.blocks_resent,
            gaps: record.gaps,
            timeouts: record.timeouts,
            duplicate_acks: record.duplicate_acks,
            round_trip_us: record.round_trip.map(micros),
            round_trip_min_us: record.round_trip_min.map(micros),
            last_ack_missing: record.last_ack_missing,
            handler_us: micros(record.handler_time),
            first_data_us: record.first_data.map(micros),
            waits: WaitMembers {
                client_us: micros(waits.client),
                network_us: micros(waits.network),
                content_us: micros(waits.content),
                server_us: micros(waits.server),
            },
            limited_by: record.limited_by.map(|limit| limit.as_str().into()),
            duration_us: micros(record.duration),
        }
    }
}

impl TryFrom<Members<'_>> for TransferRecord {
    type Error = String;

    /// # Errors
    /// A text that is none of the words there are, or no time.
    fn try_from(members: Members<'_>) -> Result<Self, String> {
        let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let waits = members.waits;
        Ok(Self {
            id: members.id,
            started: time(&members.started)?,
            op: word(&members.op, op_of)?,
            peer: members.peer,
            local: members.local,
            machine: text(members.machine),
            path: members.path.into_owned(),
            filename: filename::unescaped(&members.filename)
                .ok_or_else(|| format!("{:?} is no file name", members.filename))?,
            traceparent: text(members.traceparent),
            mode: maybe(members.mode, |name| Mode::from_name(name.as_bytes()))?,
            options: members.options.into_owned(),
            granted: members.granted.into_owned(),
            route: text(members.route),
            labels: members.labels.into_owned(),
            answer: text(members.answer).map(Cow::from),
            cache: maybe(members.cache, CacheUse::from_word)?,
            version: text(members.version),
            outcome: word(&members.outcome, Outcome::from_word)?,
            error: members
                .error
                .map(|error| (ErrorCode::from_wire(error.code), error.text.into_owned())),
            detail: text(members.detail),
            blksize: members.blksize,
            windowsize: members.windowsize,
            timeout: members.timeout_us.map(Duration::from_micros),
            size: members.size,
            bytes: members.bytes,
            blocks: members.blocks,
            blocks_resent: members.blocks_resent,
            gaps: members.gaps,
            timeouts: members.timeouts,
            duplicate_acks: members.duplicate_acks,
            round_trip: members.round_trip_us.map(Duration::from_micros),
            round_trip_min: members.round_trip_min_us.map(Duration::from_micros),
            last_ack_missing: members.last_ack_missing,
            handler_time: Duration::from_micros(members.handler_us),
            first_data: members.first_data_us.map(Duration::from_micros),
            waits: Waits {
                client: Duration::from_micros(waits.client_us),
                network: Duration::from_micros(waits.network_us),
                content: Duration::from_micros(waits.content_us),
                server: Duration::from_micros(waits.server_us),
            },
            limited_by: maybe(members.limited_by, Limit::from_word)?,
            duration: Duration::from_micros(members.duration_us),
        })
    }
}

fn word<T>(text: &str, of: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    of(text).ok_or_else(|| format!("{text:?} is not known here"))
}

fn maybe<T>(
    text: Option<Cow<'_, str>>,
    of: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    text.map(|text| word(&text, of)).transpose()
}

fn time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|error| format!("{text:?}: {error}"))
}

const fn op_word(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
    }
}

fn op_of(word: &str) -> Option<Op> {
    [Op::Read, Op::Write]
        .into_iter()
        .find(|&op| op_word(op) == word)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was() {
        let mut record = TransferRecord::new(Op::Write, ([10, 0, 0, 7], 2070).into(), "/a\u{9b}");
        record.started = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456);
        record.filename = b"\\a\xff\n\x1b\"'\xe2\x80\xae\\x41".to_vec();
        record.mode = Some(Mode::Netascii);
        record.options = vec![("blksize".to_owned(), "1468".to_owned())];
        record.granted = record.options.clone();
        record.machine = Some("web1".to_owned());
        record.answer = Some("dir".into());
        record.cache = Some(CacheUse::Partial);
        record.version = Some("\"abc\"".to_owned());
        record.outcome = Outcome::ClientAbort;
        record.error = Some((ErrorCode::DiskFull, "full".to_owned()));
        record.timeout = Some(Duration::from_secs(3));
        record.round_trip_min = Some(Duration::from_micros(7));
        record.waits.network = Duration::from_micros(9);
        record.limited_by = Some(Limit::Network);
        record.duration = Duration::from_micros(11);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(
            serde_json::from_str::<TransferRecord>(&text).unwrap(),
            record
        );
    }

    #[test]
    fn a_record_of_an_earlier_release_lacks_what_is_new() {
        let mut record = TransferRecord::new(Op::Read, ([10, 0, 0, 7], 2070).into(), "/a");
        record.started = SystemTime::UNIX_EPOCH;
        let mut members = serde_json::to_value(&record).unwrap();
        let object = members.as_object_mut().unwrap();
        for new in [
            "schema",
            "machine",
            "traceparent",
            "granted",
            "answer",
            "cache",
            "version",
            "gaps",
            "round_trip_min_us",
            "waits",
            "limited_by",
        ] {
            assert!(object.remove(new).is_some(), "{new}");
        }
        object.insert("search".to_owned(), true.into());
        assert_eq!(
            serde_json::from_value::<TransferRecord>(members).unwrap(),
            record
        );
    }

    #[test]
    fn what_is_no_record_says_why() {
        let record = TransferRecord::new(Op::Read, ([10, 0, 0, 7], 2070).into(), "/a");
        for (member, wrong) in [("outcome", "lost"), ("op", "READ"), ("started", "now")] {
            let mut members = serde_json::to_value(&record).unwrap();
            members[member] = wrong.into();
            let error = serde_json::from_value::<TransferRecord>(members).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
