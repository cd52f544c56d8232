//! Machines, and by what they are found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bootwire::{MacAddr, Outcome, TransferRecord};
use bootwire_render::dialect::{Ask, Key, Uuid, asked};

use super::Limits;
use super::open::Open;
use crate::boot::Keys;
use crate::times::since_epoch;
use crate::{Arch, Boot, Change};

/// Addresses that asked and acknowledged nothing, at a time: anyone can make them up. The oldest makes
/// room, and leaves no trace if nobody has heard of it yet.
pub(super) const STRANGERS_MAX: usize = 4096;

/// A machine, its boot, and the one before.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) keys: Keys,
    pub(super) current: Option<Open>,
    /// It is over, or about to be.
    pub(super) previous: Option<Open>,
    /// What boots have shown.
    pub(super) arch: Option<Arch>,
    /// Where it stands in the table's orders.
    placed: Option<(bool, SystemTime)>,
    weight: usize,
}

/// All machines that are known.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    machines: HashMap<u64, Machine>,
    by_key: HashMap<String, u64>,
    /// The machine that was seen last at an address.
    by_ip: HashMap<IpAddr, u64>,
    /// When something is to be done about them: all others, and those with a boot that is on.
    orders: [BTreeSet<(SystemTime, u64)>; 2],
    /// Those of which there is something to tell.
    dirty: HashSet<u64>,
    /// Those who have acknowledged nothing, the oldest first.
    strangers: BTreeSet<u64>,
    /// How many of them made room.
    strangers_gone: u64,
    count: u64,
    seed: u64,
    boots: u64,
    weight: usize,
}

impl Machine {
    fn boots(&self) -> impl Iterator<Item = &Open> {
        self.current.iter().chain(&self.previous)
    }

    /// What it takes of memory, roughly.
    fn weighed(&self) -> usize {
        400 + self.boots().map(Open::weight).sum::<usize>()
    }

    /// When to look at it, and whether a boot is on.
    fn next(&self) -> Option<(bool, SystemTime)> {
        let is_on = |open: &&Open| !open.boot.over || open.held;
        let on = self.boots().filter(is_on).map(|open| open.due).min();
        on.map(|due| (true, due)).or_else(|| {
            self.boots()
                .map(|open| open.due)
                .max()
                .map(|due| (false, due))
        })
    }

    /// Time has come for one of its boots.
    pub(super) fn due(&mut self, now: SystemTime, limits: &Limits, changes: &mut Vec<Change>) {
        let arch = self.arch;
        for slot in [&mut self.previous, &mut self.current] {
            let Some(open) = slot else { continue };
            if open.due > now {
                continue;
            }
            if open.held {
                open.end_if_held(arch, changes);
                open.linger(limits);
            } else if open.boot.over {
                *slot = None;
            } else {
                open.boot.over = true;
                open.end(arch, changes);
                open.linger(limits);
            }
        }
    }
}

impl Table {
    pub(super) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            machines: HashMap::new(),
            by_key: HashMap::new(),
            by_ip: HashMap::new(),
            orders: [BTreeSet::new(), BTreeSet::new()],
            dirty: HashSet::new(),
            strangers: BTreeSet::new(),
            strangers_gone: 0,
            count: 0,
            seed,
            boots: 0,
            weight: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether no boot is on.
    pub(super) fn is_idle(&self) -> bool {
        self.orders[1].is_empty()
    }

    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    pub(super) const fn strangers_gone(&self) -> u64 {
        self.strangers_gone
    }

    pub(super) fn at(&self, ip: IpAddr) -> Option<u64> {
        self.by_ip.get(&ip.to_canonical()).copied()
    }

