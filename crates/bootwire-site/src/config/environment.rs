//! Settings in environment variables: `BOOTWIRE_CACHE__DIR=/data`.

use super::problem::Complaint;
use super::source::{Place, Sources};
use super::tree::{self, Node};

/// What our variables begin with.
const PREFIX: &str = "BOOTWIRE_";

/// Between the levels of a name.
const LEVELS: &str = "__";

/// Most levels of a name.
const LEVELS_MAX: usize = 8;

/// What hooks find in their environment, so that one may start Bootwire.
const FOR_HOOKS: [&str; 13] = [
    "REQUEST", "PATH", "MODE", "PEER", "LOCAL", "MAC", "UUID", "SERIAL", "IP", "HOSTNAME",
    "LOADER", "FILE", "SIZE",
];

/// What commands that ask a running server find in theirs.
const FOR_CLIENTS: [&str; 3] = ["ADMIN", "ADMIN_TOKEN", "ADMIN_CA"];

/// Lays what the environment says over the tree.
pub(super) fn lay_over(
    root: &mut Node,
    environment: impl IntoIterator<Item = (String, String)>,
    sources: &mut Sources,
) -> Vec<Complaint> {
    let mut ours: Vec<_> = environment
        .into_iter()
        .filter(|(name, value)| is_setting(name, value))
        .collect();
    ours.sort();
    let mut problems = Vec::new();
    for (name, value) in ours {
        let source = sources.add_variable(&name);
        match path(&name) {
            Ok(path) => {
                let mut node = tree::parse_value(&value, source);
                // All of it is one place.
                node.place = Place {
                    source,
                    ..Place::default()
                };
                root.set(&path, node);
            }
            Err(what) => problems.push(Complaint::new(
                Place {
                    source,
                    ..Place::default()
                },
                what,
            )),
        }
    }
    problems
}

/// Whether a variable is meant for the configuration.
fn is_setting(name: &str, value: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        let is_other = FOR_HOOKS.contains(&rest) || FOR_CLIENTS.contains(&rest);
        !is_other && !is_of_kubernetes(rest, value)
    })
}

/// Kubernetes tells each container of the services around it. One that is called "bootwire", or
/// "bootwire-something", gives `BOOTWIRE_SERVICE_HOST` and `BOOTWIRE_PORT=udp://10.0.0.1:69`.
fn is_of_kubernetes(rest: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let has = |part: &str| rest.starts_with(part) || rest.contains(&format!("_{part}"));
    has("SERVICE_HOST")
        || has("SERVICE_PORT")
        || (rest.ends_with("PORT") && is_url)
        || ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
            has("PORT_")
                && (rest.ends_with(protocol)
                    || ["_PROTO", "_PORT", "_ADDR"]
                        .iter()
                        .any(|end| rest.ends_with(&format!("{protocol}{end}"))))
        })
}

/// The keys a name stands for.
fn path(name: &str) -> Result<Vec<String>, String> {
    let rest = name.strip_prefix(PREFIX).unwrap_or(name);
    let path: Vec<_> = rest.split(LEVELS).map(str::to_lowercase).collect();
    if path.iter().any(String::is_empty) || path.len() > LEVELS_MAX {
        return Err(
            "no such key: write BOOTWIRE_KEY, or BOOTWIRE_TABLE__KEY with two underscores \
             between the levels"
                .to_owned(),
        );
    }
    match path.first().map(String::as_str) {
        Some(list @ ("route" | "quirk")) => Err(format!(
            "a {list} cannot be set in the environment: write a drop-in file"
        )),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths() {
        assert_eq!(path("BOOTWIRE_LISTEN").unwrap(), ["listen"]);
        assert_eq!(path("BOOTWIRE_CACHE__DIR").unwrap(), ["cache", "dir"]);
        assert_eq!(
            path("BOOTWIRE_ORIGIN__IMAGES__BEARER_FILE").unwrap(),
            ["origin", "images", "bearer_file"]
        );
        for (name, part) in [
            ("BOOTWIRE_", "BOOTWIRE_TABLE__KEY"),
            ("BOOTWIRE_CACHE__", "BOOTWIRE_TABLE__KEY"),
            ("BOOTWIRE_ROUTE", "write a drop-in"),
            ("BOOTWIRE_ROUTE__0__DIR", "write a drop-in"),
            ("BOOTWIRE_A__B__C__D__E__F__G__H__I", "two underscores"),
        ] {
            let error = path(name).unwrap_err();
            assert!(error.contains(part), "{name}: {error}");
        }
    }

    #[test]
    fn what_hooks_and_kubernetes_set_is_no_setting() {
        for (name, value) in [
            ("PATH", "/bin"),
            ("BOOTWIRE_PATH", "/grub/grub.cfg"),
            ("BOOTWIRE_MAC", "52:54:00:12:34:56"),
            ("BOOTWIRE_SERVICE_HOST", "10.0.0.1"),
            ("BOOTWIRE_SERVICE_PORT", "69"),
            ("BOOTWIRE_SERVICE_PORT_TFTP", "69"),
            ("BOOTWIRE_PORT", "udp://10.0.0.1:69"),
            ("BOOTWIRE_PORT_69_UDP", "udp://10.0.0.1:69"),
            ("BOOTWIRE_PORT_69_UDP_PROTO", "udp"),
            ("BOOTWIRE_PORT_69_UDP_PORT", "69"),
            ("BOOTWIRE_PORT_69_UDP_ADDR", "10.0.0.1"),
            ("BOOTWIRE_HTTP_SERVICE_HOST", "10.0.0.2"),
            ("BOOTWIRE_HTTP_PORT_80_TCP_ADDR", "10.0.0.2"),
        ] {
            assert!(!is_setting(name, value), "{name}");
        }
        for (name, value) in [
            ("BOOTWIRE_SINGLE_PORT", "true"),
            ("BOOTWIRE_PORTS", "30000-30063"),
            ("BOOTWIRE_PORT", "69"),
            ("BOOTWIRE_LISTEN", "[::]:69"),
        ] {
            assert!(is_setting(name, value), "{name}");
        }
    }
}
