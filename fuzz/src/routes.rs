//! Patterns of routes, and paths that match them or do not.

use std::net::SocketAddr;

use bootwire::router::{App, Pattern};
use bootwire::{Op, Request, Router};

/// A pattern, a NUL, and a file name: the pattern is one or says where it is not; a route with it
/// matches just the paths that it matches.
///
/// # Panics
/// If it is not so.
pub fn routes(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == 0);
    let (source, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let source = String::from_utf8_lossy(source);
    let pattern = match Pattern::parse(&source) {
        Ok(pattern) => pattern,
        Err(error) => {
            assert!(
                (1..=source.chars().count() + 1).contains(&error.column()),
                "{error}"
            );
            assert!(!error.problem().is_empty());
            return;
        }
    };
    assert_eq!(pattern.as_str(), source);
    // Bytes that are no text are matched or not, as they are.
    let _ = pattern.is_match(name);

    let name = String::from_utf8_lossy(name);
    let peer: SocketAddr = ([10, 0, 0, 7], 4000).into();
    let Some(request) = Request::synthetic(Op::Read, &*name, peer, &[]) else {
        return;
    };
    let names: Vec<String> = pattern.params().map(str::to_owned).collect();
    let matches = pattern.is_match(request.path_bytes());
    let path = request.path().into_owned();
    let app = App::from(Router::new().read(pattern, move |request: Request| {
        // A handler gets every parameter, in the order of the pattern.
        assert!(
            request
                .params()
                .map(|(name, _)| name)
                .eq(names.iter().map(String::as_str))
        );
        assert!(
            request
                .path()
                .ends_with(&*String::from_utf8_lossy(request.rest_bytes()))
        );
        std::future::ready("matched")
    }));
    assert_eq!(
        app.route_of(&request).is_some(),
        matches,
        "{source:?} and {path:?}"
    );
    let answer = futures_done(app.call(request));
    assert_eq!(answer.is_ok(), matches, "{source:?} and {path:?}");
}

/// The result of a future that waits for nothing.
fn futures_done<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
