//! dnsmasq: `dnsmasq.conf`, what it includes, and options of the command line.

use std::net::IpAddr;

use crate::draft::{Draft, Lines, Migrated};
use crate::place::{Place, Source};
use crate::toml::{braces, one_or_many, text};

/// Where Debian's dnsmasq keeps its leases.
const LEASES: &str = "/var/lib/misc/dnsmasq.leases";
/// Most lines that are kept.
const LINES_MAX: usize = 100_000;

/// What differs from any dnsmasq.
const ALWAYS: [&str; 4] = [
    "a name with `..` in it is refused by dnsmasq; here it is read, and refused if it leads out of the \
     directory",
    "windowsize and timeout are granted, which dnsmasq does not know; windowsize_max = 1 keeps to \
     single blocks",
    "links = \"anywhere\" follows links out of the directory, as dnsmasq does: name the directories \
     they lead to in \"read\" of [sandbox]",
    "files that the server's user may read are served; dnsmasq as root serves those that everybody may \
     read",
];

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    place: Place,
    name: String,
    value: String,
}

impl Line {
    fn written(&self) -> String {
        if self.value.is_empty() {
            self.name.clone()
        } else {
            format!("{}={}", self.name, self.value)
        }
    }

    /// The parts between commas.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
    }
}

/// Another file that a line includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Where it says so.
    pub place: Place,
    /// The file or directory.
    pub path: String,
    /// Of a directory: how names must end (`*.conf`), or must not (`.bak`); empty for a file.
    pub endings: Vec<String>,
    /// Whether it is a directory.
    pub directory: bool,
}

/// What dnsmasq is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    lines: Vec<Line>,
    unread: Vec<(Place, String)>,
}

impl Config {
    /// Adds a file, and returns what it includes. The caller reads those and adds them.
    pub fn add(&mut self, source: Source<'_>) -> Vec<Include> {
        let mut includes = Vec::new();
        for (place, line) in source.lines() {
            if let Some((name, value)) = setting(line) {
                self.add_line(place, name, value, &mut includes);
            }
        }
        includes
    }

    /// Adds options of a command line, such as `--enable-tftp`.
    pub fn add_words<S: AsRef<str>>(
        &mut self,
        name: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Vec<Include> {
        let mut includes = Vec::new();
        for word in words {
            let word = word.as_ref();
            let place = Place::whole(name);
            let Some(long) = word.strip_prefix("--") else {
                let what = format!("{word}: write long options, with the value behind =");
                self.unread.push((place, what));
                continue;
            };
            let (name, value) = long.split_once('=').unwrap_or((long, ""));
            self.add_line(place, name.to_owned(), value.to_owned(), &mut includes);
        }
        includes
    }

    /// Says that something it includes could not be read.
    pub fn unread(&mut self, include: &Include, why: &str) {
        let what = format!("{}: {why}", include.path);
        self.unread.push((include.place.clone(), what));
    }

    fn add_line(&mut self, place: Place, name: String, value: String, includes: &mut Vec<Include>) {
        if matches!(name.as_str(), "conf-file" | "conf-dir" | "servers-file") {
            let mut parts = value.split(',').map(str::trim);
            let path = parts.next().unwrap_or_default().to_owned();
            if name != "servers-file" && !path.is_empty() {
                includes.push(Include {
                    place,
                    path,
                    endings: parts.map(str::to_owned).collect(),
                    directory: name == "conf-dir",
                });
            }
        } else if self.lines.len() < LINES_MAX {
            self.lines.push(Line { place, name, value });
        }
    }

    fn last(&self, name: &str) -> Option<&Line> {
        self.lines.iter().rfind(|line| line.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }
}

/// `name=value # comment`, with quotes around what may have commas and hash marks in it.
fn setting(line: &str) -> Option<(String, String)> {
    let mut plain = String::new();
    let mut in_quotes = false;
    let mut before = ' ';
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => plain.extend(letters.next()),
            '#' if !in_quotes && before.is_whitespace() => break,
            letter => plain.push(letter),
        }
        before = letter;
    }
    let (name, value) = plain.split_once('=').unwrap_or((&plain, ""));
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
}

