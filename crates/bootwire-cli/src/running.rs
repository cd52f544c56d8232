//! The server that runs, for commands that ask it.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use bootwire_admin::Client;
use bootwire_admin::client::{ClientError, ClientOptions, Place};

use crate::exit::{Exit, Failure};

/// Which server, and how to get in.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct AdminArgs {
    /// The admin endpoint of the server: the path of its socket, ADDR:PORT, or https://HOST:PORT
    /// [default: $BOOTWIRE_ADMIN, or the socket of this host's server]
    #[arg(long, value_name = "ADDRESS", help_heading = "Server")]
    admin: Option<String>,
    /// File with its token, if it wants one [default: the token in $BOOTWIRE_ADMIN_TOKEN]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    token_file: Option<PathBuf>,
    /// Certificates of a private authority, PEM [default: $BOOTWIRE_ADMIN_CA]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    ca: Option<PathBuf>,
}

impl AdminArgs {
    /// Whether somebody says which server it is.
    pub(crate) fn is_named(&self) -> bool {
        let by_environment = || std::env::var_os("BOOTWIRE_ADMIN").is_some_and(|at| !at.is_empty());
        self.admin.is_some() || by_environment()
    }

    /// A client of that server.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let place = match self.admin.clone().or_else(|| set("BOOTWIRE_ADMIN")) {
            Some(text) => text
                .parse::<Place>()
                .map_err(|error| Failure::new(Exit::Usage, error))?,
            None => Place::find().map_err(failure)?,
        };
        let token = match &self.token_file {
            None => set("BOOTWIRE_ADMIN_TOKEN"),
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.with_context(|| format!("cannot read {}", file.display()));
                Some(text.map_err(Failure::local)?.trim().to_owned())
            }
        };
        let ca = self
            .ca
            .clone()
            .or_else(|| set("BOOTWIRE_ADMIN_CA").map(PathBuf::from));
        Client::with(&place, &ClientOptions { token, ca }).map_err(failure)
    }
}

/// What a failed call means to a script.
pub(crate) fn failure(error: ClientError) -> Failure {
    let exit = match &error {
        ClientError::NotFound(_) | ClientError::Unreachable { .. } => Exit::NoAnswer,
        ClientError::Problem(problem) => match problem.status {
            401 | 403 => Exit::Denied,
            404 => Exit::NotFound,
            400 => Exit::Usage,
            _ => Exit::Remote,
        },
        ClientError::Senseless { .. } => Exit::Protocol,
        _ => Exit::Failed,
    };
    let is_token = matches!(&error, ClientError::Problem(problem) if problem.kind == "token");
    let failure = Failure::new(exit, anyhow!(error));
    match is_token {
        true => failure.with_help("give it with --token-file FILE or $BOOTWIRE_ADMIN_TOKEN"),
        false => failure,
    }
}
