//! atftpd: its options, and maps of Perl-compatible expressions.

use std::net::IpAddr;

use crate::draft::{Draft, Migrated};
use crate::place::{Place, Source};
use crate::toml::{braces, text};
use crate::words::{CommandLine, Given, Known, Takes, of_inetd, settings};

/// What atftpd serves if it is told nothing.
const DIRECTORY: &str = "/tftpboot";
/// Most rules of a map.
const RULES_MAX: usize = 4096;

const KNOWN: [Known; 29] = [
    Known::new(Some('t'), "tftpd-timeout", Takes::Value),
    Known::new(Some('r'), "retry-timeout", Takes::Value),
    Known::new(Some('m'), "maxthread", Takes::Value),
    Known::new(Some('v'), "verbose", Takes::MaybeValue),
    Known::new(None, "trace", Takes::Nothing),
    Known::new(None, "no-timeout", Takes::Nothing),
    Known::new(None, "no-tsize", Takes::Nothing),
    Known::new(None, "no-blksize", Takes::Nothing),
    Known::new(None, "no-windowsize", Takes::Nothing),
    Known::new(None, "no-multicast", Takes::Nothing),
    Known::new(None, "logfile", Takes::Value),
    Known::new(None, "pidfile", Takes::Value),
    Known::new(None, "listen-local", Takes::Nothing),
    Known::new(None, "daemon", Takes::Nothing),
    Known::new(None, "no-fork", Takes::Nothing),
    Known::new(None, "prevent-sas", Takes::Nothing),
    Known::new(None, "user", Takes::Value),
    Known::new(None, "group", Takes::Value),
    Known::new(None, "port", Takes::Value),
    Known::new(None, "bind-address", Takes::Value),
    Known::new(None, "mcast-ttl", Takes::Value),
    Known::new(None, "mcast-addr", Takes::Value),
    Known::new(None, "mcast-port", Takes::Value),
    Known::new(None, "pcre", Takes::Value),
    Known::new(None, "pcre-test", Takes::Value),
    Known::new(None, "mtftp", Takes::Value),
    Known::new(None, "mtftp-port", Takes::Value),
    Known::new(None, "no-source-port-checking", Takes::Nothing),
    Known::new(None, "mcast-switch-client", Takes::Nothing),
];

/// What differs from any atftpd.
const ALWAYS: [&str; 7] = [
    "names: `\\` counts as `/`; and where atftpd refuses all names with `../`, here they are read, and \
     refused if they lead out of the directory",
    "a directory's name is an error; atftpd sends an empty file",
    "only the modes octet and netascii are served; atftpd serves any word as octet",
    "links = \"anywhere\" follows links out of the directory, as atftpd does: name the directories they \
     lead to in \"read\" of [sandbox]",
    "the multicast option is not granted: clients that ask for it get the file alone",
    "an upload appears when it is complete; atftpd writes over the old file from the first block on",
    "hosts.allow and hosts.deny are not read: write networks into allow",
];

/// What atftpd is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    line: CommandLine,
}

impl Options {
    /// The words of a command line, without the program's name.
    #[must_use]
    pub fn of_words<S: AsRef<str>>(name: &str, words: impl IntoIterator<Item = S>) -> Self {
        let mut options = Self::default();
        options.line.read(&Place::whole(name), words, &KNOWN);
        options
    }

    /// A file: `/etc/default/atftpd`, with OPTIONS, or `/etc/inetd.conf`, with a line for tftp.
    #[must_use]
    pub fn of_file(source: Source<'_>) -> Self {
        let mut options = Self::default();
        for (place, line) in source.lines() {
            if let Some(words) = of_inetd(line, &["in.tftpd", "atftpd"]) {
                options.line.read(&place, words, &KNOWN);
            }
        }
        let settings = settings(source);
        if let Some(setting) = settings.iter().rfind(|setting| setting.name == "OPTIONS") {
            let words = setting.value.split_whitespace();
            options.line.read(&setting.place, words, &KNOWN);
        }
        options
    }

    /// The map that it names.
    #[must_use]
    pub fn map_file(&self) -> Option<&str> {
        self.line.last("pcre")?.value.as_deref()
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line == CommandLine::default()
    }
}

/// A line of a map.
struct Rule {
    place: Place,
    written: String,
    regex: String,
    /// With parameters.
    to: String,
}

/// Reads a map. atftpd takes none of it if a single line is not right.
fn map(source: Source<'_>, draft: &mut Draft) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (place, line) in source.lines() {
        let written = line.to_owned();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [regex, to] = fields[..] else {
            if !fields.is_empty() {
                draft.lost(
                    &place,
                    format!("{line}: a rule has an expression and a replacement"),
                );
            }
            continue;
        };
        if rules.len() == RULES_MAX {
            draft.lost(
                &place,
                format!("more than {RULES_MAX} rules: the rest is left out"),
            );
            break;
        }
        if let Some(what) = unlike_perl(regex) {
            draft.lost(&place, format!("{line}: {what}"));
            continue;
        }
        rules.push(Rule {
            place,
            written,
            regex: regex.to_owned(),
            to: replacement(to, groups(regex)),
        });
    }
    rules
}