/// Writes the configuration that does what dnsmasq's TFTP server did.
#[must_use]
pub fn migrate(config: &Config) -> Migrated {
    let mut draft = Draft::default();
    for (place, what) in &config.unread {
        draft.lost(place, what.clone());
    }
    let enabled: Vec<&Line> = config.all("enable-tftp").collect();
    if enabled.is_empty() {
        let place = Place::whole("dnsmasq");
        draft.lost(
            &place,
            "it does not say enable-tftp: dnsmasq serves no TFTP",
        );
    }
    general(config, &mut draft);
    let interfaces = interfaces(config, &enabled, &mut draft);
    roots(config, &interfaces, &mut draft);
    if let Some(line) = config.last("tftp-no-blocksize") {
        let table = draft.table("[[quirk]]");
        table.from(&line.place, &line.written());
        table
            .set("name", text("no blksize"))
            .set("refuse_options", text("blksize"));
    }
    identity(config, &mut draft);
    dhcp(config, &mut draft);
    for what in ALWAYS {
        draft.always(what);
    }
    draft.finish(
        "Made by `bootwire migrate dnsmasq`. DNS and DHCP stay with dnsmasq: remove enable-tftp \
                  and everything that begins with tftp- there.",
    )
}

/// Addresses, users, limits.
fn general(config: &Config, draft: &mut Draft) {
    let addresses: Vec<&Line> = config.all("listen-address").collect();
    let mut listens = Vec::new();
    for line in &addresses {
        for part in line.parts() {
            match part.parse() {
                Ok(IpAddr::V4(ip)) => listens.push(format!("{ip}:69")),
                Ok(IpAddr::V6(ip)) => listens.push(format!("[{ip}]:69")),
                Err(_) => draft.lost(&line.place, format!("{}: no address", line.written())),
            }
        }
    }
    if !listens.is_empty() {
        for line in &addresses {
            draft.top.from(&line.place, &line.written());
        }
        draft.top.set("listen", one_or_many(&listens));
    }
    draft
        .top
        .note("dnsmasq serves everybody. Leave this out to serve private networks alone.");
    draft.top.set("allow", text("any"));
    if let Some(line) = config.last("tftp-mtu") {
        match line.value.parse::<u32>() {
            Ok(mtu) if (40..=65_496).contains(&mtu) => {
                draft.top.from(&line.place, &line.written());
                draft.top.note("Without the headers of IPv4, UDP and TFTP.");
                draft.top.set("blksize_max", mtu - 32);
            }
            _ => draft.lost(&line.place, format!("{}: no MTU", line.written())),
        }
    }
    if let Some(line) = config.last("tftp-max") {
        match line.value.parse::<u32>() {
            Ok(most) if (1..=10_000_000).contains(&most) => {
                draft
                    .top
                    .from(&line.place, &line.written())
                    .set("transfers_max", most);
            }
            _ => draft.lost(&line.place, format!("{}: no number", line.written())),
        }
    }
    if let Some(line) = config.last("tftp-port-range") {
        let ports: Vec<u16> = line.parts().filter_map(|part| part.parse().ok()).collect();
        match ports[..] {
            [first, last] if first > 0 && first <= last => {
                draft.top.from(&line.place, &line.written());
                draft.top.set("ports", text(&format!("{first}-{last}")));
            }
            _ => draft.lost(
                &line.place,
                format!("{}: no range of ports", line.written()),
            ),
        }
    }
    if let Some(line) = config.last("tftp-single-port") {
        draft
            .top
            .from(&line.place, &line.written())
            .set("single_port", true);
    }
    let user = config.last("user").filter(|line| !line.value.is_empty());
    let group = config.last("group").filter(|line| !line.value.is_empty());
    if user.is_some() || group.is_some() {
        let mut name = user.map_or("nobody", |line| line.value.as_str()).to_owned();
        for line in user.iter().chain(&group) {
            draft.sandbox.from(&line.place, &line.written());
        }
        if let Some(line) = group {
            name = format!("{name}:{}", line.value);
        }
        draft.sandbox.set("user", text(&name));
    } else {
        draft.sandbox.note(
            "dnsmasq becomes nobody if it is not told otherwise; Debian starts it as \
                            the user dnsmasq.",
        );
        draft.sandbox.set("user", text("nobody"));
    }
    if let Some(line) = config.last("tftp-secure") {
        let what = "tftp-secure: only files that dnsmasq's user owns. Here, what the server's user may \
                    read is served: give it a user of its own";
        draft.lost(&line.place, what);
    }
    for line in config.all("tftp-no-fail") {
        let what = "tftp-no-fail: the server does not start without its directory; `bootwire check` says \
                    what is missing";
        draft.lost(&line.place, what);
    }
    for line in config.all("quiet-tftp") {
        draft.needless(
            &line.place,
            "quiet-tftp: log = { level = \"quiet\" } logs errors alone",
        );
    }
    for line in &config.lines {
        let known = [
            "tftp-mtu",
            "tftp-max",
            "tftp-port-range",
            "tftp-single-port",
            "tftp-secure",
            "tftp-no-fail",
            "tftp-root",
            "tftp-unique-root",
            "tftp-lowercase",
            "tftp-no-blocksize",
        ];
        if line.name.starts_with("tftp-") && !known.contains(&line.name.as_str()) {
            draft.lost(&line.place, format!("{}: not known", line.written()));
        }
    }
}

