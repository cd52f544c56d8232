//! Records in plain words.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use bootwire::{Limit, Op, Outcome, TransferRecord};
use bootwire::{amount as size, escape as shown};

use super::{is_search, write_words};

/// A transfer that took so long has a word on what held it up.
const LONG: Duration = Duration::from_secs(2);

/// Writes `TIME PEER read PATH: OUTCOME, ...`; the time is the end's, so that lines are in order. Every transfer costs this: it is written in one go.
pub(super) fn line(record: &TransferRecord, out: &mut String) {
    write_time(out, record.ended());
    told(record, out);
}

/// Writes when it was, and a blank.
pub(super) fn write_time(out: &mut String, time: SystemTime) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{} ", humantime::format_rfc3339_millis(time));
}

/// What a client does.
pub(super) const fn op(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
    }
}

/// Writes the line without the time.
pub(super) fn told(record: &TransferRecord, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{} {} ", record.peer, op(record.op));
    // The path; where it was not UTF-8, the name as it was sent, which shows what it was.
    if record.path.contains(char::REPLACEMENT_CHARACTER) {
        shown::write_word(out, &record.filename);
    } else {
        shown::write_word(out, record.path.as_bytes());
    }
    out.push_str(": ");
    write_words(out, record.outcome);
    if is_search(record) {
        out.push_str(" (a boot loader's search)");
    }
    amount(record, out);
    if record.outcome != Outcome::Probe
        && let Some((code, text)) = &record.error
    {
        let _ = write!(
            out,
            ", error {} {}",
            code.wire(),
            shown::quoted(text.as_bytes())
        );
    }
    if let Some(detail) = &record.detail {
        out.push_str(", ");
        out.push_str(&shown::escaped(detail.as_bytes()));
    }
    if record.blocks > 0 {
        let _ = write!(out, ", blksize {}", record.blksize);
        if record.windowsize > 1 {
            let _ = write!(out, ", windowsize {}", record.windowsize);
        }
    }
    if record.blocks_resent > 0 {
        out.push_str(", ");
        size::write_count(out, record.blocks_resent, "block", "blocks");
        out.push_str(match record.op {
            Op::Read => " resent",
            Op::Write => " in vain",
        });
    }
    if record.timeouts > 0 {
        out.push_str(", ");
        size::write_count(out, record.timeouts.into(), "timeout", "timeouts");
    }
    if record.last_ack_missing {
        out.push_str(", last ACK missing");
    }
    held_up(record, out);
    for (label, value) in &record.labels {
        out.push_str(", ");
        shown::write_word(out, label.as_bytes());
        out.push('=');
        shown::write_word(out, value.as_bytes());
    }
}

/// Writes who held up a transfer that took long enough to ask.
fn held_up(record: &TransferRecord, out: &mut String) {
    let Some(limit) = record.limited_by.filter(|_| record.duration >= LONG) else {
        return;
    };
    let blocks = u32::try_from(record.blocks).unwrap_or(u32::MAX).max(1);
    // Writing to a String cannot fail.
    let _ = write!(out, ", limited by the {limit}: ");
    size::write_span(out, record.waits.of(limit) / blocks);
    out.push_str(" a block");
    if limit != Limit::Server
        && let Some(own) = record.server_per_block()
    {
        out.push_str(", the server ");
        size::write_span(out, own);
    }
}