    /// Does something with a machine, and puts it where it belongs then.
    pub(super) fn change(
        &mut self,
        id: u64,
        change: impl FnOnce(&mut Machine, &mut dyn FnMut(SystemTime) -> String),
    ) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let (seed, boots) = (self.seed, &mut self.boots);
        let mut next = |started: SystemTime| {
            *boots += 1;
            let micros = since_epoch(started).as_micros() as u64 & 0xf_ffff_ffff_ffff;
            let mixed = (seed ^ *boots).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            format!("{micros:013x}{mixed:06x}")
        };
        change(machine, &mut next);
        self.place(id);
    }

    /// Puts a machine where it belongs in the orders; takes it out if there is nothing to it.
    fn place(&mut self, id: u64) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        if let Some((is_open, due)) = machine.placed.take() {
            self.orders[usize::from(is_open)].remove(&(due, id));
        }
        self.weight -= machine.weight;
        machine.weight = machine.weighed();
        self.weight += machine.weight;
        match machine.next() {
            Some((is_open, due)) => {
                self.orders[usize::from(is_open)].insert((due, id));
                machine.placed = Some((is_open, due));
                if machine.boots().any(|open| open.dirty) {
                    self.dirty.insert(id);
                }
            }
            None => _ = self.remove(id),
        }
    }

    fn remove(&mut self, id: u64) -> Option<Machine> {
        let machine = self.machines.remove(&id)?;
        if let Some((is_open, due)) = machine.placed {
            self.orders[usize::from(is_open)].remove(&(due, id));
        }
        self.weight -= machine.weight;
        self.dirty.remove(&id);
        self.strangers.remove(&id);
        for key in indexed(&machine.keys) {
            if self.by_key.get(&key) == Some(&id) {
                self.by_key.remove(&key);
            }
        }
        if let Some(ip) = machine.keys.ip
            && self.by_ip.get(&ip) == Some(&id)
        {
            self.by_ip.remove(&ip);
        }
        Some(machine)
    }

    /// The machine that a transfer is of, made if there is none yet; and whether the transfer says so
    /// itself, beyond the address that it comes from.
    pub(super) fn machine_of(
        &mut self,
        record: &TransferRecord,
        changes: &mut Vec<Change>,
    ) -> (u64, bool) {
        let keys = keys_of(record);
        let ip = record.peer.ip().to_canonical();
        let by_key = indexed(&keys)
            .iter()
            .find_map(|key| self.by_key.get(key).copied());
        let at_ip = self.by_ip.get(&ip).copied();
        let id = match (by_key, at_ip) {
            (None, None) => self.new_machine(),
            (None, Some(there)) if self.may_be(there, &keys, record.started) => there,
            (None, Some(there)) => {
                let id = self.new_machine();
                self.hand_over(there, id, record.started, changes);
                id
            }
            (Some(known), Some(there)) if known != there => {
                self.hand_over(there, known, record.started, changes);
                known
            }
            (Some(known), _) => known,
        };
        self.learn(id, &keys, ip);
        if is_proof(record) {
            self.strangers.remove(&id);
        }
        (id, !keys.is_address_only())
    }

    fn new_machine(&mut self) -> u64 {
        self.count += 1;
        let machine = Machine {
            keys: Keys::default(),
            current: None,
            previous: None,
            arch: None,
            placed: None,
            weight: 0,
        };
        self.machines.insert(self.count, machine);
        self.strangers.insert(self.count);
        self.count
    }

    /// Whether the machine that was seen last at an address can be the one with these keys.
    fn may_be(&self, id: u64, keys: &Keys, at: SystemTime) -> bool {
        let Some(machine) = self.machines.get(&id) else {
            return false;
        };
        if keys.is_address_only() {
            return true;
        }
        let mine = &machine.keys;
        let differs = |one: &Option<String>, other: &Option<String>| {
            one.is_some() && other.is_some() && one != other
        };
        let is_other = differs(&mine.mac, &keys.mac)
            || differs(&mine.uuid, &keys.uuid)
            || differs(&mine.serial, &keys.serial)
            || differs(&mine.name, &keys.name)
            || differs(&mine.hostname, &keys.hostname);
        !is_other && self.is_booting(machine, at)
    }

    fn is_booting(&self, machine: &Machine, at: SystemTime) -> bool {
        let current = machine.current.as_ref();
        current.is_some_and(|open| open.is_near(at, self.limits.silence))
    }

    /// A boot was taken for that of whoever was seen last at its address, and turns out to be another
    /// machine's.
    fn hand_over(&mut self, from: u64, to: u64, at: SystemTime, changes: &mut Vec<Change>) {
        let limits = self.limits;
        let Some(machine) = self.machines.get_mut(&from) else {
            return;
        };
        let is_mistaken = |open: &mut Open| !open.named && open.is_near(at, limits.silence);
        let Some(boot) = machine.current.take_if(is_mistaken) else {
            return;
        };
        let is_nameless = machine.keys.is_address_only();
        let arch = machine.arch.filter(|_| is_nameless);
        if is_nameless {
            // There is nothing else to it.
            if let Some(mut machine) = self.remove(from)
                && let Some(previous) = &mut machine.previous
            {
                previous.end_if_held(arch, changes);
            }
        } else {
            self.place(from);
        }
        self.change(to, |machine, _| {
            machine.arch = machine.arch.or(arch);
            match &mut machine.current {
                Some(current)
                    if !current.boot.over && current.is_near(boot.boot.started, limits.silence) =>
                {
                    current.absorb(boot, &limits, changes);
                }
                current => {
                    let old = current.replace(boot);
                    let older = std::mem::replace(&mut machine.previous, old);
                    let arch = machine.arch;
                    if let Some(mut older) = older {
                        older.end_if_held(arch, changes);
                    }
                    if let Some(old) = &mut machine.previous
                        && !old.boot.over
                    {
                        old.boot.over = true;
                        old.displaced = true;
                        old.end(arch, changes);
                        old.linger(&limits);
                    }
                }
            }
        });
    }

    /// Remembers by what a machine is known.
    fn learn(&mut self, id: u64, keys: &Keys, ip: IpAddr) {
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let mine = &mut machine.keys;
        let mut news = false;
        for (one, other) in [
            (&mut mine.mac, &keys.mac),
            (&mut mine.uuid, &keys.uuid),
            (&mut mine.serial, &keys.serial),
            (&mut mine.hostname, &keys.hostname),
        ] {
            if one.is_none() && other.is_some() {
                one.clone_from(other);
                news = true;
            }
        }
        // An inventory may call it otherwise now.
        if keys.name.is_some() && mine.name != keys.name {
            if let Some(old) = &mine.name {
                self.by_key.remove(&format!("n{old}"));
            }
            mine.name.clone_from(&keys.name);
            news = true;
        }
        if mine.ip != Some(ip) {
            if let Some(old) = mine.ip
                && self.by_ip.get(&old) == Some(&id)
            {
                self.by_ip.remove(&old);
            }
            mine.ip = Some(ip);
            news = true;
        }
        self.by_ip.insert(ip, id);
        if news {
            for key in indexed(&machine.keys) {
                self.by_key.insert(key, id);
            }
        }
    }

    /// Those for which it is time.
    pub(super) fn due(&self, now: SystemTime) -> Vec<u64> {
        let until = (now, u64::MAX);
        let [closed, open] = &self.orders;
        let due = open.range(..=until).chain(closed.range(..=until));
        due.map(|(_, id)| *id).collect()
    }

    /// Those that are silent longest make room; strangers among themselves.
    pub(super) fn make_room(&mut self, changes: &mut Vec<Change>) {
        while self.strangers.len() > STRANGERS_MAX
            && let Some(id) = self.strangers.pop_first()
        {
            self.strangers_gone += 1;
            let machine = self.machines.get(&id);
            if machine.is_some_and(|machine| machine.boots().any(|open| open.announced)) {
                self.drop_machine(id, false, changes);
            } else {
                self.remove(id);
            }
        }
        while self.machines.len() > self.limits.machines.max(1)
            || self.weight > self.limits.memory && self.machines.len() > 1
        {
            let [closed, open] = &self.orders;
            let oldest = closed.first().or_else(|| open.first());
            let Some(&(_, id)) = oldest else { return };
            self.drop_machine(id, false, changes);
        }
    }

    /// A machine is forgotten: its boots are over, as far as they came.
    fn drop_machine(&mut self, id: u64, stops: bool, changes: &mut Vec<Change>) {
        let Some(mut machine) = self.remove(id) else {
            return;
        };
        for open in machine.previous.iter_mut().chain(&mut machine.current) {
            if open.held {
                open.end_if_held(machine.arch, changes);
            } else if !open.boot.over {
                open.boot.over = true;
                open.interrupted = stops;
                open.end(machine.arch, changes);
            }
        }
    }

    /// What there is to tell.
    pub(super) fn news(&mut self, changes: &mut Vec<Change>) {
        for id in std::mem::take(&mut self.dirty) {
            let Some(machine) = self.machines.get_mut(&id) else {
                continue;
            };
            let arch = machine.arch;
            for open in machine.previous.iter_mut().chain(&mut machine.current) {
                open.tell(arch, changes);
            }
        }
    }

    pub(super) fn clear(&mut self, changes: &mut Vec<Change>) {
        let ids: Vec<u64> = self.machines.keys().copied().collect();
        for id in ids {
            self.drop_machine(id, true, changes);
        }
    }

    pub(super) fn open(&self) -> Vec<Arc<Boot>> {
        let boots = self
            .machines
            .values()
            .filter_map(|machine| machine.current.as_ref());
        let mut boots: Vec<Arc<Boot>> = boots
            .filter(|open| !open.boot.over)
            .map(|open| Arc::new(open.boot.clone()))
            .collect();
        boots.sort_by_key(|boot| std::cmp::Reverse(boot.started));
        boots
    }
}

