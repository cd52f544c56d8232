//! Machines behind an HTTP API that speaks JSON, such as NetBox.

use std::collections::BTreeMap;
use std::time::Duration;

use bootwire::BoxFuture;
use reqwest::{StatusCode, Url};
use serde_json::{Map, Value};

pub use crate::client::{HttpError, HttpOptions};

use super::answer::{self, ANSWER_MAX};
use super::{Cached, Found, Inventory, InventoryError, Lookup, Machine};
use crate::client::{BodyError, UrlTemplate, body, chain};
use crate::identity::Identity;

/// What URLs may ask for.
const NAMES: [&str; 5] = ["mac", "uuid", "serial", "ip", "hostname"];
/// URLs asked for one machine, at most.
const URLS_MAX: usize = 5;
/// How long one answer may take, from the connection to its last byte.
const PATIENCE: Duration = Duration::from_secs(3);

/// An HTTP API that answers with one machine in JSON.
///
/// ```no_run
/// use bootwire_render::inventory::http::{HttpApi, HttpOptions};
///
/// # fn example() -> Result<(), bootwire_render::inventory::http::HttpError> {
/// let options = HttpOptions::new().header("authorization", "Token 0123456789abcdef")?;
/// let machines = HttpApi::new(options)?
///     .ask("https://netbox.example.com/api/dcim/devices/?mac_address={mac}")?
///     .ask("https://netbox.example.com/api/dcim/devices/?serial={serial}")?
///     .machine("/results/0")
///     .field("hostname", "/name")
///     .field("profile", "/role/slug")
///     .field("ip", "/primary_ip4/address")
///     .field("vars", "/config_context")
///     .field("site", "/site/slug")
///     .cached();
/// # Ok(())
/// # }
/// ```
///
/// URLs are asked in order, as far as the identity has what they need, until one knows the machine.
/// A 404, or an answer without what [`HttpApi::machine`] points to, means that it is not known. No
/// redirect is followed.
#[derive(Clone, Debug)]
pub struct HttpApi {
    client: reqwest::Client,
    urls: Vec<UrlTemplate>,
    machine: String,
    fields: BTreeMap<String, String>,
    timeout: Duration,
}

impl HttpApi {
    /// An API that is asked nothing yet.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        Ok(Self {
            client: options.client()?,
            urls: Vec::new(),
            machine: String::new(),
            fields: BTreeMap::new(),
            timeout: PATIENCE,
        })
    }

    /// Asks this URL, with `{mac}`, `{uuid}`, `{serial}`, `{ip}` or `{hostname}` where the machine's
    /// belongs.
    ///
    /// # Errors
    /// If it is no URL, or lets the client choose the host.
    pub fn ask(mut self, url: &str) -> Result<Self, HttpError> {
        if self.urls.len() == URLS_MAX {
            return Err(HttpError(format!("at most {URLS_MAX} URLs")));
        }
        self.urls.push(UrlTemplate::parse(url, &NAMES)?);
        Ok(self)
    }

    /// Where in the answer the machine is, as a JSON pointer (RFC 6901). Default: it is the answer.
    #[must_use]
    pub fn machine(mut self, pointer: impl Into<String>) -> Self {
        self.machine = pointer.into();
        self
    }

    /// Where in the machine a field is, as a JSON pointer. `mac`, `uuid`, `serial`, `ip`, `hostname`
    /// and `profile` are what they say, `vars` an object, all others become variables. Without any,
    /// every field is taken under its own name.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, pointer: impl Into<String>) -> Self {
        self.fields.insert(name.into(), pointer.into());
        self
    }

    /// How long one answer may take. Default 3 s.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// With a memory for answers, see [`Cached`].
    #[must_use]
    pub fn cached(self) -> Cached<Self> {
        let limit = self.timeout;
        Cached::new(self).deadline(limit)
    }

    async fn get(&self, url: Url) -> Result<Option<Value>, InventoryError> {
        let unreachable = |what: String| InventoryError::Unreachable(what);
        let sent = self.client.get(url).header("accept", "application/json");
        let response = sent.send().await;
        let response = response.map_err(|error| unreachable(chain(&error)))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(unreachable(format!("the API answers {status}"))),
        }
        let body = body(response, ANSWER_MAX)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge(max) => InventoryError::TooLarge(max),
                BodyError::Broken(what) => unreachable(what),
            })?;
        let answer = serde_json::from_slice(&body);
        answer.map(Some).map_err(|error| {
            InventoryError::Senseless(format!("the API's answer is no JSON: {error}"))
        })
    }

    fn read(&self, answer: &Value) -> Result<Option<Machine>, InventoryError> {
        let Some(found) = answer
            .pointer(&self.machine)
            .filter(|value| !value.is_null())
        else {
            return Ok(None);
        };
        if let Some(list) = self.machine.strip_suffix("/0")
            && let Some(Value::Array(all)) = answer.pointer(list)
            && all.len() > 1
        {
            let what = format!(
                "the API knows {} machines where one was asked for",
                all.len()
            );
            return Err(InventoryError::Senseless(what));
        }
        let fields: Map<String, Value> = if self.fields.is_empty() {
            found.as_object().cloned().ok_or_else(|| {
                InventoryError::Senseless("the API's machine is no object".to_owned())
            })?
        } else {
            let value = |pointer: &String| found.pointer(pointer).cloned();
            let fields = self.fields.iter();
            fields
                .filter_map(|(name, pointer)| Some((name.clone(), value(pointer)?)))
                .collect()
        };
        answer::machine(fields).map(Some)
    }
}

impl Inventory for HttpApi {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move {
            let values: Vec<_> = Lookup::of(who).named().collect();
            let value = |name: &str| {
                let value = values.iter().find(|(known, _)| *known == name);
                value.map(|(_, value)| value.clone())
            };
            let ask = async {
                for url in self.urls.iter().filter_map(|url| url.fill(value)) {
                    if let Some(answer) = self.get(url).await?
                        && let Some(machine) = self.read(&answer)?
                    {
                        return Ok(Some(machine.into()));
                    }
                }
                Ok(None)
            };
            let answer = tokio::time::timeout(self.timeout, ask).await;
            answer.unwrap_or(Err(InventoryError::Late(self.timeout)))
        })
    }

    /// Asks for a machine that does not exist.
    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(async move {
            let nobody = |name: &str| {
                let value = match name {
                    "mac" => "00:00:00:00:00:00",
                    "ip" => "192.0.2.1",
                    "uuid" => "00000000-0000-0000-0000-000000000000",
                    _ => "bootwire-check",
                };
                Some(value.to_owned())
            };
            for url in self.urls.iter().filter_map(|url| url.fill(nobody)) {
                let answer = tokio::time::timeout(self.timeout, self.get(url)).await;
                answer.unwrap_or(Err(InventoryError::Late(self.timeout)))?;
            }
            Ok("the API answers".to_owned())
        })
    }
}
