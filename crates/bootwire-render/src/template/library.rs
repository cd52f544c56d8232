//! A directory of templates, compiled.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::render::{self, Limits, RenderError};
use super::{QUICK_FUEL, bounds, builtin, filters};
use crate::reload::{self, Load, Problem, Reloading, Stamp, limited, made_from_files};

/// The largest template, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// Templates beneath one root, at most, and how deep.
const FILES_MAX: usize = 2000;
const DEPTH_MAX: usize = 8;
/// Calls of macros and includes inside each other.
const RECURSION_MAX: usize = 50;

/// The stack of a thread that renders what takes many instructions. Only what is used of it takes
/// memory.
const STACK: usize = 128 << 20;

/// Templates beneath one directory, all of them compiled and in memory. Cheap to clone.
///
/// Every file whose name ends in `.j2` is a template, called by its path beneath the root:
/// `grub/menu.cfg.j2`. Names that begin with a dot are left out. A link is followed if what it leads
/// to is beneath the root. Templates include and extend each other by the same names; nothing else
/// is ever opened while one is rendered.
///
/// The language is Jinja as MiniJinja 3.0 speaks it, strict: to print, test or loop over a value
/// that is not there is an error; `default` and `is defined` are for those that need not be there.
///
/// Files are looked at when somebody asks and a second has passed. One that has become wrong keeps
/// what it was, and is a [problem](Templates::problems) with its line.
#[derive(Clone)]
pub struct Templates {
    reloading: Arc<Reloading<Loader>>,
}

impl Templates {
    /// Reads and compiles every template beneath `root`. Blocks on the disk. Templates that do not
    /// compile are [problems](Templates::problems).
    ///
    /// # Errors
    /// If `root` cannot be read.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        // By its name each time: another directory may get it, or a link that leads there be turned.
        let root = std::path::absolute(root)?;
        std::fs::read_dir(&root)?;
        Ok(Self::load(Loader { root: Some(root) }))
    }

    /// No templates but those that come with this crate, see [the module](super).
    #[must_use]
    pub fn builtin() -> Self {
        Self::load(Loader { root: None })
    }

    fn load(loader: Loader) -> Self {
        let first = loader.compile(None);
        Self {
            reloading: Arc::new(Reloading::new(loader, first)),
        }
    }

    /// The names of all templates, those that come with this crate too.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let compiled = self.reloading.get();
        let names = compiled.full.templates().map(|(name, _)| name.to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Whether there is a template called `name`, and it has compiled once.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.reloading.get().full.get_template(name).is_ok()
    }

    /// Renders a template with the usual limits, as it is in memory.
    ///
    /// # Errors
    /// Everything that can go wrong, with template and line.
    pub fn render(
        &self,
        name: &str,
        context: impl serde::Serialize,
    ) -> Result<String, RenderError> {
        let context = Value::from(Serde(context));
        self.reloading
            .get()
            .render(name, context, Limits::default())
    }

    pub(super) fn at_hand(&self) -> Option<Arc<Compiled>> {
        self.reloading.at_hand()
    }

    pub(crate) async fn fresh(&self) -> Arc<Compiled> {
        self.reloading.fresh().await
    }
}

made_from_files!(Templates);

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

/// Templates ready to render.
pub(crate) struct Compiled {
    /// With as much fuel as a worker thread may spend.
    quick: Environment<'static>,
    /// With the usual fuel.
    full: Environment<'static>,
    files: BTreeMap<String, OneFile>,
    problems: Vec<Problem>,
    /// Why its directory could not be read when it was last looked at.
    away: Option<Problem>,
}

/// A template file as it was last understood.
#[derive(Clone)]
struct OneFile {
    /// The version last looked at, understood or not.
    stamp: Option<Stamp>,
    /// The text that compiled.
    source: Option<Arc<str>>,
    problem: Option<Problem>,
}

impl Compiled {
    /// The same, after its directory could not be read.
    fn without_root(&self, problem: Problem) -> Self {
        let kept = "the templates stay as they were";
        let told = Problem::new(&problem.place, format_args!("{}: {kept}", problem.what));
        Self {
            full: self.full.clone(),
            quick: self.quick.clone(),
            files: self.files.clone(),
            problems: limited([vec![told], self.problems.clone()].concat()),
            away: Some(problem),
        }
    }

    pub(crate) fn render(
        &self,
        name: &str,
        context: Value,
        limits: Limits,
    ) -> Result<String, RenderError> {
        let own;
        let environment = if limits.fuel == QUICK_FUEL {
            &self.quick
        } else if limits.fuel == Limits::default().fuel {
            &self.full
        } else {
            own = with_fuel(&self.full, limits.fuel);
            &own
        };
        if limits.fuel <= QUICK_FUEL {
            return render::render(environment, name, context, limits);
        }
        // What one instruction can put into another, dropping it takes apart one in another.
        std::thread::scope(|scope| {
            let deep = std::thread::Builder::new()
                .name("render".to_owned())
                .stack_size(STACK);
            let work = || render::render(environment, name, context.clone(), limits);
            match deep.spawn_scoped(scope, work) {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|_| Err(RenderError::Failed(format!("{name}: panicked")))),
                Err(error) => Err(RenderError::Failed(format!("{name}: no thread: {error}"))),
            }
        })
    }
}

struct Loader {
    root: Option<PathBuf>,
}

