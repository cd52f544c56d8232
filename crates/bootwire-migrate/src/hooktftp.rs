//! hooktftp: `hooktftp.yml`, hooks of expressions and templates.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use crate::atftpd::groups;
use crate::draft::{Draft, Migrated};
use crate::place::{Place, Source};
use crate::toml::{braces, text};

/// Most hooks of a file.
const HOOKS_MAX: usize = 1024;

/// What differs from any hooktftp.
const ALWAYS: [&str; 4] = [
    "names: `\\` counts as `/`, and a name whose `..` climb out of a directory is refused",
    "windowsize is granted, which hooktftp does not know; windowsize_max = 1 keeps to single blocks",
    "programs are started without a shell, and what they print is sent when they have ended well; \
     CLIENT_ADDR is BOOTWIRE_PEER",
    "what an HTTP server has is fetched once for all who ask within a second",
];

#[derive(Deserialize)]
struct Document {
    host: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    user: Option<Spanned<String>>,
    #[serde(default)]
    hooks: Vec<Spanned<Hook>>,
}

#[derive(Deserialize)]
struct Hook {
    #[serde(rename = "type")]
    kind: Spanned<String>,
    regexp: Spanned<String>,
    template: Spanned<String>,
    #[serde(default)]
    whitelist: Vec<String>,
}

/// All keys there are, for those that nobody knows.
#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    hooks: Vec<BTreeMap<String, IgnoredAny>>,
}

const KEYS: [&str; 4] = ["host", "port", "user", "hooks"];
const HOOK_KEYS: [&str; 6] = [
    "type",
    "regexp",
    "template",
    "whitelist",
    "description",
    "urldecode",
];

/// Writes the configuration that does what hooktftp did.
///
/// # Errors
/// What is wrong with the YAML, in words.
pub fn migrate(source: Source<'_>) -> Result<Migrated, String> {
    let told = |error: serde_saphyr::Error| format!("{}: {error}", source.name);
    let document: Document = serde_saphyr::from_str(source.text).map_err(told)?;
    let all: BTreeMap<String, IgnoredAny> = serde_saphyr::from_str(source.text).map_err(told)?;
    let of_hooks: Keys = serde_saphyr::from_str(source.text).map_err(told)?;
    let mut draft = Draft::default();
    let whole = Place::whole(source.name);
    for key in all.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        draft.lost(&whole, format!("{key}: not known"));
    }
    general(&document, source.name, &mut draft);
    for (index, hook) in document.hooks.iter().take(HOOKS_MAX).enumerate() {
        let place = Place::line(source.name, line(hook));
        let keys = of_hooks
            .hooks
            .get(index)
            .into_iter()
            .flat_map(BTreeMap::keys);
        for key in keys {
            if key == "urldecode" {
                let what = "urldecode: names are what the client sent; in a URL they are encoded";
                draft.lost(&place, what);
            } else if !HOOK_KEYS.contains(&key.as_str()) {
                draft.lost(&place, format!("{key}: not known"));
            }
        }
        if let Err(why) = one(&hook.value, source.name, index, &mut draft) {
            let template = &hook.value.template.value;
            draft.lost(
                &place,
                format!("the hook with the template {template:?}: {why}"),
            );
        }
    }
    if document.hooks.len() > HOOKS_MAX {
        draft.lost(
            &whole,
            format!("more than {HOOKS_MAX} hooks: the rest is left out"),
        );
    }
    if document.hooks.is_empty() {
        draft.lost(&whole, "it has no hooks");
    }
    for what in ALWAYS {
        draft.always(what);
    }
    Ok(draft.finish("Made by `bootwire migrate hooktftp`."))
}

fn line<T>(spanned: &Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or(0)
}

