//! From a call to its answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use bootwire::TransferRecord;
use bootwire_telemetry::Metrics;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{Access, Way};
use super::shown::Shown;
use super::{Shared, events};
use crate::api;
use crate::console::guard;
use crate::endpoints::{Call, Endpoint};
use crate::feed::filter::Filter;
use crate::feed::{counts, lock};
use crate::openapi;
use crate::problem::Problem;

/// Longest body of a request, in bytes.
const BODY_MAX: usize = 256 << 10;
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(15);
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The same where objects are fetched.
const PREFETCH_WITHIN: Duration = Duration::from_secs(120);
/// Most objects that are named to be fetched.
const PREFETCH_MAX: usize = 100;
/// Records of one machine in its page.
const OF_MACHINE: usize = 100;

/// Answers a call, whatever comes of it.
pub(super) async fn answer(
    shared: Arc<Shared>,
    way: Way,
    endpoint: &'static Endpoint,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match shared.access.check(way, endpoint, &parts) {
        Ok(()) => {
            let within = match endpoint.call {
                Call::Prefetch => PREFETCH_WITHIN,
                _ => WITHIN,
            };
            let late = |_| {
                Err(Problem::late(format!(
                    "no answer within {} s: see the log",
                    within.as_secs()
                )))
            };
            let asked = ask(&shared, way, endpoint.call, parts, body);
            tokio::time::timeout(within, asked)
                .await
                .unwrap_or_else(late)
        }
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(|problem| refusal(&problem));
    guard(response.headers_mut());
    response
}

