//! One run: processes that come and go on one disk, clients that read, and what must hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::Refusal;
use bootwire::file::Filling;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::dice::Dice;
use super::disk::{SimDisk, Weather};
use super::origin::{Mood, SimOrigin};
use crate::cache::chunks::{self, CHUNK, Sum};
use crate::cache::disk::Disk;
use crate::cache::entry::{Chunk, LOOK_EVERY};
use crate::cache::fault::Fault;
use crate::cache::opened::Opened;
use crate::cache::{Cache, Cached};
use crate::origin::{ObjectName, Origin, Version};

/// How long a client may wait for anything.
const HANGS_AFTER: Duration = Duration::from_secs(300);
/// Longer than anything is remembered or retried for.
const AFTER_ALL: Duration = Duration::from_secs(60);
/// What sidecars may take beyond their share, where chunks were fetched again.
const SLACK: u64 = 64 << 10;

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) objects: usize,
    pub(super) clients: u64,
    pub(super) reads: u64,
    /// Processes one after the other.
    pub(super) lives: u64,
    /// Whether they end in a power failure.
    pub(super) crashes: bool,
    pub(super) weather: Weather,
    pub(super) mood: Mood,
    /// Bytes of the cache, at most.
    pub(super) max: u64,
    pub(super) memory: u64,
    /// How often somebody publishes another version, or writes to a file, in a life.
    pub(super) publishes: u64,
    pub(super) meddles: u64,
    /// Whether the clock is set now and then.
    pub(super) clock: bool,
    pub(super) ttl: Duration,
    pub(super) read_ahead: u64,
    pub(super) planted: Option<Fault>,
}

impl Scenario {
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0xcafe);
        let objects = 2 + dice.below(4) as usize;
        let large = 64 * CHUNK;
        let tight = 4 * CHUNK + dice.below(4 * CHUNK);
        let calm = dice.chance(15);
        let mut some = |percent: u64, most: u64| {
            let happens = !calm && dice.chance(percent);
            if happens { 1 + dice.below(most) } else { 0 }
        };
        let weather = Weather {
            room: (some(30, 2) > 0).then_some(2 * CHUNK + tight / 2),
            failing: some(25, 30),
            slow: some(80, 40),
        };
        let mood = Mood {
            faulty: some(50, 40),
            late: some(50, 7000),
            slow: some(70, 800),
        };
        let (publishes, meddles) = (some(50, 6), some(40, 8));
        let (lives, crashes) = (1 + some(60, 3), some(70, 1) > 0);
        let clock = some(20, 1) > 0;
        let max = if some(40, 1) > 0 { tight } else { large };
        let memory = if some(20, 1) > 0 { 0 } else { 4 << 20 };
        Self {
            seed,
            objects,
            clients: 2 + dice.below(5),
            reads: 1 + dice.below(4),
            lives,
            crashes,
            weather,
            mood,
            max,
            memory,
            publishes,
            meddles,
            clock,
            ttl: Duration::from_millis(dice.pick(&[0, 1000, 30_000])),
            read_ahead: dice.pick(&[0, CHUNK, 4 * CHUNK]),
            planted: None,
        }
    }

    /// Whether nothing is in the way of anybody.
    fn is_calm(&self) -> bool {
        let Weather { room, failing, .. } = self.weather;
        room.is_none()
            && failing == 0
            && self.mood.faulty == 0
            && self.mood.late < 1500
            && self.mood.slow < 100
            && self.publishes == 0
            && self.meddles == 0
            && self.lives == 1
            && self.max > 32 * CHUNK
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) wrong: Vec<String>,
    pub(super) complete: u64,
    pub(super) refused: u64,
    pub(super) sent: u64,
    pub(super) reliefs: u64,
    pub(super) evicted: u64,
    /// A number made of all that happened.
    pub(super) digest: u64,
}

impl Report {
    fn note(&mut self, number: u64) {
        self.digest = (self.digest ^ number).wrapping_mul(0x0100_0000_01b3);
    }
}

