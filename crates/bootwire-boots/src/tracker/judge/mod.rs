//! The verdict on a boot.
//!
//! In this order: a loader for another machine, a loader that fetches itself, what failed last, what a
//! configuration names and nobody asked for, what was fetched last.

mod expect;
mod failure;
mod words;

use bootwire::{Outcome, amount};

pub(super) use expect::{expected, is_expected, named_stage};

use super::open::{Open, is_ipxe};
use crate::boot::{Expected, Step};
use crate::times::shown;
use crate::{Arch, Level, Stage, Verdict, VerdictKind};
use expect::Prospect;
use words::{base, files, name, times};

/// The verdict on a boot that ends here.
pub(super) fn verdict(open: &Open, arch: Option<Arch>) -> Verdict {
    let verdict = base_verdict(open, arch);
    if open.interrupted && verdict.kind.level() != Level::Good {
        let last = weighty(open).next_back().map(|step| base(&step.path));
        let words = match last {
            Some(last) => format!("the server stopped while it booted, after {last}"),
            None => "the server stopped while it booted".to_owned(),
        };
        return Verdict::new(VerdictKind::Interrupted, words);
    }
    restarted(open, verdict)
}

/// What is wrong with a boot that is on; `None` as long as all is well.
pub(super) fn so_far(open: &Open, arch: Option<Arch>) -> Option<Verdict> {
    let verdict = wrong_loader(open, arch)
        .or_else(|| looping(open).filter(|_| open.first_fetched >= 3))
        .or_else(|| failed(open));
    verdict.filter(Verdict::is_failure)
}

/// Whether it has all it needs.
pub(super) fn is_done(open: &Open) -> bool {
    let prospect = expect::prospect(open);
    let is_done = matches!(
        prospect,
        Prospect::Done { .. } | Prospect::Left { .. } | Prospect::Local { .. }
    );
    is_done && failed(open).is_none()
}

/// Whether its first loader fetches itself.
pub(super) fn is_loop(open: &Open) -> bool {
    looping(open).is_some()
}

fn base_verdict(open: &Open, arch: Option<Arch>) -> Verdict {
    wrong_loader(open, arch)
        .or_else(|| looping(open))
        .or_else(|| failed(open))
        .unwrap_or_else(|| reached(open))
}

/// Steps that say something: no misses of searches.
fn weighty(open: &Open) -> impl DoubleEndedIterator<Item = &Step> {
    let steps = open.boot.steps.iter();
    steps.filter(|step| step.stage != Stage::Search)
}

/// A loader that arrived and that this machine cannot run, and nothing behind it.
fn wrong_loader(open: &Open, arch: Option<Arch>) -> Option<Verdict> {
    let last = weighty(open).rfind(|step| step.outcome != Outcome::Probe)?;
    if last.stage != Stage::Loader || !last.is_complete() || looked_around(open, last) {
        return None;
    }
    let path = name(&last.path);
    let wrong = |words: String| Verdict::new(VerdictKind::WrongLoader, words).about(&last.path);
    let program = open.programs.iter().find(|(path, _)| *path == last.path);
    if let Some((_, Some(program))) = program {
        if let Some(arch) = arch.filter(|arch| arch != program) {
            return Some(wrong(format!(
                "{} machine fetched {} loader ({path})",
                arch.with_article(),
                program.with_article()
            )));
        }
        if let Some(promised) = Arch::promised_by(&last.path).filter(|arch| arch != program) {
            return Some(
                wrong(format!(
                    "{path} is {} program, and its name says {promised}",
                    program.with_article()
                ))
                .advise("Put the right program there: this one is another's."),
            );
        }
    }
    let lower = last.path.to_ascii_lowercase();
    let for_bios = [".0", ".kpxe", ".kkpxe", ".pxe", ".n12", ".com", ".n1"];
    let is_for_bios = for_bios.iter().any(|end| lower.ends_with(end)) && program.is_none();
    (open.is_uefi && is_for_bios)
        .then(|| wrong(format!("a UEFI machine fetched a loader for BIOS ({path})")))
}

/// Whether there is anything behind a step that only its program asks for.
fn looked_around(open: &Open, step: &Step) -> bool {
    open.boot
        .steps
        .iter()
        .any(|other| other.stage == Stage::Search && other.started >= step.ended())
}

