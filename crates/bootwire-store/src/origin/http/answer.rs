//! What a web server answers, taken at its word only as far as it adds up.

use bootwire::BoxFuture;
use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED};
use reqwest::header::{HeaderMap, HeaderName, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode};

use super::{Ask, Condition, Got, OriginError, failed};
use crate::origin::{Body, Content, OriginErrorKind, Version};

/// Longest ETag or date that is kept, in bytes.
const TAG_MAX: usize = 512;

/// Reads an answer's head.
pub(super) fn read(response: Response, ask: &Ask) -> Result<Got, OriginError> {
    let status = response.status();
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => content(response, ask),
        StatusCode::NOT_MODIFIED if matches!(ask.condition, Condition::Unless(_)) => {
            Ok(Got::Unchanged)
        }
        StatusCode::RANGE_NOT_SATISFIABLE if is_empty(response.headers(), ask) => {
            Ok(Got::Content(Content {
                version: version(response.headers()),
                size: Some(0),
                start: 0,
                end: Some(0),
                body: Box::new(None::<Bytes>),
            }))
        }
        _ => Err(refused(status)),
    }
}

fn refused(status: StatusCode) -> OriginError {
    let kind = match status.as_u16() {
        404 | 410 => OriginErrorKind::NotFound,
        401 | 403 | 407 => OriginErrorKind::Denied,
        412 | 416 => OriginErrorKind::Changed,
        408 | 425 | 429 | 500..=599 => OriginErrorKind::Unavailable,
        _ => OriginErrorKind::Unusable,
    };
    let hint = if kind == OriginErrorKind::Denied {
        ": look at its token, headers and client certificate"
    } else {
        ""
    };
    OriginError::new(kind, format_args!("answered {status}{hint}"))
}

/// Whether a range was refused because the object is empty.
fn is_empty(headers: &HeaderMap, ask: &Ask) -> bool {
    let starts = ask.range.as_ref().is_some_and(|range| range.start == 0);
    starts && text(headers, &CONTENT_RANGE).is_some_and(|range| range.trim() == "bytes */0")
}

fn content(response: Response, ask: &Ask) -> Result<Got, OriginError> {
    let headers = response.headers();
    for (name, plain) in [
        (CONTENT_ENCODING, "identity"),
        (TRANSFER_ENCODING, "chunked"),
    ] {
        if let Some(coding) = coded(headers, &name, plain) {
            return Err(OriginError::unusable(format_args!(
                "sent a compressed body ({name}: {coding}) that was not asked for"
            )));
        }
    }
    let version = version(headers);
    let length = length(headers)?;
    let (size, start, expected) = if response.status() == StatusCode::PARTIAL_CONTENT {
        let Some(asked) = &ask.range else {
            return Err(OriginError::unusable("sent a part, asked for the whole"));
        };
        let range = text(headers, &CONTENT_RANGE).and_then(content_range);
        let Some(sent) = range else {
            return Err(OriginError::unusable(
                "sent a part without saying which, or of what size",
            ));
        };
        if sent.first != asked.start || sent.last >= asked.end || sent.last >= sent.total {
            return Err(OriginError::unusable(format_args!(
                "sent bytes {}-{}/{}, asked for {}-{}",
                sent.first,
                sent.last,
                sent.total,
                asked.start,
                asked.end.saturating_sub(1),
            )));
        }
        let expected = sent.last - sent.first + 1;
        if length.is_some_and(|length| length != expected) {
            return Err(OriginError::unusable(
                "the length of a part contradicts its range",
            ));
        }
        (Some(sent.total), sent.first, Some(expected))
    } else {
        (length, 0, length)
    };
    Ok(Got::Content(Content {
        version,
        size,
        start,
        end: expected.map(|expected| start + expected),
        body: Box::new(Stream {
            response,
            expected,
            got: 0,
        }),
    }))
}

/// A coding other than `plain` that a header names.
fn coded(headers: &HeaderMap, name: &HeaderName, plain: &str) -> Option<String> {
    headers.get_all(name).iter().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut codings = text.split(',').map(str::trim);
        let other = codings.find(|one| !one.is_empty() && !one.eq_ignore_ascii_case(plain));
        other.map(str::to_owned)
    })
}

fn version(headers: &HeaderMap) -> Version {
    let known = |name| {
        text(headers, name)
            .filter(|value| !value.is_empty() && value.len() <= TAG_MAX)
            .map(str::to_owned)
    };
    Version {
        etag: known(&ETAG),
        modified: known(&LAST_MODIFIED),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, OriginError> {
    match text(headers, &CONTENT_LENGTH) {
        None => Ok(None),
        Some(length) => length
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| OriginError::unusable("Content-Length is no number")),
    }
}

/// What `Content-Range` says (RFC 9110 section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    total: u64,
}

fn content_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = ContentRange {
        first: first.trim().parse().ok()?,
        last: last.trim().parse().ok()?,
        total: total.trim().parse().ok()?,
    };
    (range.first <= range.last).then_some(range)
}

/// A body that must have the length its head promised.
struct Stream {
    response: Response,
    expected: Option<u64>,
    got: u64,
}

impl Stream {
    async fn piece(&mut self) -> Result<Option<Bytes>, OriginError> {
        let piece = self
            .response
            .chunk()
            .await
            .map_err(|error| failed(&error))?;
        self.got += piece.as_ref().map_or(0, Bytes::len) as u64;
        let Some(expected) = self.expected else {
            return Ok(piece);
        };
        if self.got > expected {
            return Err(OriginError::unusable(format_args!(
                "sent more than the {expected} bytes it had promised"
            )));
        }
        if piece.is_none() && self.got < expected {
            return Err(OriginError::unavailable(format_args!(
                "cut the body after {} of {expected} bytes",
                self.got
            )));
        }
        Ok(piece)
    }
}

impl Body for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(self.piece())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_strictly() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        for (text, parsed) in [
            ("bytes 0-9/100", range(0, 9, 100)),
            ("bytes 10-10/11", range(10, 10, 11)),
            ("bytes 0-9/*", None),
            ("bytes */100", None),
            ("bytes 9-0/100", None),
            ("bytes -1-9/100", None),
            ("items 0-9/100", None),
            ("bytes 0-99999999999999999999/1", None),
        ] {
            assert_eq!(content_range(text), parsed, "{text}");
        }
    }

    #[test]
    fn statuses_mean_what_a_client_should_do() {
        for (status, kind) in [
            (404, OriginErrorKind::NotFound),
            (410, OriginErrorKind::NotFound),
            (401, OriginErrorKind::Denied),
            (403, OriginErrorKind::Denied),
            (412, OriginErrorKind::Changed),
            (416, OriginErrorKind::Changed),
            (429, OriginErrorKind::Unavailable),
            (500, OriginErrorKind::Unavailable),
            (503, OriginErrorKind::Unavailable),
            (400, OriginErrorKind::Unusable),
            (204, OriginErrorKind::Unusable),
        ] {
            let error = refused(StatusCode::from_u16(status).unwrap());
            assert_eq!(error.kind(), kind, "{status}");
        }
    }
}
