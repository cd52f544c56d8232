//! What is posted: an envelope around events.

use std::time::SystemTime;

use bootwire_boots::{Boot, Change};
use serde::Serialize;

use super::Event;
use crate::log::RecordLine;
use crate::{Happening, Instance};

/// Of the format; another one would not be understood by those who know this one.
const VERSION: u32 = 1;

/// Makes envelopes, each with a key of its own.
pub(super) struct Envelope {
    instance: Instance,
    number: u64,
}

/// What goes out in one request.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: String,
    pub(super) body: Vec<u8>,
    pub(super) events: u64,
}

/// What stands before the events.
#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    id: &'a str,
    sent: String,
    server: Server<'a>,
}

#[derive(Serialize)]
struct Server<'a> {
    host: &'a str,
    instance: &'a str,
    version: &'static str,
    started: String,
}

/// One event.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told<'a> {
    Transfer { record: RecordLine<'a> },
    Boot { boot: &'a Boot },
    Verdict { boot: &'a Boot },
}

/// What kind of event it is; `None` if it is told to nobody.
pub(super) const fn kind(happening: &Happening) -> Option<Event> {
    match happening {
        Happening::Transfer(_) => Some(Event::Transfer),
        Happening::Boot(Change::Began(_)) => Some(Event::Boot),
        Happening::Boot(Change::Ended(_)) => Some(Event::Verdict),
        Happening::Boot(_) => None,
    }
}

/// An event as JSON.
pub(super) fn event(happening: &Happening) -> Option<Vec<u8>> {
    let told = match happening {
        Happening::Transfer(record) => Told::Transfer {
            record: RecordLine::of(record),
        },
        Happening::Boot(Change::Began(boot)) => Told::Boot { boot },
        Happening::Boot(Change::Ended(boot)) => Told::Verdict { boot },
        Happening::Boot(_) => return None,
    };
    // Numbers and texts: nothing of it can fail to be written.
    serde_json::to_vec(&told).ok()
}

impl Envelope {
    pub(super) fn new(instance: &Instance) -> Self {
        Self {
            instance: instance.clone(),
            number: 0,
        }
    }

    /// Packs events until they are so many bytes; at least one.
    pub(super) fn pack(
        &mut self,
        events: &mut std::iter::Peekable<impl Iterator<Item = Vec<u8>>>,
        max: usize,
    ) -> Packed {
        self.number += 1;
        let id = format!("{}-{}", self.instance.id(), self.number);
        let time = |time| humantime::format_rfc3339_millis(time).to_string();
        let head = Head {
            version: VERSION,
            id: &id,
            sent: time(SystemTime::now()),
            server: Server {
                host: self.instance.host(),
                instance: self.instance.id(),
                version: env!("CARGO_PKG_VERSION"),
                started: time(self.instance.started()),
            },
        };
        let mut body = serde_json::to_vec(&head).unwrap_or_default();
        // The head is an object; the events are its last member.
        body.pop();
        body.extend_from_slice(b",\"events\":[");
        let mut count = 0;
        while let Some(event) = events.next_if(|event| count == 0 || body.len() + event.len() < max)
        {
            if count > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&event);
            count += 1;
        }
        body.extend_from_slice(b"]}");
        Packed {
            id,
            body,
            events: count,
        }
    }
}
