//! Files made for one machine.
//!
//! A [`Template`] is an endpoint: it finds out [who asks](crate::identity), looks the machine up in
//! an [inventory](crate::inventory) and renders a template of [`Templates`] for it.
//!
//! ```no_run
//! use bootwire::{Router, Server};
//! use bootwire_render::inventory::Files;
//! use bootwire_render::template::{Template, Templates, Unknown};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let templates = Templates::open("/etc/bootwire/templates")?;
//! let machines = Files::open(["/etc/bootwire/machines"])?;
//! let grub = Template::new(&templates, "grub.cfg.j2")
//!     .inventory(machines)
//!     .unknown(Unknown::Profile("rescue".to_owned()));
//! let app = Router::new().read("/grub/grub.cfg-01-{mac}", grub);
//! Server::bind("[::]:69").serve(app).run().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a template knows
//! `machine` (`known`, `mac`, `uuid`, `serial`, `ip`, `hostname`, `profile`, `loader`), `request`
//! (`path`, `peer`, `port`, `local`, `route`, `params`, `options`, `op`, `mode`) and `vars`: those
//! given to the [`Template`], and over them those of the machine. What is not known is undefined.
//!
//! # Filters
//!
//! | filter | of | makes |
//! |---|---|---|
//! | `mac`, `mac_dash`, `mac_bare`, `mac_dot`, `mac_pxe` | a hardware address in any spelling | `52:54:00:12:34:56`, `52-54-00-12-34-56`, `525400123456`, `5254.0012.3456`, `01-52-54-00-12-34-56`; `upper` for upper case |
//! | `ip_hex` | an IPv4 address | `C0A80207` |
//! | `grub`, `shell` | text | one word in single quotes |
//! | `grub_line` | a kernel's command line | the rest of a line, words quoted in which GRUB would see something |
//! | `ipxe`, `ipxe_line` | text | one argument, the rest of a line; refuses what iPXE would take for something else |
//! | `word`, `line` | text | the same, refused if it is more than one word, or more than one line. For PXELINUX and kernels: GRUB sees more than words, iPXE too |
//! | `url`, `url_path` | text | percent-encoded, for one segment or with the slashes kept |
//!
//! # Templates that come with it
//! `bootwire/grub.cfg.j2`, `bootwire/pxelinux.cfg.j2` and `bootwire/boot.ipxe.j2` boot `vars.kernel`
//! with `vars.initrd` and `vars.cmdline`. They can be used as they are, or included.

mod bounds;
mod builtin;
pub(crate) mod context;
mod filters;
mod library;
mod render;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request, Turns};
use minijinja::Value;
use serde_json::{Map, Value as Json};

pub use library::Templates;
pub use render::{Limits, RenderError};

use crate::identity::{Identifier, Identity};
use crate::inventory::{Found, Inventory, Machine};
use library::Compiled;

/// Instructions a template may take on a worker thread: enough for a boot loader's configuration,
/// not for long loops.
const QUICK_FUEL: u64 = 2000;
/// Bytes a template may write and hold on a worker thread: copying more takes too long there.
const QUICK_SIZE: usize = 256 << 10;
/// How long a rendering waits for its turn: less than the 10 s in which the server wants an answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// A template that takes longer than this so many times in a row is not rendered on a worker thread
/// again. Once may be the thread's having to wait for the processor.
const QUICK: Duration = Duration::from_micros(300);
const STRIKES_MAX: u8 = 8;

/// What happens to machines the inventory does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Code 1: the client tries its next name, and a chain of endpoints goes on.
    #[default]
    NotFound,
    /// Code 2: the client stops. For networks where only enrolled machines boot.
    Denied,
    /// They get the template, which finds `machine.known` false.
    Render,
    /// They get the template, with this as `machine.profile`.
    Profile(String),
}

/// Renders one template for whoever asks.
///
/// A short template (up to 2000 instructions) whose data is in memory is rendered on the spot, on
/// the worker thread that got the request; anything else on tokio.
#[derive(Clone)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    templates: Templates,
    name: String,
    identifier: Identifier,
    inventory: Option<Arc<dyn Inventory>>,
    unknown: Unknown,
    vars: Map<String, Json>,
    limits: Limits,
    /// How often in a row it was slow; beyond [`STRIKES_MAX`] it is no work for a worker thread.
    strikes: Arc<AtomicU8>,
}

impl Template {
    /// Renders the template called `name`. That it exists is seen when somebody asks; see
    /// [`Templates::contains`].
    pub fn new(templates: &Templates, name: impl Into<String>) -> Self {
        let inner = Inner {
            templates: templates.clone(),
            name: name.into(),
            identifier: Identifier::new(),
            inventory: None,
            unknown: Unknown::default(),
            vars: Map::new(),
            limits: Limits::default(),
            strikes: Arc::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// How to find out who asks. Default: by the request alone.
    #[must_use]
    pub fn identifier(self, identifier: Identifier) -> Self {
        self.change(|inner| inner.identifier = identifier)
    }

    /// Where machines are looked up. Without, the template knows only what the request says.
    #[must_use]
    pub fn inventory(self, inventory: impl Inventory) -> Self {
        self.change(|inner| inner.inventory = Some(Arc::new(inventory)))
    }

    /// What happens to machines the inventory does not know. Default [`Unknown::NotFound`].
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        self.change(|inner| inner.unknown = unknown)
    }

    /// Sets a variable for this template. Machines that have one of the same name go before it.
    #[must_use]
    pub fn var(self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.change(|inner| _ = inner.vars.insert(name.into(), value.into()))
    }

    /// How much one rendering may take.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.change(|inner| inner.limits = limits)
    }

