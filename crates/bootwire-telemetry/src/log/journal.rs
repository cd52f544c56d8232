//! Lines for journald, with fields: its own protocol, a datagram for each entry.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/> describes it. A value with a line break in it is
//! written with its length, so that nothing a client sends can begin a field.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootwire::{CacheUse, Limit, TransferRecord, escape};

use super::priority::Priority;
use super::repeated::{More, What};
use super::text;

/// Where journald listens.
pub const JOURNAL: &str = "/run/systemd/journal/socket";

/// Of each value, so many bytes at most. Clients' names fit in one packet, but labels and details
/// may be anything; and an entry has to fit into one datagram.
const VALUE_MAX: usize = 4096;
/// Labels of an entry.
const LABELS_MAX: usize = 32;
/// How long journald may take to make room.
const PATIENCE: Duration = Duration::from_millis(250);

/// Of entries about a transfer: `journalctl MESSAGE_ID=…`.
const TRANSFER: &str = "5a3c1f0e8d2b4c7796e1b0d4f2a86c31";
/// Of entries that sum up.
const REPEATED: &str = "b6f2d9047c1e4a58a3d05e7c91fb2e64";

/// The way to journald.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    entry: Vec<u8>,
}

impl Journal {
    /// Makes the socket. Whether anybody listens shows with the first entry, and with each: journald
    /// may start over.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            entry: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a transfer's entry.
    pub(super) fn record(&mut self, record: &TransferRecord) -> io::Result<()> {
        self.entry.clear();
        write_record(record, &mut self.entry);
        self.send()
    }

    /// Sends an entry about errors that got none.
    pub(super) fn more(&mut self, more: &More) -> io::Result<()> {
        self.entry.clear();
        write_more(more, &mut self.entry);
        self.send()
    }

    fn send(&self) -> io::Result<()> {
        self.socket.send_to(&self.entry, &self.path).map(drop)
    }
}