/// Addresses and the user.
fn general(document: &Document, name: &str, draft: &mut Draft) {
    let port = document.port.as_ref().map_or(69, |port| port.value);
    let mut host = "[::]".to_owned();
    if let Some(told) = &document.host {
        let place = Place::line(name, line(told));
        match told.value.parse() {
            Ok(std::net::IpAddr::V4(ip)) => host = ip.to_string(),
            Ok(std::net::IpAddr::V6(ip)) => host = format!("[{ip}]"),
            Err(_) if told.value.is_empty() => {}
            Err(_) => draft.lost(&place, format!("host: {}: write an address", told.value)),
        }
        draft.top.from(&place, &format!("host: {}", told.value));
    }
    if let Some(told) = &document.port {
        draft
            .top
            .from(&Place::line(name, line(told)), &format!("port: {port}"));
    }
    draft.top.set("listen", text(&format!("{host}:{port}")));
    draft
        .top
        .note("hooktftp serves everybody. Leave this out to serve private networks alone.");
    draft.top.set("allow", text("any"));
    if let Some(told) = &document.user {
        draft.sandbox.from(
            &Place::line(name, line(told)),
            &format!("user: {}", told.value),
        );
        draft.sandbox.set("user", text(&told.value));
    }
}

/// The route of one hook.
fn one(hook: &Hook, name: &str, index: usize, draft: &mut Draft) -> Result<(), String> {
    let regex = &hook.regexp.value;
    if regex.len() > 500 {
        return Err("its expression has more than 500 bytes".to_owned());
    }
    let place = Place::line(name, line(&hook.regexp));
    if !hook.whitelist.is_empty() {
        return Err(
            "its whitelist has no equal: write a route for each directory that it allows"
                .to_owned(),
        );
    }
    if !regex.starts_with('^') || !regex.ends_with('$') {
        let what = format!(
            "{regex}: what stands before or behind the part that it finds is left out; hooktftp keeps \
             it around the template"
        );
        draft.differs(&place, what);
    }
    let template = &hook.template.value;
    let pieces = pieces(template, groups(regex))?;
    let written = format!("{} {regex} {template}", hook.kind.value);
    match hook.kind.value.as_str() {
        "file" => {
            let (fixed, rest) = split(&pieces);
            if !fixed.starts_with('/') {
                return Err(
                    "the file has to be absolute, and its directory without groups".to_owned(),
                );
            }
            let fixed = match fixed.trim_end_matches('/') {
                "" => "/",
                fixed => fixed,
            };
            let table = draft.table("[[route]]");
            table.from(&place, &written);
            table.set("regex", text(regex)).set("as_sent", true);
            table.set("rewrite", text(&format!("/{rest}")));
            table
                .set("dir", text(&braces(fixed)))
                .set("links", text("anywhere"));
        }
        "http" => {
            let (fixed, rest) = split(&pieces);
            let has_host = fixed
                .split_once("://")
                .is_some_and(|(_, host)| host.find('/').is_some_and(|at| at > 0));
            if !has_host {
                return Err("the server's name has groups in it".to_owned());
            }
            if fixed.contains(['?', '#']) || rest.contains(['?', '#']) {
                return Err(
                    "its query has no equal: write http = { get = \"…?mac={mac}\" } in a route with \
                     {mac} in its path"
                        .to_owned(),
                );
            }
            let origin = format!("hook{}", index + 1);
            let table = &mut draft.origin;
            table.from(&place, &written);
            table.note(
                "For answers that are made for each machine, http = { get = … } may suit better.",
            );
            table.set(&format!("{origin}.url"), text(&fixed));
            table.set(&format!("{origin}.ttl"), text("1s"));
            table.set(&format!("{origin}.negative_ttl"), text("1s"));
            let table = draft.table("[[route]]");
            table.from(&place, &written);
            table.set("regex", text(regex)).set("as_sent", true);
            table
                .set("rewrite", text(&format!("/{rest}")))
                .set("origin", text(&origin));
        }
        "shell" => shell(&pieces, &place, &written, regex, draft)?,
        other => return Err(format!("no hook has the type {other:?}")),
    }
    Ok(())
}

