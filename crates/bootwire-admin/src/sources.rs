//! What the API shows, and what it may ask: small traits that a program fills in as far as it can.
//!
//! [`Live`] is the running server, where that is not `bootwire`'s own.
//! [`Boots`] knows boots and machines, [`Control`] the configuration. What a program does not have
//! answers 404 and says so.

use bootwire::{BoxFuture, ServerStats};
use bootwire_render::identity::Identity;

use crate::api;
use crate::problem::Problem;

/// An answer that may take its time.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// A running server.
pub trait Live: Send + Sync + 'static {
    /// What it counted since it started.
    fn stats(&self) -> ServerStats;

    /// Transfers that run now, `max` at most; without rates, which come from looking twice.
    fn transfers(&self, max: usize) -> BoxFuture<'_, Vec<api::Transfer>>;

    /// Addresses and ports it listens on.
    fn listen(&self) -> Vec<String>;

    /// Worker threads.
    fn workers(&self) -> usize;

    /// How busy each worker is, from 0 to 1.
    fn load(&self) -> Vec<f64> {
        Vec::new()
    }
}

/// Boots and machines, in memory and stored.
pub trait Boots: Send + Sync + 'static {
    /// A page of boots, the newest first.
    fn list(&self, query: api::BootsQuery) -> Asked<'_, api::BootsPage>;

    /// One boot.
    fn boot(&self, id: String) -> Asked<'_, api::BootDetail>;

    /// A page of machines, those heard of last first.
    fn machines(&self, query: api::MachinesQuery) -> Asked<'_, api::MachinesPage>;

    /// One machine, and its newest boots.
    fn machine(&self, name: String) -> Asked<'_, (api::Machine, Vec<api::Boot>)>;
}

/// What an operator may ask of a program beside looking at it. Each that is left out answers 404.
pub trait Control: Send + Sync + 'static {
    /// Where the configuration was read and how much it serves, in a line.
    fn configuration(&self) -> Option<String> {
        None
    }

    /// What needs the operator.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }

    /// The configuration in force, without secrets.
    fn config(&self) -> Asked<'_, api::ConfigView> {
        absent("configuration", "the program that serves has none")
    }

    /// What a client would get, and why.
    fn explain(&self, question: api::Explain) -> Asked<'_, api::Explained> {
        let _ = question;
        absent(
            "configuration",
            "the program that serves cannot explain its routes",
        )
    }

    /// Whether the inventory has the machine; nothing if there is no inventory, or if it does not answer.
    fn knows(&self, machine: Identity) -> BoxFuture<'_, Option<bool>> {
        let _ = machine;
        Box::pin(std::future::ready(None))
    }

    /// Reads the configuration again.
    fn reload(&self) -> Asked<'_, api::Reloaded> {
        absent(
            "configuration",
            "the program that serves has nothing to read again",
        )
    }

    /// Begins to end: no new requests, running transfers finish.
    fn drain(&self) -> Asked<'_, api::Draining> {
        absent("drain", "the program that serves does not end by the API")
    }

    /// The cache.
    fn cache(&self) -> Asked<'_, api::CacheView> {
        absent("cache", NO_ORIGIN)
    }

    /// Fetches before anybody asks.
    fn prefetch(&self, what: api::Prefetch) -> Asked<'_, api::PrefetchReport> {
        let _ = what;
        absent("cache", NO_ORIGIN)
    }

    /// Removes from the cache.
    fn purge(&self, what: api::Purge) -> Asked<'_, api::Purged> {
        let _ = what;
        absent("cache", NO_ORIGIN)
    }
}

const NO_ORIGIN: &str = "nothing is read through a cache: it comes with the first [origin.NAME]";

fn absent<T: Send + 'static>(what: &'static str, why: &'static str) -> Asked<'static, T> {
    Box::pin(std::future::ready(Err(Problem::absent(what, why))))
}

/// A program without a configuration.
pub(crate) struct NoControl;

impl Control for NoControl {}
