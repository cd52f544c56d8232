//! A client for the API.
//!
//! ```no_run
//! use bootwire_admin::Client;
//! use bootwire_admin::client::Place;
//!
//! # async fn example() -> Result<(), bootwire_admin::client::ClientError> {
//! let client = Client::new(&Place::find()?)?;
//! let status = client.status().await?;
//! println!("{} transfers run", status.counts["active"]);
//! # Ok(())
//! # }
//! ```

mod events;
mod place;

use std::path::PathBuf;
use std::time::Duration;

use bootwire_tls::Trust;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use events::{Event, EventStream};
pub use place::{Place, default_sockets};

use crate::api;
use crate::endpoints::CHANGES;
use crate::problem::Problem;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(40);
/// The same where objects are fetched.
const PREFETCH_WITHIN: Duration = Duration::from_secs(150);
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no server to be found.
    #[error("no server found: {0}")]
    NotFound(String),
    /// It does not answer.
    #[error("{place} does not answer: {why}")]
    Unreachable {
        /// Where it should be.
        place: String,
        /// What the system says, and what to do.
        why: String,
    },
    /// It says no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// It answers, and not as a server of this kind does.
    #[error("{place} does not speak the admin API: {why}")]
    Senseless {
        /// Where.
        place: String,
        /// What is odd about it.
        why: String,
    },
    /// The client was told something it cannot use.
    #[error("{0}")]
    Setting(String),
}

/// A client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    place: String,
    token: Option<String>,
}

/// What a client takes along beside the address.
#[derive(Clone, Default)]
pub struct ClientOptions {
    /// The token of the server.
    pub token: Option<String>,
    /// Certificates to believe beside those of the system, PEM.
    pub ca: Option<PathBuf>,
}

impl Client {
    /// A client of the server at `place`. Connects to nothing yet.
    ///
    /// # Errors
    /// If the address makes no sense.
    pub fn new(place: &Place) -> Result<Self, ClientError> {
        Self::with(place, &ClientOptions::default())
    }

    /// The same with a token, or certificates.
    ///
    /// # Errors
    /// As [`Client::new`]; if the certificates cannot be read.
    pub fn with(place: &Place, options: &ClientOptions) -> Result<Self, ClientError> {
        let setting = |error: &dyn std::fmt::Display| ClientError::Setting(error.to_string());
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let base = match place {
            Place::Unix(path) => {
                builder = builder.unix_socket(path.as_path());
                "http://localhost".to_owned()
            }
            Place::Url(url) => url.trim_end_matches('/').to_owned(),
        };
        let trust = if base.starts_with("https://") {
            let mut trust = Trust::system();
            if let Some(file) = &options.ca {
                let unreadable = |why: &dyn std::fmt::Display| {
                    ClientError::Setting(format!("cannot use {}: {why}", file.display()))
                };
                let pem = std::fs::read(file).map_err(|error| unreadable(&error))?;
                let named = bootwire_tls::certificates(&pem).map_err(|error| unreadable(&error))?;
                trust = trust.and(named).map_err(|error| unreadable(&error))?;
            }
            trust
        } else {
            Trust::nobody()
        };
        let tls = trust.client_config(None).map_err(|error| setting(&error))?;
        let http = builder
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| setting(&error))?;
        Ok(Self {
            http,
            base,
            place: place.to_string(),
            token: options.token.clone(),
        })
    }

    /// Where its server is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The server as a whole.
    ///
    /// # Errors
    /// If the server does not answer, or says no. So it is with all calls.
    pub async fn status(&self) -> Result<api::Status, ClientError> {
        self.get("/api/v1/status", &()).await
    }

    /// The last minutes.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn history(&self) -> Result<api::History, ClientError> {
        self.get("/api/v1/history", &()).await
    }

    /// A page of the transfers that run.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn transfers(
        &self,
        query: &api::TransfersQuery,
    ) -> Result<api::TransfersPage, ClientError> {
        self.get("/api/v1/transfers", query).await
    }

    /// The newest records.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn records(
        &self,
        query: &api::RecordsQuery,
    ) -> Result<api::RecordsPage, ClientError> {
        self.get("/api/v1/records", query).await
    }

    /// A page of boots.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn boots(&self, query: &api::BootsQuery) -> Result<api::BootsPage, ClientError> {
        self.get("/api/v1/boots", query).await
    }

    /// One boot.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn boot(&self, id: &str) -> Result<api::BootDetail, ClientError> {
        self.get(&format!("/api/v1/boots/{}", encoded(id)), &())
            .await
    }

    /// A page of machines.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn machines(
        &self,
        query: &api::MachinesQuery,
    ) -> Result<api::MachinesPage, ClientError> {
        self.get("/api/v1/machines", query).await
    }

    /// One machine.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn machine(&self, name: &str) -> Result<api::MachineDetail, ClientError> {
        self.get(&format!("/api/v1/machines/{}", encoded(name)), &())
            .await
    }

    /// The cache.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn cache(&self) -> Result<api::CacheView, ClientError> {
        self.get("/api/v1/cache", &()).await
    }

    /// Fetches objects before anybody asks.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn prefetch(&self, what: &api::Prefetch) -> Result<api::PrefetchReport, ClientError> {
        self.post("/api/v1/cache/prefetch", what).await
    }

    /// Removes objects from the cache.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn purge(&self, what: &api::Purge) -> Result<api::Purged, ClientError> {
        self.post("/api/v1/cache/purge", what).await
    }

    /// The configuration in force.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn config(&self) -> Result<api::ConfigView, ClientError> {
        self.get("/api/v1/config", &()).await
    }

    /// What a client would get, and why.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn explain(&self, question: &api::Explain) -> Result<api::Explained, ClientError> {
        self.post("/api/v1/explain", question).await
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn reload(&self) -> Result<api::Reloaded, ClientError> {
        self.post("/api/v1/reload", &()).await
    }

    /// Lets running transfers finish, then the server ends.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn drain(&self) -> Result<api::Draining, ClientError> {
        self.post("/api/v1/drain", &()).await
    }

    /// What happens, as it happens.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn events(&self, query: &api::EventsQuery) -> Result<EventStream, ClientError> {
        let request = self.request(Method::GET, "/api/v1/events").query(query);
        let response = self
            .send(request.header("accept", "text/event-stream"))
            .await?;
        Ok(EventStream::new(response, self.place.clone()))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::GET, path).query(query);
        self.answered(self.send(request.timeout(WITHIN)).await?)
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        // Numbers and texts: nothing of it can fail to be written.
        let body = match serde_json::to_string(body) {
            Ok(text) if text != "null" => text,
            _ => "{}".to_owned(),
        };
        let within = match path {
            "/api/v1/cache/prefetch" => PREFETCH_WITHIN,
            _ => WITHIN,
        };
        let request = self.request(Method::POST, path);
        let request = request
            .header("content-type", "application/json")
            .header(CHANGES, "1");
        self.answered(self.send(request.body(body).timeout(within)).await?)
            .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        // A reload that found mistakes tells them in its own answer.
        if response.status().is_success() || response.status().as_u16() == 422 {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(ClientError::Senseless {
                place: self.place.clone(),
                why: format!("it answers {status}"),
            }),
        }
    }

    async fn answered<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Senseless {
            place: self.place.clone(),
            why: error.to_string(),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        events::unreachable(&self.place, error)
    }
}

/// A part of a path.
fn encoded(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut out, format_args!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path() {
        assert_eq!(encoded("52:54/a b?"), "52%3A54%2Fa%20b%3F");
        assert_eq!(encoded("web-1.example_x~"), "web-1.example_x~");
    }
}
