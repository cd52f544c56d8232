//! What a route answers with: its table becomes one action, with the keys that belong to it.

use std::path::{Path, PathBuf};

use bootwire::router::{ParamText, Pattern};
use bootwire::{Reason, Refusal};

use crate::config::model::{
    self, Bounds, Document, Exec, Existing, Fallback, Finished, Links, PerClient, SandboxLevel,
    Unknown,
};
use crate::config::route::{Action, Dir, Method, Step, Upload};
use crate::config::rules::Report;
use crate::config::tree::Spot;
use crate::text::Text;

/// An action: the key that stands for it, those it takes besides, and how it is read.
struct Kind {
    key: &'static str,
    takes: &'static [&'static str],
    parse: fn(&Written<'_>, &mut Report) -> Option<Action>,
}

/// All actions there are.
const KINDS: [Kind; 10] = [
    Kind {
        key: "dir",
        takes: &[
            "links",
            "case_insensitive",
            "per_client",
            "fallback",
            "public_only",
        ],
        parse: dir,
    },
    Kind {
        key: "origin",
        takes: &[],
        parse: origin,
    },
    Kind {
        key: "template",
        takes: &["unknown", "vars", "probes"],
        parse: template,
    },
    Kind {
        key: "text",
        takes: &[],
        parse: text,
    },
    Kind {
        key: "empty",
        takes: &[],
        parse: empty,
    },
    Kind {
        key: "refuse",
        takes: &[],
        parse: refuse,
    },
    Kind {
        key: "http",
        takes: &["probes"],
        parse: http,
    },
    Kind {
        key: "exec",
        takes: &["probes"],
        parse: exec,
    },
    Kind {
        key: "upload",
        takes: &[
            "existing",
            "size_max",
            "keep_free",
            "create_dirs",
            "public_only",
            "mode",
            "secret_suffix_file",
            "finished",
        ],
        parse: upload,
    },
    Kind {
        key: "try",
        takes: &[],
        parse: tries,
    },
];

/// Longest text of an ERROR, in bytes.
const TEXT_MAX: usize = 60;

/// A table of a route, or of one of its tries.
pub(super) struct Written<'a> {
    pub(super) document: &'a Document,
    pub(super) table: &'a model::Route,
    pub(super) here: Spot<'a>,
    /// The route's, if it is one.
    pub(super) pattern: Option<&'a Pattern>,
}

/// Whether it is the key of an action, or one that an action takes.
#[cfg(test)]
pub(super) fn is_key(key: &str) -> bool {
    let mut kinds = KINDS.iter();
    kinds.any(|kind| kind.key == key || kind.takes.contains(&key))
}

/// Whether a table has an action.
pub(super) fn is_there(here: Spot<'_>) -> bool {
    KINDS.iter().any(|kind| here.has(kind.key))
}

/// The one action of the table. Without one it has mistakes, or was damaged before.
pub(super) fn parse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let here = written.here;
    let key = report.exactly_one(here, "a route", &KINDS.map(|kind| kind.key));
    for key in here.keys() {
        let takes = |kind: &&Kind| kind.takes.contains(&key);
        let owners: Vec<_> = KINDS.iter().filter(takes).map(|kind| kind.key).collect();
        if !owners.is_empty() {
            report.belongs(here, &[key], &owners);
        }
    }
    let kind = KINDS.iter().find(|kind| Some(kind.key) == key)?;
    (kind.parse)(written, report)
}

fn dir(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    let per_client = table.per_client.unwrap_or(PerClient::No);
    if per_client == PerClient::No && here.has("fallback") {
        let what = "\"fallback\" is for directories of single clients: write \"per_client\", too";
        report.wrong(here.key("fallback"), what);
    }
    if per_client == PerClient::Mac {
        hardware(
            written,
            here.key("per_client"),
            "per_client = \"mac\"",
            report,
        );
    }
    let sandbox = &written.document.sandbox;
    if table.links == Some(Links::Anywhere)
        && sandbox.level != SandboxLevel::Off
        && sandbox.read.is_none()
        && sandbox.write.is_none()
    {
        let what = "the sandbox keeps the server out of where links may lead: name those \
                    directories in \"read\" of [sandbox]";
        report.warn(here.key("links"), what);
    }
    let (path, below) = parts(table.dir.as_deref()?);
    let below = match below {
        None => None,
        Some(below) => Some(beneath(written, &path, below, report)?),
    };
    Some(Action::Dir(Dir {
        path,
        below,
        links: table.links.unwrap_or(Links::Beneath),
        case_insensitive: table.case_insensitive.unwrap_or(false),
        per_client,
        fallback: table.fallback.unwrap_or(Fallback::File),
        public_only: table.public_only.unwrap_or(false),
    }))
}