/// The interfaces that are served; none are all.
fn interfaces<'c>(
    config: &'c Config,
    enabled: &[&'c Line],
    draft: &mut Draft,
) -> Vec<(&'c Line, &'c str)> {
    let named = |lines: Vec<&'c Line>| -> Vec<(&'c Line, &'c str)> {
        let parts = lines
            .into_iter()
            .flat_map(|line| line.parts().map(move |part| (line, part)));
        parts.collect()
    };
    let mut interfaces = named(enabled.to_vec());
    if interfaces.is_empty() {
        // Without its own list, TFTP has the interfaces of DHCP.
        interfaces = named(config.all("interface").collect());
        for line in config
            .all("except-interface")
            .chain(config.all("no-dhcp-interface"))
        {
            let what = format!(
                "{}: no route leaves out an interface: name those that are served, interface = \
                 [\"eth0\"]",
                line.written()
            );
            draft.lost(&line.place, what);
        }
    }
    if let Some((line, _)) = interfaces.first() {
        let what = format!(
            "{}: over other interfaces, clients are told that there is no such file; dnsmasq does not \
             answer",
            line.written()
        );
        draft.differs(&line.place, what);
    }
    interfaces.retain(|(line, name)| {
        let has_star = name.contains('*');
        if has_star {
            draft.lost(
                &line.place,
                format!("{}: write each interface", line.written()),
            );
        }
        !has_star
    });
    interfaces
}

/// `tftp-root`, and how names are looked up below.
fn roots(config: &Config, interfaces: &[(&Line, &str)], draft: &mut Draft) {
    let roots: Vec<&Line> = config.all("tftp-root").collect();
    // Of those with an interface the last counts, and so it does of those without.
    let of = |line: &&Line| line.parts().nth(1).map(str::to_owned);
    let mut routes: Vec<(Option<String>, &Line)> = Vec::new();
    for line in roots {
        let interface = of(&line);
        routes.retain(|(known, _)| *known != interface);
        routes.push((interface, line));
    }
    routes.sort_by_key(|(interface, _)| interface.is_none());
    if let Some(line) = config.last("tftp-lowercase") {
        let table = draft.table("[[route]]");
        table.from(&line.place, &line.written());
        table
            .set("regex", text("^/(.*)$"))
            .set("rewrite", text("/{1:lower}"));
    }
    let unique = config.last("tftp-unique-root");
    if let Some(line) = unique {
        let what = "a client with a directory of its own may ask for /ROOT/x, and gets x of its \
                    directory; for dnsmasq only /ROOT/CLIENT/x is such a name";
        draft.differs(&line.place, what);
        let what = "the directory of another client is not found by its name; dnsmasq serves it to those \
                    who have none of their own";
        draft.differs(&line.place, what);
    }
    if !routes.iter().any(|(interface, _)| interface.is_none())
        && (routes.is_empty() || interfaces.is_empty())
    {
        let place = Place::whole("dnsmasq");
        let what = "without tftp-root every file of this host is served that the server's user may read, \
                    as before. Name the directory that you mean instead";
        draft.differs(&place, what);
        let table = draft.table("[[route]]");
        only(interfaces, None, table);
        table.set("dir", text("/")).set("links", text("anywhere"));
    }
    for (interface, line) in routes {
        let directory = line.parts().next().unwrap_or_default();
        let directory = format!("/{}", directory.trim_matches('/'));
        if directory != "/" {
            let table = draft.table("[[route]]");
            table.from(&line.place, &line.written());
            table.note("Names may begin with the whole path of the directory.");
            only(interfaces, interface.as_deref(), table);
            table.set("path", text(&format!("{}/{{*path}}", braces(&directory))));
            table.set("rewrite", text("/{path}"));
        }
        let table = draft.table("[[route]]");
        table.from(&line.place, &line.written());
        if let Some(line) = unique {
            table.from(&line.place, &line.written());
        }
        only(interfaces, interface.as_deref(), table);
        table
            .set("dir", text(&braces(&directory)))
            .set("links", text("anywhere"));
        if let Some(line) = unique {
            let name = if line.value == "mac" {
                "mac"
            } else {
                "address"
            };
            table
                .set("per_client", text(name))
                .set("fallback", text("directory"));
        }
    }
}

