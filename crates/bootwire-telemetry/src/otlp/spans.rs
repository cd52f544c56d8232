//! Transfers and boots as spans.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bootwire::{CacheUse, Limit, Op, Outcome, TransferRecord, escape};
use bootwire_boots::Boot;

use super::known::KnownBoot;
use super::trace::{Parent, root_of, span_of, trace_of};
use super::wire::{ERROR, Event, INTERNAL, KeyValue, Link, SERVER, Span, Status, Value};
use crate::Instance;
use crate::log;

/// Of each text, so many bytes at most.
const TEXT_MAX: usize = 1024;
/// Labels and options of a span, at most.
const LISTED_MAX: usize = 32;

/// The span of a transfer: within its boot if that is known, else within the trace that its name said,
/// else in a trace of its own.
pub(super) fn transfer(
    record: &TransferRecord,
    boot: Option<&KnownBoot>,
    instance: &Instance,
) -> Span {
    let name = format!("{}/{}", instance.id(), record.id);
    let said = record.traceparent.as_deref().and_then(Parent::parse);
    let (trace, parent) = match (boot, said) {
        (Some(boot), None) => (boot.trace, boot.root.to_vec()),
        (_, Some(said)) => (said.trace, said.span.to_vec()),
        (None, None) => (trace_of(&name), Vec::new()),
    };
    // A boot whose other files said nothing of a trace is in another one.
    let elsewhere = boot.filter(|boot| boot.trace != trace);
    let mut attributes = Attributes::default();
    describe(record, boot, &mut attributes);
    Span {
        trace_id: trace.to_vec(),
        span_id: span_of(&name).to_vec(),
        parent_span_id: parent,
        name: name_of(record),
        kind: SERVER,
        start_time_unix_nano: nanos(record.started),
        end_time_unix_nano: nanos(record.ended()),
        attributes: attributes.0,
        events: events(record),
        links: elsewhere.map(link).into_iter().collect(),
        status: Some(status(record)),
        flags: said.map_or(1, |said| said.flags.into()),
    }
}

/// The span of a boot that is over.
pub(super) fn boot(boot: &Boot) -> Span {
    let (trace, span) = root_of(boot);
    let said = boot.traceparent.as_deref().and_then(Parent::parse);
    let mut attributes = Attributes::default();
    attributes.text("bootwire.boot.id", &boot.id);
    attributes.text("bootwire.machine", &boot.machine);
    attributes.text("network.peer.address", &boot.peer.to_string());
    attributes.maybe("bootwire.loader", boot.loader.as_deref());
    attributes.add("bootwire.boot.transfers", boot.transfers);
    attributes.add("bootwire.bytes", boot.bytes);
    let mut status = Status::default();
    if let Some(verdict) = &boot.verdict {
        attributes.text("bootwire.verdict", verdict.kind.as_str());
        attributes.text("bootwire.verdict.level", verdict.level.as_str());
        attributes.text("bootwire.verdict.words", &verdict.words);
        attributes.text("bootwire.verdict.advice", &verdict.advice);
        attributes.maybe("bootwire.verdict.path", verdict.path.as_deref());
        if verdict.is_failure() {
            attributes.text("error.type", verdict.kind.as_str());
            status = Status {
                message: verdict.words.clone(),
                code: ERROR,
            };
        }
    }
    Span {
        trace_id: trace.to_vec(),
        span_id: span.to_vec(),
        parent_span_id: said.map(|said| said.span.to_vec()).unwrap_or_default(),
        name: "boot".to_owned(),
        kind: INTERNAL,
        start_time_unix_nano: nanos(boot.started),
        end_time_unix_nano: nanos(boot.last),
        attributes: attributes.0,
        events: Vec::new(),
        links: Vec::new(),
        status: Some(status),
        flags: said.map_or(1, |said| said.flags.into()),
    }
}

/// The same for all transfers of a route: names of files would be as many as there are clients.
fn name_of(record: &TransferRecord) -> String {
    let op = op(record.op);
    match &record.route {
        Some(route) => format!("{op} {route}"),
        None => op.to_owned(),
    }
}

const fn op(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
    }
}

