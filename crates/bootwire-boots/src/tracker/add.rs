//! A transfer becomes part of a boot.

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_render::dialect::{asked, goes_on_without};

use super::open::{Open, cut};
use super::{Limits, Piece, judge};
use crate::boot::{Keys, Step};
use crate::times::{after, between};
use crate::{Arch, Stage};

/// Configurations of one boot that are kept.
const SCRIPTS_MAX: usize = 16;
/// Programs of one boot that are kept.
const PROGRAMS_MAX: usize = 8;
/// Letters of an ERROR or a detail that are kept.
const ERROR_MAX: usize = 300;

impl Open {
    /// Takes a transfer of this boot.
    pub(super) fn add(
        &mut self,
        record: &TransferRecord,
        piece: Option<Piece>,
        keys: &Keys,
        arch: &mut Option<Arch>,
        limits: &Limits,
    ) {
        let stage = self.stage_of(record, piece.as_ref());
        self.learn_arch(record, stage, arch);
        let is_whole = record.outcome == Outcome::Complete;
        match piece {
            Some(Piece::Script(script)) if is_whole && !script.is_empty() => {
                self.scripts.retain(|(path, _)| *path != record.path);
                if self.scripts.len() == SCRIPTS_MAX {
                    self.scripts.remove(0);
                }
                self.scripts.push((cut(&record.path), script));
            }
            Some(Piece::Program(program)) if is_whole => {
                self.programs.retain(|(path, _)| *path != record.path);
                if self.programs.len() < PROGRAMS_MAX {
                    self.programs.push((cut(&record.path), program));
                }
            }
            _ => {}
        }
        let boot = &mut self.boot;
        if boot.keys != *keys {
            boot.machine = keys.best();
            boot.keys = keys.clone();
        }
        boot.peer = record.peer.ip().to_canonical();
        boot.transfers += 1;
        boot.bytes = boot.bytes.saturating_add(record.bytes);
        boot.started = boot.started.min(record.started);
        boot.last = boot.last.max(record.ended());
        if boot.traceparent.is_none() {
            boot.traceparent.clone_from(&record.traceparent);
        }
        if let Some(found) = asked(&record.path) {
            boot.loader = Some(found.loader.name().into());
        }
        self.fold(record, stage);
        self.bound(limits);
        if self.running.as_ref() == Some(&record.path) {
            self.running = None;
        }
        if !self.scripts.is_empty() {
            self.boot.expected = judge::expected(self);
        }
        self.dirty = true;
        if self.displaced || self.held {
            return;
        }
        // Something came that belongs to it: it goes on.
        self.boot.over = false;
        let is_light = matches!(stage, Stage::Search | Stage::Module | Stage::Loader);
        let is_enough = match is_light {
            true => self.first_fetched >= 3 && judge::is_loop(self),
            false => is_whole && judge::is_done(self),
        };
        let wait = match is_enough {
            true => limits.settle.min(limits.silence),
            false => limits.silence,
        };
        self.due = after(self.boot.last, wait);
    }

    /// Which part of the boot a transfer is.
    fn stage_of(&self, record: &TransferRecord, piece: Option<&Piece>) -> Stage {
        if record.op == Op::Write {
            return Stage::Upload;
        }
        if let Some(stage) = judge::named_stage(self, &record.path) {
            return stage;
        }
        if let Some(stage) = record.label("stage").and_then(|word| word.parse().ok()) {
            return stage;
        }
        if record.outcome == Outcome::NotFound && goes_on_without(&record.path) {
            return Stage::Search;
        }
        let by_name = Stage::of_path(&record.path);
        match piece {
            Some(Piece::Script(_)) => Stage::Config,
            Some(Piece::Program(_)) if by_name == Stage::Other => Stage::Loader,
            _ => by_name,
        }
    }

    /// Programs that ask for something run.
    fn learn_arch(&self, record: &TransferRecord, stage: Stage, arch: &mut Option<Arch>) {
        let said = record.label("arch").and_then(Arch::of_word);
        let ran = || {
            let (path, program) = self.programs.last()?;
            let asks = matches!(stage, Stage::Module | Stage::Config | Stage::Search)
                && *path != record.path
                && asked(&record.path).is_some();
            program.filter(|_| asks)
        };
        if let Some(shown) = said.or_else(|| Arch::shown_by(&record.path)).or_else(ran) {
            *arch = Some(shown);
        }
    }

