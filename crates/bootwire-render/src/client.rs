//! An HTTP client with bounds.

use std::time::Duration;

use bootwire_tls::{CertificateDer, Trust};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url, redirect};

/// How to reach an HTTP server: headers, private certificate authorities, time to connect.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    headers: HeaderMap,
    authorities: Vec<CertificateDer<'static>>,
    connect: Duration,
}

/// Why options or a URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub(crate) String);

/// What a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            headers: HeaderMap::new(),
            authorities: Vec::new(),
            connect: CONNECT,
        }
    }
}

impl HttpOptions {
    /// No headers, the system's certificate authorities, 2 s to connect.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a header with every request. Its value is kept out of logs.
    ///
    /// # Errors
    /// If name or value cannot be a header's.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HttpError> {
        let wrong = || HttpError(format!("header {name:?}: name or value cannot be sent"));
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
    pub fn bearer(self, token: &str) -> Result<Self, HttpError> {
        self.header("authorization", &format!("Bearer {}", token.trim()))
    }

    /// Trusts the certificate authorities in `pem` too, and servers that show one of these very
    /// certificates, as with a self-signed one.
    ///
    /// # Errors
    /// If there is none in it.
    pub fn authorities(mut self, pem: &[u8]) -> Result<Self, HttpError> {
        let found = bootwire_tls::certificates(pem);
        self.authorities
            .extend(found.map_err(|_| HttpError("no certificate in the PEM text".to_owned()))?);
        Ok(self)
    }

    /// How long a connection may take. Default 2 s.
    #[must_use]
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// A client that follows no redirect and uses no proxy of the environment: it talks to the host
    /// that the configuration names.
    pub(crate) fn client(mut self) -> Result<reqwest::Client, HttpError> {
        // Content goes to machines as it is.
        let plain = HeaderValue::from_static("identity");
        self.headers.insert(header::ACCEPT_ENCODING, plain);
        bootwire_tls::install_provider();
        let mut builder = reqwest::Client::builder()
            .default_headers(self.headers)
            .connect_timeout(self.connect)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("bootwire/", env!("CARGO_PKG_VERSION")));
        if !self.authorities.is_empty() {
            let trust = Trust::system().and(self.authorities);
            let config = trust.and_then(|trust| trust.client_config(None));
            let config = config.map_err(|error| HttpError(format!("certificates: {error}")))?;
            builder = builder.tls_backend_preconfigured(config);
        }
        builder
            .build()
            .map_err(|error| HttpError(format!("HTTP client: {}", chain(&error))))
    }
}

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than this.
    TooLarge(usize),
    /// It broke off, or cannot be read.
    Broken(String),
}

/// How the body was packed, if it was: a client would get it packed.
fn packing(headers: &HeaderMap) -> Option<String> {
    let words = |name, plain: &'static str| {
        let values = headers.get_all(name).iter();
        values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|word| String::from_utf8_lossy(word.trim_ascii()).to_ascii_lowercase())
            .find(move |word| !word.is_empty() && word != plain)
    };
    words(header::CONTENT_ENCODING, "identity")
        .or_else(|| words(header::TRANSFER_ENCODING, "chunked"))
}

/// Reads a body of at most `max` bytes. One that is compressed is refused.
pub(crate) async fn body(mut response: Response, max: usize) -> Result<Vec<u8>, BodyError> {
    if let Some(how) = packing(response.headers()) {
        let shown: String = how.chars().take(40).flat_map(char::escape_debug).collect();
        return Err(BodyError::Broken(format!(
            "the answer is compressed ({shown}), which was not asked for: have the service send it as it is"
        )));
    }
    if response
        .content_length()
        .is_some_and(|size| size > max as u64)
    {
        return Err(BodyError::TooLarge(max));
    }
    let mut body = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| BodyError::Broken(chain(&error)))?
    {
        if body.len() + piece.len() > max {
            return Err(BodyError::TooLarge(max));
        }
        body.extend_from_slice(&piece);
    }
    // It may be held for as long as its client takes, and is counted by its length.
    body.shrink_to_fit();
    Ok(body)
}

