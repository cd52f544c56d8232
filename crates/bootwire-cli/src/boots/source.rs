//! Where the server keeps its boots.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bootwire_admin::Client;
use bootwire_admin::client::Place;
use bootwire_boots::store::{Postgres, Sqlite, Store};
use bootwire_site::BootsPlace;

use crate::config::{self, Config, Flags};
use crate::exit::Failure;
use crate::running::AdminArgs;

/// Which database is read.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// Where boots are kept: a file, or postgres://USER@HOST/DATABASE
    #[arg(long = "boots", value_name = "DATABASE")]
    database: Option<String>,
    /// The configuration that names it [default: /etc/bootwire/bootwire.toml, if it is there]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// One that a configuration names, or the default one.
    pub(crate) fn of(database: Option<String>, config: Option<PathBuf>) -> Self {
        Self { database, config }
    }

    /// The store, to read it.
    pub(crate) async fn open(&self) -> Result<Store, Failure> {
        let (place, named_by) = self.place()?;
        match place {
            BootsPlace::Postgres { url, password_file } => {
                let password = password_file.map(|file| {
                    let text = std::fs::read_to_string(&file);
                    let text = text.with_context(|| format!("cannot read {}", file.display()));
                    text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                });
                let password = password.transpose()?;
                let postgres = Postgres::connect_as(&url, password.as_deref());
                let postgres = postgres.map_err(|error| anyhow!("{named_by}: {error}"))?;
                Ok(postgres.into())
            }
            BootsPlace::File { path, .. } => Ok(read(&path).await?.into()),
            BootsPlace::Off => Err(anyhow!(
                "{named_by} follows no boots: set `database` in [boots], and restart the server"
            )
            .into()),
            _ => Err(anyhow!(
                "{named_by} keeps boots in memory, where this command cannot see them: set `database` \
                 in [boots], like \"/var/lib/bootwire/boots.db\", and restart the server"
            )
            .into()),
        }
    }

    /// The server that keeps them there, if it can be asked.
    pub(super) async fn server(&self, admin: &AdminArgs) -> Option<Client> {
        let client = if admin.is_named() {
            admin.client().ok()?
        } else if self.database.is_some() {
            // Whose it is, nobody says.
            return None;
        } else {
            let config = self.load().ok().flatten();
            let named = config.as_ref().and_then(|config| {
                let places = config.document.admin.listen.as_ref()?;
                let place = places.into_iter().next()?.parse::<Place>().ok()?;
                Some(match place {
                    Place::Unix(path) => Place::Unix(config.path(&path)),
                    url @ Place::Url(_) => url,
                })
            });
            let place = named.map_or_else(|| Place::find().ok(), Some)?;
            let client = Client::new(&place).ok()?;
            // Several servers may run here: this one has to serve the same configuration.
            let served = client.config().await.ok()?.location;
            let ours = config.map(|config| config.location.to_string());
            if ours.is_some_and(|ours| ours != served) {
                return None;
            }
            client
        };
        client.status().await.is_ok().then_some(client)
    }

    /// The configuration that is named, or the default one if it is there.
    fn load(&self) -> Result<Option<Config>, Failure> {
        let default = Path::new(config::DEFAULT);
        let config = match &self.config {
            Some(path) => Config::load(path),
            None if default.exists() => Config::load(default),
            None => return Ok(None),
        };
        config
            .map(Some)
            .map_err(|problems| Failure::local(anyhow!("{problems}")))
    }

    /// Which one it is, and what says so.
    fn place(&self) -> Result<(BootsPlace, String), Failure> {
        if let Some(database) = &self.database {
            let place = match database.starts_with("postgres://")
                || database.starts_with("postgresql://")
            {
                true => BootsPlace::Postgres {
                    url: database.clone(),
                    password_file: None,
                },
                false => BootsPlace::File {
                    path: database.into(),
                    by_default: false,
                },
            };
            return Ok((place, "--boots".to_owned()));
        }
        let (config, named_by) = match self.load()? {
            Some(config) => {
                let named_by = config.location.to_string();
                (config, named_by)
            }
            None => {
                let config = Config::of_flags(&Flags::default());
                let config = config.map_err(|problems| Failure::local(anyhow!("{problems}")))?;
                (config, "a server without a configuration".to_owned())
            }
        };
        Ok((config.boots_place(), named_by))
    }
}

async fn read(path: &Path) -> Result<Sqlite, Failure> {
    use std::io::ErrorKind;

    let shown = path.display();
    match std::fs::File::open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(anyhow!(
                "{shown} is not there: the server makes it when it starts, if it may write there"
            )
            .into());
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(anyhow!("you may not read {shown}: run this as root (sudo ...)").into());
        }
        Err(error) => return Err(anyhow!("cannot read {shown}: {error}").into()),
    }
    let opened = Sqlite::read(path).await;
    Ok(opened.map_err(|error| anyhow!("{shown}: {error}"))?)
}