/// Over which interfaces a route answers.
fn only(interfaces: &[(&Line, &str)], own: Option<&str>, table: &mut Lines) {
    if let Some(own) = own {
        table.set("interface", text(own));
    } else if !interfaces.is_empty() {
        for (line, _) in interfaces {
            table.from(&line.place, &line.written());
        }
        let names: Vec<&str> = interfaces.iter().map(|(_, name)| *name).collect();
        table.set("interface", one_or_many(&names));
    }
}

/// Leases say who a client is.
fn identity(config: &Config, draft: &mut Draft) {
    let by_mac = config
        .last("tftp-unique-root")
        .filter(|line| line.value == "mac");
    let has_dhcp = config
        .last("dhcp-range")
        .or_else(|| config.last("dhcp-leasefile"));
    let Some(line) = by_mac.or(has_dhcp) else {
        return;
    };
    let named = config
        .last("dhcp-leasefile")
        .filter(|line| !line.value.is_empty());
    let line = named.unwrap_or(line);
    draft.identity.from(&line.place, &line.written());
    let leases = named.map_or(LEASES, |line| line.value.as_str());
    draft.identity.set("dnsmasq", text(leases));
    if by_mac.is_some() {
        draft
            .identity
            .note("Clients that have no lease from dnsmasq.");
        draft.identity.set("neighbours", true);
    }
    for line in config.all("dhcp-host") {
        let what = format!(
            "{}: the lease file has it once the machine has its address",
            line.written()
        );
        draft.needless(&line.place, what);
    }
}

/// What DHCP says about boot files is not TFTP, and has to name a server now.
fn dhcp(config: &Config, draft: &mut Draft) {
    for line in &config.lines {
        let value = line.value.as_str();
        match line.name.as_str() {
            "dhcp-boot" => {
                let parts: Vec<&str> = value.split(',').collect();
                let tags = parts.iter().take_while(|part| {
                    let part = part.trim();
                    part.starts_with("tag:") || part.starts_with("net:")
                });
                let named = parts
                    .get(tags.count() + 2)
                    .is_some_and(|part| !part.trim().is_empty());
                let what = if named {
                    format!(
                        "{}: stays with DHCP; it names a server, which must be this one",
                        line.written()
                    )
                } else {
                    format!(
                        "{}: stays with DHCP; with TFTP gone from dnsmasq, add the address of this \
                         server: dhcp-boot=FILE,,ADDRESS",
                        line.written()
                    )
                };
                draft.differs(&line.place, what);
            }
            "pxe-service" => {
                let what = format!(
                    "{}: stays with DHCP; the server behind the file name must be this one",
                    line.written()
                );
                draft.differs(&line.place, what);
            }
            "dhcp-option" | "dhcp-option-force"
                if [
                    "66,",
                    "67,",
                    "150,",
                    "option:tftp-server",
                    "option:bootfile-name",
                ]
                .iter()
                .any(|of| {
                    line.parts()
                        .map(|part| format!("{part},"))
                        .any(|part| part.starts_with(of))
                }) =>
            {
                let what = format!(
                    "{}: stays with DHCP; it must name this server",
                    line.written()
                );
                draft.differs(&line.place, what);
            }
            "dhcp-script" | "dhcp-luascript" => {
                let what = format!(
                    "{}: gets no tftp events any more: log = \"json\" has a line for each transfer, and \
                     [[webhook]] posts them",
                    line.written()
                );
                draft.lost(&line.place, what);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
