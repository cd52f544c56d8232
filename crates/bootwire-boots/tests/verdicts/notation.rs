//! Reads the notation of the cases.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bootwire::{ErrorCode, Op, Outcome, TransferRecord};

/// When all cases begin.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A boot, or several, and the verdicts.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) verdicts: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Transfer {
    pub(crate) record: TransferRecord,
    pub(crate) content: Option<Vec<u8>>,
}

pub(crate) fn read(text: &str) -> Result<Vec<Case>, String> {
    let mut configs: HashMap<String, String> = HashMap::new();
    let mut config = None;
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let at = |what: &str| format!("line {}: {what}: {line}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("config ") {
            config = Some(name.to_owned());
            configs.insert(name.to_owned(), String::new());
        } else if let Some(name) = line.strip_prefix("case ") {
            cases.push(Case {
                name: name.to_owned(),
                transfers: Vec::new(),
                verdicts: Vec::new(),
            });
        } else if let Some(text) = line.strip_prefix('|') {
            let name = config.as_ref().ok_or_else(|| at("no config"))?;
            let text = text.strip_prefix(' ').unwrap_or(text);
            let whole = configs.get_mut(name).ok_or_else(|| at("no config"))?;
            whole.push_str(text);
            whole.push('\n');
        } else {
            let case = cases.last_mut().ok_or_else(|| at("no case"))?;
            if let Some(verdict) = line.strip_prefix('>') {
                case.verdicts.push(verdict.trim().to_owned());
            } else {
                let id = case.transfers.len() as u64 + 1;
                case.transfers
                    .push(transfer(id, line, &configs).map_err(|what| at(&what))?);
            }
        }
    }
    Ok(cases)
}

fn transfer(id: u64, line: &str, configs: &HashMap<String, String>) -> Result<Transfer, String> {
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or("something is missing");
    let (time, how, path) = (word()?, word()?, word()?);
    let seconds: f64 = time.parse().map_err(|_| "no time")?;
    let peer = ([192, 0, 2, 7], 49152 + id as u16).into();
    let mut record = TransferRecord::new(Op::Read, peer, path);
    record.id = id;
    record.started = start() + Duration::from_secs_f64(seconds);
    record.duration = Duration::from_millis(50);
    record.blksize = 1024;
    let mut content = None;
    record.outcome = match how {
        "ok" => Outcome::Complete,
        "probe" => Outcome::Probe,
        "missing" => Outcome::NotFound,
        "denied" => Outcome::Denied,
        "abort" => Outcome::ClientAbort,
        "timeout" => Outcome::Timeout,
        "origin" => Outcome::OriginError,
        "busy" => Outcome::Busy,
        "internal" => Outcome::Internal,
        "changed" => Outcome::Changed,
        "malformed" => Outcome::Malformed,
        "sent" => {
            record.op = Op::Write;
            Outcome::Complete
        }
        "unsent" => {
            record.op = Op::Write;
            Outcome::DiskFull
        }
        _ => return Err("no such outcome".to_owned()),
    };
    let (mut share, mut lost) = (None, 0.0);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or("something is missing");
        match word {
            "in" => {
                let seconds = next()?.trim_end_matches('s');
                let seconds: f64 = seconds.parse().map_err(|_| "no duration")?;
                record.duration = Duration::from_secs_f64(seconds);
            }
            "at" => share = Some(percent(next()?)?),
            "lost" => lost = percent(next()?)?,
            "from" => record
                .peer
                .set_ip(next()?.parse().map_err(|_| "no address")?),
            "like" => record.options = options(next()?)?,
            "stage" => record.labels.push(("stage".to_owned(), next()?.to_owned())),
            "arch" => record.labels.push(("arch".to_owned(), next()?.to_owned())),
            "machine" => record.machine = Some(next()?.to_owned()),
            "answer" => record.answer = Some(next()?.to_owned().into()),
            "config" => {
                let text = configs.get(next()?).ok_or("no such config")?;
                content = Some(text.clone().into_bytes());
                record.size = Some(text.len() as u64);
            }
            "program" => content = Some(program(next()?)?),
            "says" => {
                let text = words.by_ref().collect::<Vec<_>>().join(" ");
                match record.outcome {
                    Outcome::Internal | Outcome::OriginError => record.detail = Some(text),
                    _ => record.error = Some((ErrorCode::NotDefined, text)),
                }
            }
            size => record.size = Some(bytes(size)?),
        }
    }
    let size = record.size.unwrap_or_default();
    record.bytes = match (record.outcome, share) {
        (_, Some(share)) => (size as f64 * share / 100.0) as u64,
        (Outcome::Complete, None) => size,
        _ => 0,
    };
    let blksize = u64::from(record.blksize);
    record.blocks = record
        .bytes
        .div_ceil(blksize)
        .max(u64::from(share.is_some()));
    record.windowsize = 1;
    if lost > 0.0 {
        let sent = record.blocks as f64 / (1.0 - lost / 100.0);
        // What goes to nobody at the end comes on top.
        record.blocks_resent = sent as u64 - record.blocks + 7;
    }
    Ok(Transfer { record, content })
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse();
    number.map_err(|_| format!("no percentage: {text}"))
}

fn bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.split_at(text.len() - 1) {
        (number, "k") => (number, 1 << 10),
        (number, "M") => (number, 1 << 20),
        _ => (text, 1),
    };
    let number: u64 = number.parse().map_err(|_| format!("unknown word {text}"))?;
    Ok(number * factor)
}

/// The options that clients were seen to send.
fn options(client: &str) -> Result<Vec<(String, String)>, String> {
    let options: &[(&str, &str)] = match client {
        "edk2-probe" => &[("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")],
        "edk2" => &[("blksize", "1468"), ("windowsize", "4")],
        "shim" => &[("blksize", "512"), ("windowsize", "4")],
        "grub" => &[("blksize", "1024"), ("tsize", "0")],
        "ipxe" => &[("blksize", "1432"), ("tsize", "0")],
        "pxelinux" => &[("tsize", "0"), ("blksize", "1408")],
        "u-boot" => &[("timeout", "5"), ("blksize", "1468")],
        "windows" => &[
            ("tsize", "0"),
            ("blksize", "1456"),
            ("windowsize", "4"),
            ("msftwindow", "31416"),
        ],
        "slof" => &[("blksize", "1428")],
        _ => return Err(format!("no such client: {client}")),
    };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Ok(options.iter().map(owned).collect())
}

/// The header of an EFI program.
fn program(arch: &str) -> Result<Vec<u8>, String> {
    let machine: u16 = match arch {
        "x86-64" => 0x8664,
        "arm64" => 0xaa64,
        "x86" => 0x14c,
        _ => return Err(format!("no such processor: {arch}")),
    };
    let mut head = vec![0; 0x86];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 0x80;
    head[0x80..0x84].copy_from_slice(b"PE\0\0");
    head[0x84..].copy_from_slice(&machine.to_le_bytes());
    Ok(head)
}
