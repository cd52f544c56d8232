//! The HTTP client of buckets: it goes where the settings say, and nowhere else.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use object_store::client::{
    ClientConfigKey, ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind,
    HttpRequest, HttpResponse, HttpService,
};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, TRANSFER_ENCODING};
use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy};

/// What a bucket does that cannot be put up with.
#[derive(Clone, Debug)]
pub(super) struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

/// Makes clients that follow no redirect and use no proxy but one that is set.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = client(options).map_err(|why| object_store::Error::Generic {
            store: "HTTP client",
            source: Box::new(why),
        })?;
        Ok(HttpClient::new(Checked(client)))
    }
}

fn client(options: &ClientOptions) -> Result<Client, Unfit> {
    let failed = |error: reqwest::Error| Unfit(format!("no HTTP client: {error}"));
    let text = |key| {
        options
            .get_config_value(&key)
            .filter(|text| !text.is_empty())
    };
    let is_set = |key| text(key).is_some_and(|value| matches!(value.trim(), "true" | "1" | "on"));
    let time = |key| {
        let wrong = |text: &str| Unfit(format!("{text:?} is no time"));
        text(key)
            .map(|text| duration(&text).ok_or_else(|| wrong(&text)))
            .transpose()
    };
    let count = |key| {
        let wrong = |text: &str| Unfit(format!("{text:?} is no number"));
        text(key)
            .map(|text| text.trim().parse::<u32>().map_err(|_| wrong(&text)))
            .transpose()
    };
    let mut builder = Client::builder()
        .user_agent(concat!("bootwire/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        // What a variable of the environment says should not decide where machines boot from.
        .no_proxy()
        .redirect(Policy::custom(|attempt| {
            let host = attempt.url().host_str().unwrap_or_default().to_owned();
            attempt.error(Unfit(format!("redirect to {host}: buckets are not followed")))
        }));
    if let Some(agent) = text(ClientConfigKey::UserAgent) {
        builder = builder.user_agent(agent);
    }
    if let Some(url) = text(ClientConfigKey::ProxyUrl) {
        let mut proxy = Proxy::all(url).map_err(failed)?;
        if let Some(pem) = text(ClientConfigKey::ProxyCaCertificate) {
            let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).map_err(failed)?;
            builder = builder.tls_certs_merge([certificate]);
        }
        if let Some(hosts) = text(ClientConfigKey::ProxyExcludes) {
            proxy = proxy.no_proxy(NoProxy::from_string(&hosts));
        }
        builder = builder.proxy(proxy);
    }
    if let Some(limit) = time(ClientConfigKey::Timeout)? {
        builder = builder.timeout(limit);
    }
    if let Some(limit) = time(ClientConfigKey::ReadTimeout)? {
        builder = builder.read_timeout(limit);
    }
    if let Some(limit) = time(ClientConfigKey::ConnectTimeout)? {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = time(ClientConfigKey::PoolIdleTimeout)? {
        builder = builder.pool_idle_timeout(limit);
    }
    if let Some(max) = count(ClientConfigKey::PoolMaxIdlePerHost)? {
        builder = builder.pool_max_idle_per_host(max as usize);
    }
    if is_set(ClientConfigKey::Http1Only) {
        builder = builder.http1_only();
    }
    if is_set(ClientConfigKey::Http2Only) {
        builder = builder.http2_prior_knowledge();
    }
    if is_set(ClientConfigKey::AllowInvalidCertificates) {
        builder = builder.danger_accept_invalid_certs(true);
    }
    builder.build().map_err(failed)
}

/// A time as the settings have it: `5 seconds`, `1m 30s`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|letter: char| !letter.is_ascii_alphabetic());
        let (unit, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let one = match unit {
            "ns" | "nsec" => Duration::from_nanos(number),
            "us" | "usec" => Duration::from_micros(number),
            "ms" | "msec" => Duration::from_millis(number),
            "s" | "sec" | "secs" | "second" | "seconds" => Duration::from_secs(number),
            "m" | "min" | "mins" | "minute" | "minutes" => {
                Duration::from_secs(number.checked_mul(60)?)
            }
            "h" | "hr" | "hrs" | "hour" | "hours" => Duration::from_secs(number.checked_mul(3600)?),
            "d" | "day" | "days" => Duration::from_secs(number.checked_mul(24 * 3600)?),
            _ => return None,
        };
        total = total.checked_add(one)?;
        rest = behind.trim_start();
    }
    Some(total)
}

/// A client that refuses what is compressed.
#[derive(Debug)]
struct Checked(Client);

impl HttpService for Checked {
    // As `async_trait` would write it.
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let response = self.0.call(request).await?;
            match encoded(response.headers()) {
                None => Ok(response),
                Some(how) => {
                    let unfit = Unfit(format!(
                        "holds a compressed object ({how}): store it as it is to be sent"
                    ));
                    Err(HttpError::new(HttpErrorKind::Unknown, unfit))
                }
            }
        })
    }
}

/// How a body is encoded, if it is.
fn encoded(headers: &HeaderMap) -> Option<String> {
    let others = |name: &HeaderName, plain: &str| {
        let values = headers.get_all(name).iter();
        let mut codings = values.flat_map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let codings: Vec<_> = text
                .split(',')
                .map(|coding| coding.trim().to_owned())
                .collect();
            codings
        });
        codings.find(|coding| {
            !coding.is_empty()
                && !coding.eq_ignore_ascii_case(plain)
                // What S3's clients leave behind when they sign a stream: the object is plain.
                && !coding.eq_ignore_ascii_case("aws-chunked")
        })
    };
    others(&CONTENT_ENCODING, "identity").or_else(|| others(&TRANSFER_ENCODING, "chunked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_settings_write_them() {
        for (text, time) in [
            ("5 seconds", Some(Duration::from_secs(5))),
            ("1m 30s", Some(Duration::from_secs(90))),
            ("1h2ms", Some(Duration::from_millis(3_600_002))),
            ("", None),
            ("5", None),
            ("5 parsecs", None),
            ("s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text), time, "{text}");
        }
    }

    #[test]
    fn compressed_bodies_are_told_from_plain_ones() {
        for (name, value, is) in [
            ("content-encoding", "gzip", true),
            ("content-encoding", "identity", false),
            ("content-encoding", "aws-chunked", false),
            ("transfer-encoding", "chunked", false),
            ("transfer-encoding", "gzip, chunked", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(encoded(&headers).is_some(), is, "{name}: {value}");
        }
    }
}
