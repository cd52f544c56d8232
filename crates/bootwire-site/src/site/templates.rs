//! Templates and what all of them are given.

use std::path::PathBuf;
use std::sync::Arc;

use bootwire_render::identity::Identifier;
use bootwire_render::inventory::Inventory;
use bootwire_render::template::{Limits, Template, Templates, Unknown};

use super::Purpose;
use super::kept::Kept;
use super::problems::Wrong;
use crate::config::{Config, model};
use crate::out;

/// The directory looked for beside the configuration, if none is named.
const BESIDE: &str = "templates";

/// Where templates are; `None` if there are only those that come with Bootwire.
pub(super) fn directory(config: &Config) -> Option<PathBuf> {
    match &config.document.templates.dir {
        Some(dir) => Some(config.path(dir)),
        None => Some(config.base.join(BESIDE)).filter(|beside| beside.is_dir()),
    }
}

/// Reads and compiles the templates; those of the configuration before, if they lie in the same
/// place: what compiled once serves until it compiles again.
pub(super) async fn open(
    config: &Config,
    purpose: Purpose,
    (old, new): (&Kept, &mut Kept),
    wrong: &mut Wrong,
) -> Templates {
    let directory = directory(config);
    let templates = match (&old.templates, &directory) {
        (Some((known, templates)), _) if *known == directory => templates.clone(),
        (_, None) => Templates::builtin(),
        (_, Some(root)) => {
            let (place, root) = (root.display().to_string(), root.clone());
            let opened = tokio::task::spawn_blocking(move || Templates::open(root)).await;
            let opened = opened
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
                .map_err(|error| format!("cannot read the directory {place}: {error}"));
            let Some(templates) = wrong.check(config, "templates", opened) else {
                return Templates::builtin();
            };
            match purpose {
                Purpose::Serve => {
                    templates.report(|problem| out::note(&format!("templates: {problem}")))
                }
                Purpose::Explain { .. } => templates,
            }
        }
    };
    new.templates = Some((directory, templates.clone()));
    templates
}

/// What one rendering may take.
pub(super) fn limits(table: &model::Templates) -> Limits {
    let usual = Limits::default();
    Limits {
        fuel: table.fuel.unwrap_or(usual.fuel),
        size: table.size_max.map_or(usual.size, |size| {
            usize::try_from(size.0).unwrap_or(usize::MAX)
        }),
    }
}

/// The template of a route, given the configuration's variables and, over them, the route's.
pub(super) fn of_route(
    templates: &Templates,
    name: &str,
    route: &model::Route,
    table: &model::Templates,
    who: &Identifier,
    inventory: Option<&Arc<dyn Inventory>>,
) -> Template {
    let mut template = Template::new(templates, name)
        .identifier(who.clone())
        .limits(limits(table));
    for (name, value) in table.vars.iter().chain(&route.vars) {
        template = template.var(name, value.clone());
    }
    if let Some(inventory) = inventory {
        template = template.inventory(Arc::clone(inventory));
    }
    match &route.unknown {
        None => template,
        Some(unknown) => template.unknown(match unknown {
            model::Unknown::NotFound => Unknown::NotFound,
            model::Unknown::Denied => Unknown::Denied,
            model::Unknown::Render => Unknown::Render,
            model::Unknown::Profile(profile) => Unknown::Profile(profile.clone()),
        }),
    }
}

/// Why there is no template of this name: its own mistake, or what there is instead.
pub(super) fn missing(templates: &Templates, name: &str) -> String {
    let problems = templates.problems();
    let own = problems.iter().find(|problem| {
        let file = problem
            .place
            .rsplit_once(':')
            .map_or(&*problem.place, |(file, _)| file);
        file.ends_with(&format!("/{name}"))
    });
    match own {
        Some(problem) => format!("template {name:?}: {problem}"),
        None => {
            let names: Vec<String> = templates.names().into_iter().take(20).collect();
            format!("no template {name:?}; there are {}", names.join(", "))
        }
    }
}