/// The first loader again and again, and nothing else.
fn looping(open: &Open) -> Option<Verdict> {
    let mut steps = weighty(open);
    let first = steps.next()?;
    let alone = steps.next().is_none();
    let is_loop = alone && first.stage == Stage::Loader && open.first_fetched >= 2;
    if !is_loop || !first.is_complete() {
        return None;
    }
    let (path, count) = (name(&first.path), times(open.first_fetched));
    if is_ipxe(&first.path) {
        let words = format!("fetched {path} {count}: DHCP sends iPXE to iPXE again");
        return Some(Verdict::new(VerdictKind::Loop, words).about(&first.path));
    }
    (open.first_fetched >= 3).then(|| {
        let words = format!("fetched {path} {count} and asked for nothing else");
        Verdict::new(VerdictKind::StoppedLoader, words).about(&first.path)
    })
}

/// What failed, if nothing came behind it.
fn failed(open: &Open) -> Option<Verdict> {
    let mut failed: Option<&Step> = None;
    // The same without what a script may try in passing: `chain own.ipxe || goto default`.
    let mut grave: Option<&Step> = None;
    for step in weighty(open).rev() {
        match step.outcome {
            Outcome::Complete => break,
            Outcome::Probe => {}
            outcome => {
                failed = Some(step);
                let tried = matches!(step.stage, Stage::Config | Stage::Module | Stage::Other);
                if outcome != Outcome::NotFound || !tried {
                    grave = failed;
                }
            }
        }
    }
    let step = grave.or(failed)?;
    let has_kernel = || weighty(open).any(|step| step.stage == Stage::Kernel && step.is_complete());
    let is_spare = match step.stage {
        Stage::DeviceTree | Stage::Other | Stage::Module => true,
        // What an installer asks for.
        Stage::Config => has_kernel(),
        _ => false,
    };
    let is_minor = is_spare && step.outcome == Outcome::NotFound && !is_expected(open, &step.path);
    if is_minor && matches!(expect::prospect(open), Prospect::Done { .. }) {
        return None;
    }
    Some(failure::verdict(open, step))
}

/// How far it came, where nothing failed.
fn reached(open: &Open) -> Verdict {
    match expect::prospect(open) {
        Prospect::Done { .. } => {
            let kind = VerdictKind::Complete;
            Verdict::new(kind, format!("complete: {}", summary(open)))
        }
        Prospect::Left { url, named_by } => {
            let words = format!(
                "complete as far as TFTP goes: {} sends it on to {}",
                base(&named_by),
                name(&url)
            );
            Verdict::new(VerdictKind::Left, words).about(&url)
        }
        Prospect::Local { named_by } => {
            let words = format!("told by {} to boot from its own disk", base(&named_by));
            Verdict::new(VerdictKind::Local, words)
        }
        Prospect::Missing { expected, one_of } => missing(open, &expected, one_of),
        Prospect::Unknown => stopped(open),
    }
}

/// A configuration names a file that nobody asked for.
fn missing(open: &Open, expected: &Expected, one_of: usize) -> Verdict {
    let last = weighty(open).next_back();
    let last = last.map_or_else(|| open.first_path.as_str(), |step| step.path.as_str());
    let after = base(last);
    let noun = expected.stage.noun();
    let named_by = match last == expected.named_by {
        true => "it".to_owned(),
        false => base(&expected.named_by),
    };
    let which = match one_of {
        0 | 1 => format!("the {noun} {named_by} names ({})", name(&expected.path)),
        many => format!("any of the {many} entries of {}", base(&expected.named_by)),
    };
    let kind = match expected.stage {
        Stage::Kernel | Stage::Config | Stage::Loader => VerdictKind::StoppedConfig,
        Stage::Initrd => VerdictKind::StoppedKernel,
        _ => VerdictKind::Stopped,
    };
    let words = format!("stopped after {after}: never asked for {which}");
    Verdict::new(kind, words).about(&expected.path)
}

