//! A web server that takes what is posted to it.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bootwire::BoxFuture;
use bootwire_tls::{CertificateDer, Trust};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::token::TokenFile;

/// What a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// What an attempt may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer, so much is read.
const ANSWER_MAX: usize = 16 << 10;
/// Of what a server says about an error, so much is told.
const SAID_MAX: usize = 120;

/// A web server that takes what is posted to it: its URL, and how it knows who we are.
///
/// No redirect is followed and no proxy of the environment is used: what is sent goes to the host that
/// is named. Values of headers are kept out of logs.
#[derive(Clone)]
#[must_use]
pub struct Endpoint {
    url: Url,
    headers: HeaderMap,
    token: Option<TokenFile>,
    authorities: Vec<CertificateDer<'static>>,
    timeout: Duration,
}

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EndpointError(String);

impl EndpointError {
    pub(crate) const fn of(what: String) -> Self {
        Self(what)
    }
}

impl Endpoint {
    /// A server at this URL, whose certificate the system's authorities have signed.
    ///
    /// # Errors
    /// If that is no URL of a web server.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        // It is not repeated: it may hold a secret.
        let url = Url::parse(url).map_err(|why| EndpointError(format!("no URL: {why}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            let what = "a URL begins with http:// or https:// and a host";
            return Err(EndpointError(what.to_owned()));
        }
        Ok(Self {
            url,
            headers: HeaderMap::new(),
            token: None,
            authorities: Vec::new(),
            timeout: TIMEOUT,
        })
    }

    /// Sends a header with everything.
    ///
    /// # Errors
    /// If name or value cannot be a header's.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError(format!("header {name:?}: name or value cannot be sent"));
        let parsed: HeaderName = name.parse().map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.headers.insert(parsed, value);
        Ok(self)
    }

    /// Sends `Authorization: Bearer TOKEN`.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn bearer(self, token: &str) -> Result<Self, EndpointError> {
        self.header("authorization", &format!("Bearer {}", token.trim()))
    }

    /// The same with the token in a file, which is read again when it changes. A file that cannot be
    /// read later leaves the last token in force.
    ///
    /// # Errors
    /// If the file cannot be read now, or holds nothing that can be sent.
    pub fn bearer_file(mut self, file: &Path) -> Result<Self, EndpointError> {
        self.token = Some(TokenFile::open(file)?);
        Ok(self)
    }

    /// Trusts the certificate authorities in `pem` too, and a server that shows one of these very
    /// certificates.
    ///
    /// # Errors
    /// If there is none in it.
    pub fn authorities(mut self, pem: &[u8]) -> Result<Self, EndpointError> {
        let found = bootwire_tls::certificates(pem);
        let found = found.map_err(|why| EndpointError(why.to_string()))?;
        self.authorities.extend(found);
        Ok(self)
    }

    /// How long an attempt may take, until the answer is there. Default 10 s.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The same server, with something behind the path of its URL.
    pub(crate) fn below(&self, path: &str) -> Self {
        let mut below = self.clone();
        let whole = format!("{}/{path}", self.url.path().trim_end_matches('/'));
        below.url.set_path(&whole);
        below
    }

    /// The URL without what may be a secret: user, password and query.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Neither can fail for a URL with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }

    /// Asks whether a connection can be made, without sending anything.
    ///
    /// # Errors
    /// If the server cannot be reached, or is not believed.
    pub async fn try_connect(&self) -> Result<(), EndpointError> {
        let client = self.client()?;
        // Any answer will do: few such servers answer this well.
        let mut request = client.head(self.url.clone());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.now().await);
        }
        let asked = request.send().await;
        asked.map(drop).map_err(|why| EndpointError(chain(&why)))
    }

    /// What posts to it.
    pub(crate) fn poster(&self) -> Result<Poster, EndpointError> {
        Ok(Poster {
            client: self.client()?,
            url: self.url.clone(),
            token: self.token.clone(),
        })
    }

    fn client(&self) -> Result<Client, EndpointError> {
        bootwire_tls::install_provider();
        let mut builder = Client::builder()
            .default_headers(self.headers.clone())
            .connect_timeout(CONNECT.min(self.timeout))
            .timeout(self.timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            // One connection, for what goes out one after the other.
            .pool_max_idle_per_host(1)
            .user_agent(concat!("bootwire/", env!("CARGO_PKG_VERSION")));
        if !self.authorities.is_empty() {
            let trust = Trust::system().and(self.authorities.clone());
            let config = trust.and_then(|trust| trust.client_config(None));
            let config = config.map_err(|why| EndpointError(format!("certificates: {why}")))?;
            builder = builder.tls_backend_preconfigured(config);
        }
        let client = builder.build();
        client.map_err(|why| EndpointError(format!("HTTP client: {}", chain(&why))))
    }
}

/// Without what may be a secret.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.shown())
            .finish_non_exhaustive()
    }
}

/// What is posted, once or as often as it takes.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) body: Bytes,
    /// Beside those of the endpoint.
    pub(crate) headers: Vec<(&'static str, HeaderValue)>,
    /// How many items are in it.
    pub(crate) items: u64,
}