    /// Makes a step of it, or a part of the last one.
    fn fold(&mut self, record: &TransferRecord, stage: Stage) {
        let is_whole = record.outcome == Outcome::Complete;
        let steps = &mut self.boot.steps;
        let is_first = steps
            .iter()
            .all(|step| step.stage == Stage::Search || step.path == record.path);
        if is_first && is_whole && stage == Stage::Loader {
            self.first_fetched += 1;
        }
        // The same file again, with nothing of weight in between.
        let mut recent = steps.iter_mut().rev();
        let again = recent
            .by_ref()
            .take(4)
            .find(|step| step.path == record.path || !is_light(step));
        if let Some(step) = again
            && step.path == record.path
            && step.files == 1
            && (step.stage == stage || !step.is_complete())
        {
            step.stage = stage;
            step.again(record);
            return;
        }
        if let Some(last) = steps.last_mut() {
            let is_miss = stage == Stage::Search;
            let is_part = stage == Stage::Module && (is_whole || goes_on_without(&record.path));
            let takes = last.stage == stage && (last.is_complete() || is_miss);
            if takes && (is_miss || is_part) {
                last.gather(record);
                return;
            }
        }
        let at = steps.partition_point(|step| step.started <= record.started);
        steps.insert(at, Step::new(record, stage));
    }

    /// Lets go of what is in the middle, so that beginning and end stay.
    pub(super) fn bound(&mut self, limits: &Limits) {
        let most = limits.steps.max(4);
        while self.boot.steps.len() > most {
            let middle = self.boot.steps.remove(most / 2);
            self.boot.more += u64::from(middle.transfers);
        }
        self.scripts.truncate(SCRIPTS_MAX);
        self.programs.truncate(PROGRAMS_MAX);
    }
}

/// Whether a step is no progress.
fn is_light(step: &Step) -> bool {
    step.stage == Stage::Search || step.outcome == Outcome::Probe
}

impl Step {
    fn new(record: &TransferRecord, stage: Stage) -> Self {
        let mut step = Self {
            stage,
            path: cut(&record.path),
            outcome: record.outcome,
            started: record.started,
            duration: record.duration,
            files: 1,
            transfers: 1,
            repeats: 0,
            size: None,
            bytes: 0,
            blocks: 0,
            resent: 0,
            lost: 0,
            answer: None,
            limited_by: None,
            error: None,
            transfer: record.id,
        };
        step.take(record);
        step
    }

    /// How the last transfer of it went.
    fn take(&mut self, record: &TransferRecord) {
        self.outcome = record.outcome;
        self.size = record.size.or(self.size);
        self.bytes = record.bytes;
        self.blocks = record.blocks;
        self.resent = record.blocks_resent;
        self.lost = lost(record);
        self.answer.clone_from(&record.answer);
        self.limited_by = record.limited_by.map(|limit| limit.as_str().into());
        self.error = error(record);
        self.transfer = record.id;
    }

    fn last_until(&mut self, record: &TransferRecord) {
        let ended = self.ended().max(record.ended());
        self.started = self.started.min(record.started);
        self.duration = between(self.started, ended);
    }

    /// The same file once more.
    fn again(&mut self, record: &TransferRecord) {
        self.last_until(record);
        self.transfers = self.transfers.saturating_add(1);
        if record.outcome == Outcome::Probe {
            // The file itself follows.
            self.size = record.size.or(self.size);
            return;
        }
        if self.outcome != Outcome::Probe {
            self.repeats = self.repeats.saturating_add(1);
            // It has the file, and looked at it once more.
            if self.is_complete() && record.outcome == Outcome::ClientAbort {
                return;
            }
        }
        self.take(record);
    }

    /// Another file that is told with this one.
    fn gather(&mut self, record: &TransferRecord) {
        self.last_until(record);
        self.transfers = self.transfers.saturating_add(1);
        self.files = self.files.saturating_add(1);
        self.path = cut(&record.path);
        self.transfer = record.id;
        if self.stage == Stage::Search {
            return;
        }
        self.bytes = self.bytes.saturating_add(record.bytes);
        self.size = match (self.size, record.size) {
            (Some(mine), Some(more)) => Some(mine.saturating_add(more)),
            (mine, more) => mine.or(more),
        };
        self.blocks = self.blocks.saturating_add(record.blocks);
        self.resent = self.resent.saturating_add(record.blocks_resent);
        self.lost = self.lost.saturating_add(lost(record));
    }
}

/// Blocks that got lost, as far as resends show it: those that went to nobody, when the client had
/// fallen silent, do not.
fn lost(record: &TransferRecord) -> u64 {
    // A server that gives up has sent the last window this often.
    const IN_VAIN: u64 = 7;
    match record.outcome {
        Outcome::Timeout => {
            let vain = IN_VAIN * u64::from(record.windowsize.max(1));
            record.blocks_resent.saturating_sub(vain)
        }
        _ => record.blocks_resent,
    }
}

/// Why it failed: what only the operator is told, if there is that, else the ERROR.
fn error(record: &TransferRecord) -> Option<String> {
    if matches!(record.outcome, Outcome::Complete | Outcome::Probe) {
        return None;
    }
    let text = match (&record.detail, &record.error) {
        (Some(detail), _) if !detail.is_empty() => detail.clone(),
        (_, Some((code, text))) if text.is_empty() => format!("ERROR {}", code.wire()),
        (_, Some((_, text))) => text.clone(),
        _ => return None,
    };
    Some(text.chars().take(ERROR_MAX).collect())
}
