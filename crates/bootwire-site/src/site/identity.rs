//! Where to look for a client that its request does not name.

use std::path::PathBuf;

use bootwire_render::Problem;
use bootwire_render::identity::{Identifier, LeaseFormat, Leases};

use super::opening::Opening;
use crate::config::Config;

/// Lease files and neighbours, as they are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdentitySettings {
    leases: Vec<(LeaseFormat, PathBuf)>,
    neighbours: bool,
}

impl IdentitySettings {
    pub(super) fn of(config: &Config) -> Self {
        let identity = &config.document.identity;
        let formats = [
            (LeaseFormat::Dnsmasq, &identity.dnsmasq),
            (LeaseFormat::Isc, &identity.isc),
            (LeaseFormat::Kea, &identity.kea),
        ];
        let leases = formats.into_iter().flat_map(|(format, files)| {
            let files = files.iter().flat_map(|files| &files.0);
            files.map(move |file| (format, config.path(file)))
        });
        Self {
            leases: leases.collect(),
            neighbours: identity.neighbours.unwrap_or(false),
        }
    }

    /// The lease files.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.leases.iter().map(|(_, file)| file)
    }

    pub(super) const fn neighbours(&self) -> bool {
        self.neighbours
    }

    /// Reads the lease files. Blocks on the disk.
    fn open<T>(&self, tell: Option<&T>) -> Identifier
    where
        T: Fn(&Problem) + Clone + Send + Sync + 'static,
    {
        let mut identifier = Identifier::new();
        for (format, file) in &self.leases {
            let mut leases = Leases::new(file, *format);
            if let Some(tell) = tell.cloned() {
                leases = leases.report(tell);
            }
            identifier = identifier.leases(leases);
        }
        if self.neighbours {
            identifier = identifier.neighbours();
        }
        identifier
    }

    pub(super) fn describe(&self) -> Option<String> {
        let mut sources: Vec<String> = self
            .files()
            .map(|file| file.display().to_string())
            .collect();
        if self.neighbours {
            sources.push("the neighbour table".to_owned());
        }
        (!sources.is_empty()).then(|| format!("identity: {}", sources.join(", ")))
    }
}

/// What finds out who asks, and its settings; the `old` one, of the configuration before, if it is the
/// same.
pub(super) async fn open(
    opening: &Opening<'_>,
    old: Option<&(IdentitySettings, Identifier)>,
) -> (IdentitySettings, Identifier) {
    let settings = IdentitySettings::of(opening.config);
    let identifier = match old {
        Some((known, identifier)) if *known == settings => identifier.clone(),
        _ => {
            let (reading, tell) = (settings.clone(), opening.tell("leases"));
            let read = tokio::task::spawn_blocking(move || reading.open(tell.as_ref()));
            // It cannot fail; without it requests still say who they are.
            read.await.unwrap_or_default()
        }
    };
    (settings, identifier)
}
