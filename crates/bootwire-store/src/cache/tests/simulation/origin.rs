//! An origin that follows a script: versions that change, answers that are late, short, cut or
//! wrong. It writes down who is sent what.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bootwire::BoxFuture;
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use super::dice::Dice;
use crate::cache::chunks::CHUNK;
use crate::origin::{
    Ask, Body, Condition, Content, Got, ObjectName, Origin, OriginError, OriginErrorKind, Version,
};

/// How the place treats an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Sends parts, knows conditions.
    Parts,
    /// Sends all of it whatever is asked.
    Whole,
    /// Says no size.
    Unsized,
    /// Nothing tells its versions apart.
    Nameless,
    /// Sends parts, and knows no conditions: only its label tells which version they are of.
    Heedless,
}

const HABITS: [Habit; 7] = [
    Habit::Parts,
    Habit::Parts,
    Habit::Parts,
    Habit::Whole,
    Habit::Unsized,
    Habit::Nameless,
    Habit::Heedless,
];

/// How bad it may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mood {
    /// In how many of a hundred answers something is wrong.
    pub(super) faulty: u64,
    /// How late an answer is at most, in milliseconds.
    pub(super) late: u64,
    /// How long a piece takes at most, in milliseconds.
    pub(super) slow: u64,
}

pub(super) struct SimOrigin {
    state: Arc<Mutex<State>>,
    pub(super) habits: Vec<Habit>,
}

pub(super) struct State {
    dice: Dice,
    mood: Mood,
    objects: Vec<Object>,
    /// Bodies that are open.
    open: Vec<Sent>,
    bodies: u64,
    /// What must not be.
    pub(super) wrong: Vec<String>,
    /// Bytes that were sent because they were asked for.
    pub(super) sent: u64,
}

struct Object {
    versions: Vec<Bytes>,
    current: usize,
}

/// What one body has sent of what was asked for.
struct Sent {
    body: u64,
    object: usize,
    version: usize,
    from: u64,
    to: u64,
}

/// Content that is unlike any other's, at any other place, and never zero.
fn content(seed: u64, object: usize, version: usize, size: u64) -> Bytes {
    let mut dice = Dice(seed);
    let page: Vec<u8> = (0..4096).map(|_| dice.next() as u8 | 1).collect();
    let mut content = page.repeat(size.div_ceil(4096) as usize);
    for (at, page) in content.chunks_mut(4096).enumerate() {
        let label = (object as u64) << 48 | (version as u64) << 32 | at as u64;
        for place in [0, 2048] {
            page[place..place + 8].copy_from_slice(&(!label).to_le_bytes());
        }
    }
    content.truncate(size as usize);
    content.into()
}

