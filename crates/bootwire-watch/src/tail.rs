//! What a server does, as it does it: a line for each transfer that ends.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use bootwire_admin::Client;
use bootwire_admin::api::{EventsQuery, Record};
use bootwire_admin::client::{ClientError, Event};

use crate::{shown, size};

/// Shortest and longest pause before a server that has gone is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// What there is to tell.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// A transfer. Nothing in it steers a terminal.
    Line(&'a str),
    /// About the lines: that some were missed, that the server has gone.
    Note(&'a str),
}

/// Follows a server.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    /// Which transfers: `machine`, `peer`, `path`, `outcome`, `failed`, `quiet` and `route` of it.
    pub wanted: EventsQuery,
    /// How many of the last ones it begins with.
    pub last: usize,
    /// After how many lines it ends.
    pub count: Option<u64>,
    /// Whether lines are JSON, with all that is known.
    pub json: bool,
    /// What was seen last.
    last_id: Option<String>,
    shown: u64,
}

/// Why a stream is over.
enum Over {
    /// Nobody reads any more, or has enough.
    Done,
    /// The server has gone.
    Gone(Option<ClientError>),
}

impl Tail {
    /// Everything that the server does from now on.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            wanted: EventsQuery::default(),
            last: 0,
            count: None,
            json: false,
            last_id: None,
            shown: 0,
        }
    }

    /// Tells each transfer until there were enough, or `tell` fails: who reads has gone then. While the
    /// server is gone it waits for it, and goes on where it was.
    ///
    /// # Errors
    /// If the server cannot be asked in the first place, or lets nobody in.
    pub async fn run(
        &mut self,
        mut tell: impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let mut pause = PAUSE.0;
        let mut is_first = true;
        loop {
            match self.follow(&mut tell).await {
                Ok(Over::Done) => return Ok(()),
                // Who was there once comes back.
                Ok(Over::Gone(why)) => {
                    is_first = false;
                    pause = PAUSE.0;
                    let why = why.map_or_else(String::new, |why| format!(": {why}"));
                    let told = format!("the server has gone{why}; waiting for it");
                    if tell(News::Note(&told)).is_err() {
                        return Ok(());
                    }
                }
                Err(error @ ClientError::Unreachable { .. }) if !is_first => drop(error),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn follow(
        &mut self,
        tell: &mut impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<Over, ClientError> {
        let mut events = self.client.events(&self.query()).await?;
        loop {
            let event = match events.next().await {
                Ok(Some(Event::Bye) | None) => return Ok(Over::Gone(None)),
                Ok(Some(event)) => event,
                Err(error) => return Ok(Over::Gone(Some(error))),
            };
            match event {
                Event::Record(record, data) => {
                    let line = if self.json {
                        json(&data)
                    } else {
                        text(&record)
                    };
                    if tell(News::Line(&line)).is_err() {
                        return Ok(Over::Done);
                    }
                    self.shown += 1;
                    if self.count.is_some_and(|count| self.shown >= count) {
                        return Ok(Over::Done);
                    }
                }
                Event::Lag(lag) => {
                    let told = match lag.missed {
                        Some(missed) => format!("{missed} missed"),
                        None => "the server was restarted: nobody knows what was missed".to_owned(),
                    };
                    if tell(News::Note(&told)).is_err() {
                        return Ok(Over::Done);
                    }
                }
                _ => {}
            }
            if let Some(id) = events.last_id() {
                self.last_id = Some(id.to_owned());
            }
        }
    }

    fn query(&self) -> EventsQuery {
        EventsQuery {
            topics: Some("records".to_owned()),
            last_event_id: self.last_id.clone(),
            text: (!self.json).then_some(true),
            last: (self.last_id.is_none() && self.shown == 0).then_some(self.last),
            ..self.wanted.clone()
        }
    }
}

/// The record as it came. JSON escapes the control characters of ASCII by itself; the others, and what
/// turns the direction of writing, could still steer a terminal.
fn json(data: &str) -> String {
    let mut safe = String::with_capacity(data.len());
    for letter in data.chars() {
        if letter.is_control() || shown::steers(letter) {
            // All of these fit 16 bits. Writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// The line of the log; of a server that has none, the same in short.
fn text(record: &Record) -> String {
    if let Some(serde_json::Value::String(line)) = record.more.get("text") {
        return line.chars().filter(|letter| !letter.is_control()).collect();
    }
    let word = |text: &str| shown::word(text.as_bytes());
    let mut line = format!(
        "{} {} {} {}: {}",
        record.time,
        record.peer,
        record.op,
        word(&record.path),
        record.outcome.replace('_', " ")
    );
    if record.bytes > 0 {
        let took = Duration::from_micros(record.duration_us);
        line.push_str(", ");
        size::write_moved(&mut line, record.bytes, took);
    }
    if let Some(detail) = &record.detail {
        line.push_str(", ");
        line.push_str(&shown::escaped(detail.as_bytes()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_steer_a_terminal() {
        let told = json("{\"path\":\"/\u{9b}2J\u{202e}x\"}");
        assert_eq!(told, "{\"path\":\"/\\u009b2J\\u202ex\"}");
        let mut record = Record {
            path: "/\u{1b}[2J".to_owned(),
            outcome: "not_found".to_owned(),
            ..Record::default()
        };
        assert!(!text(&record).contains('\u{1b}'));
        assert!(text(&record).ends_with(": not found"));
        record.more.insert("text".to_owned(), "a\u{1b}b".into());
        assert_eq!(text(&record), "ab");
    }
}