/// A directory that is always the same, and from the first name with a brace what depends on the
/// request.
fn parts(dir: &Path) -> (PathBuf, Option<&str>) {
    let Some(text) = dir.to_str() else {
        return (dir.to_owned(), None);
    };
    let Some(brace) = text.find(['{', '}']) else {
        return (dir.to_owned(), None);
    };
    let start = text[..brace].rfind('/').map_or(0, |slash| slash + 1);
    let path = match &text[..start] {
        "" => ".",
        "/" => "/",
        path => path.trim_end_matches('/'),
    };
    (PathBuf::from(path), Some(&text[start..]))
}

/// The directories below `path` that depend on the request.
fn beneath(
    written: &Written<'_>,
    path: &Path,
    below: &str,
    report: &mut Report,
) -> Option<ParamText> {
    let here = written.here.key("dir");
    if below.split('/').any(|name| name == "..") {
        report.wrong(here, "leave out \"..\": write the directory it leads to");
        return None;
    }
    match ParamText::parse(below, written.pattern?) {
        Ok(text) => {
            if text.needs_client_mac() {
                hardware(written, here, "{client:mac}", report);
            }
            Some(text)
        }
        Err(error) => {
            let what = format!(
                "dir, below {}, column {}: {}",
                path.display(),
                error.column(),
                error.problem()
            );
            report.wrong(here, what);
            None
        }
    }
}

/// Says so if nobody knows hardware addresses by which something goes.
pub(super) fn hardware(written: &Written<'_>, here: Spot<'_>, what: &str, report: &mut Report) {
    let identity = &written.document.identity;
    let has_leases = [&identity.dnsmasq, &identity.isc, &identity.kea]
        .iter()
        .any(|files| files.is_some());
    if !has_leases && identity.neighbours != Some(true) {
        let what = format!(
            "{what} needs to know hardware addresses: name lease files in [identity], or write \
             \"neighbours = true\" there"
        );
        report.wrong(here, what);
    }
}

fn origin(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let name = written.table.origin.as_ref()?;
    let known: Vec<_> = written.document.origin.keys().map(String::as_str).collect();
    let spot = written.here.key("origin");
    report
        .known(spot, "origin", name, &known)
        .then(|| Action::Origin(name.clone()))
}

fn template(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    let name = table.template.clone()?;
    if name.trim().is_empty() {
        report.wrong(here.key("template"), "the name of the template is missing");
    }
    if let Some(unknown) = &table.unknown {
        unknown_machine(written.document, unknown, here.key("unknown"), report);
    }
    Some(Action::Template {
        name,
        unknown: table.unknown.clone(),
        vars: table.vars.clone().into_iter().collect(),
        probes: table.probes.unwrap_or(true),
    })
}

fn unknown_machine(document: &Document, unknown: &Unknown, here: Spot<'_>, report: &mut Report) {
    let inventory = &document.inventory;
    let has_inventory = inventory.files.is_some()
        || inventory.sqlite.is_some()
        || inventory.postgres.is_some()
        || inventory.http.is_some();
    if matches!(unknown, Unknown::NotFound | Unknown::Denied) && !has_inventory {
        let what =
            "without an [inventory] every machine is unknown: no client would get the template";
        report.wrong(here, what);
    }
    if matches!(unknown, Unknown::Profile(profile) if profile.trim().is_empty()) {
        report.wrong(here, "the name of the profile is missing");
    }
}

fn text(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    match Text::parse(written.table.text.as_ref()?, written.pattern?) {
        Ok(text) => {
            if text.needs_client_mac() {
                hardware(written, written.here.key("text"), "{client:mac}", report);
            }
            Some(Action::Text(text))
        }
        Err(what) => {
            report.wrong(written.here.key("text"), what);
            None
        }
    }
}

fn empty(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    if written.table.empty == Some(false) {
        let what = "write \"empty = true\", or leave it out";
        report.wrong(written.here.key("empty"), what);
    }
    Some(Action::Text(Text::default()))
}

fn refuse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let refuse = written.table.refuse.as_ref()?;
    let here = written.here.key("refuse");
    let reason = match refuse.code {
        0 => Reason::Busy,
        1 => Reason::NotFound,
        2 => Reason::Denied,
        code => {
            let what = format!(
                "code {code} is not for refusing: write 0 (the client may ask again), 1 (no such \
                 file) or 2 (denied)"
            );
            report.wrong(here.key("code"), what);
            return None;
        }
    };
    let refusal = Refusal::new(reason).because("the configuration refuses it");
    let Some(text) = &refuse.text else {
        return Some(Action::Refuse(refusal));
    };
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let what = if text.trim().is_empty() {
        "the text is empty: leave it out, or say why".to_owned()
    } else if text.len() > TEXT_MAX {
        format!(
            "the text has {} bytes: boot screens show {TEXT_MAX}",
            text.len()
        )
    } else if !text.bytes().all(is_printable) {
        "the text has more than printable ASCII, which boot screens cannot show".to_owned()
    } else {
        return Some(Action::Refuse(refusal.text(text.clone())));
    };
    report.wrong(here.key("text"), what);
    None
}

