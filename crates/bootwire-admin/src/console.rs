//! The console: a page in the binary, which speaks to the API as anybody does.
//!
//! The page is at `/`, its parts below `/console/`. Nothing in it comes from elsewhere, and the
//! policy it is sent with lets a browser load nothing else.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use rust_embed::{EmbeddedFile, RustEmbed};

/// What is in `console/`, but for what only its developers need. In the binary in debug builds too: a
/// server in its sandbox cannot read it.
#[derive(RustEmbed)]
#[folder = "console/"]
#[exclude = "tests/*"]
#[exclude = "*.ts"]
#[exclude = "*.json"]
#[exclude = "*.md"]
#[allow_missing = true]
struct Assets;

/// Scripts, styles and pictures from here, and questions to here. No frame of another page, and no
/// script that makes HTML of a text (trusted types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the console, or nothing if there is none by that name.
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = match path {
        "/" | "/index.html" => "index.html",
        path => path.strip_prefix("/console/")?,
    };
    let file = Assets::get(name)?;
    let tag = tag(&file);
    let mut response = Response::new(Body::empty());
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    if known
        .filter_map(|value| value.to_str().ok())
        .any(|known| known.contains(&tag))
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(file.data);
    }
    let told = response.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    if let Ok(tag) = tag.parse() {
        told.insert(header::ETAG, tag);
    }
    // Another binary has another page.
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    guard(told);
    Some(response)
}

/// What every answer is sent with.
pub(crate) fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
}

fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let short = hash.iter().take(12).map(|byte| format!("{byte:02x}"));
    format!("\"{}\"", short.collect::<String>())
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_type_and_a_tag() {
        for name in Assets::iter() {
            assert_ne!(kind(&name), "application/octet-stream", "{name}");
            let path = match &*name {
                "index.html" => "/".to_owned(),
                name => format!("/console/{name}"),
            };
            let response = answer(&path, &HeaderMap::new()).unwrap();
            let told = response.headers();
            assert_eq!(told[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert!(
                told[header::CONTENT_SECURITY_POLICY]
                    .to_str()
                    .unwrap()
                    .contains("default-src 'none'")
            );
            let mut known = HeaderMap::new();
            known.insert(header::IF_NONE_MATCH, told[header::ETAG].clone());
            let again = answer(&path, &known).unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{name}");
        }
        assert!(answer("/console/../Cargo.toml", &HeaderMap::new()).is_none());
        assert!(answer("/console/types.d.ts", &HeaderMap::new()).is_none());
        assert!(answer("/console/", &HeaderMap::new()).is_none());
    }
}