/// What all tasks of a process share.
struct World {
    scenario: Scenario,
    disk: Arc<SimDisk>,
    origin: Arc<SimOrigin>,
    dir: PathBuf,
    report: Mutex<Report>,
    /// When somebody last wrote to a file.
    meddled: Mutex<BTreeMap<PathBuf, Instant>>,
}

pub(super) fn run(scenario: Scenario) -> Report {
    let mut dice = Dice(scenario.seed);
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(SimDisk::new(dice.fork(), scenario.planted));
    let world = Arc::new(World {
        scenario,
        disk,
        origin: SimOrigin::new(dice.fork(), scenario.objects),
        // The path is in no number that decides anything.
        dir: dir.path().to_owned(),
        report: Mutex::default(),
        meddled: Mutex::default(),
    });
    for life in 1..=scenario.lives {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let last = life == scenario.lives;
        runtime.block_on(Arc::clone(&world).live(dice.fork(), last));
        drop(runtime);
        world.origin.hang_up();
        if scenario.crashes {
            world.disk.crash();
        }
        // The path of a file that was meddled with is summed by the next process.
        world.meddled.lock().unwrap().clear();
        if scenario.meddles > 0 {
            world.mix_up(&mut dice);
        }
    }
    let mut report = world.report.lock().unwrap().clone();
    let state = world.origin.lock();
    // Whose files were purged, or could not be opened, is fetched anew beside those who read it.
    if scenario.meddles == 0 && scenario.weather.failing == 0 {
        report.wrong.extend(state.wrong.iter().cloned());
    }
    report.sent = state.sent;
    report.note(state.sent);
    report
}

impl World {
    /// Says what happens, with `BOOTWIRE_TRACE` set.
    fn trace(&self, what: std::fmt::Arguments<'_>) {
        if std::env::var_os("BOOTWIRE_TRACE").is_some() {
            println!("{:?} {what}", self.disk.time());
        }
    }

    fn wrong(&self, text: String) {
        self.trace(format_args!("WRONG {text}"));
        self.report.lock().unwrap().wrong.push(text);
    }

    fn open(&self) -> std::io::Result<Cached> {
        let beneath = (Arc::clone(&self.disk) as _, Arc::clone(&self.disk) as _);
        let disk = Disk::open(&self.dir, self.scenario.max, beneath, Arc::default())?;
        let cache = Cache::on(disk, self.scenario.memory);
        let cached = Cached::new(Arc::clone(&self.origin) as Arc<dyn Origin>, &cache);
        let cached = cached.ttl(self.scenario.ttl).in_flight(8 * CHUNK);
        Ok(cached.read_ahead(self.scenario.read_ahead))
    }

    /// One process, from its start to its end.
    async fn live(self: Arc<Self>, mut dice: Dice, last: bool) {
        self.disk.begin();
        self.trace(format_args!("a process begins; {:?}", self.origin.habits));
        // A start in good weather: one that fails is another story.
        self.disk.set_weather(Weather::default());
        let cached = match self.open() {
            Ok(cached) => cached,
            Err(error) => {
                self.disk.end(0);
                return self.wrong(format!("does not start: {error}"));
            }
        };
        self.check_space(&cached);
        self.disk.set_weather(self.scenario.weather);
        self.origin.set_mood(self.scenario.mood);
        let mut clients = JoinSet::new();
        for _ in 0..self.scenario.clients {
            let client = Arc::clone(&self).client(cached.clone(), dice.fork());
            clients.spawn(client);
        }
        let troubles = tokio::spawn(Arc::clone(&self).trouble(dice.fork()));
        let all = async { while clients.join_next().await.is_some() {} };
        let cut = self.scenario.crashes && !last;
        let limit = Duration::from_millis(if cut {
            dice.below(20_000)
        } else {
            u64::MAX >> 20
        });
        let ended = timeout(limit, all).await.is_ok();
        troubles.abort();
        self.check_space(&cached);
        self.check_chunks(&cached);
        if ended {
            self.after_all(&cached).await;
        }
        let stats = cached.cache.stats();
        self.disk.end(dice.below(100_000));
        let mut report = self.report.lock().unwrap();
        report.reliefs += cached.cache.disk.reliefs();
        report.evicted += stats.evicted;
        for number in [stats.hits, stats.misses, stats.asked, stats.fetched_bytes] {
            report.note(number);
        }
    }

