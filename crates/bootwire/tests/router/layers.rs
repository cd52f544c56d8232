//! Code around handlers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::router::{App, Deadline, Layer};
use bootwire::{Accept, Answer, Next, Op, Reason, Refusal, Reply, Request, Router};

use super::{Nowhere, Shelf, read, request, size};

/// Notes when it is entered and left.
fn noting(name: &'static str, notes: &Arc<Mutex<Vec<String>>>) -> impl Layer {
    let notes = Arc::clone(notes);
    move |request: Request, next: Next| {
        let notes = Arc::clone(&notes);
        async move {
            notes
                .lock()
                .unwrap()
                .push(format!("{name} {:?}", request.route()));
            let answer = next.run(request).await;
            notes.lock().unwrap().push(format!("{name} done"));
            answer
        }
    }
}

#[tokio::test]
async fn the_layer_added_last_is_the_outermost() {
    let notes = Arc::default();
    let app = App::from(
        Router::new()
            .read("/a", || async { "content" })
            .layer(noting("inner", &notes))
            .read("/b", || async { "content" })
            .layer(noting("outer", &notes)),
    );
    let run = async |op, filename| {
        drop(app.call(request(op, filename)).await);
        std::mem::take(&mut *notes.lock().unwrap()).join(", ")
    };
    assert_eq!(
        run(Op::Read, "a").await,
        r#"outer Some("/a"), inner Some("/a"), inner done, outer done"#
    );
    assert_eq!(run(Op::Read, "b").await, r#"outer Some("/b"), outer done"#);
    assert_eq!(
        run(Op::Read, "c").await,
        "outer None, inner None, inner done, outer done"
    );
    assert_eq!(
        run(Op::Write, "a").await,
        "outer None, inner None, inner done, outer done"
    );
}

#[tokio::test]
async fn layers_refuse_and_change_answers() {
    async fn guard(request: Request, next: Next) -> Result<Answer, Refusal> {
        if request.param("name") == Some("secret") {
            return Err(Refusal::denied());
        }
        match next.run(request).await? {
            Answer::Reply(reply) => Ok(Answer::Reply(Reply::text(format!(
                "{} bytes",
                reply.size().unwrap()
            )))),
            accept @ Answer::Accept(_) => Ok(accept),
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let app = App::from(
        Router::new()
            .read("/{name}", move || {
                counter.fetch_add(1, Ordering::Relaxed);
                async { "x" }
            })
            .layer(guard),
    );
    assert_eq!(
        app.call(request(Op::Read, "secret")).await.unwrap_err(),
        Refusal::denied()
    );
    assert_eq!(
        calls.load(Ordering::Relaxed),
        0,
        "the handler is not reached"
    );
    assert_eq!(size(app.call(request(Op::Read, "x")).await), 7);
}

#[tokio::test]
async fn a_layer_cannot_turn_a_read_into_an_upload() {
    async fn wrong(_request: Request, _next: Next) -> Result<Answer, Refusal> {
        Ok(Accept::into(Nowhere).into())
    }
    let refusal = read(Router::new().layer(wrong), "x").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
}

#[test]
fn answers_at_hand_wait_for_layers_unless_those_let_them_pass() {
    let notes = Arc::default();
    let near = request(Op::Read, "near");
    let with_deadline = Router::new()
        .read("/{name}", Shelf)
        .layer(Deadline::new(Duration::from_secs(1)));
    assert!(App::from(with_deadline).at_hand(&near).is_some());
    let with_notes = Router::new()
        .read("/{name}", Shelf)
        .layer(noting("note", &notes));
    assert!(App::from(with_notes).at_hand(&near).is_none());
    assert!(notes.lock().unwrap().is_empty());
}
