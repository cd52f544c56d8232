//! Who may call what.
//!
//! A Unix socket is guarded by its file. Over TCP three things are looked at: that a page of another
//! site does not speak through somebody's browser (the `Host` it believes to ask, where its request
//! comes from, and for changes a header that no form can send), the token, if there is one, and the
//! cookie that stands for it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use ring::hmac;
use ring::rand::SystemRandom;

use crate::endpoints::{CHANGES, COOKIE, Call, Endpoint};
use crate::problem::Problem;

/// How long a cookie stands for the token.
const SESSION: Duration = Duration::from_secs(12 * 3600);
/// Shortest token, in bytes.
pub const TOKEN_LEAST: usize = 16;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Unix,
    Tcp { at: SocketAddr, tls: bool },
}

/// What guards the API.
pub(crate) struct Access {
    token: Option<String>,
    /// Made when the process starts: cookies end with it.
    key: hmac::Key,
}

impl Access {
    pub(crate) fn new(token: Option<String>) -> Result<Self, ring::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?;
        Ok(Self { token, key })
    }

    /// Whether a request may be answered.
    ///
    /// # Errors
    /// If not, with what to do.
    pub(crate) fn check(
        &self,
        way: Way,
        endpoint: &Endpoint,
        parts: &Parts,
    ) -> Result<(), Problem> {
        let Way::Tcp { at, .. } = way else {
            return Ok(());
        };
        let headers = &parts.headers;
        host_is_ours(at, headers)?;
        if let Some("cross-site" | "same-site") = text(headers, "sec-fetch-site") {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "other_site",
                "Another site asks",
                "a page of another site must not use the API: open the console itself",
            ));
        }
        let bearer = bearer(headers);
        let is_bearer = bearer.is_some_and(|token| self.is_token(token));
        let is_known = self.token.is_none() || is_bearer || self.is_signed_in(headers);
        if !endpoint.open && !is_known {
            let detail = match bearer {
                Some(_) => "the token is another one: see admin.token of the configuration",
                None => "send the token of the configuration: Authorization: Bearer TOKEN",
            };
            let title = "A token is needed";
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token",
                title,
                detail,
            ));
        }
        let changes = endpoint.changes || endpoint.call == Call::SignOut;
        if changes && !is_bearer && !headers.contains_key(CHANGES) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "header",
                "A header is missing",
                format!("a call that changes something needs the header {CHANGES}: 1"),
            ));
        }
        Ok(())
    }

    /// Whether a page may be shown, which holds no secrets.
    pub(crate) fn check_page(way: Way, headers: &HeaderMap) -> Result<(), Problem> {
        match way {
            Way::Unix => Ok(()),
            Way::Tcp { at, .. } => host_is_ours(at, headers),
        }
    }

    /// The cookie for whoever has the token.
    ///
    /// # Errors
    /// If this is not it, or there is none.
    pub(crate) fn sign_in(&self, token: &str, way: Way) -> Result<String, Problem> {
        if self.token.is_none() {
            return Err(Problem::absent(
                "token",
                "nobody has to sign in: go on without",
            ));
        }
        if !self.is_token(token) {
            let detail = "the token is another one: see admin.token of the configuration";
            let title = "A token is needed";
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token",
                title,
                detail,
            ));
        }
        let ends = now() + SESSION.as_secs();
        let seal = hex(hmac::sign(&self.key, self.sealed(ends).as_bytes()).as_ref());
        Ok(cookie(&format!("{ends}.{seal}"), SESSION.as_secs(), way))
    }

    /// The cookie that takes it away.
    pub(crate) fn sign_out(way: Way) -> String {
        cookie("", 0, way)
    }

    /// Takes as long for a wrong token as for a nearly right one.
    fn is_token(&self, given: &str) -> bool {
        let Some(token) = &self.token else {
            return false;
        };
        let seal = hmac::sign(&self.key, given.as_bytes());
        hmac::verify(&self.key, token.as_bytes(), seal.as_ref()).is_ok()
    }

    fn is_signed_in(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter();
        let mut cookies = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|all| all.split(';'));
        let found = cookies.find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let Some((ends, seal)) = found.and_then(|value| value.split_once('.')) else {
            return false;
        };
        let (Ok(ends), Some(seal)) = (ends.parse::<u64>(), unhex(seal)) else {
            return false;
        };
        ends > now() && hmac::verify(&self.key, self.sealed(ends).as_bytes(), &seal).is_ok()
    }

    /// What a cookie is sealed over: another token makes it worthless.
    fn sealed(&self, ends: u64) -> String {
        format!("{ends}.{}", self.token.as_deref().unwrap_or_default())
    }
}

/// A page of another site can give its own name our address: then `Host` is its name. On other
/// addresses than loopback nobody gets in without a token, and the page has none.
fn host_is_ours(at: SocketAddr, headers: &HeaderMap) -> Result<(), Problem> {
    if !at.ip().is_loopback() {
        return Ok(());
    }
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    if is_loopback(host) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "host",
        "Asked by another name",
        format!(
            "open it as http://{at} or http://localhost:{}; a proxy must send such a Host",
            at.port()
        ),
    ))
}

/// Whether a name is one of this host's alone: `localhost`, `127.0.0.1`, `[::1]`, with a port or without.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn cookie(value: &str, seconds: u64, way: Way) -> String {
    let secure = match way {
        Way::Tcp { tls: true, .. } => "; Secure",
        _ => "",
    };
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