/// A problem as an answer.
pub(super) fn refusal(problem: &Problem) -> Response {
    let mut response = json(problem);
    *response.status_mut() = problem.status();
    let told = response.headers_mut();
    told.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if problem.status() == StatusCode::UNAUTHORIZED {
        told.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

async fn ask(
    shared: &Arc<Shared>,
    way: Way,
    call: Call,
    mut parts: Parts,
    body: Body,
) -> Result<Response, Problem> {
    let feed = &shared.feed;
    let control = &*shared.control;
    Ok(match call {
        Call::Status => json(&status(shared)),
        Call::History => json(&lock(&feed.history).view()),
        Call::Drain => json(&control.drain().await?),
        Call::Transfers => {
            let query: api::TransfersQuery = query(&parts)?;
            json(&feed.looks.look(&*shared.live).await.page(&query))
        }
        Call::Transfer => {
            let id = id(&mut parts).await?;
            let looked = feed.looks.look(&*shared.live).await;
            let transfer = id
                .parse()
                .ok()
                .and_then(|id: u64| looked.transfers.get(&id));
            let gone = || Problem::not_found(format!("no transfer {id} runs: see /api/v1/records"));
            json(&**transfer.ok_or_else(gone)?)
        }
        Call::Records => {
            let query: api::RecordsQuery = query(&parts)?;
            records(
                shared,
                &Filter::new(query.filter())?,
                api::limit(query.limit),
            )
        }
        Call::Boots => json(&shared.boots()?.list(query(&parts)?).await?),
        Call::Boot => {
            let id = id(&mut parts).await?;
            json(&shared.boots()?.boot(id).await?)
        }
        Call::Machines => json(&shared.boots()?.machines(query(&parts)?).await?),
        Call::Machine => {
            let name = id(&mut parts).await?;
            machine(shared, name).await?
        }
        Call::Cache => json(&control.cache().await?),
        Call::Prefetch => {
            let what: api::Prefetch = content(&parts, body).await?;
            if what.paths.len() > PREFETCH_MAX {
                return Err(Problem::query(format!(
                    "more than {PREFETCH_MAX} paths: ask several times"
                )));
            }
            json(&control.prefetch(what).await?)
        }
        Call::Purge => json(&control.purge(content(&parts, body).await?).await?),
        Call::Config => json(&control.config().await?),
        Call::Explain => json(&control.explain(content(&parts, body).await?).await?),
        Call::Reload => {
            let reloaded = control.reload().await?;
            let mut response = json(&reloaded);
            if !reloaded.reloaded {
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            }
            response
        }
        Call::Events => events::answer(shared, &query(&parts)?, &parts.headers)?,
        Call::SignIn => {
            let session: api::SessionRequest = content(&parts, body).await?;
            with_cookie(&shared.access.sign_in(&session.token, way)?)
        }
        Call::SignOut => with_cookie(&Access::sign_out(way)),
        Call::Healthy => health(&api::Health {
            ok: true,
            problems: Vec::new(),
        }),
        Call::Ready => {
            let ok = shared.is_ready();
            let draining = "it drains: new requests get no answer".to_owned();
            let problems = if ok { Vec::new() } else { vec![draining] };
            health(&api::Health { ok, problems })
        }
        Call::Metrics => match &shared.metrics {
            Some(metrics) => {
                let accept = parts
                    .headers
                    .get(header::ACCEPT)
                    .and_then(|accept| accept.to_str().ok());
                let scrape = metrics.scrape(accept);
                text(scrape.text, scrape.content_type)
            }
            None => {
                return Err(Problem::absent(
                    "metrics",
                    "the program that serves keeps none",
                ));
            }
        },
        Call::Description => json(&openapi::document()),
    })
}

fn status(shared: &Shared) -> api::Status {
    let live = &*shared.live;
    let stats = live.stats();
    api::Status {
        name: shared.name.clone(),
        version: shared.version.clone(),
        instance: shared.feed.instance.clone(),
        now: api::time(SystemTime::now()),
        started: api::time(shared.started),
        listen: live.listen(),
        workers: live.workers(),
        load: live.load(),
        ready: shared.is_ready(),
        configuration: shared.control.configuration(),
        problems: shared.control.problems(),
        memory: shared.metrics.as_ref().and_then(Metrics::process_memory),
        counts: counts(&stats),
        exporters: shared.exporters(),
    }
}

fn records(shared: &Shared, filter: &Filter, limit: usize) -> Response {
    let news = lock(&shared.feed.news);
    let found = news
        .records()
        .filter(|record| filter.takes(record))
        .take(limit);
    let found: Vec<_> = found.map(Arc::clone).collect();
    let kept = news.records().count();
    drop(news);
    /// As [`api::RecordsPage`], of records as they are.
    #[derive(Serialize)]
    struct Page<'r> {
        records: Vec<Shown<'r>>,
        kept: usize,
    }
    let records = found.iter().map(|record| Shown::new(record)).collect();
    json(&Page { records, kept })
}

async fn machine(shared: &Shared, name: String) -> Result<Response, Problem> {
    let query = api::TransfersQuery {
        machine: Some(name.clone()),
        ..api::TransfersQuery::default()
    };
    let filter = Filter::new(api::RecordFilter {
        machine: Some(name.clone()),
        ..api::RecordFilter::default()
    })?;
    let transfers = shared
        .feed
        .looks
        .look(&*shared.live)
        .await
        .page(&query)
        .transfers;
    let (machine, boots) = shared.boots()?.machine(name).await?;
    let news = lock(&shared.feed.news);
    let found = news
        .records()
        .filter(|record| filter.takes(record))
        .take(OF_MACHINE);
    let records = found.map(|record| record_of(record));
    let records = records.collect();
    drop(news);
    Ok(json(&api::MachineDetail {
        machine,
        boots,
        transfers,
        records,
    }))
}

fn record_of(record: &TransferRecord) -> api::Record {
    // What is written as JSON can be read as it.
    let value = serde_json::to_value(Shown::new(record)).unwrap_or_default();
    serde_json::from_value(value).unwrap_or_default()
}

fn health(health: &api::Health) -> Response {
    let mut response = json(health);
    if !health.ok {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn json(value: &impl Serialize) -> Response {
    // Numbers, texts, lists and maps with text as keys: nothing of it can fail to be written.
    let text = serde_json::to_vec(value).unwrap_or_default();
    self::text(text, "application/json")
}

fn text(body: impl Into<Body>, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let told = response.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_cookie(cookie: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Problem> {
    let found = Query::<T>::try_from_uri(&parts.uri);
    found
        .map(|Query(query)| query)
        .map_err(|error| Problem::query(error.body_text()))
}

/// What stands for `{id}` in the path.
async fn id(parts: &mut Parts) -> Result<String, Problem> {
    let found = Path::<String>::from_request_parts(parts, &()).await;
    found
        .map(|Path(id)| id)
        .map_err(|error| Problem::query(error.body_text()))
}

/// What is in the body. An empty one is an empty object.
async fn content<T: DeserializeOwned>(parts: &Parts, body: Body) -> Result<T, Problem> {
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_none_or(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json",
            "Not JSON",
            "send JSON: Content-Type: application/json",
        ));
    }
    let read = tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_MAX));
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body",
                "Too much",
                format!("the body is longer than {BODY_MAX} bytes, or broke off"),
            ));
        }
        Err(_) => return Err(Problem::late("the body did not come in time")),
    };
    let text: &[u8] = if bytes.trim_ascii().is_empty() {
        b"{}"
    } else {
        &bytes
    };
    serde_json::from_slice(text).map_err(|error| Problem::query(format!("the body: {error}")))
}