/// What Perl's expressions have and Rust's have not.
pub(crate) fn unlike_perl(regex: &str) -> Option<&'static str> {
    let bytes = regex.as_bytes();
    let mut in_brackets = false;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &regex.as_bytes()[at..];
        match bytes[at] {
            b'\\' => {
                match bytes.get(at + 1) {
                    Some(b'1'..=b'9' | b'g' | b'k') if !in_brackets => {
                        return Some("it refers to its own group");
                    }
                    Some(b'Q' | b'E' | b'K' | b'G' | b'R' | b'X' | b'C' | b'Z' | b'h' | b'N') => {
                        return Some("it has an escape that only Perl knows");
                    }
                    _ => {}
                }
                at += 1;
            }
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            _ if in_brackets => {}
            _ if [&b"(?="[..], b"(?!", b"(?<=", b"(?<!"]
                .iter()
                .any(|it| rest.starts_with(it)) =>
            {
                return Some("it looks around");
            }
            _ if [&b"(?>"[..], b"(?|", b"(?(", b"(?#", b"(?R", b"(*"]
                .iter()
                .any(|it| rest.starts_with(it)) =>
            {
                return Some("it has a group that only Perl knows");
            }
            b'*' | b'+' | b'?' | b'}' if bytes.get(at + 1) == Some(&b'+') => {
                return Some("it repeats without going back");
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// How many groups an expression has.
pub(crate) fn groups(regex: &str) -> usize {
    let bytes = regex.as_bytes();
    let (mut count, mut at, mut in_brackets) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'(' if !in_brackets => {
                let rest = &bytes[at + 1..];
                let is_named = rest.starts_with(b"?P<") || rest.starts_with(b"?<");
                count += usize::from(!rest.starts_with(b"?") || is_named);
            }
            _ => {}
        }
        at += 1;
    }
    count
}

