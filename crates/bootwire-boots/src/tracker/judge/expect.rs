//! What the configurations of a boot name, and what of it is still to come.

use bootwire_render::dialect::Loader;

use crate::Stage;
use crate::boot::{Expected, Step};
use crate::scripts::{Entry, Named, Script, Target};
use crate::tracker::open::Open;

/// Expected files that are told.
const TOLD_MAX: usize = 16;

/// How a boot stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It has all it needs.
    Done {
        /// Whether a configuration says so.
        by_script: bool,
    },
    /// It goes on over another protocol.
    Left { url: String, named_by: String },
    /// It boots from its own disk.
    Local { named_by: String },
    /// A file was named and not asked for: the default's, or that of one of so many entries.
    Missing { expected: Expected, one_of: usize },
    /// Nobody knows what it needs.
    Unknown,
}

/// What a configuration uses a file as.
pub(in crate::tracker) fn named_stage(open: &Open, path: &str) -> Option<Stage> {
    open.scripts.iter().rev().find_map(|(_, script)| {
        let mut files = script.files();
        let named = files.find(|(_, named)| named.target.is_asked_by(path));
        let included = || {
            script
                .includes
                .iter()
                .any(|target| target.is_asked_by(path))
        };
        named
            .map(|(_, named)| named.stage)
            .or_else(|| included().then_some(Stage::Config))
    })
}

/// Whether a configuration names it.
pub(in crate::tracker) fn is_expected(open: &Open, path: &str) -> bool {
    named_stage(open, path).is_some()
}

/// Files that are named and were not asked for yet: those of the entry that was chosen, else of the
/// default, else of all.
pub(in crate::tracker) fn expected(open: &Open) -> Vec<Expected> {
    let Some((named_by, script)) = last_script(open) else {
        return Vec::new();
    };
    let entries = match chosen(open, script).or_else(|| script.default_entry()) {
        Some(entry) => vec![entry],
        None => script.entries.iter().collect(),
    };
    let files = entries.into_iter().flat_map(|entry| &entry.files);
    let files = files.filter(|named| !is_asked(open, &named.target));
    let files = files.map(|named| told(named, named_by));
    let includes = script.includes.iter();
    let includes = includes.filter(|target| script.entries.is_empty() && !is_asked(open, target));
    let includes = includes.map(|target| Expected {
        stage: Stage::Config,
        path: target.as_str().to_owned(),
        named_by: named_by.clone(),
    });
    files.chain(includes).take(TOLD_MAX).collect()
}

fn told(named: &Named, named_by: &str) -> Expected {
    Expected {
        stage: named.stage,
        path: named.target.as_str().to_owned(),
        named_by: named_by.to_owned(),
    }
}

/// The configuration that counts: the last one that names something.
fn last_script(open: &Open) -> Option<(&String, &Script)> {
    let found = open
        .scripts
        .iter()
        .rev()
        .find(|(_, script)| !script.is_empty());
    found.map(|(path, script)| (path, &**script))
}

fn asking<'o>(open: &'o Open, target: &'o Target) -> impl Iterator<Item = &'o Step> {
    let steps = open.boot.steps.iter();
    steps.filter(|step| step.stage != Stage::Search && target.is_asked_by(&step.path))
}

fn is_asked(open: &Open, target: &Target) -> bool {
    let runs = open.running.as_ref();
    asking(open, target).next().is_some() || runs.is_some_and(|path| target.is_asked_by(path))
}

/// The entry whose files are asked for: that with the most.
fn chosen<'s>(open: &Open, script: &'s Script) -> Option<&'s Entry> {
    let mut best: Option<(usize, &Entry)> = None;
    for entry in &script.entries {
        let files = entry.files.iter();
        let asked = files.filter(|named| is_asked(open, &named.target)).count();
        if asked > 0 && best.is_none_or(|(most, _)| asked > most) {
            best = Some((asked, entry));
        }
    }
    best.map(|(_, entry)| entry)
}

