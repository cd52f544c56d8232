//! Following.

use std::error::Error;

use reqwest::Response;
use serde::de::DeserializeOwned;

use super::ClientError;
use crate::api::{Boot, Hello, Lag, Record, StatsEvent, TransfersEvent};

/// Longest line of a stream, in bytes. A longer one is no event of ours.
const LINE_MAX: usize = 8 << 20;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The stream begins.
    Hello(Hello),
    /// A transfer ended. With the JSON as it came.
    Record(Box<Record>, String),
    /// Transfers began, got on, ended.
    Transfers(TransfersEvent),
    /// A boot began, got on, ended.
    Boot(Box<Boot>),
    /// A second passed.
    Stats(Box<StatsEvent>),
    /// Events were lost.
    Lag(Lag),
    /// The server ends.
    Bye,
}

/// What happens at a server. Ends when it is dropped.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    place: String,
    parser: Parser,
    last_id: Option<String>,
}

impl EventStream {
    pub(super) fn new(response: Response, place: String) -> Self {
        Self {
            response,
            place,
            parser: Parser::default(),
            last_id: None,
        }
    }

    /// The next event; `None` at the end of the stream. Nothing is lost if this is dropped before it
    /// is ready.
    ///
    /// # Errors
    /// If the connection breaks, or something else comes than events.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            while let Some(raw) = self.parser.next() {
                if raw.id.is_some() {
                    self.last_id.clone_from(&raw.id);
                }
                if let Some(event) = self.understood(raw)? {
                    return Ok(Some(event));
                }
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.parser.push(&bytes),
                Ok(None) => return Ok(None),
                Err(error) => return Err(unreachable(&self.place, &error)),
            }
            if self.parser.is_too_long() {
                return Err(self.senseless("a line without end"));
            }
        }
    }

    /// The id of the last event that had one: what to go on from after a break.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The event, or nothing for one that a newer server has.
    fn understood(&self, raw: Raw) -> Result<Option<Event>, ClientError> {
        Ok(Some(match raw.name.as_str() {
            "hello" => Event::Hello(self.read(&raw.data)?),
            "record" => Event::Record(Box::new(self.read(&raw.data)?), raw.data),
            "transfers" => Event::Transfers(self.read(&raw.data)?),
            "boot" => Event::Boot(Box::new(self.read(&raw.data)?)),
            "stats" => Event::Stats(Box::new(self.read(&raw.data)?)),
            "lag" => Event::Lag(self.read(&raw.data)?),
            "bye" => Event::Bye,
            _ => return Ok(None),
        }))
    }

    fn read<T: DeserializeOwned>(&self, data: &str) -> Result<T, ClientError> {
        serde_json::from_str(data).map_err(|error| self.senseless(&error.to_string()))
    }

    fn senseless(&self, why: &str) -> ClientError {
        ClientError::Senseless {
            place: self.place.clone(),
            why: why.to_owned(),
        }
    }
}

/// An event as it came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Raw {
    name: String,
    id: Option<String>,
    data: String,
}

/// Bytes become events.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
    /// Up to where there are no more whole lines.
    read: usize,
    event: Raw,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.read));
        self.bytes.extend_from_slice(bytes);
    }

    fn is_too_long(&self) -> bool {
        self.bytes.len() - self.read > LINE_MAX || self.event.data.len() > LINE_MAX
    }

    fn next(&mut self) -> Option<Raw> {
        loop {
            let rest = &self.bytes[self.read..];
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            self.read += end + 1;
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if event.name.is_empty() && event.data.is_empty() {
                    continue;
                }
                return Some(event);
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.event.name),
                "id" => self.event.id = Some(value.to_owned()),
                "data" => {
                    if !self.event.data.is_empty() {
                        self.event.data.push('\n');
                    }
                    self.event.data.push_str(value);
                }
                // A comment keeps the connection.
                _ => {}
            }
        }
    }
}

/// In the words of the innermost cause, with what to do.
pub(super) fn unreachable(place: &str, error: &reqwest::Error) -> ClientError {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let mut why = cause.to_string();
    if let Some(io) = cause.downcast_ref::<std::io::Error>() {
        let help = match io.kind() {
            std::io::ErrorKind::NotFound => {
                "start `bootwire serve`, or say where it is with --admin"
            }
            std::io::ErrorKind::ConnectionRefused => "nobody listens there: start `bootwire serve`",
            std::io::ErrorKind::PermissionDenied => {
                "the socket is its user's: become that user, or name a group with admin.group"
            }
            _ => "",
        };
        if !help.is_empty() {
            why = format!("{why}; {help}");
        }
    }
    ClientError::Unreachable {
        place: place.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = "event: hello\ndata: {}\n\n: still here\n\nevent: record\r\nid: a-1\r\n\
                    data: {\"x\":\"ä\"}\r\n\r\nevent: bye\ndata: {}\n\nevent: cut";
        for size in [1, 2, 3, 7, 1_000] {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for bytes in text.as_bytes().chunks(size) {
                parser.push(bytes);
                found.extend(std::iter::from_fn(|| parser.next()));
            }
            let names: Vec<_> = found.iter().map(|raw| raw.name.as_str()).collect();
            assert_eq!(names, ["hello", "record", "bye"], "{size}");
            assert_eq!(found[1].id.as_deref(), Some("a-1"));
            assert_eq!(found[1].data, "{\"x\":\"ä\"}");
        }
    }
}
