//! Errors: problem+json (RFC 9457).

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a call failed, and what to do: the body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// What kind of problem it is, in a word: `not_found`, `token`, `query` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong, in a few words.
    pub title: String,
    /// What exactly, and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            status: status.as_u16(),
            title: title.to_owned(),
            detail: detail.into(),
        }
    }

    /// There is nothing by that name.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// This server does not have `what`.
    pub fn absent(what: &str, why: &str) -> Self {
        let title = format!("This server has no {what}");
        Self::new(StatusCode::NOT_FOUND, "absent", &title, why)
    }

    /// What was asked cannot be understood.
    pub fn query(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "query",
            "The request is wrong",
            detail,
        )
    }

    /// It cannot be done as things are.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Not now", detail)
    }

    /// Something the answer depends on failed.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "failed", "It failed", detail)
    }

    /// It took too long.
    pub fn late(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "late",
            "It took too long",
            detail,
        )
    }

    /// The status of HTTP.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