    /// Renders the text for `request`: what [`Endpoint::call`] answers with.
    ///
    /// # Errors
    /// As the client is told.
    pub async fn text(&self, request: &Request) -> Result<String, Refusal> {
        let inner = &self.inner;
        let who = inner.identifier.identify(request).await;
        let found = match &inner.inventory {
            Some(inventory) => inventory.find(&who).await?,
            None => None,
        };
        note(request, &who, &found);
        let context = inner.context(request, &who, &found)?;
        let compiled = inner.templates.fresh().await;
        if let Some(text) = inner.quick(&compiled, context.clone()) {
            return text;
        }
        render_beside(&who, compiled, inner.name.clone(), context, inner.limits).await
    }
}

/// Renders what is more work than an async thread should be kept from others for.
pub(crate) async fn render_beside(
    who: &Identity,
    compiled: Arc<Compiled>,
    name: String,
    context: Value,
    limits: Limits,
) -> Result<String, Refusal> {
    /// One for each processor, and a few that wait for it.
    static TURNS: LazyLock<Turns> = LazyLock::new(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Turns::new(processors + 3)
    });
    let Ok(turn) = tokio::time::timeout(PATIENCE, TURNS.turn(who.proven)).await else {
        return Err(Refusal::busy()
            .silent()
            .because("too many templates wait to be rendered"));
    };
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        compiled.render(&name, context, limits)
    });
    match work.await {
        Ok(text) => Ok(text?),
        Err(error) => Err(Refusal::internal().because(error)),
    }
}

impl Inner {
    /// What the template is told, or the refusal for a machine that is not known.
    fn context(&self, request: &Request, who: &Identity, found: &Found) -> Result<Value, Refusal> {
        let is_unknown = self.inventory.is_some() && found.is_none();
        let profile = match &self.unknown {
            _ if !is_unknown => None,
            Unknown::Render => None,
            Unknown::Profile(profile) => Some(profile.as_str()),
            Unknown::NotFound | Unknown::Denied => {
                let refusal = match &self.unknown {
                    Unknown::Denied => Refusal::denied(),
                    _ => Refusal::not_found(),
                };
                return Err(refusal
                    .text("This machine is not in the inventory")
                    .because(format_args!("not in the inventory: {}", who.describe())));
            }
        };
        let machine = found.as_deref();
        Ok(context::context(request, who, machine, profile, &self.vars))
    }

    /// Renders, unless that takes too long for the thread it is called on.
    fn quick(&self, compiled: &Compiled, context: Value) -> Option<Result<String, Refusal>> {
        if self.is_slow() {
            return None;
        }
        let limits = Limits {
            fuel: self.limits.fuel.min(QUICK_FUEL),
            size: self.limits.size.min(QUICK_SIZE),
        };
        let begin = Instant::now();
        let rendered = compiled.render(&self.name, context, limits);
        if begin.elapsed() <= QUICK {
            self.strikes.store(0, Ordering::Relaxed);
        } else {
            self.strikes.fetch_add(1, Ordering::Relaxed);
        }
        match rendered {
            Err(
                RenderError::OutOfFuel { .. }
                | RenderError::TooLarge { .. }
                | RenderError::TooMuch(_),
            ) if limits != self.limits => {
                self.strikes.store(STRIKES_MAX, Ordering::Relaxed);
                None
            }
            rendered => Some(rendered.map_err(Refusal::from)),
        }
    }

    fn is_slow(&self) -> bool {
        self.strikes.load(Ordering::Relaxed) >= STRIKES_MAX
    }

    fn at_hand(&self, request: &Request) -> Option<Result<String, Refusal>> {
        if self.is_slow() {
            return None;
        }
        let compiled = self.templates.at_hand()?;
        let who = self.identifier.at_hand(request)?;
        let found = match &self.inventory {
            Some(inventory) => inventory.at_hand(&who)?,
            None => None,
        };
        note(request, &who, &found);
        match self.context(request, &who, &found) {
            Ok(context) => self.quick(&compiled, context),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

/// Says for the record which machine it is.
fn note(request: &Request, who: &Identity, found: &Found) {
    let name = found.as_deref().and_then(Machine::name);
    if let Some(name) = name.or_else(|| who.name()) {
        request.known_as(name);
    }
}

/// What was rendered, for the client and for the record.
fn said(rendered: Result<String, Refusal>) -> Result<Reply, Refusal> {
    const KIND: &str = "template";
    match rendered {
        Ok(text) => Ok(Reply::text(text).answered_by(KIND)),
        Err(refusal) => Err(refusal.answered_by(KIND)),
    }
}

impl Endpoint<Reply> for Template {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move { said(self.text(&request).await) })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        self.inner.at_hand(request).map(said)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template")
            .field("name", &self.inner.name)
            .field("unknown", &self.inner.unknown)
            .finish_non_exhaustive()
    }
}