/// An error and its causes, without the URL, which may hold secrets.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text = match error.url() {
        Some(url) => error.to_string().replace(&format!(" for url ({url})"), ""),
        None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    for _ in 0..4 {
        let Some(error) = cause else { break };
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A URL with places for values: `https://cmdb.example.com/api/hosts/{mac}`.
///
/// Each value is percent-encoded, so that it stays the segment or the query value it is put into;
/// host and scheme are fixed.
#[derive(Clone, Debug)]
pub(crate) struct UrlTemplate {
    /// Text, then pairs of a name and the text behind it.
    first: String,
    rest: Vec<(String, String)>,
}

impl UrlTemplate {
    pub(crate) fn parse(template: &str, names: &[&str]) -> Result<Self, HttpError> {
        let wrong = |what: &str| HttpError(format!("URL {template:?}: {what}"));
        let mut parts = template.split('{');
        let first = parts.next().unwrap_or_default().to_owned();
        let mut rest = Vec::new();
        for part in parts {
            let (name, text) = part
                .split_once('}')
                .ok_or_else(|| wrong("a { without its }"))?;
            if !names.contains(&name) {
                return Err(wrong(&format!(
                    "nothing is called {{{name}}}; there are {{{}}}",
                    names.join("}, {")
                )));
            }
            rest.push((name.to_owned(), text.to_owned()));
        }
        let url = Url::parse(&first).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http and https"));
        }
        // The host must have ended before the first value; a path begins with its end.
        let after_scheme = first.split_once("://").map_or("", |(_, after)| after);
        let is_path = |(name, _): &(String, String)| name == "path";
        let is_open = !after_scheme.contains(['/', '?']);
        if is_open && rest.first().is_some_and(|value| !is_path(value)) {
            return Err(wrong("values belong behind the host"));
        }
        Ok(Self { first, rest })
    }

    /// The URL with values in place; `None` if one is missing, or would change what the URL leads to.
    pub(crate) fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<Url> {
        let mut url = self.first.clone();
        for (name, text) in &self.rest {
            let value = value(name)?;
            // Dots are not encoded, and a segment of them alone would climb.
            let is_path = name == "path";
            if !is_path && value.bytes().all(|byte| byte == b'.') {
                return None;
            }
            let value = if is_path {
                let rest = value.trim_start_matches('/');
                let slash = if url.ends_with('/') { "" } else { "/" };
                format!("{slash}{rest}")
            } else {
                value
            };
            url.push_str(&crate::percent::encode(&value, is_path));
            url.push_str(text);
        }
        Url::parse(&url).ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The response to one request, sent in chunks of these lengths.
    async fn chunked(lengths: impl IntoIterator<Item = usize>) -> Response {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for length in lengths.into_iter().chain([0]) {
            text.extend(format!("{length:x}\r\n").into_bytes());
            text.extend(vec![b'x'; length]);
            text.extend(b"\r\n");
        }
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            stream.write_all(&text).await.unwrap();
        });
        let client = HttpOptions::new().client().unwrap();
        client.get(url).send().await.unwrap()
    }

    /// Its memory is counted by its length, and held for as long as a client takes.
    #[tokio::test]
    async fn a_body_takes_no_more_memory_than_it_has_bytes() {
        for lengths in [vec![], vec![1], vec![700_000, 1], vec![997; 100]] {
            let response = chunked(lengths.iter().copied()).await;
            let body = body(response, 1 << 20).await.unwrap();
            assert_eq!(body.len(), lengths.iter().sum::<usize>());
            assert_eq!(body.capacity(), body.len(), "{lengths:?}");
        }
        let response = chunked([700_000, 400_000]).await;
        let too_large = body(response, 1 << 20).await.unwrap_err();
        assert!(matches!(too_large, BodyError::TooLarge(_)), "{too_large:?}");
    }

    fn fill(template: &str, value: &str) -> Option<String> {
        let template = UrlTemplate::parse(template, &["mac", "serial", "path"]).unwrap();
        template.fill(|_| Some(value.to_owned())).map(Into::into)
    }

    #[test]
    fn a_value_stays_where_it_is_put() {
        for (template, value, url) in [
            (
                "http://h/{mac}",
                "52:54:00:12:34:56",
                "http://h/52%3A54%3A00%3A12%3A34%3A56",
            ),
            (
                "http://h/a/{serial}/b",
                "x/../y?z#w",
                "http://h/a/x%2F..%2Fy%3Fz%23w/b",
            ),
            (
                "http://h/?s={serial}&l=1",
                "a&b=c",
                "http://h/?s=a%26b%3Dc&l=1",
            ),
            (
                "http://h/boot/{path}",
                "/a b/c?d",
                "http://h/boot/a%20b/c%3Fd",
            ),
            ("http://h/?p={path}", "/a/b", "http://h/?p=/a/b"),
            ("http://h:80/x{path}", "/a/b", "http://h/x/a/b"),
            ("http://h{path}", "/@evil/b", "http://h/%40evil/b"),
            ("http://h/", "unused", "http://h/"),
        ] {
            assert_eq!(fill(template, value).as_deref(), Some(url));
        }
        assert_eq!(fill("http://h/{serial}/x", ".."), None);
        assert_eq!(fill("http://h/{serial}/x", "."), None);
    }

    #[test]
    fn templates_that_let_values_choose_the_host_are_refused() {
        for (template, what) in [
            ("http://{serial}/x", "host"),
            ("http://h{serial}/x", "behind the host"),
            ("ftp://h/{mac}", "only http"),
            ("http://h/{other}", "nothing is called {other}"),
            ("http://h/{mac", "without its }"),
            ("no url", "relative"),
        ] {
            let error = UrlTemplate::parse(template, &["mac", "serial"]).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn a_body_is_read_only_if_it_is_not_packed() {
        let headers = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            packing(&headers)
        };
        for plain in [
            &[][..],
            &[
                ("content-encoding", "identity"),
                ("transfer-encoding", "chunked"),
            ],
            &[("content-encoding", ""), ("transfer-encoding", " Chunked ")],
        ] {
            assert_eq!(headers(plain), None, "{plain:?}");
        }
        for packed in [
            &[("content-encoding", "gzip")][..],
            &[("content-encoding", "identity, BR")],
            &[("transfer-encoding", "gzip, chunked")],
            &[
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "deflate"),
            ],
            &[
                ("content-encoding", "identity"),
                ("content-encoding", "zstd"),
            ],
        ] {
            assert!(headers(packed).is_some(), "{packed:?}");
        }
    }

    #[test]
    fn a_client_can_be_built_and_shows_no_secret() {
        let options = HttpOptions::new().bearer("s3cret\n").unwrap();
        assert!(!format!("{options:?}").contains("s3cret"));
        assert!(options.client().is_ok());
        assert!(HttpOptions::new().header("bad name", "x").is_err());
        assert!(HttpOptions::new().authorities(b"nothing").is_err());
    }
}
