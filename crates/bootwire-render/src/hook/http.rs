//! HTTP services as hooks.

use std::sync::Arc;

use bootwire::{BoxFuture, Refusal};
use reqwest::{StatusCode, header};

use super::{Asker, Decision, HookError, Output, Question};
use crate::client::{BodyError, HttpError, HttpOptions, UrlTemplate, body, chain};

/// What URLs may ask for.
const NAMES: [&str; 10] = [
    "path", "peer", "local", "mac", "uuid", "serial", "ip", "hostname", "loader", "mode",
];

/// An HTTP service that decides.
///
/// A POST has the [`Question`] as JSON; a GET has only its URL, in which `{path}`, `{mac}` and the
/// other fields of a question stand for their values, percent-encoded. A GET whose URL needs what
/// is not known is not sent: the hook passes. No redirect is followed.
///
/// | the service answers | the client gets |
/// |---|---|
/// | 200 | what the body says: a [`Decision`] in JSON, or the content itself |
/// | 204 | what comes after the hook |
/// | 404, 410 | code 1, "File not found" |
/// | 401, 403 | code 2, "Access denied" |
/// | 429, 503 | code 0, "Server busy, try again" |
/// | anything else | code 0, "Content not available now, try again" |
#[derive(Clone, Debug)]
pub struct HttpHook {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    client: reqwest::Client,
    url: UrlTemplate,
    post: bool,
    output: Output,
    size_max: usize,
}

impl HttpHook {
    /// Posts questions to `url`, which may have values in it too.
    ///
    /// # Errors
    /// If `url` is none, or would let the client choose the host; if the system's certificates cannot
    /// be loaded.
    pub fn post(url: &str, options: HttpOptions) -> Result<Self, HttpError> {
        Self::new(url, options, true)
    }

    /// Gets `url` with values in place. The body is the content, unless [`HttpHook::output`] says
    /// otherwise.
    ///
    /// # Errors
    /// As [`HttpHook::post`].
    pub fn get(url: &str, options: HttpOptions) -> Result<Self, HttpError> {
        let hook = Self::new(url, options, false)?;
        Ok(hook.output(Output::Raw))
    }

    fn new(url: &str, options: HttpOptions, post: bool) -> Result<Self, HttpError> {
        let inner = Inner {
            client: options.client()?,
            url: UrlTemplate::parse(url, &NAMES)?,
            post,
            output: Output::Json,
            size_max: 4 << 20,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// How the body of an answer is read. Default [`Output::Json`] for [`HttpHook::post`],
    /// [`Output::Raw`] for [`HttpHook::get`].
    #[must_use]
    pub fn output(self, output: Output) -> Self {
        self.change(|inner| inner.output = output)
    }

    /// Bytes of an answer, at most. Default 4 MiB.
    #[must_use]
    pub fn size_max(self, bytes: usize) -> Self {
        self.change(|inner| inner.size_max = bytes)
    }
}

impl Asker for HttpHook {
    fn ask(&self, question: Arc<Question>) -> BoxFuture<'static, Result<Decision, HookError>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.ask(&question).await })
    }

    fn kind(&self) -> &'static str {
        "http"
    }
}

impl Inner {
    async fn ask(&self, question: &Question) -> Result<Decision, HookError> {
        let value = |name: &str| question.value(name).map(str::to_owned);
        let Some(url) = self.url.fill(value) else {
            return Ok(Decision::Pass);
        };
        let request = if self.post {
            self.client
                .post(url)
                .header(header::CONTENT_TYPE, "application/json")
                .body(question.to_json())
        } else {
            self.client.get(url)
        };
        let response = request.send().await;
        let response = response.map_err(|error| HookError::Failed(chain(&error)))?;
        let refuse = |refusal: Refusal, status| {
            let refusal = refusal.because(format_args!("the hook answers {status}"));
            Ok(Decision::Refuse(refusal))
        };
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT => return Ok(Decision::Pass),
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => {
                return refuse(Refusal::not_found(), status);
            }
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return refuse(Refusal::denied(), status);
            }
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                return refuse(Refusal::busy(), status);
            }
            status => return Err(HookError::Failed(format!("the service answers {status}"))),
        }
        let body = body(response, self.size_max).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge(max) => HookError::TooLarge(max),
            BodyError::Broken(what) => HookError::Failed(what),
        })?;
        match self.output {
            Output::Raw => Ok(Decision::Content(body.into())),
            Output::Json => Decision::from_json(&body),
        }
    }
}
