//! tftp-hpa: `in.tftpd` and its maps, as of 5.2, which Debian ships.

mod map;
mod options;
mod posix;
mod rules;

use crate::draft::{Draft, Lines, Migrated};
use crate::place::{Place, Source};
use crate::toml::{braces, text};
use crate::words::Given;

pub use map::Map;
pub use options::Options;

/// Where Debian's in.tftpd has its files.
const DIRECTORY: &str = "/srv/tftp";

/// What differs from any in.tftpd.
const ALWAYS: [&str; 5] = [
    "names: `\\` counts as `/`, and a name whose `..` climb out of the directory is refused; \
     in.tftpd stops at its root",
    "the answer to a directory's name, and the texts of errors",
    "windowsize is granted, which in.tftpd 5.2 does not know; windowsize_max = 1 keeps to single \
     blocks",
    "an upload appears when it is complete; in.tftpd writes over the old file from the first block on",
    "hosts.allow and hosts.deny are not read: write networks into allow",
];

/// Writes the configuration that does what in.tftpd did.
#[must_use]
pub fn migrate(options: &Options, map: Option<Source<'_>>) -> Migrated {
    let map = map.map(Map::read).unwrap_or_default();
    let mut draft = Draft::default();
    let served = Served::new(options, &mut draft);
    general(options, &mut draft);
    rules::write(&map, &served, &mut draft);
    served.routes(&mut draft);
    refused_options(options, &mut draft);
    for what in ALWAYS {
        draft.always(what);
    }
    draft.finish("Made by `bootwire migrate tftp-hpa`.")
}

/// What is served, and how.
struct Served {
    /// Where each directory was named; one if `secure`.
    directories: Vec<(Place, String)>,
    secure: Option<Given>,
    permissive: bool,
    create: Option<Given>,
    /// Permissions of new files, and what said so.
    mode: u32,
    umask: Option<Given>,
}

impl Served {
    fn new(options: &Options, draft: &mut Draft) -> Self {
        let line = &options.line;
        let mut directories = line.operands.clone();
        let mut secure = line.last("secure").cloned();
        if directories.is_empty() {
            let place = Place::whole("in.tftpd");
            if secure.is_some() || options.is_empty() {
                let what = format!(
                    "no directory is named: taken to be {DIRECTORY}, with --secure, as Debian has it"
                );
                draft.differs(&place, what);
                directories.push((place.clone(), DIRECTORY.to_owned()));
            } else {
                let what = "no directory is named: every file of this host that everybody may read is \
                            served, as before. Name the directory that you mean instead";
                draft.differs(&place, what);
                directories.push((place.clone(), "/".to_owned()));
            }
            secure = secure.or_else(|| {
                options.is_empty().then(|| Given {
                    place,
                    written: "--secure".to_owned(),
                    name: "secure",
                    value: None,
                })
            });
        }
        if secure.is_some() && directories.len() > 1 {
            for (place, word) in directories.split_off(1) {
                draft.lost(
                    &place,
                    format!("{word:?}: --secure has one directory, the first"),
                );
            }
        }
        for (place, directory) in &mut directories {
            if !directory.starts_with('/') {
                let what = format!("the directory {directory:?} has to be absolute");
                draft.lost(place, what);
            }
            let trimmed = directory.trim_end_matches('/');
            *directory = if trimmed.is_empty() { "/" } else { trimmed }.to_owned();
        }
        let permissive = line.has("permissive");
        let umask = line.last("umask").cloned();
        let said = umask.as_ref().and_then(|given| given.value.as_deref());
        let umask_bits = said.map(|value| u32::from_str_radix(value, 8));
        let mode = match umask_bits {
            Some(Ok(bits)) => 0o666 & !bits,
            None if permissive => 0o644,
            None => 0o666,
            Some(Err(_)) => {
                if let Some(given) = &umask {
                    draft.lost(&given.place, format!("{}: no umask", given.written));
                }
                0o644
            }
        };
        Self {
            directories,
            secure,
            permissive,
            create: line.last("create").cloned(),
            mode,
            umask,
        }
    }

