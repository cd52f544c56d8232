//! What records add up to.

use std::collections::HashMap;
use std::time::Duration;

use bootwire::{CacheUse, Limit, Op, Outcome, TransferRecord};
use bootwire_boots::VerdictKind;

use super::list;
use super::snapshot::{Histogram, Sheet, Value};

/// Patterns of routes that are told apart; further ones are counted together. A configuration that is
/// reloaded again and again makes no more series than that.
const ROUTES: usize = 64;

/// The route of requests that none matched.
const NO_ROUTE: &str = "none";
/// The route of those beyond [`ROUTES`].
const OTHER_ROUTE: &str = "other";

const OPS: [&str; 2] = ["read", "write"];
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];
const TRANSPORT: &str = "tftp";

/// Sums over records.
pub(super) struct Tally {
    /// By the number of the route.
    routes: Vec<Route>,
    numbers: HashMap<String, usize>,
    /// By operation.
    blocks: [u64; 2],
    timeouts: u64,
    gaps: u64,
    /// By family.
    round_trip: [Histogram; 2],
    /// In the order of [`Limit::ALL`].
    limited: [u64; Limit::ALL.len()],
    waiting: [Duration; Limit::ALL.len()],
    /// In the order of [`CacheUse::ALL`].
    cached: [u64; CacheUse::ALL.len()],
    origin: Histogram,
    /// In the order of [`VerdictKind::ALL`].
    boots: Vec<u64>,
    boot_strangers: u64,
}

/// Sums over the records of one route.
struct Route {
    pattern: String,
    /// By operation, outcome and family.
    transfers: HashMap<(usize, Outcome, usize), u64>,
    /// By operation, once there was one.
    ops: [Option<ByOp>; 2],
    handler: Histogram,
}

/// Sums over the reads, or writes, of one route.
struct ByOp {
    bytes: u64,
    duration: Histogram,
    first_byte: Histogram,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            numbers: HashMap::new(),
            blocks: [0; 2],
            timeouts: 0,
            gaps: 0,
            round_trip: [(); 2].map(|()| Histogram::of(&list::ROUND_TRIP)),
            limited: [0; Limit::ALL.len()],
            waiting: [Duration::ZERO; Limit::ALL.len()],
            cached: [0; CacheUse::ALL.len()],
            origin: Histogram::of(&list::ORIGIN),
            boots: vec![0; VerdictKind::ALL.len()],
            boot_strangers: 0,
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, record: &TransferRecord) {
        let op = match record.op {
            Op::Read => 0,
            Op::Write => 1,
        };
        let family = usize::from(record.peer.ip().to_canonical().is_ipv6());
        self.blocks[op] += record.blocks;
        self.timeouts += u64::from(record.timeouts);
        if let Some(time) = record.round_trip {
            self.round_trip[family].add(time.as_secs_f64());
        }
        self.gaps += u64::from(record.gaps);
        for (at, limit) in Limit::ALL.into_iter().enumerate() {
            self.limited[at] += u64::from(record.limited_by == Some(limit));
            self.waiting[at] = self.waiting[at].saturating_add(record.waits.of(limit));
        }
        for (at, how) in CacheUse::ALL.into_iter().enumerate() {
            self.cached[at] += u64::from(record.cache == Some(how));
        }
        if record.cache.is_some_and(|how| how != CacheUse::Hit) {
            self.origin.add(record.waits.content.as_secs_f64());
        }
        self.route(record.route.as_deref().unwrap_or(NO_ROUTE))
            .add(record, op, family);
    }

    /// A boot ended so.
    pub(super) fn add_boot(&mut self, verdict: VerdictKind) {
        if let Some(at) = VerdictKind::ALL.iter().position(|&known| known == verdict) {
            self.boots[at] += 1;
        }
    }

    /// So many addresses that acknowledged nothing left no boot.
    pub(super) fn add_boot_strangers(&mut self, count: u64) {
        self.boot_strangers += count;
    }

    fn route(&mut self, pattern: &str) -> &mut Route {
        let known = self.numbers.get(pattern).copied();
        let number = known.unwrap_or_else(|| self.number(pattern));
        &mut self.routes[number]
    }

    /// The number of a route that has none yet.
    fn number(&mut self, pattern: &str) -> usize {
        let pattern = match self.routes.len() {
            // With the one for the others there is one more.
            ..ROUTES => pattern,
            _ => OTHER_ROUTE,
        };
        *self.numbers.entry(pattern.to_owned()).or_insert_with(|| {
            self.routes.push(Route::new(pattern));
            self.routes.len() - 1
        })
    }

    pub(super) fn write(&self, sheet: &mut Sheet) {
        for (at, op) in OPS.into_iter().enumerate() {
            sheet.add(&list::BLOCKS, [op], Value::Count(self.blocks[at]));
        }
        sheet.count(&list::BLOCK_TIMEOUTS, self.timeouts);
        for (family, times) in FAMILIES.into_iter().zip(&self.round_trip) {
            sheet.add(&list::ROUND_TRIP, [family], Value::Histogram(times.clone()));
        }
        sheet.count(&list::GAPS, self.gaps);
        for (at, limit) in Limit::ALL.into_iter().enumerate() {
            let (count, time) = (self.limited[at], self.waiting[at]);
            sheet.add(&list::LIMITED, [limit.as_str()], Value::Count(count));
            let time = Value::Number(time.as_secs_f64());
            sheet.add(&list::WAITING, [limit.as_str()], time);
        }
        for (how, &count) in CacheUse::ALL.into_iter().zip(&self.cached) {
            sheet.add(&list::CACHE_ANSWERS, [how.as_str()], Value::Count(count));
        }
        for (verdict, &count) in VerdictKind::ALL.iter().zip(&self.boots) {
            let labels = [verdict.as_str(), verdict.level().as_str()];
            sheet.add(&list::BOOTS, labels, Value::Count(count));
        }
        sheet.count(&list::BOOT_STRANGERS, self.boot_strangers);
        sheet.add(
            &list::ORIGIN,
            [""; 0],
            Value::Histogram(self.origin.clone()),
        );
        self.routes.iter().for_each(|route| route.write(sheet));
    }
}

