//! Where an origin may send us on to.

use reqwest::header::LOCATION;
use reqwest::{Response, Url};

use super::OriginError;

/// Redirects followed for one answer, at most.
pub(super) const MAX: usize = 5;

/// An origin's host, and those it may redirect to.
#[derive(Debug)]
pub(super) struct Redirects {
    origin: Url,
    /// In lower case.
    hosts: Vec<String>,
}

impl Redirects {
    pub(super) fn new(origin: &Url) -> Self {
        let host = origin.host_str().unwrap_or_default().to_ascii_lowercase();
        Self {
            origin: origin.clone(),
            hosts: vec![host],
        }
    }

    pub(super) fn allow(&mut self, host: &str) {
        self.hosts.push(host.to_ascii_lowercase());
    }

    /// The hosts it may redirect to beside its own.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().skip(1).map(String::as_str)
    }

    /// Whether `url` is on the origin itself: same scheme, host and port.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    /// Where `response`, the answer for `from`, leads.
    pub(super) fn follow(&self, from: &Url, response: &Response) -> Result<Url, OriginError> {
        let location = response.headers().get(LOCATION);
        let location = location
            .and_then(|location| location.to_str().ok())
            .ok_or_else(|| OriginError::unusable("a redirect that leads nowhere"))?;
        self.judge(from, location)
    }

    fn judge(&self, from: &Url, location: &str) -> Result<Url, OriginError> {
        let to = from.join(location).map_err(|error| {
            OriginError::unusable(format_args!("a redirect to no URL: {error}"))
        })?;
        let refused = |why: &str| {
            let host = to.host_str().unwrap_or_default();
            OriginError::unusable(format_args!("redirect to {}://{host}: {why}", to.scheme()))
        };
        match (from.scheme(), to.scheme()) {
            (_, "https") | ("http", "http") => {}
            ("https", "http") => return Err(refused("from https to http is not followed")),
            _ => return Err(refused("neither http nor https")),
        }
        let host = to.host_str().unwrap_or_default();
        if !self
            .hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
        {
            return Err(refused("this host is not allowed, see redirect_to"));
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err(refused("it holds a password"));
        }
        Ok(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_hosts_are_followed_and_never_down_to_http() {
        let from = Url::parse("https://repo/boot/x").unwrap();
        let mut redirects = Redirects::new(&Url::parse("https://repo/boot/").unwrap());
        redirects.allow("CDN.example");
        for (location, leads) in [
            ("y", Some("https://repo/boot/y")),
            ("/z?sig=1", Some("https://repo/z?sig=1")),
            ("https://repo:8443/y", Some("https://repo:8443/y")),
            ("https://cdn.example/y", Some("https://cdn.example/y")),
            ("//cdn.example/y", Some("https://cdn.example/y")),
            ("http://repo/y", None),
            ("https://evil/y", None),
            ("https://cdn.example.evil/y", None),
            ("https://a:b@repo/y", None),
            ("file:///etc/passwd", None),
        ] {
            let to = redirects.judge(&from, location).ok();
            assert_eq!(to.as_ref().map(Url::as_str), leads, "{location}");
        }
    }

    #[test]
    fn only_the_origin_itself_is_told_secrets() {
        let redirects = Redirects::new(&Url::parse("https://repo/boot/").unwrap());
        let own = |url: &str| redirects.is_own(&Url::parse(url).unwrap());
        assert!(own("https://repo/other"));
        assert!(own("https://repo:443/"));
        assert!(!own("https://repo:8443/"));
        assert!(!own("http://repo/"));
    }
}
