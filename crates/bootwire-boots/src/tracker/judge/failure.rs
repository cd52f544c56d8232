//! The verdict on a file that did not arrive.

use bootwire::Outcome;

use super::expect::named_stage;
use super::words::{base, name, times, told};
use crate::boot::Step;
use crate::tracker::open::Open;
use crate::{Stage, Verdict, VerdictKind};

/// Share of lost packets that explains a timeout, in percent.
const LOSSY: f64 = 1.0;

pub(super) fn verdict(open: &Open, step: &Step) -> Verdict {
    let verdict = match step.outcome {
        Outcome::NotFound => not_found(open, step),
        Outcome::Denied => said(step, VerdictKind::Denied, "was refused"),
        Outcome::Malformed => Verdict::new(
            VerdictKind::NoBoot,
            "not a boot: sent what cannot be read as a request",
        ),
        Outcome::ClientAbort => aborted(step),
        Outcome::Timeout => timed_out(step),
        Outcome::OriginError => {
            let mut verdict = said(step, VerdictKind::OriginFailed, "could not be had");
            if step.transfers > 1 {
                let asked = times(step.transfers);
                verdict.words = format!("{} (asked {asked})", verdict.words);
            }
            verdict
        }
        Outcome::Busy => {
            let words = format!(
                "the server was too busy for {} (asked {})",
                name(&step.path),
                times(step.transfers)
            );
            Verdict::new(VerdictKind::Busy, words)
        }
        Outcome::DiskFull | Outcome::TooLarge => {
            said(step, VerdictKind::UploadFailed, "could not be stored")
        }
        Outcome::Changed => said(step, VerdictKind::Changed, "changed while it was sent"),
        _ => internal(step),
    };
    verdict.about(&step.path)
}

/// `initrd /images/initrd.gz`, or the path alone.
fn noun(step: &Step) -> String {
    let path = name(&step.path);
    match step.stage {
        Stage::Kernel | Stage::Initrd | Stage::Image => format!("{} {path}", step.stage.noun()),
        _ => path,
    }
}

/// What happened, and why if that is known.
fn said(step: &Step, kind: VerdictKind, what: &str) -> Verdict {
    let why = step
        .error
        .as_deref()
        .map(told)
        .filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Verdict::new(kind, format!("{} {what}{why}", noun(step)))
}

fn not_found(open: &Open, step: &Step) -> Verdict {
    let path = name(&step.path);
    let named_by = open.scripts.iter().rev().find(|(_, script)| {
        let mut files = script.files();
        let includes = script.includes.iter();
        files.any(|(_, named)| named.target.is_asked_by(&step.path))
            || includes
                .into_iter()
                .any(|target| target.is_asked_by(&step.path))
    });
    let why = match named_by {
        Some((script, _)) => format!("the {} that {} names", step.stage.noun(), base(script)),
        None => String::new(),
    };
    let before = open.boot.steps.iter();
    let before = before.filter(|other| other.started < step.started);
    let loader_before = before
        .clone()
        .rfind(|other| other.is_complete() && matches!(other.stage, Stage::Loader | Stage::Module));
    let missing = |kind: VerdictKind, why: &str| {
        let words = match why {
            "" => format!("{path} is not there"),
            why => format!("{path} is not there: {why}"),
        };
        Verdict::new(kind, words)
    };
    let explain = |verdict: Verdict| {
        let help = format!(" `bootwire explain {path}` shows where the server looks.");
        let advice = verdict.advice.clone() + &help;
        verdict.advise(advice)
    };
    match step.stage {
        Stage::Loader => {
            let why = match (why.is_empty(), loader_before) {
                (false, _) => why,
                (true, Some(before)) => format!("the loader that {} asks for", base(&before.path)),
                (true, None) => "the first file that it asked for".to_owned(),
            };
            explain(missing(VerdictKind::LoaderMissing, &why))
        }
        Stage::Config | Stage::Search if named_stage(open, &step.path).is_none() => {
            let searched: u32 = before
                .filter(|other| other.stage == Stage::Search)
                .map(|other| other.files)
                .sum();
            match searched {
                0 => missing(VerdictKind::ConfigMissing, "its configuration"),
                searched => {
                    let words = format!(
                        "found no configuration: none of {} names is there, the last {path}",
                        searched + 1
                    );
                    Verdict::new(VerdictKind::ConfigMissing, words)
                }
            }
        }
        Stage::Config | Stage::Search => missing(VerdictKind::ConfigMissing, &why),
        Stage::Kernel => explain(missing(VerdictKind::KernelMissing, or(&why, "its kernel"))),
        Stage::Initrd => explain(missing(VerdictKind::InitrdMissing, or(&why, "its initrd"))),
        Stage::Image => explain(missing(VerdictKind::FileMissing, or(&why, "its image"))),
        _ => explain(missing(VerdictKind::FileMissing, &why)),
    }
}

fn or<'a>(why: &'a str, usual: &'a str) -> &'a str {
    if why.is_empty() { usual } else { why }
}

/// `at 43 %`, or how many bytes.
fn reached(step: &Step) -> String {
    match step.percent() {
        Some(percent) => format!("at {percent} %"),
        None => format!("after {}", bootwire::amount::bytes(step.bytes)),
    }
}

fn timed_out(step: &Step) -> Verdict {
    let loss = step.loss();
    if step.bytes == 0 && step.blocks > 0 {
        let words = format!(
            "{}: blocks of it were sent, and none was acknowledged",
            noun(step)
        );
        return Verdict::new(VerdictKind::Unheard, words).advise(
            "Blocks are too large for the way: an overlay, a VPN, a router. Set `blksize_max`, 1400 or \
             512. Small packets do arrive.",
        );
    }
    if step.bytes == 0 {
        let words = format!("{}: nothing that was sent brought an answer", noun(step));
        return Verdict::new(VerdictKind::Unheard, words);
    }
    if step.lost >= 3 && loss >= LOSSY {
        let words = format!(
            "{} timed out {}: {loss:.0} % of packets lost on the way to it",
            noun(step),
            reached(step)
        );
        return Verdict::new(VerdictKind::Lossy, words);
    }
    let words = format!("{}: it fell silent {}", noun(step), reached(step));
    Verdict::new(VerdictKind::Silent, words)
}

fn aborted(step: &Step) -> Verdict {
    let why = step
        .error
        .as_deref()
        .map(told)
        .filter(|why| !why.is_empty());
    let words = match why {
        Some(why) => format!(
            "{}: it ended the transfer {}: {why}",
            noun(step),
            reached(step)
        ),
        None => format!("{}: it ended the transfer {}", noun(step), reached(step)),
    };
    Verdict::new(VerdictKind::Aborted, words)
}

fn internal(step: &Step) -> Verdict {
    let detail = step.error.as_deref().unwrap_or_default();
    let is_template = step.answer.as_deref() == Some("template")
        || detail.contains(".j2")
        || detail.contains("template");
    match is_template {
        true => {
            let words = format!(
                "the template of {} failed: {}",
                name(&step.path),
                told(detail)
            );
            Verdict::new(VerdictKind::TemplateFailed, words)
        }
        false => said(step, VerdictKind::ServerFailed, "failed on the server"),
    }
}