fn http(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (http, here) = (written.table.http.as_ref()?, written.here.key("http"));
    let method = match report.exactly_one(here, "an HTTP hook", &["post", "get"]) {
        Some("post") => http.post.clone().map(Method::Post),
        Some(_) => http.get.clone().map(Method::Get),
        None => None,
    };
    report.bearer(here);
    for (key, url) in [("post", &http.post), ("get", &http.get)] {
        if let Some(url) = url {
            report.web(here.key(key), url);
        }
    }
    bounds(http.bounds(), here, report);
    Some(Action::Http {
        method: method?,
        table: Box::new(http.clone()),
        probes: written.table.probes.unwrap_or(true),
    })
}

fn exec(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (exec, here) = (written.table.exec.as_ref()?, written.here.key("exec"));
    program(&exec.program, &exec.args, here, report);
    variables(exec, here.key("env"), report);
    bounds(exec.bounds(), here, report);
    Some(Action::Exec {
        table: Box::new(exec.clone()),
        probes: written.table.probes.unwrap_or(true),
    })
}

fn bounds(bounds: Bounds, here: Spot<'_>, report: &mut Report) {
    report.some_time(here, "deadline", bounds.deadline);
    report.number(here, "concurrency", bounds.concurrency, 1..=10_000);
    report.number(here, "queue", bounds.queue, 0..=1_000_000);
    report.some_size(here, "size_max", bounds.size_max);
}

fn variables(exec: &Exec, here: Spot<'_>, report: &mut Report) {
    for name in exec.env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            let what = format!("{name:?} is no name of a variable");
            report.wrong(here.key(name), what);
        } else if name.starts_with("BOOTWIRE_") {
            let what = format!("{name} is set by the server, to what the client asks");
            report.wrong(here.key(name), what);
        }
    }
}

fn program(program: &Path, args: &[String], here: Spot<'_>, report: &mut Report) {
    if program.as_os_str().is_empty() && !here.is_damaged() {
        report.wrong(here, "the \"program\" is missing");
    }
    for (index, arg) in args.iter().enumerate() {
        if arg.contains('\0') {
            let what = "an argument cannot hold a NUL";
            report.wrong(here.key("args").index(index), what);
        }
    }
}

fn upload(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    report.some_size(here, "size_max", table.size_max);
    let mode = table.mode.as_deref().map_or(Some(Upload::MODE), |mode| {
        let bits = u32::from_str_radix(mode, 8).ok();
        let bits = bits.filter(|bits| *bits <= 0o777);
        if bits.is_none() {
            let what = format!("{mode:?} are no permissions: write them in octal, like \"0644\"");
            report.wrong(here.key("mode"), what);
        }
        bits
    });
    if table.existing == Some(Existing::Overwrite) {
        for (key, why) in [
            ("mode", "files keep their permissions"),
            (
                "create_dirs",
                "there are no files in directories that are missing",
            ),
        ] {
            if here.has(key) {
                let what = format!("{key:?} beside existing = \"overwrite\": {why}; leave it out");
                report.wrong(here.key(key), what);
            }
        }
    }
    if table.public_only == Some(true) && table.existing.is_none_or(|it| it == Existing::Create) {
        let what = "\"public_only\" says which files are replaced, and none is: write existing = \
                    \"overwrite\" or \"replace\"";
        report.wrong(here.key("public_only"), what);
    }
    if let Some(finished) = &table.finished {
        self::finished(finished, here.key("finished"), report);
    }
    Some(Action::Upload(Upload {
        dir: table.upload.clone()?,
        existing: table.existing.unwrap_or(Existing::Create),
        size_max: table.size_max.map(|size| size.0),
        keep_free: table.keep_free.map(|size| size.0),
        create_dirs: table.create_dirs.unwrap_or(false),
        public_only: table.public_only.unwrap_or(false),
        mode: mode?,
        secret_suffix_file: table.secret_suffix_file.clone(),
        finished: table.finished.clone(),
    }))
}

fn finished(finished: &Finished, here: Spot<'_>, report: &mut Report) {
    program(&finished.program, &finished.args, here, report);
    report.some_time(here, "deadline", finished.deadline);
    report.number(here, "concurrency", finished.concurrency, 1..=10_000);
}

fn tries(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let here = written.here.key("try");
    let tables = &written.table.r#try;
    if tables.is_empty() && !written.here.is_damaged() {
        report.wrong(here, "nothing to try: list answers");
    }
    let tried = tables.iter().enumerate().map(|(index, table)| {
        let written = Written {
            table,
            here: here.index(index),
            ..*written
        };
        super::attempt(&written, report)
    });
    let tried: Vec<Option<Step>> = tried.collect();
    tried
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .map(Action::Try)
}