/// Writes how much, how long, how fast. A transfer that never moved has nothing to tell but the
/// size that was asked for.
fn amount(record: &TransferRecord, out: &mut String) {
    match record.outcome {
        Outcome::Complete => {
            out.push_str(", ");
            size::write_moved(out, record.bytes, record.duration);
        }
        Outcome::Probe => {
            if let Some(size) = record.size {
                out.push_str(", ");
                size::write_count(out, size, "byte", "bytes");
            }
        }
        _ if record.blocks > 0 => {
            out.push_str(", ");
            size::write_count(out, record.bytes, "byte", "bytes");
            if let Some(size) = record.size {
                // Writing to a String cannot fail.
                let _ = write!(out, " of {size}");
            }
            out.push_str(" in ");
            size::write_span(out, record.duration);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bootwire::ErrorCode;

    use super::*;
    use crate::sample;

    fn line(record: &TransferRecord) -> String {
        let mut out = String::new();
        super::line(record, &mut out);
        out
    }

    #[tokio::test]
    async fn a_transfer_is_told_in_one_line() {
        let mut record = sample::record().await;
        assert_eq!(
            line(&record),
            "2027-01-15T08:00:00.623Z 10.0.0.7:49152 read /boot/vmlinuz: complete, \
             10000000 bytes in 500.0 ms (20.0 MB/s), blksize 1468, windowsize 4"
        );
        record.blocks_resent = 3;
        record.timeouts = 1;
        record.last_ack_missing = true;
        record.labels = vec![("machine".to_owned(), "web 1".to_owned())];
        record.path = "/a b".to_owned();
        assert_eq!(
            line(&record),
            "2027-01-15T08:00:00.623Z 10.0.0.7:49152 read \"/a b\": complete, \
             10000000 bytes in 500.0 ms (20.0 MB/s), blksize 1468, windowsize 4, \
             3 blocks resent, 1 timeout, last ACK missing, machine=\"web 1\""
        );
    }

    #[tokio::test]
    async fn what_took_long_says_what_held_it_up() {
        let mut record = sample::record().await;
        assert!(!line(&record).contains("limited"));
        record.duration = Duration::from_secs(14);
        record.waits.client = Duration::from_micros(13_624_500);
        record.waits.server = Duration::from_micros(340_650);
        let told = line(&record);
        assert!(
            told.ends_with(", limited by the client: 2.0 ms a block, the server 50 us"),
            "{told}"
        );
        record.limited_by = Some(Limit::Server);
        assert!(line(&record).ends_with(", limited by the server: 50 us a block"));
        record.limited_by = None;
        assert!(!line(&record).contains("limited"));
    }

    #[tokio::test]
    async fn each_outcome_says_what_matters() {
        let mut record = sample::record().await;
        record.bytes = 0;
        record.blocks = 0;
        record.outcome = Outcome::Probe;
        record.error = Some((ErrorCode::OptionRefused, "User aborted".to_owned()));
        let told = |record: &TransferRecord| {
            let line = line(record);
            line.split_once(" read ").unwrap().1.to_owned()
        };
        assert_eq!(told(&record), "/boot/vmlinuz: size probe, 10000000 bytes");

        record.outcome = Outcome::NotFound;
        record.size = None;
        record.error = Some((ErrorCode::NotFound, "File not found".to_owned()));
        assert_eq!(
            told(&record),
            "/boot/vmlinuz: not found, error 1 \"File not found\""
        );

        record.outcome = Outcome::OriginError;
        record.error = Some((ErrorCode::NotDefined, "Try again".to_owned()));
        record.detail = Some("connection refused".to_owned());
        assert_eq!(
            told(&record),
            "/boot/vmlinuz: origin error, error 0 \"Try again\", connection refused"
        );

        record.outcome = Outcome::Timeout;
        record.error = None;
        record.detail = None;
        record.size = Some(5000);
        record.bytes = 1468;
        record.blocks = 2;
        record.windowsize = 1;
        assert_eq!(
            told(&record),
            "/boot/vmlinuz: timeout, 1468 bytes of 5000 in 500.0 ms, blksize 1468"
        );
    }

    #[tokio::test]
    async fn nothing_a_client_sends_can_forge_a_line() {
        let mut record = sample::record().await;
        record.path = "/x\n2027 10.0.0.1 read /y: complete".to_owned();
        record.outcome = Outcome::ClientAbort;
        record.error = Some((ErrorCode::NotDefined, "\x1b[2J\"gone\"".to_owned()));
        let told = line(&record);
        assert!(!told.contains(['\n', '\x1b']), "{told}");
        assert!(told.contains("read \"/x\\n2027 10.0.0.1 read /y: complete\": client abort"));
        assert!(
            told.contains("error 0 \"\\u{1b}[2J\\\"gone\\\"\""),
            "{told}"
        );

        record.path = "/\u{fffd}".to_owned();
        record.filename = b"/\xff".to_vec();
        assert!(line(&record).contains(" read /\\xff: "));
    }
}