/// `$0` to `$9`, or `\1`, as parameters.
fn replacement(text: &str, groups: usize) -> String {
    let mut to = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '$' if letters.peek().is_some_and(char::is_ascii_digit) => {
                let number = letters
                    .next()
                    .map_or(0, |digit| digit as usize - '0' as usize);
                // Groups that are not there are empty.
                if number <= groups {
                    to.extend(["{", &number.to_string(), "}"]);
                }
            }
            letter => to.push_str(&braces(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    to
}

/// Writes the configuration that does what atftpd did.
#[must_use]
pub fn migrate(options: &Options, pcre: Option<Source<'_>>) -> Migrated {
    let line = &options.line;
    let mut draft = Draft::default();
    general(line, &mut draft);
    let (place, directory) = match line.operands.first() {
        Some((place, directory)) => (place.clone(), directory.as_str()),
        None => (Place::whole("atftpd"), DIRECTORY),
    };
    for (place, word) in line.operands.iter().skip(1) {
        draft.lost(place, format!("{word:?}: atftpd has one directory"));
    }
    if !directory.starts_with('/') {
        draft.lost(
            &place,
            format!("the directory {directory:?} has to be absolute"),
        );
    }
    let directory = format!("/{}", directory.trim_matches('/'));
    if directory != "/" {
        let table = draft.table("[[route]]");
        table.from(&place, &directory);
        table.note("Names may begin with the whole path of the directory.");
        table.set("path", text(&format!("{}/{{*path}}", braces(&directory))));
        table.set("rewrite", text("/{path}"));
    }
    for rule in pcre.map(|pcre| map(pcre, &mut draft)).unwrap_or_default() {
        let table = draft.table("[[route]]");
        table.from(&rule.place, &rule.written);
        table.set("regex", text(&rule.regex)).set("as_sent", true);
        let dir = format!("dir = {}, links = \"anywhere\"", text(&braces(&directory)));
        table.set(
            "try",
            format!("[{{ {dir} }}, {{ replace = {}, {dir} }}]", text(&rule.to)),
        );
    }
    let table = draft.table("[[route]]");
    table.from(&place, &directory);
    table
        .set("dir", text(&braces(&directory)))
        .set("links", text("anywhere"));
    let table = draft.table("[[route]]");
    table.from(&place, &directory);
    table.note("atftpd takes uploads: leave this out if nobody needs them.");
    table
        .set("upload", text(&directory))
        .set("existing", text("replace"));
    refused_options(line, &mut draft);
    for what in ALWAYS {
        draft.always(what);
    }
    draft.finish("Made by `bootwire migrate atftpd`.")
}

/// Addresses, users, limits.
fn general(line: &CommandLine, draft: &mut Draft) {
    let value = |given: &Given| given.value.clone().unwrap_or_default();
    let (port, address) = (line.last("port"), line.last("bind-address"));
    let number = match port.map(|given| (given, value(given).parse::<u16>())) {
        Some((_, Ok(number))) if number > 0 => number,
        Some((given, _)) => {
            draft.lost(&given.place, format!("{}: no port", given.written));
            69
        }
        None => 69,
    };
    let host = match address.map(|given| (given, value(given).parse())) {
        Some((_, Ok(IpAddr::V4(ip)))) => ip.to_string(),
        Some((_, Ok(IpAddr::V6(ip)))) => format!("[{ip}]"),
        Some((given, Err(_))) => {
            draft.lost(&given.place, format!("{}: no address", given.written));
            "[::]".to_owned()
        }
        None => "[::]".to_owned(),
    };
    for given in port.iter().chain(&address) {
        draft.top.from(&given.place, &given.written);
    }
    draft.top.set("listen", text(&format!("{host}:{number}")));
    draft
        .top
        .note("atftpd serves everybody. Leave this out to serve private networks alone.");
    draft.top.set("allow", text("any"));
    if let Some(given) = line.last("maxthread") {
        match value(given).parse::<u32>() {
            Ok(most) if (1..=10_000_000).contains(&most) => {
                draft
                    .top
                    .from(&given.place, &given.written)
                    .set("transfers_max", most);
            }
            _ => draft.lost(&given.place, format!("{}: no number", given.written)),
        }
    }
    if let Some(given) = line.last("retry-timeout") {
        match value(given).parse::<u32>() {
            Ok(seconds) if (1..=60).contains(&seconds) => {
                let time = text(&format!("{seconds}s"));
                draft
                    .top
                    .from(&given.place, &given.written)
                    .set("resend_min", time);
            }
            _ => draft.lost(&given.place, format!("{}: 1 to 60 seconds", given.written)),
        }
    }
    user(line, draft);
    for given in &line.options {
        let why = match given.name {
            "daemon" | "no-fork" => "it always runs in the foreground; systemd keeps it running",
            "tftpd-timeout" => "it does not start from inetd: it runs all the time",
            "pidfile" => "systemd knows the process",
            "logfile" => "log = { file = \"/var/log/bootwire/transfers.log\" }",
            "verbose" | "trace" => "each transfer has a line in the log: see \"log\"",
            "prevent-sas" => "it always does so",
            "no-multicast" => "it has none",
            "pcre" => continue,
            "mcast-ttl"
            | "mcast-addr"
            | "mcast-port"
            | "mcast-switch-client"
            | "mtftp"
            | "mtftp-port" => {
                draft.lost(
                    &given.place,
                    format!("{}: there is no multicast", given.written),
                );
                continue;
            }
            "no-source-port-checking" => {
                let what = format!(
                    "{}: packets from other ports never count. Behind NAT, single_port = true may help",
                    given.written
                );
                draft.lost(&given.place, what);
                continue;
            }
            "pcre-test" | "listen-local" => "not for a server that runs",
            _ => continue,
        };
        draft.needless(&given.place, format!("{}: {why}", given.written));
    }
    for (place, word) in &line.unknown {
        draft.lost(place, format!("{word}: atftpd has no such option"));
    }
}

/// `--user nobody.nogroup`, `--group`.
fn user(line: &CommandLine, draft: &mut Draft) {
    let mut name = "nobody".to_owned();
    let mut group = None;
    for given in &line.options {
        let value = given.value.as_deref().unwrap_or_default();
        match given.name {
            "user" => {
                let (user, own) = value
                    .split_once('.')
                    .map_or((value, None), |(u, g)| (u, Some(g)));
                user.clone_into(&mut name);
                group = own.map(str::to_owned).or(group);
            }
            "group" => group = Some(value.to_owned()),
            _ => continue,
        }
        draft.sandbox.from(&given.place, &given.written);
    }
    if !line.has("user") && !line.has("group") {
        draft
            .sandbox
            .note("atftpd becomes nobody, too, if it is not told otherwise.");
    }
    let user = group.map_or_else(|| name.clone(), |group| format!("{name}:{group}"));
    draft.sandbox.set("user", text(&user));
}

/// `--no-blksize` and the others.
fn refused_options(line: &CommandLine, draft: &mut Draft) {
    let of = |given: &Given| {
        let option = given.name.strip_prefix("no-")?;
        ["blksize", "timeout", "tsize", "windowsize"]
            .contains(&option)
            .then(|| option.to_owned())
    };
    let refused: Vec<_> = line
        .options
        .iter()
        .filter_map(|given| Some((given, of(given)?)))
        .collect();
    draft.refuse_options(refused);
}

#[cfg(test)]
mod tests;