    /// Somebody publishes, writes to files, and sets the clock.
    async fn trouble(self: Arc<Self>, mut dice: Dice) {
        let Scenario {
            publishes,
            meddles,
            clock,
            ..
        } = self.scenario;
        let mut left = [publishes, meddles, u64::from(clock)];
        while left.iter().any(|&left| left > 0) {
            sleep(Duration::from_millis(dice.below(4000))).await;
            let which = dice.below(3) as usize;
            if left[which] == 0 {
                continue;
            }
            left[which] -= 1;
            match which {
                0 => self.origin.publish(&mut dice),
                1 => {
                    let suffix = if dice.chance(80) { "data" } else { "meta" };
                    let files = self.disk.files(suffix);
                    if let Some(file) = files.get(dice.below(files.len() as u64) as usize) {
                        let how = self.disk.meddle(file, &mut dice);
                        self.trace(format_args!("{how} {}", file.display()));
                        let mut meddled = self.meddled.lock().unwrap();
                        meddled.insert(file.clone(), Instant::now());
                    }
                }
                _ => self
                    .disk
                    .set_clock(dice.below(200_000_000) as i64 - 100_000_000),
            }
        }
    }

    /// Between two processes somebody mixes up sidecars.
    fn mix_up(&self, dice: &mut Dice) {
        let files = self.disk.files("meta");
        if files.len() > 1 && dice.chance(60) {
            let of = |dice: &mut Dice| files[dice.below(files.len() as u64) as usize].clone();
            let (from, to) = (of(dice), of(dice));
            self.trace(format_args!("{from:?} is mixed into {to:?}"));
            self.disk.mix_up(&from, &to);
        }
    }

    async fn client(self: Arc<Self>, cached: Cached, mut dice: Dice) {
        for _ in 0..self.scenario.reads {
            sleep(Duration::from_millis(dice.below(3000))).await;
            let object = dice.below(self.scenario.objects as u64) as usize;
            let before = Instant::now();
            match self.read(&cached, object, &mut dice).await {
                Ok(()) => self.report.lock().unwrap().complete += 1,
                Err(refusal) => {
                    if self.scenario.is_calm() {
                        self.wrong(format!("{object} is refused without reason: {refusal:?}"));
                    }
                    let mut report = self.report.lock().unwrap();
                    report.refused += 1;
                }
            }
            let took = before.elapsed().as_millis() as u64;
            self.report.lock().unwrap().note(took);
            self.check_space(&cached);
        }
    }

