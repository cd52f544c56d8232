//! Patterns of routes, and paths that match them or do not.

use std::net::SocketAddr;

use bootwire::router::{App, ParamText, Pattern, PatternError, Rewrite};
use bootwire::{Op, Request, Router};

/// A pattern, a NUL, and a file name: the pattern is one or says where it is not; a route with it
/// matches just the paths that it matches. One that begins with `~` is a regular expression; behind
/// another NUL stands what takes the place of what it finds.
///
/// # Panics
/// If it is not so.
pub fn routes(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let (source, name, with) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let source = String::from_utf8_lossy(source);
    if let Some(source) = source.strip_prefix('~') {
        rewritten(source, name, &String::from_utf8_lossy(with));
        return;
    }
    let pattern = match Pattern::parse(&source) {
        Ok(pattern) => pattern,
        Err(error) => {
            points_into(&source, &error);
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

fn points_into(source: &str, error: &PatternError) {
    assert!(
        (1..=source.chars().count() + 1).contains(&error.column()),
        "{error}"
    );
    assert!(!error.problem().is_empty());
}

/// Whatever an expression makes of a name, it is a path that begins with a slash and does not climb.
fn rewritten(source: &str, name: &[u8], with: &str) {
    let pattern = match Pattern::regex(source) {
        Ok(pattern) => pattern,
        Err(error) => return points_into(source, &error),
    };
    let _ = pattern.is_match(name);
    if let Err(error) = ParamText::parse(with, &pattern) {
        points_into(with, &error);
    }
    let name = String::from_utf8_lossy(name);
    let peer: SocketAddr = ([10, 0, 0, 7], 4000).into();
    let Some(request) = Request::synthetic(Op::Read, &*name, peer, &[]) else {
        return;
    };
    for pattern in [pattern.clone(), pattern.as_sent()] {
        let Ok(once) = Rewrite::replace(with, &pattern) else {
            return;
        };
        for to in [
            once.clone(),
            once.clone().repeated(),
            once.clone().restarting(),
            once.repeated().restarting(),
        ] {
            let router = Router::new().rewrite(pattern.clone(), to);
            let router = router.fallback(|request: Request| {
                let path = request.path_bytes();
                assert!(path.starts_with(b"/") && path.len() <= 2049, "{path:?}");
                assert!(path.split(|&byte| byte == b'/').all(|name| name != b".."));
                std::future::ready("told")
            });
            // The name may come to no end, which is refused.
            let _ = futures_done(App::from(router).call(request.clone()));
        }
    }
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