    /// The one directory of `--secure`.
    fn root(&self) -> Option<&str> {
        self.secure.as_ref()?;
        self.directories
            .first()
            .map(|(_, directory)| directory.as_str())
    }

    /// The routes behind those of the map.
    fn routes(&self, draft: &mut Draft) {
        if self.secure.is_none() {
            for op in ["read", "write"] {
                let table = draft.table("[[route]]");
                table.note("Without --secure, only names with a slash in front were served.");
                table.set("regex", text("^[^/]")).set("as_sent", true);
                table.set("op", text(op)).set("refuse", text("denied"));
            }
        }
        for (place, directory) in &self.directories {
            for upload in [false, true] {
                let table = draft.table("[[route]]");
                table.from(place, directory);
                let extra = self.secure.iter();
                extra.for_each(|given| {
                    table.from(&given.place, &given.written);
                });
                if self.secure.is_none() && directory != "/" {
                    table.set("path", text(&format!("{}/{{*path}}", braces(directory))));
                }
                self.action(directory, upload, table);
            }
            if self.secure.is_none() && directory != "/" {
                let what = format!(
                    "names that only begin like {directory}, such as {directory}2/x, \
                                    are served by in.tftpd"
                );
                draft.differs(place, what);
            }
        }
        if self.secure.is_none() {
            let what = "links = \"anywhere\" follows links out of the directory, as in.tftpd does \
                        without --secure: name the directories they lead to in \"read\" of [sandbox]";
            draft.always(what);
        }
    }

    /// Reads or uploads of a directory.
    fn action(&self, directory: &str, upload: bool, table: &mut Lines) {
        if !upload {
            table.set("dir", text(&braces(directory)));
            // In a changed root, / is the directory.
            let links = if self.secure.is_some() {
                "in-root"
            } else {
                "anywhere"
            };
            table.set("links", text(links));
            if !self.permissive {
                table.note("Without --permissive, only files that everybody may read.");
                table.set("public_only", true);
            }
            return;
        }
        for given in self.create.iter().chain(&self.umask) {
            table.from(&given.place, &given.written);
        }
        table.set("upload", text(directory));
        if self.create.is_some() {
            table.set("existing", text("replace"));
            table.set("mode", text(&format!("{:04o}", self.mode)));
        } else {
            table.note("Without --create, only files that are there.");
            table.set("existing", text("overwrite"));
        }
        if !self.permissive {
            table.set("public_only", true);
        }
    }
}