    /// Reads an object as a transfer does, and compares it.
    async fn read(&self, cached: &Cached, object: usize, dice: &mut Dice) -> Result<(), Refusal> {
        let name = ObjectName::new(object.to_string().as_bytes()).unwrap();
        let key = cached.source.key(&name);
        let begun = Instant::now();
        let opened = timeout(HANGS_AFTER, cached.opened(&key, None)).await;
        let Ok(opened) = opened else {
            self.wrong(format!("who asks for {object} waits for ever"));
            return Ok(());
        };
        let opened = opened.inspect_err(|refusal| {
            self.trace(format_args!("{object} is refused: {:?}", refusal.detail()));
        });
        match opened? {
            Opened::Small(small) => {
                self.compare(object, &small.version, &small.bytes, "from memory");
            }
            Opened::Whole(held, open) => {
                let path = held.about.data.clone();
                self.trace(format_args!("{object} is whole: {:?}", held.chunks()));
                let Some(file) = self.disk.reader(&path) else {
                    return Ok(());
                };
                let stamp = self.disk.stamp(&file);
                sleep(Duration::from_millis(dice.below(3000))).await;
                let mut bytes = vec![0; held.about.size as usize];
                let read = std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0);
                drop(open);
                // The engine looks whether the file is as it was opened.
                let same = self.disk.stamp(&file) == stamp;
                if read.is_ok() && same && !self.was_meddled(&path, begun) {
                    self.compare(object, &held.about.version, &bytes, "from a file");
                }
            }
            Opened::Filling(filler, content) => {
                let file = filler.data.file().unwrap();
                self.trace(format_args!("{object} comes: {:?}", filler.entry.chunks()));
                let about = filler.entry.about.clone();
                let mut bytes = Vec::new();
                while (bytes.len() as u64) < about.size {
                    let at = bytes.len() as u64;
                    let ready = filler.ready(at..(at + CHUNK).min(about.size));
                    match timeout(HANGS_AFTER, ready).await {
                        Ok(ready) => ready?,
                        Err(_) => {
                            self.wrong(format!("who reads {object} at {at} waits for ever"));
                            return Ok(());
                        }
                    }
                    let here = filler.here(at).min(at + 1 + dice.below(CHUNK));
                    let mut piece = vec![0; (here - at) as usize];
                    let read = std::os::unix::fs::FileExt::read_exact_at(&file, &mut piece, at);
                    if read.is_err() {
                        // Cut by somebody: the kernel's mapping says so too.
                        return Ok(());
                    }
                    bytes.extend_from_slice(&piece);
                    sleep(Duration::from_millis(dice.below(200))).await;
                }
                drop(content);
                if !self.was_meddled(&about.data, begun) {
                    self.compare(object, &about.version, &bytes, "while it came");
                }
            }
        }
        Ok(())
    }

    fn compare(&self, object: usize, version: &Version, bytes: &[u8], how: &str) {
        if !self.origin.has(object, version, bytes) {
            let size = bytes.len();
            self.wrong(format!(
                "{object} {version:?}, {size} bytes {how}, is not what the origin has"
            ));
        }
    }

    /// Whether somebody may have written to a file too late for one who opened it then.
    fn was_meddled(&self, path: &Path, opened: Instant) -> bool {
        let meddled = self.meddled.lock().unwrap();
        meddled
            .get(path)
            .is_some_and(|when| *when + LOOK_EVERY >= opened)
    }

    fn check_space(&self, cached: &Cached) {
        let taken = cached.cache.disk.index().figures().0;
        let max = self.scenario.max;
        if taken > max {
            self.wrong(format!("{taken} bytes are taken of {max}"));
        }
        let used = self.disk.used();
        if used > max + SLACK && self.scenario.meddles == 0 && !self.scenario.crashes {
            self.wrong(format!("{used} bytes are used of {max}"));
        }
    }

    /// Chunks that are said to be here and are not what the origin has.
    fn check_chunks(&self, cached: &Cached) {
        for entry in cached.cache.disk.index().all() {
            let about = &entry.about;
            let meddled = self.meddled.lock().unwrap().contains_key(&about.data);
            let Some(file) = self.disk.reader(&about.data).filter(|_| !meddled) else {
                continue;
            };
            for (index, chunk) in entry.chunks().iter().enumerate() {
                let Chunk::Here(sum) = chunk else { continue };
                let range = chunks::range(index, about.size);
                let mut bytes = vec![0; (range.end - range.start) as usize];
                let read =
                    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, range.start);
                if read.is_err() || Sum::of(&bytes) != *sum {
                    self.wrong(format!("chunk {index} of {about:?} is said to be here"));
                }
            }
        }
    }

    /// All is well again: everything can be had.
    async fn after_all(&self, cached: &Cached) {
        self.disk.set_weather(Weather::default());
        self.origin.set_mood(Mood::default());
        let mut dice = Dice(self.scenario.seed ^ 1);
        for object in 0..self.scenario.objects {
            let mut last = None;
            for _ in 0..4 {
                sleep(AFTER_ALL).await;
                match self.read(cached, object, &mut dice).await {
                    Ok(()) => {
                        last = None;
                        break;
                    }
                    Err(refusal) => last = Some(refusal),
                }
            }
            let fits = self.origin.size(object) + 2 * CHUNK < self.scenario.max;
            if let Some(refusal) = last.filter(|_| fits) {
                self.wrong(format!("{object} cannot be had any more: {refusal:?}"));
            }
        }
    }
}