/// It asked for nothing more, and nobody knows for what it should have.
fn stopped(open: &Open) -> Verdict {
    let steps = || weighty(open);
    let fetched = || steps().filter(|step| step.is_complete());
    let Some(last) = steps().rfind(|step| step.outcome != Outcome::Probe) else {
        return nothing_came(open);
    };
    let only = |stage: Stage| steps().all(|step| step.stage == stage);
    if only(Stage::Other) || only(Stage::Upload) {
        let words = match last.stage {
            Stage::Upload => format!("not a boot: sent {}", files(fetched().count())),
            _ => format!("not a boot: fetched {}", files(fetched().count())),
        };
        return Verdict::new(VerdictKind::NoBoot, words);
    }
    let searched: u32 = open
        .boot
        .steps
        .iter()
        .filter(|step| step.stage == Stage::Search && step.started >= last.started)
        .map(|step| step.files)
        .sum();
    let path = name(&last.path);
    match last.stage {
        Stage::Loader if is_ipxe(&last.path) => {
            let words = format!("fetched {path} and asked for nothing more here");
            Verdict::new(VerdictKind::Unknown, words).about(&last.path)
        }
        Stage::Loader | Stage::Module if searched > 2 => {
            let words = format!(
                "found no configuration: none of {searched} names is there, and it never asked for the \
                 last one"
            );
            Verdict::new(VerdictKind::ConfigMissing, words)
        }
        Stage::Module => {
            let words = format!("stopped after {path}: never asked for a configuration");
            Verdict::new(VerdictKind::StoppedLoader, words).about(&last.path)
        }
        Stage::Loader => {
            let words = format!("stopped after {path}: asked for nothing more");
            Verdict::new(VerdictKind::StoppedLoader, words).about(&last.path)
        }
        Stage::Config => {
            let words = format!("stopped after {}: asked for nothing more", base(&last.path));
            Verdict::new(VerdictKind::StoppedConfig, words).about(&last.path)
        }
        Stage::Initrd | Stage::DeviceTree => {
            let words = format!("stopped after {path}: never asked for a kernel");
            Verdict::new(VerdictKind::StoppedKernel, words).about(&last.path)
        }
        _ if last.path.to_ascii_lowercase().ends_with(".sdi") => {
            let words = format!("stopped after {path}: never asked for an image (.wim)");
            Verdict::new(VerdictKind::Stopped, words).about(&last.path)
        }
        _ => {
            let words = format!("stopped after {path}: asked for nothing more");
            Verdict::new(VerdictKind::Stopped, words).about(&last.path)
        }
    }
}

/// Nothing but sizes and searches.
fn nothing_came(open: &Open) -> Verdict {
    let steps = || open.boot.steps.iter();
    if let Some(probe) = steps().find(|step| step.outcome == Outcome::Probe) {
        let words = format!("only the size of {} was asked for", name(&probe.path));
        return Verdict::new(VerdictKind::Probe, words).about(&probe.path);
    }
    let searched: u32 = steps().map(|step| step.files).sum();
    let last = steps()
        .next_back()
        .map(|step| step.path.as_str())
        .unwrap_or_default();
    if searched < 2 {
        let words = format!("only tried {}, which is not there", name(last));
        return Verdict::new(VerdictKind::NoBoot, words);
    }
    let words = format!(
        "found no configuration: none of {searched} names is there, the last {}",
        name(last)
    );
    Verdict::new(VerdictKind::ConfigMissing, words).about(last)
}

/// Another boot began before this one was done.
fn restarted(open: &Open, verdict: Verdict) -> Verdict {
    let Some(restart) = &open.restart else {
        return verdict;
    };
    let kind = VerdictKind::StartedOver;
    match verdict.kind {
        VerdictKind::StoppedLoader | VerdictKind::Unknown => {
            let first = weighty(open).next();
            let path = first.map_or_else(|| open.first_path.as_str(), |step| step.path.as_str());
            let words = match weighty(open).filter(|step| step.is_complete()).count() {
                0 | 1 => format!(
                    "asked for {} twice, {} apart: it started over",
                    name(path).trim_start_matches('/'),
                    shown(restart.apart)
                ),
                _ => format!(
                    "{}; {} later it started over",
                    verdict.words,
                    shown(restart.gap)
                ),
            };
            Verdict::new(kind, words).about(path)
        }
        VerdictKind::StoppedConfig | VerdictKind::StoppedKernel | VerdictKind::Stopped => {
            let words = format!(
                "{}; {} later it started over",
                verdict.words,
                shown(restart.gap)
            );
            Verdict {
                words,
                kind,
                ..verdict
            }
        }
        VerdictKind::Silent | VerdictKind::Aborted | VerdictKind::Unheard => {
            let path = verdict.path.unwrap_or_default();
            let step = open.boot.steps.iter().rev().find(|step| step.path == path);
            let percent = step.and_then(Step::percent);
            let at = percent.map_or_else(String::new, |percent| format!(", at {percent} %"));
            let words = format!("rebooted while it fetched {}{at}", name(&path));
            Verdict::new(VerdictKind::Rebooted, words).about(&path)
        }
        _ if verdict.is_failure() => {
            let words = format!(
                "{}; {} later it started over",
                verdict.words,
                shown(restart.gap)
            );
            Verdict { words, ..verdict }
        }
        _ => verdict,
    }
}

/// `26 files, 41.3 MiB in 12 s`.
fn summary(open: &Open) -> String {
    let steps = open.boot.steps.iter().filter(|step| step.is_complete());
    let count: u64 = steps.map(|step| u64::from(step.files)).sum();
    format!(
        "{}, {} in {}",
        amount::count(count, "file", "files"),
        amount::bytes(open.boot.bytes),
        shown(open.boot.duration())
    )
}
