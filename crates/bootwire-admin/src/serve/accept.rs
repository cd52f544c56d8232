//! Connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::listen::{Listener, Socket};
use super::paced::Paced;
use super::shutdown;

/// Most connections at a time, over all sockets of a server.
pub(super) const CONNECTIONS: usize = 512;
/// How long the first line and headers of a request may take, and how long a connection may idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a client may take to agree on keys.
const TLS_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may not read what is written to it.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 32 << 10;
/// After a failure to accept.
const BREATH: Duration = Duration::from_millis(100);
/// How long connections may take to finish at the end.
pub(super) const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Accepts until the server ends; then waits for what is under way.
pub(super) async fn serve(
    listener: Listener,
    app: Router,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    mut ending: watch::Receiver<bool>,
) -> io::Result<()> {
    let (socket, _, file) = listener.into_parts();
    let socket = match socket {
        Socket::Unix(socket) => Open::Unix(UnixListener::from_std(socket)?),
        Socket::Tcp(socket) => Open::Tcp(TcpListener::from_std(socket)?),
    };
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = shutdown(&mut ending) => break,
        };
        let stream = tokio::select! {
            stream = socket.accept() => stream,
            () = shutdown(&mut ending) => break,
        };
        // Out of descriptors, or the client has gone: neither is the end.
        let Ok(stream) = stream else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let (app, tls, ending) = (app.clone(), tls.clone(), ending.clone());
        running.spawn(async move {
            let _place = place;
            match (stream, tls) {
                (Stream::Unix(stream), _) => connection(stream, app, ending).await,
                (Stream::Tcp(stream), None) => connection(stream, app, ending).await,
                (Stream::Tcp(stream), Some(tls)) => {
                    let agreed = tokio::time::timeout(TLS_WITHIN, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = agreed {
                        connection(stream, app, ending).await;
                    }
                }
            }
        });
    }
    // Nobody else comes in; who is in hears that it ends.
    drop(socket);
    drop(file);
    let finish = async { while running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FINISH_WITHIN, finish).await;
    Ok(())
}

enum Open {
    Unix(UnixListener),
    Tcp(TcpListener),
}

enum Stream {
    Unix(tokio::net::UnixStream),
    Tcp(tokio::net::TcpStream),
}

impl Open {
    async fn accept(&self) -> io::Result<Stream> {
        Ok(match self {
            Self::Unix(socket) => Stream::Unix(socket.accept().await?.0),
            Self::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // Events are short and should not wait for others.
                let _ = stream.set_nodelay(true);
                Stream::Tcp(stream)
            }
        })
    }
}

/// Requests of one connection, one after the other.
async fn connection<S>(stream: S, app: Router, mut ending: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Paced::new(stream, READ_WITHIN));
    let service = TowerToHyperService::new(app);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_MAX)
        .serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    // What clients do wrong is theirs to know.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown(&mut ending) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
