//! `bootwire tail`: what a server does, as it does it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::Context;
use bootwire_admin::Client;
use bootwire_admin::api::{EventsQuery, Record};
use bootwire_admin::client::{ClientError, Event};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::running::{AdminArgs, failure};
use crate::{out, shown, size, task};

/// The first pause before a server that has gone is looked for again, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire tail
      every transfer that ends, as in the log
  bootwire tail --all
      also what boot loaders only try: size probes, and searches that find nothing
  bootwire tail --failed
      those that went wrong; size probes and searches did not
  bootwire tail --machine web1 --json
      what one machine fetched, as JSON, a line each
  bootwire tail --path '/images/*' --peer 10.0.0.0/24
      what a network fetches of the images

It goes on when the server is restarted, and says how many lines it missed if it was too slow.

Exit codes:
  0  the reader of its output has gone, or --count lines were shown
  2  the command line is wrong
  4  the server does not let you in
  5  there is no server
  130, 143  interrupted (Ctrl-C), terminated")]
pub(crate) struct Args {
    /// Only transfers of this machine
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Only those of this address or network
    #[arg(long, value_name = "ADDR|NETWORK")]
    peer: Option<String>,
    /// Only paths like this: * stands for anything, ? for a letter
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Only those that ended so: complete, timeout, not_found …; several with commas
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only those that failed
    #[arg(long)]
    failed: bool,
    /// Also size probes and searches of boot loaders that find nothing; JSON and --outcome have them
    /// anyway
    #[arg(long, short)]
    all: bool,
    /// Only those that this route answered, by its pattern
    #[arg(long, value_name = "PATTERN")]
    route: Option<String>,
    /// Begin with so many of the last ones
    #[arg(long, short = 'n', value_name = "LINES", default_value_t = 10)]
    last: usize,
    /// End after so many lines
    #[arg(long, value_name = "LINES")]
    count: Option<u64>,
    /// Print JSON: the record with all its fields, a line each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let client = args.admin.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(task::boxed(async {
        let listen = |kind| signal(kind).context("cannot wait for signals");
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut tail = Tail {
            args,
            client,
            last_id: None,
            shown: 0,
        };
        tokio::select! {
            done = tail.run() => done,
            () = out::reader_has_gone() => Ok(()),
            _ = interrupt.recv() => ended_by(2),
            _ = terminate.recv() => ended_by(15),
        }
    }))
}

/// Nothing went wrong: somebody has seen enough.
fn ended_by(signal: u8) -> Result<(), Failure> {
    Err(Failure::silent(Exit::Signal(signal)))
}

struct Tail<'a> {
    args: &'a Args,
    client: Client,
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

impl Tail<'_> {
    /// Until nobody reads any more.
    async fn run(&mut self) -> Result<(), Failure> {
        let mut pause = PAUSE.0;
        let mut is_first = true;
        loop {
            match self.follow().await {
                Ok(Over::Done) => return Ok(()),
                // Who was there once comes back.
                Ok(Over::Gone(why)) => {
                    is_first = false;
                    pause = PAUSE.0;
                    let why = why.map_or_else(String::new, |why| format!(": {why}"));
                    out::note(&format!("the server has gone{why}; waiting for it"));
                }
                Err(error @ ClientError::Unreachable { .. }) if !is_first => drop(error),
                Err(error) => return Err(failure(error)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn follow(&mut self) -> Result<Over, ClientError> {
        let mut events = self.client.events(&self.query()).await?;
        loop {
            let event = match events.next().await {
                Ok(Some(Event::Bye) | None) => return Ok(Over::Gone(None)),
                Ok(Some(event)) => event,
                Err(error) => return Ok(Over::Gone(Some(error))),
            };
            match event {
                Event::Record(record, data) => {
                    let line = if self.args.json {
                        json(&data)
                    } else {
                        text(&record)
                    };
                    if write(&line).is_err() {
                        return Ok(Over::Done);
                    }
                    self.shown += 1;
                    if self.args.count.is_some_and(|count| self.shown >= count) {
                        return Ok(Over::Done);
                    }
                }
                Event::Lag(lag) => out::note(&match lag.missed {
                    Some(missed) => format!("{missed} missed"),
                    None => "the server was restarted: nobody knows what was missed".to_owned(),
                }),
                _ => {}
            }
            if let Some(id) = events.last_id() {
                self.last_id = Some(id.to_owned());
            }
        }
    }

    fn query(&self) -> EventsQuery {
        let args = self.args;
        EventsQuery {
            topics: Some("records".to_owned()),
            last_event_id: self.last_id.clone(),
            text: (!args.json).then_some(true),
            last: (self.last_id.is_none() && self.shown == 0).then_some(args.last),
            machine: args.machine.clone(),
            peer: args.peer.clone(),
            path: args.path.clone(),
            outcome: args.outcome.clone(),
            failed: args.failed.then_some(true),
            // As the log: what is written for machines is complete.
            quiet: (!(args.all || args.json || args.outcome.is_some())).then_some(true),
            route: args.route.clone(),
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

fn write(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
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