fn describe(record: &TransferRecord, boot: Option<&KnownBoot>, attributes: &mut Attributes) {
    attributes.text("network.protocol.name", "tftp");
    attributes.text("network.transport", "udp");
    let family = if record.peer.ip().to_canonical().is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    };
    attributes.text("network.type", family);
    attributes.address("network.peer", record.peer);
    attributes.address("network.local", record.local);
    attributes.add("bootwire.transfer.id", record.id);
    attributes.text("bootwire.op", op(record.op));
    attributes.text("bootwire.outcome", record.outcome.as_str());
    attributes.add("bootwire.search", log::is_search(record));
    attributes.text("bootwire.path", &escape::escaped(record.path.as_bytes()));
    attributes.maybe("bootwire.route", record.route.as_deref());
    attributes.maybe("bootwire.boot.id", boot.map(|boot| &*boot.id));
    let machine = boot.map(|boot| &*boot.machine);
    attributes.maybe("bootwire.machine", machine.or(record.machine.as_deref()));
    attributes.maybe("bootwire.answer", record.answer.as_deref());
    attributes.maybe("bootwire.cache", record.cache.map(CacheUse::as_str));
    attributes.maybe("bootwire.version", record.version.as_deref());
    attributes.maybe("bootwire.limited_by", record.limited_by.map(Limit::as_str));
    attributes.add("bootwire.bytes", record.bytes);
    if let Some(size) = record.size {
        attributes.add("bootwire.size", size);
    }
    attributes.add("bootwire.blksize", u64::from(record.blksize));
    attributes.add("bootwire.windowsize", u64::from(record.windowsize));
    attributes.add("bootwire.blocks", record.blocks);
    attributes.add("bootwire.blocks_resent", record.blocks_resent);
    attributes.add("bootwire.timeouts", u64::from(record.timeouts));
    if let Some(round_trip) = record.round_trip {
        attributes.add("bootwire.round_trip", round_trip.as_secs_f64());
    }
    if let Some((code, said)) = &record.error {
        attributes.add("bootwire.error.code", u64::from(code.wire()));
        attributes.text("bootwire.error.text", &escape::escaped(said.as_bytes()));
    }
    if let Some(detail) = &record.detail {
        attributes.text("bootwire.detail", &escape::escaped(detail.as_bytes()));
    }
    if is_failure(record) {
        attributes.text("error.type", record.outcome.as_str());
    }
    for (name, value) in record.labels.iter().take(LISTED_MAX) {
        let key = format!("bootwire.label.{}", escape::escaped(name.as_bytes()));
        attributes.text(&key, &escape::escaped(value.as_bytes()));
    }
}

/// A question for a size, and a file that a boot loader does without, are how boots go.
fn is_failure(record: &TransferRecord) -> bool {
    !matches!(record.outcome, Outcome::Complete | Outcome::Probe) && !log::is_search(record)
}

fn status(record: &TransferRecord) -> Status {
    if !is_failure(record) {
        return Status::default();
    }
    let mut message = log::words(record.outcome);
    if let Some((_, said)) = &record.error {
        message.push_str(": ");
        message.push_str(&escape::escaped(said.as_bytes()));
    }
    Status {
        message: cut(&message).to_owned(),
        code: ERROR,
    }
}

/// What happened on the way, with the time of each.
fn events(record: &TransferRecord) -> Vec<Event> {
    let at = |after: Duration, name: &str| Event {
        time_unix_nano: nanos(record.started.checked_add(after).unwrap_or(record.started)),
        name: name.to_owned(),
    };
    let mut events = vec![at(record.handler_time, "answer found")];
    events.extend(record.first_data.map(|after| at(after, "first data")));
    events
}

fn link(boot: &KnownBoot) -> Link {
    Link {
        trace_id: boot.trace.to_vec(),
        span_id: boot.root.to_vec(),
    }
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX)]
}

/// Attributes of a span, or of a resource.
#[derive(Default)]
pub(super) struct Attributes(pub(super) Vec<KeyValue>);

impl Attributes {
    pub(super) fn add(&mut self, key: &str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(key, value.into()));
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.add(key, cut(value));
    }

    fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, &escape::escaped(value.as_bytes()));
        }
    }

    fn address(&mut self, key: &str, address: SocketAddr) {
        let ip = address.ip().to_canonical();
        self.text(&format!("{key}.address"), &ip.to_string());
        self.add(&format!("{key}.port"), u64::from(address.port()));
    }
}
