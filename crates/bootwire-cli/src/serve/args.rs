//! The flags of `bootwire serve`, and the configuration they and a file make.

use std::path::{Path, PathBuf};

use bootwire_site::Config;
use bootwire_site::config::{Flags, Problem, Problems, RouteFlag};

use super::flags::{SettingFlags, words};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire serve /srv/tftp
      serve a directory, read-only, on port 69 of all addresses
  bootwire serve . --listen 127.0.0.1:6969
      try it without being root; then: curl tftp://127.0.0.1:6969/FILE
  bootwire serve /srv/tftp --versioned --upload-dir /srv/backups --upload-max 64M
      take configurations of switches too, and keep old versions
  bootwire serve /srv/tftp --allow 10.0.0.0/8 --allow 203.0.113.0/24
      serve these networks and no others
  bootwire serve /srv/tftp --single-port
      behind NAT, in a container, behind a load balancer
  bootwire serve /srv/tftp --create --user tftp --sandbox require
      take uploads as user tftp; do not start without the whole sandbox

  bootwire serve --config /etc/bootwire/bootwire.toml
      routes, templates, origins and more: see docs/reference/configuration.md, and try it with
      `bootwire check` and `bootwire explain`

Each transfer is one line on standard output; everything else goes to standard error. Watch the
server with `bootwire top` and `bootwire tail`; ask `bootwire boots` why a machine did not boot.

SIGTERM or Ctrl-C lets running transfers finish; a second one stops at once. On SIGHUP, and when
its files change, the server reads its configuration again. Running transfers go on. A
configuration with mistakes changes nothing.")]
#[group(skip)] // as named as those of its parts
#[command(group(clap::ArgGroup::new("uploads").args(["create", "replace", "overwrite", "versioned"])))]
pub(crate) struct Args {
    /// The directory to serve [default: .]
    #[arg(conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Serve what this configuration says instead; flags override it
    #[arg(
        long,
        short,
        value_name = "FILE",
        conflicts_with_all = ["uploads", "links", "case_insensitive", "per_client"]
    )]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: SettingFlags,

    /// Say more at the start: networks, routes, paths, what the kernel offers
    #[arg(long, short, help_heading = "Running")]
    pub(super) verbose: bool,
    /// Use only what every Unix has, if you suspect the kernel or a driver. Then name each address in
    /// --listen: from [::] and 0.0.0.0, answers leave from the address that the kernel picks
    #[arg(long, help_heading = "Running")]
    pub(super) portable_io: bool,
    /// End when standard input closes: when the program that started it has gone
    #[arg(long, hide = true)]
    pub(super) end_with_stdin: bool,

    /// Take uploads of new files
    #[arg(long, help_heading = "Uploads")]
    create: bool,
    /// Take uploads, and let them replace files
    #[arg(long, help_heading = "Uploads")]
    replace: bool,
    /// Take uploads of files that exist, and of no others
    #[arg(long, help_heading = "Uploads")]
    overwrite: bool,
    /// Take uploads, and keep what they replace under a name with the time
    #[arg(long, help_heading = "Uploads")]
    versioned: bool,
    /// Where uploads go [default: the directory served]
    #[arg(
        long,
        value_name = "DIR",
        requires = "uploads",
        help_heading = "Uploads"
    )]
    upload_dir: Option<PathBuf>,
    /// Largest file, like 64M or 20GiB [default: 1 GiB]
    #[arg(
        long,
        value_name = "SIZE",
        requires = "uploads",
        help_heading = "Uploads"
    )]
    upload_max: Option<String>,
    /// Disk space to leave free, like 1GiB [default: 64 MiB, of a small disk a sixteenth]
    #[arg(
        long,
        value_name = "SIZE",
        requires = "uploads",
        help_heading = "Uploads"
    )]
    keep_free: Option<String>,
    /// Make missing directories
    #[arg(long, requires = "uploads", help_heading = "Uploads")]
    create_dirs: bool,

    /// What symbolic links may do [default: beneath]
    #[arg(
        long,
        value_name = "HOW",
        value_parser = words([
            ("beneath", "Those that leave the directory are refused"),
            ("in-root", "Absolute ones are resolved as if the directory were /"),
            ("anywhere", "All are followed, wherever they lead"),
        ]),
        help_heading = "Files"
    )]
    links: Option<String>,
    /// Find files whatever the case of their name
    #[arg(long, help_heading = "Files")]
    case_insensitive: bool,
    /// Look first in the client's own subdirectory, named like its address, or mac or hex-address
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "address",
        value_parser = words([
            ("address", "Like its address: 10.0.0.7, fd00::7"),
            ("mac", "Like its hardware address: 52-54-00-12-34-56"),
            ("hex-address", "Like its address in hexadecimal: 0A000007"),
        ]),
        help_heading = "Files"
    )]
    per_client: Option<String>,
}

impl Args {
    /// The configuration: what the file says, or the flags alone, and the settings among these over
    /// it.
    pub(super) fn configuration(&self) -> Result<Config, Problems> {
        let mut flags = self.settings.0.clone();
        if let Some(path) = &self.config {
            return Config::load_with_flags(path, &flags)?.with_routes();
        }
        self.add_routes(&mut flags)?;
        Config::of_flags(&flags)
    }