impl Loader {
    /// The templates there are: names and files. The second list is what is wrong with the places.
    fn list(&self) -> (BTreeMap<String, PathBuf>, Vec<Problem>) {
        let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
        if let Some(root) = &self.root
            && let Err(error) = std::fs::canonicalize(root)
                .and_then(|root| walk(&root, &root, "", DEPTH_MAX, &mut found))
        {
            problems.push(Problem::new(root.display(), error));
        }
        (found, problems)
    }

    fn compile(&self, old: Option<&Compiled>) -> Compiled {
        let (found, mut problems) = self.list();
        let mut full = environment();
        let mut files = BTreeMap::new();
        for (name, path) in found {
            let was = old.and_then(|old| old.files.get(&name));
            let file = OneFile::load(&path, &name, was, &mut full);
            problems.extend(file.problem.clone());
            files.insert(name, file);
        }
        Compiled {
            quick: with_fuel(&full, QUICK_FUEL),
            full: with_fuel(&full, Limits::default().fuel),
            files,
            problems: limited(problems),
            away: None,
        }
    }
}

impl Load for Loader {
    type Value = Compiled;

    fn again(&self, old: &Compiled) -> Option<Compiled> {
        let (found, mut wrong) = self.list();
        if let Some(problem) = wrong.pop() {
            // A root that is away takes nothing with it, but that is told.
            let told = old.away.as_ref() == Some(&problem);
            return (!told).then(|| old.without_root(problem));
        }
        let same = old.away.is_none()
            && found.len() == old.files.len()
            && found
                .iter()
                .zip(&old.files)
                .all(|((name, path), (old_name, old))| {
                    name == old_name && Stamp::at(path).ok().flatten() == old.stamp
                });
        (!same).then(|| self.compile(Some(old)))
    }

    fn problems(compiled: &Compiled) -> &[Problem] {
        &compiled.problems
    }
}

impl OneFile {
    /// Reads and compiles a template into `environment`; the old text of it if the new is wrong.
    fn load(
        path: &Path,
        name: &str,
        old: Option<&Self>,
        environment: &mut Environment<'static>,
    ) -> Self {
        let (stamp, text) = match reload::read(path, FILE_MAX) {
            Ok((stamp, content)) => (
                Some(stamp),
                String::from_utf8(content).map_err(|_| "not UTF-8".to_owned()),
            ),
            Err(error) => (Stamp::at(path).ok().flatten(), Err(error.to_string())),
        };
        let mut file = Self {
            stamp,
            source: None,
            problem: None,
        };
        let fresh = text.map_err(|what| Problem::new(path.display(), what));
        match fresh.and_then(|text| compile(path, name, &text, environment)) {
            Ok(source) => file.source = Some(source),
            Err(problem) => {
                file.problem = Some(problem);
                file.source = old.and_then(|old| old.source.clone());
                if let Some(source) = &file.source {
                    // It compiled before.
                    let _ = add_bounded(name, source, environment);
                }
            }
        }
        file
    }
}

fn compile(
    path: &Path,
    name: &str,
    text: &str,
    environment: &mut Environment<'static>,
) -> Result<Arc<str>, Problem> {
    let source: Arc<str> = text.into();
    add_bounded(name, text, environment).map_err(|error| {
        let what = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        let what = match error.kind() {
            ErrorKind::SyntaxError => format!("syntax error: {what}"),
            _ => what,
        };
        Problem::new(
            format_args!("{}:{}", path.display(), error.line().unwrap_or(1)),
            what,
        )
    })?;
    Ok(source)
}

/// Adds a template as [`bounds`] writes it.
fn add_bounded(
    name: &str,
    text: &str,
    environment: &mut Environment<'static>,
) -> Result<(), Error> {
    match bounds::source::bounded(text) {
        Ok(bounded) => environment.add_template_owned(name.to_owned(), bounded),
        Err(bounds::source::Confused(at)) => {
            // The engine knows best what is wrong with it.
            environment.add_template_owned(name.to_owned(), text.to_owned())?;
            environment.remove_template(name);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            Err(Error::new(
                ErrorKind::SyntaxError,
                format!("cannot tell what belongs together in line {line}: use more brackets"),
            ))
        }
    }
}

/// What every template has at its disposal.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .unwrap_or_default(),
    );
    // Names the variables in the message of an error.
    environment.set_debug(true);
    filters::add(&mut environment);
    bounds::add(&mut environment);
    for (name, source) in builtin::TEMPLATES {
        // A test renders each.
        let _ = add_bounded(name, source, &mut environment);
    }
    environment
}

fn with_fuel(environment: &Environment<'static>, fuel: u64) -> Environment<'static> {
    let mut environment = environment.clone();
    environment.set_fuel(Some(fuel));
    environment
}

/// Finds the templates in `directory`, which is called `prefix`.
fn walk(
    root: &Path,
    directory: &Path,
    prefix: &str,
    depth: usize,
    found: &mut BTreeMap<String, PathBuf>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)?.take(FILES_MAX * 4) {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        // What leads out of the root, or nowhere, is not a template.
        let Ok(path) = std::fs::canonicalize(entry.path()) else {
            continue;
        };
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        if !path.starts_with(root) {
            continue;
        }
        let name = format!("{prefix}{name}");
        if metadata.is_dir() && depth > 0 {
            walk(root, &entry.path(), &format!("{name}/"), depth - 1, found)?;
        } else if metadata.is_file() && name.ends_with(".j2") {
            if found.len() >= FILES_MAX {
                return Err(io::Error::other(format!("more than {FILES_MAX} templates")));
            }
            found.insert(name, path);
        }
    }
    Ok(())
}
