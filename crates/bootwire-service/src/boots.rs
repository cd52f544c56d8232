//! Boots, followed while the server runs.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bootwire::{Router, ServerView, TransferRecord};
use bootwire_boots::store::{Postgres, Sqlite, Store};
use bootwire_boots::{Boots, Drops, Limits};
use bootwire_site::{BootsPlace, Config, Secrets};
use bootwire_telemetry::Telemetry;

use crate::notes::Notes;
use crate::size;

/// Boots in memory, where there is no other place.
const IN_MEMORY: usize = 10_000;
/// How often running transfers are looked at, and how many of them.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const TRANSFERS_MAX: usize = 20_000;
/// How long the end of the server may wait for its boots to be written.
const CLOSE: Duration = Duration::from_secs(5);
/// Servers that share a database may be slow to write: what is older than this nobody follows.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Told once; the metric counts on.
const STRANGERS: &str = "boots: thousands of addresses ask and acknowledge nothing, as if they were made up: \
     the oldest of them leave no boot (bootwire_boot_strangers counts them)";

/// The boots of this server; nobody follows them before it starts.
#[derive(Clone, Default)]
pub(crate) struct Follow(Arc<OnceLock<Boots>>);

impl Follow {
    /// Takes records, without what is told to nobody.
    pub(crate) fn observe(&self, records: &[TransferRecord], secrets: &Secrets) {
        let Some(boots) = self.0.get() else { return };
        let told: Vec<_> = records
            .iter()
            .map(|record| secrets.hidden(record))
            .collect();
        if told.iter().all(|record| matches!(record, Cow::Borrowed(_))) {
            return boots.observe(records);
        }
        let told: Vec<_> = told.into_iter().map(Cow::into_owned).collect();
        boots.observe(&told);
    }

    /// The boots, once they are followed.
    pub(crate) fn boots(&self) -> Option<&Boots> {
        self.0.get()
    }

    /// Routes around which configurations are looked at as they go out.
    pub(crate) fn around(&self, router: Router) -> Router {
        match self.0.get() {
            Some(boots) => router.layer(boots.reader()),
            None => router,
        }
    }

    /// Looks now and then at what runs: a boot is not over while a long transfer runs.
    /// Tells with all others what was written and what was lost.
    pub(crate) fn watch(&self, view: ServerView, telemetry: &Telemetry, notes: Notes) {
        let Some(boots) = self.0.get().cloned() else {
            return;
        };
        let account = telemetry.exporters().account("boots");
        let metrics = telemetry.metrics().clone();
        tokio::spawn(async move {
            let (mut written, mut told) = (0, Drops::default());
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let (now_written, now) = (boots.written(), boots.drops());
                account.sent(now_written - written);
                account.dropped(now.records + now.unwritten - told.records - told.unwritten);
                metrics.boot_strangers(now.strangers - told.strangers);
                if told.strangers == 0 && now.strangers > 0 {
                    notes.note(STRANGERS);
                }
                (written, told) = (now_written, now);
                if boots.is_idle() {
                    continue;
                }
                let transfers = view.transfers(TRANSFERS_MAX).await.into_iter();
                boots.running(transfers.map(|one| (one.peer, one.path, one.started)));
            }
        });
    }

    /// Starts to follow as the configuration says. Within tokio, and within the sandbox. A database that
    /// cannot be used is no reason not to serve. Answers where boots are kept, if they are.
    pub(crate) async fn start(
        &self,
        config: &Config,
        verbose: bool,
        telemetry: &Telemetry,
        notes: &Notes,
    ) -> Option<String> {
        let store = open(config, verbose, notes).await?;
        let wanted = &config.document.boots;
        let mut limits = Limits::default();
        limits.silence = wanted.silence.0;
        limits.settle = limits.settle.min(limits.silence);
        let kept = match store.is_memory() {
            true => "in memory".to_owned(),
            false => format!("in {} for {}", store.place(), wanted.keep),
        };
        let started = Boots::builder()
            .limits(limits)
            .keep(wanted.keep.0)
            .size_max(wanted.size_max.0)
            .notes(notes.taker())
            .on_change({
                let telemetry = telemetry.clone();
                move |change| telemetry.observe_boots(std::slice::from_ref(change))
            })
            .start(store.clone());
        match started {
            Ok(boots) => _ = self.0.set(boots),
            Err(error) => notes.note(&format!("warning: boots are not followed: {error}")),
        }
        let now = SystemTime::now();
        let before = match config.boots_place() {
            // Nobody else writes to a file.
            BootsPlace::File { .. } => now,
            _ => now.checked_sub(LEFT_BEHIND).unwrap_or(now),
        };
        let notes = notes.clone();
        tokio::spawn(async move {
            if let Ok(count @ 1..) = store.interrupted(before).await {
                let boots = size::count(count, "boot was", "boots were");
                notes.note(&format!("{boots} interrupted when the server stopped last"));
            }
        });
        Some(kept)
    }

    /// Everything is written, if the database lets it.
    pub(crate) async fn close(&self) {
        if let Some(boots) = self.0.get() {
            boots.close(CLOSE).await;
        }
    }
}

/// Where boots are kept; `None` if nobody follows them.
async fn open(config: &Config, verbose: bool, notes: &Notes) -> Option<Store> {
    let memory = || Some(Store::memory(IN_MEMORY));
    let warn = |what: String| {
        let place = config.place_of("boots.database");
        notes.note(&format!(
            "warning: {place}: {what}; boots are kept in memory until the server is started again"
        ));
    };
    match config.boots_place() {
        BootsPlace::Off => None,
        BootsPlace::File { path, by_default } => match Sqlite::open(&path).await {
            Ok(sqlite) => Some(sqlite.into()),
            Err(error) => {
                let shown = path.display();
                if !by_default {
                    warn(format!("{shown} cannot be used: {error}"));
                } else if verbose {
                    notes.note(&format!("{shown} cannot be used: {error}"));
                }
                memory()
            }
        },
        BootsPlace::Postgres { url, password_file } => {
            let password = password_file.map(std::fs::read_to_string).transpose();
            let password =
                password.map_err(|error| format!("the password cannot be read: {error}"));
            let connected = password.and_then(|password| {
                let password = password
                    .as_deref()
                    .map(|text| text.trim_end_matches(['\r', '\n']));
                let connected = Postgres::connect_as(&url, password);
                connected.map_err(|error| error.to_string())
            });
            match connected {
                Ok(postgres) => Some(postgres.into()),
                Err(what) => {
                    warn(what);
                    memory()
                }
            }
        }
        _ => memory(),
    }
}
