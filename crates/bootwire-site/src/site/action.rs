//! Actions that are open: what each needs to answer, and how it is told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bootwire::router::Rewrite;
use bootwire::{Endpoint, Refusal, Reply, Request};
use bootwire_render::identity::Identifier;
use bootwire_render::template::Template;
use bootwire_store::{ClientName, Dir, Fallback, Links};

use super::below::Below;
use super::hooks::Hooked;
use super::materials::Materials;
use super::opening::Opening;
use super::origins::OpenOrigin;
use super::templates;
use crate::config::model::{self, PerClient};
use crate::config::route::{self, Action, Step};
use crate::shown::escaped;
use crate::text::{Refused, Text};

/// A step of a route, open.
pub(crate) struct OpenStep {
    pub(crate) action: OpenAction,
    /// The path looked for instead.
    pub(crate) rewrite: Option<Rewrite>,
    pub(super) probes: Probing,
    /// Who knows the client's hardware address, where that is needed.
    pub(super) client_mac: Option<Identifier>,
}

/// What becomes of boot loaders' probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probing {
    /// Nothing is known of them.
    No,
    /// They are answered before the action is asked, as missing or, GRUB's lists, as empty.
    Before { lists: bool },
    /// GRUB's lists are empty if nothing that is tried has them.
    Behind,
}

/// A directory that is open.
pub(crate) struct OpenDir {
    /// What it looks for names below.
    pub(super) below: Option<Below>,
    needs_client_mac: bool,
    dir: Dir,
}

impl OpenDir {
    fn open(rules: &route::Dir, opening: &Opening<'_>) -> Result<Self, String> {
        let path = opening.config.path(&rules.path);
        let dir = Dir::open(&path).map_err(|error| error.to_string())?;
        let mut dir = dir
            .observe(opening.notes.directory())
            .links(match rules.links {
                model::Links::InRoot => Links::InRoot,
                model::Links::Beneath => Links::Beneath,
                model::Links::Anywhere => Links::Anywhere,
            })
            .case_insensitive(rules.case_insensitive)
            .public_only(rules.public_only);
        let name = match rules.per_client {
            PerClient::No => None,
            PerClient::Address => Some(ClientName::Address),
            PerClient::Mac => Some(ClientName::Mac),
            PerClient::HexAddress => Some(ClientName::HexAddress),
        };
        if let Some(name) = name {
            let fallback = match rules.fallback {
                model::Fallback::File => Fallback::File,
                model::Fallback::Directory => Fallback::Directory,
                model::Fallback::None => Fallback::None,
            };
            dir = dir.client_directories(name, fallback);
        }
        let below = rules.below.as_ref();
        Ok(Self {
            needs_client_mac: rules.per_client == PerClient::Mac
                || below.is_some_and(|below| below.needs_client_mac()),
            below: below.cloned().map(Below),
            dir,
        })
    }

    /// The file that a request gets, whose name below the directory is known by now. Blocks.
    pub(crate) fn path_of(&self, request: &Request) -> Option<PathBuf> {
        self.dir.path_of(request)
    }
}

impl fmt::Display for OpenDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.dir.describe();
        match (&self.below, told.split_once(" (")) {
            (Some(Below(below)), Some((path, how))) => write!(f, "{path}/{below} ({how}"),
            _ => f.write_str(&told),
        }
    }
}

/// What answers reads.
pub(crate) enum OpenAction {
    Dir(OpenDir),
    Origin(OpenOrigin, Identifier),
    Template(String, Template),
    Text(Text),
    Refuse(Refusal),
    Http(Hooked),
    Exec(Hooked),
    Try(Vec<Arc<OpenStep>>),
}

impl OpenStep {
    /// A step of a route, or one that is tried. What cannot be opened is a problem of `opening`.
    pub(super) fn open(
        step: &Step,
        is_tried: bool,
        materials: &Materials<'_>,
        opening: &mut Opening<'_>,
    ) -> Option<Arc<Self>> {
        let opened = match &step.action {
            Action::Try(tried) => {
                let tried = tried.iter();
                // All of them are opened, to tell all that is wrong.
                let tried: Vec<_> = tried
                    .map(|step| Self::open(step, true, materials, opening))
                    .collect();
                Ok(OpenAction::Try(tried.into_iter().collect::<Option<_>>()?))
            }
            action => OpenAction::open(action, materials, opening),
        };
        let place = opening.config.place(step.place);
        let action = opened.map_err(|what| opening.wrong_at(place, what)).ok()?;
        let probes = match (&step.action, &action) {
            (_, OpenAction::Try(tried)) if tried.iter().any(|one| one.probes != Probing::No) => {
                Probing::Behind
            }
            // Another that is tried may have the list; if none has, it is empty.
            (
                Action::Template { probes: true, .. }
                | Action::Http { probes: true, .. }
                | Action::Exec { probes: true, .. },
                _,
            ) => Probing::Before { lists: !is_tried },
            _ => Probing::No,
        };
        let rewrite = step.rewrite.clone();
        let needs_mac =
            action.needs_client_mac() || rewrite.as_ref().is_some_and(Rewrite::needs_client_mac);
        Some(Arc::new(Self {
            client_mac: needs_mac.then(|| materials.who.clone()),
            action,
            rewrite,
            probes,
        }))
    }
}