/// Why a parcel did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostError {
    pub(crate) why: String,
    /// Whether it may help to try again.
    pub(crate) again: bool,
    /// After this time at the earliest, says the server.
    pub(crate) after: Option<Duration>,
}

/// Whatever takes parcels.
pub(crate) trait Post: Send + Sync + 'static {
    /// Posts it once. The answer's first bytes, if it is a good one.
    fn post<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Bytes, PostError>>;
}

/// An HTTP client and where it posts to.
#[derive(Clone)]
pub(crate) struct Poster {
    client: Client,
    url: Url,
    token: Option<TokenFile>,
}

/// Without what may be a secret.
impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").finish_non_exhaustive()
    }
}

impl Post for Poster {
    fn post<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Bytes, PostError>> {
        Box::pin(async move {
            let mut request = self.client.post(self.url.clone()).body(parcel.body.clone());
            for (name, value) in &parcel.headers {
                request = request.header(*name, value);
            }
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, token.now().await);
            }
            let response = request.send().await.map_err(|why| PostError {
                why: chain(&why),
                again: true,
                after: None,
            })?;
            let status = response.status();
            let after = response.headers().get(RETRY_AFTER).and_then(retry_after);
            let answer = answer(response).await;
            if status.is_success() {
                return Ok(answer);
            }
            Err(PostError {
                why: told(status, &answer),
                again: may_pass(status),
                after,
            })
        })
    }
}

/// The first bytes of an answer. Reading it whole keeps the connection.
async fn answer(mut response: Response) -> Bytes {
    let mut answer = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        answer.extend_from_slice(&piece);
        if answer.len() > ANSWER_MAX {
            answer.truncate(ANSWER_MAX);
            break;
        }
    }
    answer.into()
}

/// Whether the same request may get another answer later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

/// The status, and how the server explains it.
fn told(status: StatusCode, answer: &[u8]) -> String {
    if status.is_redirection() {
        return format!("it answers {status}: name the URL that it redirects to");
    }
    let said = answer.trim_ascii();
    let is_text = !said.is_empty() && !said.starts_with(b"<") && std::str::from_utf8(said).is_ok();
    if !is_text {
        return format!("it answers {status}");
    }
    let said = bootwire::escape::escaped(said);
    let end = said.floor_char_boundary(SAID_MAX);
    format!("it answers {status}: {}", &said[..end])
}

/// What a server says about when to come again: seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date that has passed is now.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// What went wrong, in the words of who noticed it first. Nothing of the URL, which may hold secrets.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let mut text = cause.to_string();
    if let Some(at) = text.rfind(" (os error ") {
        text.truncate(at);
    }
    match error.url() {
        // It had no cause, and may name the URL itself.
        Some(url) if text.contains(url.as_str()) => "it cannot be asked".to_owned(),
        _ if error.is_connect() => format!("cannot connect: {text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_no_secret() {
        let endpoint = Endpoint::new("https://me:hunter2@h:1/a/b?token=hunter2#hunter2").unwrap();
        let endpoint = endpoint.bearer("hunter2\n").unwrap();
        assert_eq!(endpoint.shown(), "https://h:1/a/b");
        assert!(!format!("{endpoint:?}").contains("hunter2"));
        assert!(endpoint.client().is_ok());
    }

    #[test]
    fn what_is_no_web_server_is_refused() {
        for url in ["", "h", "ftp://h/", "http://", "unix:/run/x"] {
            assert!(Endpoint::new(url).is_err(), "{url}");
        }
        let endpoint = || Endpoint::new("http://h").unwrap();
        assert!(endpoint().header("bad name", "x").is_err());
        assert!(endpoint().header("x", "a\nb").is_err());
        assert!(endpoint().authorities(b"nothing").is_err());
    }

    #[test]
    fn paths_are_added_to_what_is_there() {
        for (url, below) in [
            ("http://h:4318", "http://h:4318/v1/traces"),
            ("http://h:4318/", "http://h:4318/v1/traces"),
            ("http://h/otlp/", "http://h/otlp/v1/traces"),
            ("http://h/otlp?x=y", "http://h/otlp/v1/traces"),
        ] {
            let endpoint = Endpoint::new(url).unwrap();
            assert_eq!(endpoint.below("v1/traces").shown(), below);
        }
    }

    #[test]
    fn when_to_come_again_is_seconds_or_a_date() {
        let read = |text: &'static str| retry_after(&HeaderValue::from_static(text));
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let far = read("Fri, 01 Jan 2100 00:00:00 GMT").unwrap();
        assert!(far > Duration::from_secs(3600));
        for text in ["", "-1", "soon", "1.5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_error_is_told_in_one_short_line() {
        let long = format!("{{\"error\":\"{}\n\x1b[2J\"}}", "ä".repeat(500));
        let told = told(StatusCode::BAD_REQUEST, long.as_bytes());
        assert!(told.len() < 200 && !told.contains('\n'), "{told}");
        assert_eq!(
            super::told(StatusCode::BAD_GATEWAY, b"<html>"),
            "it answers 502 Bad Gateway"
        );
        assert!(super::told(StatusCode::FOUND, b"").ends_with("redirects to"));
    }
}
