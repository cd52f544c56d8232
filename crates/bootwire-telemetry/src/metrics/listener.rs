//! `/metrics` over HTTP, for Prometheus.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::Metrics;

/// Scrapes at the same time. Others wait in the kernel's queue.
const CONNECTIONS: usize = 16;
/// How long a client may take to ask.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may take altogether.
const CONNECTION_MAX: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD_MAX: usize = 16 << 10;
/// How long to wait after the kernel refused a connection: it has no descriptors left.
const RECOVER: Duration = Duration::from_millis(200);

/// Answers scrapes of `/metrics` on `listener` until it is dropped. A few at a time; who is slow is cut
/// off.
///
/// ```no_run
/// use bootwire_telemetry::{Telemetry, metrics};
///
/// # async fn example(telemetry: Telemetry) -> std::io::Result<()> {
/// let listener = std::net::TcpListener::bind("127.0.0.1:9469")?;
/// tokio::spawn(metrics::serve(listener, telemetry.metrics().clone())?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the listener cannot be used by tokio.
///
/// # Panics
/// If called outside of a tokio runtime.
pub fn serve(
    listener: TcpListener,
    metrics: Metrics,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    Ok(async move {
        loop {
            // The semaphore is never closed.
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(RECOVER).await;
                continue;
            };
            let metrics = metrics.clone();
            tokio::spawn(async move {
                // Whatever went wrong with a connection is its client's business.
                let _ = tokio::time::timeout(CONNECTION_MAX, converse(stream, metrics)).await;
                drop(turn);
            });
        }
    })
}

/// One request and its answer.
async fn converse(stream: TcpStream, metrics: Metrics) -> hyper::Result<()> {
    let answer = service_fn(move |request| {
        let response = answer(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASK_WITHIN)
        .max_buf_size(HEAD_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let say = |status, content_type: &'static str, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    };
    let plain = "text/plain; charset=utf-8";
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let text = "GET /metrics, and nothing else\n".to_owned();
        let mut response = say(StatusCode::METHOD_NOT_ALLOWED, plain, text);
        let allow = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allow);
        return response;
    }
    match request.uri().path() {
        "/metrics" => {
            let accept = request.headers().get(ACCEPT);
            let accept = accept.and_then(|value| value.to_str().ok());
            let scrape = metrics.scrape(accept);
            say(StatusCode::OK, scrape.content_type, scrape.text)
        }
        "/" => say(StatusCode::OK, plain, "Bootwire: see /metrics\n".to_owned()),
        _ => say(StatusCode::NOT_FOUND, plain, "See /metrics\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::Telemetry;

    async fn listening() -> std::net::SocketAddr {
        let telemetry = Telemetry::builder().build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, telemetry.metrics().clone()).unwrap());
        address
    }

    async fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_scrape_gets_the_format_it_asks_for() {
        let address = listening().await;
        let plain = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
        assert!(
            plain.contains("content-type: text/plain; version=0.0.4"),
            "{plain}"
        );
        assert!(
            plain.contains("# TYPE bootwire_packets_sent_total counter\n"),
            "{plain}"
        );
        let open = "GET /metrics HTTP/1.1\r\nHost: x\r\n\
                    Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n";
        let open = ask(address, open).await;
        assert!(
            open.contains("# TYPE bootwire_packets_sent counter\n"),
            "{open}"
        );
        assert!(
            open.contains("# UNIT bootwire_content_sent_bytes bytes\n"),
            "{open}"
        );
        assert!(open.ends_with("# EOF\n"), "{open}");
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        let address = listening().await;
        for (request, status) in [
            ("GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            (
                "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "405",
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
            ("nonsense\r\n\r\n", "400"),
        ] {
            let answer = ask(address, request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{request}: {answer}"
            );
        }
    }

    /// As many as may connect say nothing; a scrape gets its turn once they are cut off.
    #[tokio::test(start_paused = true)]
    async fn silent_connections_do_not_keep_scrapes_out() {
        let address = listening().await;
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}