impl SimOrigin {
    pub(super) fn new(mut dice: Dice, objects: usize) -> Arc<Self> {
        let seed = dice.next();
        let habits: Vec<_> = (0..objects).map(|_| dice.pick(&HABITS)).collect();
        let made = (0..objects).map(|number| {
            let size = match dice.below(4) {
                0 => 1 + dice.below(CHUNK / 64),
                1 => CHUNK / 64 + dice.below(CHUNK),
                _ => CHUNK / 2 + dice.below(2 * CHUNK),
            };
            let same = dice.chance(60);
            let versions = (0..3).map(|version| {
                let more = if same { 0 } else { dice.below(9000) };
                content(seed, number, version, size + more)
            });
            Object {
                versions: versions.collect(),
                current: 0,
            }
        });
        let objects = made.collect();
        let state = State {
            dice,
            mood: Mood::default(),
            objects,
            open: Vec::new(),
            bodies: 0,
            wrong: Vec::new(),
            sent: 0,
        };
        Arc::new(Self {
            state: Arc::new(Mutex::new(state)),
            habits,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    /// Somebody publishes another version, or an old one again.
    pub(super) fn publish(&self, dice: &mut Dice) {
        let mut state = self.lock();
        let number = dice.below(state.objects.len() as u64) as usize;
        state.objects[number].current = dice.below(3) as usize;
    }

    /// Whether `bytes` are one version of an object: the one that `label` names, if it does.
    pub(super) fn has(&self, object: usize, label: &Version, bytes: &[u8]) -> bool {
        let state = self.lock();
        let versions = &state.objects[object].versions;
        match label.etag.as_deref() {
            Some(etag) => {
                let number: usize = etag.trim_matches('"').parse().unwrap();
                versions[number] == bytes
            }
            None => versions.iter().any(|version| version == bytes),
        }
    }

    /// The processes that read from it have ended.
    pub(super) fn hang_up(&self) {
        self.lock().open.clear();
    }

    /// Bytes of the current version.
    pub(super) fn size(&self, object: usize) -> u64 {
        let state = self.lock();
        let object = &state.objects[object];
        object.versions[object.current].len() as u64
    }

    async fn answer(&self, number: usize, ask: &Ask) -> Result<Got, OriginError> {
        let (late, fault) = {
            let mut state = self.lock();
            let (late, faulty) = (state.mood.late, state.mood.faulty);
            let late = Duration::from_millis(state.dice.below(late + 1));
            let fault = state.dice.chance(faulty).then(|| state.dice.below(8));
            (late, fault)
        };
        sleep(late).await;
        match fault {
            Some(0) => return Err(OriginError::unavailable("503")),
            Some(1) => std::future::pending::<()>().await,
            _ => {}
        }
        let mut state = self.lock();
        let habit = self.habits[number];
        let version = state.objects[number].current;
        let all = state.objects[number].versions[version].clone();
        let size = all.len() as u64;
        let label = Version {
            etag: (habit != Habit::Nameless).then(|| format!("\"{version}\"")),
            modified: None,
        };
        if habit != Habit::Heedless {
            match &ask.condition {
                Condition::Unless(known) if known.is(&label) => return Ok(Got::Unchanged),
                Condition::Only(known) if !known.is(&label) => {
                    let detail = "another version";
                    return Err(OriginError::new(OriginErrorKind::Changed, detail));
                }
                _ => {}
            }
        }
        let asked = ask.range.clone().unwrap_or(0..size);
        let asked = asked.start..asked.end.min(size);
        let parts = matches!(habit, Habit::Parts | Habit::Heedless);
        let mut range = if parts { asked.clone() } else { 0..size };
        match fault {
            // Another part than asked for.
            Some(2) if parts => range.start = (asked.start + 1 + state.dice.below(5000)).min(size),
            // From its start, although a part was asked for.
            Some(3) if parts => range.start = 0,
            _ => {}
        }
        // A body that is cut, fails, or stalls somewhere; or goes on for too long.
        let mut end = range.end.max(range.start);
        let stops = match fault {
            Some(kind @ 4..=6) => {
                end = range.start + state.dice.below(end - range.start + 1);
                // Of unknown size, the end is where the body says so: its framing tells of a cut.
                let unframed = kind == 4 && habit == Habit::Unsized;
                Some(if unframed { 5 } else { kind })
            }
            Some(7) if parts => {
                end = (end + state.dice.below(3000)).min(size);
                None
            }
            _ => None,
        };
        state.bodies += 1;
        let body = SimBody {
            state: Arc::clone(&self.state),
            number: state.bodies,
            place: (number, version),
            all,
            at: range.start,
            end,
            asked,
            stops,
            due: None,
        };
        let sized = habit != Habit::Unsized;
        Ok(Got::Content(Content {
            version: label,
            size: sized.then_some(size),
            start: range.start,
            end: sized.then_some(range.end),
            body: Box::new(body),
        }))
    }
}

impl Origin for SimOrigin {
    fn name(&self) -> &str {
        "http://sim/"
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        let number: usize = object.as_str().parse().unwrap();
        Box::pin(self.answer(number, ask))
    }
}

/// A body that is being sent.
struct SimBody {
    state: Arc<Mutex<State>>,
    number: u64,
    /// Object and version.
    place: (usize, usize),
    all: Bytes,
    at: u64,
    end: u64,
    asked: std::ops::Range<u64>,
    /// How it ends before its end: cut, failed, stalled.
    stops: Option<u64>,
    /// When the next piece comes.
    due: Option<Instant>,
}

impl SimBody {
    async fn piece(&mut self) -> Result<Option<Bytes>, OriginError> {
        let due = *self.due.get_or_insert_with(|| {
            let mut state = self.state.lock().unwrap();
            let slow = state.mood.slow;
            Instant::now() + Duration::from_millis(state.dice.below(slow + 1))
        });
        sleep_until(due).await;
        if self.at == self.end {
            match self.stops {
                Some(5) => return Err(OriginError::unavailable("reset")),
                Some(6) => std::future::pending::<()>().await,
                _ => {}
            }
            return Ok(None);
        }
        self.due = None;
        let mut state = self.state.lock().unwrap();
        let len = (1 + state.dice.below(CHUNK / 6)).min(self.end - self.at);
        let range = self.at..self.at + len;
        self.at = range.end;
        state.note(
            self,
            range.start.max(self.asked.start)..range.end.min(self.asked.end),
        );
        Ok(Some(
            self.all.slice(range.start as usize..range.end as usize),
        ))
    }
}

impl State {
    /// A body sends bytes that were asked for: nobody else is sent them now.
    fn note(&mut self, body: &SimBody, range: std::ops::Range<u64>) {
        if range.is_empty() {
            return;
        }
        self.sent += range.end - range.start;
        let (object, version) = body.place;
        let same = |sent: &&mut Sent| sent.body == body.number;
        match self.open.iter_mut().find(same) {
            Some(sent) => sent.to = range.end,
            None => self.open.push(Sent {
                body: body.number,
                object,
                version,
                from: range.start,
                to: range.end,
            }),
        }
        let other = self.open.iter().find(|sent| {
            sent.body != body.number
                && (sent.object, sent.version) == body.place
                && sent.from < range.end
                && range.start < sent.to
        });
        if let Some(other) = other {
            let text = format!(
                "bytes {range:?} of object {object} are fetched twice at a time, also {}..{}",
                other.from, other.to
            );
            self.wrong.push(text);
        }
    }
}

impl Drop for SimBody {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.lock() {
            state.open.retain(|sent| sent.body != self.number);
        }
    }
}

impl Body for SimBody {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(self.piece())
    }
}
