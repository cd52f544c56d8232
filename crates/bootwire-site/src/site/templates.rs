//! Templates and what all of them are given.

use std::path::PathBuf;
use std::sync::Arc;

use bootwire_render::template::{Limits, Template, Templates, Unknown};
use serde_json::{Map, Value};

use super::materials::Materials;
use super::opening::Opening;
use crate::config::{Config, model};

/// The directory looked for beside the configuration, if none is named.
const BESIDE: &str = "templates";

/// Where templates are; `None` if there are only those that come with Bootwire.
pub(super) fn directory(config: &Config) -> Option<PathBuf> {
    match &config.document.templates.dir {
        Some(dir) => Some(config.path(dir)),
        None => Some(config.base.join(BESIDE)).filter(|beside| beside.is_dir()),
    }
}

/// Templates, and the directory they lie in.
pub(super) type OpenTemplates = (Option<PathBuf>, Templates);

/// Reads and compiles the templates; the `old` ones, of the configuration before, if they lie in the
/// same place: what compiled once serves until it compiles again.
pub(super) async fn open(opening: &mut Opening<'_>, old: Option<&OpenTemplates>) -> OpenTemplates {
    let directory = directory(opening.config);
    let templates = match (old, &directory) {
        (Some((known, templates)), _) if *known == directory => templates.clone(),
        (_, None) => Templates::builtin(),
        (_, Some(root)) => {
            let (place, root) = (root.display().to_string(), root.clone());
            let opened = tokio::task::spawn_blocking(move || Templates::open(root)).await;
            let opened = opened
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
                .map_err(|error| format!("cannot read the directory {place}: {error}"));
            let Some(templates) = opening.check("templates", opened) else {
                return (directory, Templates::builtin());
            };
            match opening.tell("templates") {
                Some(tell) => templates.report(tell),
                None => templates,
            }
        }
    };
    (directory, templates)
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
    name: &str,
    unknown: Option<&model::Unknown>,
    vars: &Map<String, Value>,
    materials: &Materials<'_>,
    config: &Config,
) -> Template {
    let table = &config.document.templates;
    let mut template = Template::new(materials.templates, name)
        .identifier(materials.who.clone())
        .limits(limits(table));
    for (name, value) in table.vars.iter().chain(vars) {
        template = template.var(name, value.clone());
    }
    if let Some(inventory) = materials.inventory {
        template = template.inventory(Arc::clone(inventory));
    }
    match unknown {
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