impl Route {
    fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            transfers: HashMap::new(),
            ops: [None, None],
            handler: Histogram::of(&list::HANDLER),
        }
    }

    fn add(&mut self, record: &TransferRecord, op: usize, family: usize) {
        let key = (op, record.outcome, family);
        *self.transfers.entry(key).or_default() += 1;
        self.handler.add(seconds(record.handler_time));
        let sums = self.ops[op].get_or_insert_with(|| ByOp {
            bytes: 0,
            duration: Histogram::of(&list::TRANSFER_DURATION),
            first_byte: Histogram::of(&list::FIRST_BYTE),
        });
        sums.bytes += record.bytes;
        if record.outcome == Outcome::Complete {
            sums.duration.add(seconds(record.duration));
        }
        if let Some(time) = record.first_data {
            sums.first_byte.add(seconds(time));
        }
    }

    fn write(&self, sheet: &mut Sheet) {
        let pattern = &self.pattern;
        let mut transfers: Vec<_> = self.transfers.iter().collect();
        transfers.sort_by_key(|((op, outcome, family), _)| (*op, outcome.as_str(), *family));
        for (&(op, outcome, family), &count) in transfers {
            let labels = [
                pattern,
                OPS[op],
                outcome.as_str(),
                FAMILIES[family],
                TRANSPORT,
            ];
            let labels = labels.map(str::to_owned);
            sheet.add(&list::ROUTE_TRANSFERS, labels, Value::Count(count));
        }
        sheet.add(
            &list::HANDLER,
            [pattern.clone()],
            Value::Histogram(self.handler.clone()),
        );
        for (op, sums) in OPS.into_iter().zip(&self.ops) {
            let Some(sums) = sums else { continue };
            let labels = || [pattern.clone(), op.to_owned()];
            sheet.add(&list::ROUTE_CONTENT, labels(), Value::Count(sums.bytes));
            let duration = Value::Histogram(sums.duration.clone());
            sheet.add(&list::TRANSFER_DURATION, labels(), duration);
            let first_byte = Value::Histogram(sums.first_byte.clone());
            sheet.add(&list::FIRST_BYTE, labels(), first_byte);
        }
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