/// A program and its words.
fn shell(
    pieces: &[Piece],
    place: &Place,
    written: &str,
    regex: &str,
    draft: &mut Draft,
) -> Result<(), String> {
    let mut group = None;
    let mut words = vec![String::new()];
    for piece in pieces {
        let last = words.last_mut().expect("there is always one");
        match piece {
            Piece::Text(fixed) => {
                if fixed.contains([
                    '|', '&', ';', '<', '>', '(', ')', '`', '\\', '"', '\'', '*', '?', '[', '$',
                    '~', '#',
                ]) {
                    return Err("it needs a shell: put it into a script, and name that".to_owned());
                }
                let mut parts = fixed.split(char::is_whitespace);
                last.push_str(&braces(parts.next().unwrap_or_default()));
                words.extend(parts.map(braces));
            }
            Piece::Group(number) => {
                if group.is_some_and(|group| group != *number) {
                    return Err(
                        "a program gets one part of a name alone: have it take {path}, the whole \
                                name"
                            .to_owned(),
                    );
                }
                group = Some(*number);
                last.push_str("{path}");
            }
        }
    }
    words.retain(|word| !word.is_empty());
    let Some((program, args)) = words.split_first() else {
        return Err("it names no program".to_owned());
    };
    if !program.starts_with('/') || program.contains("{path}") {
        return Err("the program has to be named by its whole path".to_owned());
    }
    if let Some(number) = group {
        let what = format!("{written}: what the group ${number} took begins with a slash there");
        draft.differs(place, what);
    }
    let table = draft.table("[[route]]");
    table.from(place, written);
    table.set("regex", text(regex)).set("as_sent", true);
    if let Some(number) = group {
        table.set("rewrite", text(&format!("/{{{number}}}")));
    }
    let args: Vec<String> = args.iter().map(|arg| text(arg)).collect();
    let program = text(program);
    table.set(
        "exec",
        format!("{{ program = {program}, args = [{}] }}", args.join(", ")),
    );
    Ok(())
}

/// A piece of a template.
enum Piece {
    Text(String),
    Group(usize),
}

/// `$1`, `${1}`, as Go has them.
fn pieces(template: &str, groups: usize) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut fixed = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        fixed.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            fixed.push('$');
            rest = after;
            continue;
        }
        let is_braced = rest.starts_with('{');
        let name = rest.strip_prefix('{').unwrap_or(rest);
        // Without braces, Go takes the longest word: $1x is the group "1x", which is empty.
        let len = name
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(name.len());
        let Ok(number) = name[..len].parse::<usize>() else {
            return Err(format!("the group ${} has no number", &name[..len]));
        };
        rest = &name[len..];
        if is_braced {
            rest = rest.strip_prefix('}').ok_or("a brace is never closed")?;
        }
        if number <= groups {
            pieces.extend((!fixed.is_empty()).then(|| Piece::Text(std::mem::take(&mut fixed))));
            pieces.push(Piece::Group(number));
        }
    }
    fixed.push_str(rest);
    pieces.extend((!fixed.is_empty()).then_some(Piece::Text(fixed)));
    Ok(pieces)
}

/// The directory that is always the same, with a slash behind, and what follows, with parameters.
fn split(pieces: &[Piece]) -> (String, String) {
    let (fixed, rest) = match pieces {
        [Piece::Text(first), rest @ ..] => (first.as_str(), rest),
        rest => ("", rest),
    };
    let at = fixed.rfind('/').map_or(0, |slash| slash + 1);
    let mut name = braces(&fixed[at..]);
    for piece in rest {
        match piece {
            Piece::Text(text) => name.push_str(&braces(text)),
            Piece::Group(number) => name.extend(["{", &number.to_string(), "}"]),
        }
    }
    (fixed[..at].to_owned(), name)
}

#[cfg(test)]
mod tests;
