//! Records in plain words.

use std::fmt::Write;

use bootwire::{Op, Outcome, TransferRecord};

use super::{is_search, write_words};
use crate::{shown, size};

/// Writes `TIME PEER read PATH: OUTCOME, ...`; the time is the end's, so that lines are in order. Every transfer costs this: it is written in one go.
pub(super) fn line(record: &TransferRecord, out: &mut String) {
    let op = match record.op {
        Op::Read => "read",
        Op::Write => "write",
    };
    let ended = humantime::format_rfc3339_millis(record.ended());
    // Writing to a String cannot fail.
    let _ = write!(out, "{ended} {} {op} ", record.peer);
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
    for (label, value) in &record.labels {
        out.push_str(", ");
        shown::write_word(out, label.as_bytes());
        out.push('=');
        shown::write_word(out, value.as_bytes());
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

    use super::super::sample;
    use super::*;

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