    /// The routes of a directory, and of uploads if flags say so.
    fn add_routes(&self, flags: &mut Flags) -> Result<(), Problems> {
        let dir = self.dir.as_deref().unwrap_or_else(|| Path::new("."));
        if let Some((flag, existing)) = self.uploads() {
            let into = self.upload_dir.as_deref().unwrap_or(dir);
            let mut keys = vec![
                directory("--upload-dir", "upload", into)?,
                said(flag, "existing", existing),
            ];
            keys.extend(given(
                "--upload-max",
                "size_max",
                self.upload_max.as_deref(),
            ));
            keys.extend(given("--keep-free", "keep_free", self.keep_free.as_deref()));
            keys.extend(switched(self.create_dirs, "--create-dirs", "create_dirs"));
            // Clients may name a file as they will read it, or leave out the directory.
            if let Some(below) = below(dir, into) {
                let path = said("--upload-dir", "path", &format!("/{below}/{{*path}}"));
                flags.add_route([&[path], keys.as_slice()].concat());
            }
            flags.add_route(keys);
        }
        let mut keys = vec![directory("", "dir", dir)?];
        keys.extend(given("--links", "links", self.links.as_deref()));
        let (any_case, per_client) = (self.case_insensitive, self.per_client.as_deref());
        keys.extend(switched(any_case, "--case-insensitive", "case_insensitive"));
        keys.extend(given("--per-client", "per_client", per_client));
        flags.add_route(keys);
        Ok(())
    }

    /// The flag that takes uploads, and what they may do to a file that is there.
    const fn uploads(&self) -> Option<(&'static str, &'static str)> {
        if self.create {
            Some(("--create", "create"))
        } else if self.replace {
            Some(("--replace", "replace"))
        } else if self.overwrite {
            Some(("--overwrite", "overwrite"))
        } else if self.versioned {
            Some(("--versioned", "versioned"))
        } else {
            None
        }
    }
}

/// A key of a route.
fn said(flag: &'static str, key: &'static str, value: &str) -> RouteFlag {
    let value = Some(value.to_owned());
    RouteFlag { flag, key, value }
}

fn given(flag: &'static str, key: &'static str, value: Option<&str>) -> Option<RouteFlag> {
    value.map(|value| said(flag, key, value))
}

fn switched(on: bool, flag: &'static str, key: &'static str) -> Option<RouteFlag> {
    let value = None;
    on.then_some(RouteFlag { flag, key, value })
}

/// A directory, whole: the log names it.
fn directory(flag: &'static str, key: &'static str, dir: &Path) -> Result<RouteFlag, Problem> {
    let shown = dir.display();
    let whole = std::path::absolute(dir).map_err(|error| {
        Problem::new(flag, format!("cannot use the directory {shown}: {error}"))
    })?;
    match whole.to_str() {
        // Braces would be parameters there.
        Some(path) if key == "dir" => {
            let path = path.replace('{', "{{").replace('}', "}}");
            Ok(said(flag, key, &path))
        }
        Some(path) => Ok(said(flag, key, path)),
        None => Err(Problem::new(
            flag,
            format!("{shown} is not UTF-8: name it by a link"),
        )),
    }
}

/// Where in the directory `served` the directory `inside` is, as clients name it; `None` if it is
/// the same or elsewhere, or has a name that means something else in a pattern.
fn below(served: &Path, inside: &Path) -> Option<String> {
    let served = std::fs::canonicalize(served).ok()?;
    let inside = std::fs::canonicalize(inside).ok()?;
    let below = inside.strip_prefix(&served).ok()?.to_str()?;
    let is_plain = !below.is_empty() && !below.contains(['{', '}', '*', '\\']);
    is_plain.then(|| below.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bootwire_site::config::schema;
    use clap::{Args as _, Command};
    use serde_json::Value;

    use super::*;

    /// Flags of routes, the keys they stand for, and the action these belong to.
    const FLAGS: [(&str, &str, &str); 6] = [
        ("upload-max", "size_max", "upload"),
        ("keep-free", "keep_free", "upload"),
        ("create-dirs", "create_dirs", "upload"),
        ("links", "links", "dir"),
        ("case-insensitive", "case_insensitive", "dir"),
        ("per-client", "per_client", "dir"),
    ];

    /// The words of a type in the schema, and what they mean.
    fn meanings(schema: &Value, name: &str) -> BTreeMap<String, String> {
        let words = schema["definitions"][name]["oneOf"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().trim_end_matches('.').to_owned();
        words
            .iter()
            .map(|word| (text(&word["const"]), text(&word["description"])))
            .collect()
    }

    /// What a flag of routes means, and what holds without it, is what the schema says of its key.
    #[test]
    fn flags_of_routes_say_what_the_schema_says() {
        let schema: Value = serde_json::from_str(&schema::text()).unwrap();
        let command = Args::augment_args(Command::new("serve"));
        let arg = |flag: &str| {
            let found = command
                .get_arguments()
                .find(|arg| arg.get_long() == Some(flag));
            found.unwrap()
        };
        for (flag, key, action) in FLAGS {
            let told = &schema["definitions"]["Route"]["properties"][key]["description"];
            let told = told.as_str().unwrap().strip_prefix(action).unwrap();
            let told = told.strip_prefix(": ").unwrap().replace('"', "");
            let told = told.replace('\n', " ");
            let told = told.trim_end_matches(" [default: false]");
            let help = arg(flag).get_help().unwrap().to_string();
            assert_eq!(help.to_lowercase(), told.to_lowercase(), "--{flag}");
            assert!(arg(flag).get_default_values().is_empty(), "--{flag}");
        }
        let links = arg("links").get_possible_values().into_iter();
        let links = links.map(|word| {
            let help = word.get_help().unwrap().to_string();
            (word.get_name().to_owned(), help)
        });
        assert_eq!(
            links.collect::<BTreeMap<_, _>>(),
            meanings(&schema, "Links")
        );
        // One flag for each of these.
        for word in meanings(&schema, "Existing").keys() {
            assert_eq!(arg(word).get_id(), word);
        }
    }
}