/// How it stands, where nothing failed.
pub(super) fn prospect(open: &Open) -> Prospect {
    let by_name = || match fetched_system(open) {
        true => Prospect::Done { by_script: false },
        false => Prospect::Unknown,
    };
    let Some((named_by, script)) = last_script(open) else {
        return by_name();
    };
    let chosen = chosen(open, script);
    // It runs a system that no entry names: somebody typed it, or a part of the configuration is not
    // understood.
    if chosen.is_none() && fetched_system(open) {
        return Prospect::Done { by_script: false };
    }
    match chosen.or_else(|| script.default_entry()) {
        Some(entry) => of_entry(open, entry, named_by),
        None if script.entries.is_empty() => {
            let include = script
                .includes
                .iter()
                .find(|target| !is_asked(open, target));
            match include {
                Some(Target::Url(url)) => left(url, named_by),
                Some(target) => Prospect::Missing {
                    expected: Expected {
                        stage: Stage::Config,
                        path: target.as_str().to_owned(),
                        named_by: named_by.clone(),
                    },
                    one_of: 1,
                },
                None => by_name(),
            }
        }
        None => of_all(open, script, named_by),
    }
}

fn left(url: &str, named_by: &str) -> Prospect {
    Prospect::Left {
        url: url.to_owned(),
        named_by: named_by.to_owned(),
    }
}

/// One entry counts.
fn of_entry(open: &Open, entry: &Entry, named_by: &str) -> Prospect {
    let here = |named: &&Named| matches!(named.target, Target::Path(_));
    let missing = entry.files.iter().filter(here).find(|named| {
        let is_asked_for = is_asked(open, &named.target);
        // Of an `if`, one side is enough.
        let others = || {
            let mut files = entry.files.iter();
            entry.conditional
                && files.any(|other| other.stage == named.stage && is_asked(open, &other.target))
        };
        !is_asked_for && !others()
    });
    if let Some(named) = missing {
        // A device tree may be left out, and so may what is not known by name.
        let optional = matches!(
            named.stage,
            Stage::DeviceTree | Stage::Other | Stage::Module
        );
        if !(optional && fetched_system(open)) {
            return Prospect::Missing {
                expected: told(named, named_by),
                one_of: 1,
            };
        }
    }
    let url = entry.files.iter().find_map(|named| match &named.target {
        Target::Url(url) => Some(url),
        Target::Path(_) => None,
    });
    if let Some(url) = url {
        return left(url, named_by);
    }
    if entry.files.is_empty() && entry.local {
        return Prospect::Local {
            named_by: named_by.to_owned(),
        };
    }
    Prospect::Done { by_script: true }
}

/// Nobody knows which entry counts.
fn of_all(open: &Open, script: &Script, named_by: &str) -> Prospect {
    let entries = || script.entries.iter();
    let url_only = |entry: &Entry| {
        let mut files = entry.files.iter();
        !entry.files.is_empty() && files.all(|named| matches!(named.target, Target::Url(_)))
    };
    if entries().all(url_only)
        && let Some(named) = entries().flat_map(|entry| &entry.files).next()
    {
        return left(named.target.as_str(), named_by);
    }
    if entries().all(|entry| entry.local && entry.files.is_empty()) {
        return Prospect::Local {
            named_by: named_by.to_owned(),
        };
    }
    let files = script.files().map(|(_, named)| named);
    let mut files = files.filter(|named| matches!(named.target, Target::Path(_)));
    match files.next() {
        Some(named) => Prospect::Missing {
            expected: told(named, named_by),
            one_of: script.entries.len(),
        },
        None if fetched_system(open) => Prospect::Done { by_script: false },
        None => Prospect::Unknown,
    }
}

/// Whether it has, by the names of its files, what makes a system: a kernel, an image, a device's
/// configuration.
fn fetched_system(open: &Open) -> bool {
    let steps = || {
        let steps = open.boot.steps.iter();
        steps.filter(|step| step.stage != Stage::Search && step.outcome != bootwire::Outcome::Probe)
    };
    let has = |stage: Stage| steps().any(|step| step.stage == stage && step.is_complete());
    let is_image = |step: &Step| {
        let is_part = step.path.to_ascii_lowercase().ends_with(".sdi");
        step.stage == Stage::Image && step.is_complete() && !is_part
    };
    let is_device = Loader::ALL
        .iter()
        .any(|loader| loader.is_of_device() && open.boot.loader.as_deref() == Some(loader.name()));
    let has_loader = steps().any(|step| matches!(step.stage, Stage::Loader | Stage::Module));
    let is_lone_config = !has_loader && open.boot.loader.is_none();
    has(Stage::Kernel)
        || steps().any(is_image)
        || ((is_device || is_lone_config) && has(Stage::Config) && open.scripts.is_empty())
}