/// Addresses, users, limits.
fn general(options: &Options, draft: &mut Draft) {
    let line = &options.line;
    listen(options, draft);
    draft
        .top
        .note("in.tftpd serves everybody. Leave this out to serve private networks alone.");
    draft.top.set("allow", text("any"));
    if let Some(given) = line.last("blocksize") {
        match number(given, 512, 65464) {
            Some(bytes) => {
                draft
                    .top
                    .from(&given.place, &given.written)
                    .set("blksize_max", bytes);
            }
            None => draft.lost(&given.place, format!("{}: no block size", given.written)),
        }
    }
    if let Some(given) = line.last("port-range") {
        let ports = given.value.as_deref().unwrap_or_default();
        let range = ports.split_once(':').and_then(|(first, last)| {
            let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
            (first <= last && first > 0).then(|| format!("{first}-{last}"))
        });
        match range {
            Some(range) => {
                draft
                    .top
                    .from(&given.place, &given.written)
                    .set("ports", text(&range));
            }
            None => draft.lost(
                &given.place,
                format!("{}: no range of ports", given.written),
            ),
        }
    }
    if let Some(given) = line.last("retransmit") {
        match number(given, 1000, 60_000_000) {
            Some(us) => {
                let value = text(&format!("{us}us"));
                draft
                    .top
                    .from(&given.place, &given.written)
                    .set("resend_min", value);
            }
            None => draft.lost(&given.place, format!("{}: 1 ms to 1 minute", given.written)),
        }
    }
    match line.last("user") {
        Some(given) => {
            let user = given.value.as_deref().unwrap_or_default();
            draft
                .sandbox
                .from(&given.place, &given.written)
                .set("user", text(user));
        }
        None => {
            draft
                .sandbox
                .note("in.tftpd becomes nobody, too, if it is not told otherwise.");
            draft.sandbox.set("user", text("nobody"));
        }
    }
    for given in &line.options {
        let why = match given.name {
            "listen" | "foreground" => "it always listens, in the foreground",
            "timeout" => "it does not start from inetd: it runs all the time",
            "pidfile" => "systemd knows the process",
            "verbose" | "verbosity" => "each transfer has a line in the log: see \"log\"",
            "map-steps" => "newer than 5.2; a name that does not come to an end is refused anyway",
            "version" => "bootwire --version",
            _ => continue,
        };
        draft.needless(&given.place, format!("{}: {why}", given.written));
    }
    for (place, word) in &line.unknown {
        draft.lost(place, format!("{word}: in.tftpd has no such option"));
    }
}

/// `-a`, `-4`, `-6`.
fn listen(options: &Options, draft: &mut Draft) {
    let line = &options.line;
    let family = line
        .options
        .iter()
        .rfind(|given| matches!(given.name, "ipv4" | "ipv6"));
    let any = match family.map(|given| given.name) {
        Some("ipv4") => "0.0.0.0",
        _ => "[::]",
    };
    let address = line.last("address").and_then(|given| {
        let value = given.value.as_deref().unwrap_or_default();
        let listens = address(value, any);
        if listens.is_none() {
            let what = format!("{}: write the address as a number", given.written);
            draft.lost(&given.place, what);
        }
        Some((given, listens?))
    });
    for given in family
        .iter()
        .copied()
        .chain(address.iter().map(|(given, _)| *given))
    {
        draft.top.from(&given.place, &given.written);
    }
    let listens = address.map_or_else(|| format!("{any}:69"), |(_, listens)| listens);
    if let Some(given) = family
        && given.name == "ipv6"
        && listens.starts_with("[::]")
    {
        let what = format!("{}: \"[::]\" takes IPv4, too", given.written);
        draft.differs(&given.place, what);
    }
    draft.top.set("listen", text(&listens));
}

/// `[address][:port]`.
fn address(value: &str, any: &str) -> Option<String> {
    let (host, port) = match value.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (value, ""),
    };
    let port: u16 = match port {
        "" | "tftp" => 69,
        port => port.parse().ok()?,
    };
    let host = match host {
        "" => any.to_owned(),
        "0.0.0.0" => host.to_owned(),
        host if host.parse::<std::net::Ipv4Addr>().is_ok() => host.to_owned(),
        host => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            format!("[{}]", bare.parse::<std::net::Ipv6Addr>().ok()?)
        }
    };
    Some(format!("{host}:{port}"))
}

fn number(given: &Given, least: u64, most: u64) -> Option<u64> {
    let number = given.value.as_deref()?.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

/// The options that in.tftpd 5.2 grants.
const GRANTED: [&str; 6] = [
    "blksize", "blksize2", "tsize", "timeout", "utimeout", "rollover",
];

/// `-r`.
fn refused_options(options: &Options, draft: &mut Draft) {
    let mut refused = Vec::new();
    for given in options.line.all("refuse") {
        let name = given
            .value
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if GRANTED.contains(&name.as_str()) || name == "windowsize" {
            refused.push((given, name));
        } else {
            draft.needless(&given.place, format!("{}: never granted", given.written));
        }
    }
    draft.refuse_options(refused);
}

#[cfg(test)]
mod tests;