impl OpenAction {
    fn open(
        action: &Action,
        materials: &Materials<'_>,
        opening: &Opening<'_>,
    ) -> Result<Self, String> {
        let config = opening.config;
        Ok(match action {
            Action::Dir(dir) => Self::Dir(OpenDir::open(dir, opening)?),
            Action::Origin(name) => {
                let source = materials.origins.get(name);
                let source = source.ok_or_else(|| format!("the origin {name:?} is not open"))?;
                Self::Origin(source.clone(), materials.who.clone())
            }
            Action::Template {
                name,
                unknown,
                vars,
                ..
            } => {
                if !materials.templates.contains(name) {
                    return Err(templates::missing(materials.templates, name));
                }
                let template = templates::of_route(name, unknown.as_ref(), vars, materials, config);
                Self::Template(name.clone(), template)
            }
            Action::Text(text) => Self::Text(text.clone()),
            Action::Refuse(refusal) => Self::Refuse(refusal.clone()),
            Action::Http { method, table, .. } => {
                Self::Http(Hooked::http(method, table, materials, opening)?)
            }
            Action::Exec { table, .. } => Self::Exec(Hooked::exec(table, materials, opening)),
            Action::Try(_) | Action::Rename(_) | Action::Upload(_) => {
                return Err("this answers no reads by itself".to_owned());
            }
        })
    }

    /// What answers, by itself; of several that are tried, nothing.
    pub(super) fn endpoint(&self) -> Arc<dyn Endpoint<Reply>> {
        match self {
            Self::Dir(dir) => Arc::new(dir.dir.clone()),
            Self::Origin(source, who) => source.endpoint(who),
            Self::Template(_, template) => Arc::new(template.clone()),
            Self::Text(text) => Arc::new(text.clone()),
            Self::Refuse(refusal) => Arc::new(Refused(refusal.clone())),
            Self::Http(hook) | Self::Exec(hook) => Arc::new(hook.hook.clone()),
            Self::Try(_) => Arc::new(Refused(Refusal::not_found())),
        }
    }

    /// Whether it goes by the client's hardware address.
    fn needs_client_mac(&self) -> bool {
        match self {
            Self::Dir(dir) => dir.needs_client_mac,
            Self::Text(text) => text.needs_client_mac(),
            _ => false,
        }
    }

    /// Who elsewhere is asked about a request.
    pub(super) fn outside(&self, request: &Request) -> Option<String> {
        match self {
            Self::Origin(origin, _) => {
                let name = escaped(request.rest_bytes());
                Some(format!("{} for {name}", origin.address))
            }
            Self::Http(hook) | Self::Exec(hook) => Some(hook.shown.clone()),
            Self::Dir(..) | Self::Template(..) | Self::Text(_) | Self::Refuse(_) | Self::Try(_) => {
                None
            }
        }
    }
}

impl fmt::Display for OpenStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.action.fmt(f)?;
        match &self.rewrite {
            Some(to) => write!(f, " {}", to.describe()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OpenAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(dir) => dir.fmt(f),
            Self::Origin(origin, _) => write!(f, "origin {}", origin.name),
            Self::Template(name, _) => write!(f, "template {name}"),
            Self::Text(text) if text.is_empty() => f.write_str("an empty file"),
            Self::Text(_) => f.write_str("a text"),
            Self::Refuse(refusal) => write!(f, "refused, {}", said(refusal)),
            Self::Http(hook) => write!(f, "{} decides", hook.shown),
            Self::Exec(hook) => write!(f, "the program {} decides", hook.shown),
            Self::Try(steps) => {
                let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
                f.write_str(&steps.join(", else "))
            }
        }
    }
}

/// What the client is told.
pub(super) fn said(refusal: &Refusal) -> String {
    let code = refusal.reason().code().wire();
    format!("code {code}: {}", refusal.client_text())
}