/// Writes one field.
fn field(entry: &mut Vec<u8>, name: &str, value: impl AsRef<[u8]>) {
    let value = value.as_ref();
    let value = &value[..value.len().min(VALUE_MAX)];
    entry.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

fn number(entry: &mut Vec<u8>, name: &str, value: impl Into<u128>) {
    field(entry, name, value.into().to_string());
}

fn head(entry: &mut Vec<u8>, message: &str, id: &str, priority: Priority) {
    field(entry, "MESSAGE", message);
    field(entry, "MESSAGE_ID", id);
    number(entry, "PRIORITY", priority as u8);
    field(entry, "SYSLOG_IDENTIFIER", "bootwire");
}

fn write_record(record: &TransferRecord, entry: &mut Vec<u8>) {
    let mut message = String::new();
    text::told(record, &mut message);
    head(entry, &message, TRANSFER, Priority::of(record.outcome));
    number(entry, "BOOTWIRE_ID", record.id);
    field(entry, "BOOTWIRE_OP", text::op(record.op));
    field(entry, "BOOTWIRE_OUTCOME", record.outcome.as_str());
    field(entry, "BOOTWIRE_PEER", record.peer.ip().to_string());
    number(entry, "BOOTWIRE_PEER_PORT", record.peer.port());
    field(entry, "BOOTWIRE_LOCAL", record.local.to_string());
    field(
        entry,
        "BOOTWIRE_PATH",
        escape::escaped(record.path.as_bytes()),
    );
    field(
        entry,
        "BOOTWIRE_FILENAME",
        escape::escaped(&record.filename),
    );
    for (name, value) in [
        ("BOOTWIRE_MACHINE", record.machine.as_deref()),
        ("BOOTWIRE_ROUTE", record.route.as_deref()),
        ("BOOTWIRE_ANSWER", record.answer.as_deref()),
        ("BOOTWIRE_CACHE", record.cache.map(CacheUse::as_str)),
        ("BOOTWIRE_VERSION", record.version.as_deref()),
        ("BOOTWIRE_LIMITED_BY", record.limited_by.map(Limit::as_str)),
        ("BOOTWIRE_DETAIL", record.detail.as_deref()),
    ] {
        if let Some(value) = value {
            field(entry, name, escape::escaped(value.as_bytes()));
        }
    }
    if let Some((code, said)) = &record.error {
        number(entry, "BOOTWIRE_ERROR_CODE", code.wire());
        field(
            entry,
            "BOOTWIRE_ERROR_TEXT",
            escape::escaped(said.as_bytes()),
        );
    }
    number(entry, "BOOTWIRE_BYTES", record.bytes);
    if let Some(size) = record.size {
        number(entry, "BOOTWIRE_SIZE", size);
    }
    number(entry, "BOOTWIRE_BLKSIZE", record.blksize);
    number(entry, "BOOTWIRE_WINDOWSIZE", record.windowsize);
    number(entry, "BOOTWIRE_BLOCKS_RESENT", record.blocks_resent);
    number(entry, "BOOTWIRE_TIMEOUTS", record.timeouts);
    number(entry, "BOOTWIRE_DURATION_USEC", record.duration.as_micros());
    // A field may be there several times: `journalctl BOOTWIRE_LABEL=rack=b12`.
    for (name, value) in record.labels.iter().take(LABELS_MAX) {
        let label = format!("{name}={value}");
        field(entry, "BOOTWIRE_LABEL", escape::escaped(label.as_bytes()));
    }
}

fn write_more(more: &More, entry: &mut Vec<u8>) {
    let mut message = String::new();
    more.write(&mut message);
    let like = &more.like;
    head(entry, &message, REPEATED, Priority::of(like.outcome));
    field(entry, "BOOTWIRE_OP", text::op(like.op));
    field(entry, "BOOTWIRE_OUTCOME", like.outcome.as_str());
    match &like.what {
        What::Path(path) => field(entry, "BOOTWIRE_PATH", escape::escaped(path.as_bytes())),
        What::Route(route) => field(entry, "BOOTWIRE_ROUTE", escape::escaped(route.as_bytes())),
        What::Various => {}
    }
    number(entry, "BOOTWIRE_REPEATED", more.count);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bootwire::Outcome;

    use super::*;
    use crate::sample;

    /// Reads an entry as journald does.
    fn read(mut entry: &[u8]) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        while !entry.is_empty() {
            let end = entry.iter().position(|&byte| byte == b'\n').unwrap();
            let (line, rest) = (&entry[..end], &entry[end + 1..]);
            let (name, value) = match line.iter().position(|&byte| byte == b'=') {
                Some(at) => {
                    entry = rest;
                    (&line[..at], &line[at + 1..])
                }
                None => {
                    let (len, rest) = rest.split_at(8);
                    let len = u64::from_le_bytes(len.try_into().unwrap()) as usize;
                    assert_eq!(rest[len], b'\n');
                    entry = &rest[len + 1..];
                    (line, &rest[..len])
                }
            };
            let is_name =
                |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_' || byte.is_ascii_digit();
            assert!(name.iter().all(is_name), "{}", name.escape_ascii());
            let name = String::from_utf8(name.to_vec()).unwrap();
            fields.entry(name).or_default().push(value.to_vec());
        }
        fields
    }

    fn one(fields: &BTreeMap<String, Vec<Vec<u8>>>, name: &str) -> String {
        let values = &fields[name];
        assert_eq!(values.len(), 1, "{name}");
        String::from_utf8(values[0].clone()).unwrap()
    }

    #[tokio::test]
    async fn an_entry_has_a_field_for_each_thing_one_may_look_for() {
        let mut record = sample::record().await;
        record.outcome = Outcome::Timeout;
        record.labels = vec![("rack".to_owned(), "b12".to_owned())];
        let mut entry = Vec::new();
        write_record(&record, &mut entry);
        let fields = read(&entry);
        for (name, value) in [
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "bootwire"),
            ("BOOTWIRE_OUTCOME", "timeout"),
            ("BOOTWIRE_PEER", "10.0.0.7"),
            ("BOOTWIRE_PATH", "/boot/vmlinuz"),
            ("BOOTWIRE_MACHINE", "web1"),
            ("BOOTWIRE_ANSWER", "dir"),
            ("BOOTWIRE_CACHE", "hit"),
            ("BOOTWIRE_LIMITED_BY", "client"),
            ("BOOTWIRE_BYTES", "10000000"),
            ("BOOTWIRE_DURATION_USEC", "500000"),
            ("BOOTWIRE_LABEL", "rack=b12"),
        ] {
            assert_eq!(one(&fields, name), value, "{name}");
        }
        let message = one(&fields, "MESSAGE");
        assert!(
            message.starts_with("10.0.0.7:49152 read /boot/vmlinuz: timeout"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn nothing_that_a_client_sends_begins_a_field() {
        let forged = "x\nPRIORITY=0\nMESSAGE\n\u{8}\0\0\0\0\0\0\0forged";
        let mut record = sample::record().await;
        record.path = forged.to_owned();
        record.filename = [forged.as_bytes(), b"\xff\n=\n"].concat();
        record.labels = vec![(forged.to_owned(), forged.to_owned())];
        record.error = Some((bootwire::ErrorCode::NotDefined, forged.to_owned()));
        record.detail = Some(forged.to_owned());
        record.route = Some(forged.to_owned());
        let mut entry = Vec::new();
        write_record(&record, &mut entry);
        let fields = read(&entry);
        assert_eq!(one(&fields, "PRIORITY"), "6");
        assert!(!one(&fields, "MESSAGE").contains('\n'));
        assert!(one(&fields, "BOOTWIRE_FILENAME").ends_with("\\xff\\n=\\n"));
        // And a value that does have a line break stays one value.
        let mut entry = Vec::new();
        field(&mut entry, "A", forged);
        field(&mut entry, "B", "2");
        let fields = read(&entry);
        assert_eq!(one(&fields, "A"), forged);
        assert_eq!(fields.len(), 2);
    }

    #[tokio::test]
    async fn an_entry_fits_a_datagram_whatever_is_in_it() {
        let long = "y\n".repeat(10_000);
        let mut record = sample::record().await;
        record.path = long.clone();
        record.filename = long.clone().into_bytes();
        record.route = Some(long.clone());
        record.detail = Some(long.clone());
        record.labels = vec![(long.clone(), long); 40];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        let mut journal = Journal::new(&path).unwrap();
        journal.record(&record).unwrap();
        let mut entry = vec![0; 1 << 20];
        let len = listener.recv(&mut entry).unwrap();
        assert!(len < 200_000, "{len}");
        read(&entry[..len]);
    }

    #[tokio::test]
    async fn a_journal_that_is_not_there_or_stuck_is_an_error_soon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let record = sample::record().await;
        let mut journal = Journal::new(&path).unwrap();
        assert!(journal.record(&record).is_err());
        let listener = UnixDatagram::bind(&path).unwrap();
        let sent = (0..10_000).take_while(|_| journal.record(&record).is_ok());
        let sent = sent.count();
        assert!((1..10_000).contains(&sent), "nobody reads: {sent}");
        // It comes back.
        listener.recv(&mut [0; 9000]).unwrap();
        journal.record(&record).unwrap();
    }
}