/// Whether somebody was there: what is acknowledged cannot be made up without hearing the answer.
fn is_proof(record: &TransferRecord) -> bool {
    record.bytes > 0
        || matches!(
            record.outcome,
            Outcome::Complete | Outcome::Probe | Outcome::ClientAbort
        )
}

/// What the table finds a machine by.
fn indexed(keys: &Keys) -> Vec<String> {
    let lower = |text: &String| text.to_ascii_lowercase();
    let keys = [
        keys.mac.as_ref().map(|key| format!("m{key}")),
        keys.uuid.as_ref().map(|key| format!("u{key}")),
        keys.serial.as_ref().map(|key| format!("s{}", lower(key))),
        keys.name.as_ref().map(|key| format!("n{key}")),
        keys.hostname.as_ref().map(|key| format!("h{}", lower(key))),
    ];
    keys.into_iter().flatten().collect()
}

/// By what a record knows the machine, besides its address.
fn keys_of(record: &TransferRecord) -> Keys {
    let mut keys = Keys::default();
    match asked(&record.path).map(|found| found.ask) {
        Some(Ask::Machine(Key::Mac(mac))) => keys.mac = Some(mac.to_string()),
        Some(Ask::Machine(Key::Uuid(uuid))) => keys.uuid = Some(uuid.to_string()),
        Some(Ask::Machine(Key::Serial(serial))) => keys.serial = Some(serial),
        Some(Ask::Machine(Key::Hostname(name))) => keys.hostname = Some(name),
        // An address is where the request comes from, or no evidence at all.
        Some(
            Ask::Machine(Key::Ip(_)) | Ask::Network(_) | Ask::Default | Ask::List | Ask::Optional,
        )
        | None => {}
    }
    if let Some(name) = &record.machine {
        note(&mut keys, name);
    }
    keys
}

/// A name of an inventory, or the key that a machine was known by.
fn note(keys: &mut Keys, name: &str) {
    if name.is_empty() || name.len() > 256 || name.parse::<IpAddr>().is_ok() {
        return;
    }
    if let Ok(mac) = name.parse::<MacAddr>() {
        keys.mac.get_or_insert_with(|| mac.to_string());
    } else if let Ok(uuid) = name.parse::<Uuid>() {
        keys.uuid.get_or_insert_with(|| uuid.to_string());
    } else if !keys
        .serial
        .as_deref()
        .is_some_and(|serial| serial.eq_ignore_ascii_case(name))
    {
        keys.name = Some(name.to_owned());
    }
}
