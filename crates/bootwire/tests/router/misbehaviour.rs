//! Handlers that are too slow, or panic.

use std::time::Duration;

use bootwire::router::{App, Deadline};
use bootwire::{Next, Op, Path, Reason, Request, Router};

use super::{Shelf, request, size};

#[tokio::test(start_paused = true)]
async fn handlers_that_take_too_long_are_given_up_on() {
    async fn slow(Path(seconds): Path<u64>) -> &'static str {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        "content"
    }
    let app = App::from(
        Router::new()
            .read("/{seconds:int}", slow)
            .layer(Deadline::new(Duration::from_secs(5))),
    );
    assert_eq!(size(app.call(request(Op::Read, "4")).await), 7);
    let started = tokio::time::Instant::now();
    let refusal = app.call(request(Op::Read, "600")).await.unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 5);
    assert_eq!(refusal.reason(), Reason::Origin);
    assert_eq!(refusal.client_text(), "Timed out, try again");
    assert_eq!(
        refusal.detail(),
        Some("no answer from the handler within 5s")
    );
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    async fn awkward(Path(when): Path<String>) -> &'static str {
        assert!(when != "at-once", "{when}");
        tokio::task::yield_now().await;
        assert!(when != "later", "a fixed text");
        "content"
    }
    let app = App::from(
        Router::new()
            .read("/{when}", awkward)
            .read("/before/the/future", || {
                if true {
                    panic!("{}", "no future");
                }
                async { "" }
            })
            .read("/shelf/{name}", Shelf)
            .layer(async |request: Request, next: Next| {
                if request.param("when") == Some("layer") {
                    std::panic::panic_any(7);
                }
                next.run(request).await
            }),
    );
    for (filename, message) in [
        ("at-once", "at-once"),
        ("later", "a fixed text"),
        ("before/the/future", "no future"),
        ("layer", "no message"),
    ] {
        let refusal = app.call(request(Op::Read, filename)).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::Internal, "{filename}");
        assert_eq!(refusal.client_text(), "Server error, try again");
        assert_eq!(
            refusal.detail(),
            Some(&*format!("the handler panicked: {message}"))
        );
    }
    assert_eq!(size(app.call(request(Op::Read, "never")).await), 7);

    let shelf = App::from(Router::new().read("/{name}", Shelf));
    let refusal = shelf
        .at_hand(&request(Op::Read, "broken"))
        .unwrap()
        .unwrap_err();
    assert_eq!(
        refusal.detail(),
        Some("the handler panicked: the shelf fell down")
    );
}
