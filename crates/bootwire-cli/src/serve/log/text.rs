//! Records in plain words.

use bootwire::{Op, Outcome, TransferRecord};

use super::words;
use crate::{shown, size};

/// `TIME PEER read PATH: OUTCOME, ...`
pub(super) fn line(record: &TransferRecord) -> String {
    let op = match record.op {
        Op::Read => "read",
        Op::Write => "write",
    };
    format!(
        "{} {} {op} {}: {}",
        humantime::format_rfc3339_millis(record.started),
        record.peer,
        name(record),
        parts(record).join(", ")
    )
}

/// The path; where it was not UTF-8, the name as it was sent, which shows what it was.
fn name(record: &TransferRecord) -> String {
    if record.path.contains(char::REPLACEMENT_CHARACTER) {
        shown::word(&record.filename)
    } else {
        shown::word(record.path.as_bytes())
    }
}

/// What is worth saying.
fn parts(record: &TransferRecord) -> Vec<String> {
    let mut parts = vec![words(record.outcome)];
    parts.extend(amount(record));
    if record.outcome != Outcome::Probe
        && let Some((code, text)) = &record.error
    {
        parts.push(format!(
            "error {} {}",
            code.wire(),
            shown::quoted(text.as_bytes())
        ));
    }
    if let Some(detail) = &record.detail {
        parts.push(shown::escaped(detail.as_bytes()));
    }
    if record.blocks > 0 {
        parts.push(format!("blksize {}", record.blksize));
        if record.windowsize > 1 {
            parts.push(format!("windowsize {}", record.windowsize));
        }
    }
    if record.blocks_resent > 0 {
        let verb = match record.op {
            Op::Read => "resent",
            Op::Write => "in vain",
        };
        parts.push(format!(
            "{} {verb}",
            size::count(record.blocks_resent, "block", "blocks")
        ));
    }
    if record.timeouts > 0 {
        parts.push(size::count(record.timeouts.into(), "timeout", "timeouts"));
    }
    if record.last_ack_missing {
        parts.push("last ACK missing".to_owned());
    }
    for (label, value) in &record.labels {
        parts.push(format!(
            "{}={}",
            shown::word(label.as_bytes()),
            shown::word(value.as_bytes())
        ));
    }
    parts
}

/// How much, how long, how fast. A transfer that never moved has nothing to tell but the size that
/// was asked for.
fn amount(record: &TransferRecord) -> Option<String> {
    match record.outcome {
        Outcome::Complete => Some(size::moved(record.bytes, record.duration)),
        Outcome::Probe => record.size.map(|size| size::count(size, "byte", "bytes")),
        _ if record.blocks > 0 => {
            let bytes = size::count(record.bytes, "byte", "bytes");
            let of = record
                .size
                .map_or_else(String::new, |size| format!(" of {size}"));
            Some(format!("{bytes}{of} in {}", size::span(record.duration)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bootwire::ErrorCode;

    use super::super::sample;
    use super::*;

    #[tokio::test]
    async fn a_transfer_is_told_in_one_line() {
        let mut record = sample::record().await;
        assert_eq!(
            line(&record),
            "2027-01-15T08:00:00.123Z 10.0.0.7:49152 read /boot/vmlinuz: complete, \
             10000000 bytes in 500.0 ms (20.0 MB/s), blksize 1468, windowsize 4"
        );
        record.blocks_resent = 3;
        record.timeouts = 1;
        record.last_ack_missing = true;
        record.labels = vec![("machine".to_owned(), "web 1".to_owned())];
        record.path = "/a b".to_owned();
        assert_eq!(
            line(&record),
            "2027-01-15T08:00:00.123Z 10.0.0.7:49152 read \"/a b\": complete, \
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
