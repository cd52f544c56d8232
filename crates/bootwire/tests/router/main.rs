//! Routers, called as a server calls them.

mod compare;
mod composing;
mod conditions;
mod handlers;
mod layers;
mod misbehaviour;
mod patterns;
mod properties;
mod regex;
mod routes;

use bootwire::router::App;
use bootwire::{Answer, BoxFuture, Endpoint, Op, Refusal, Reply, Request, Router, Sink};
use bytes::Bytes;

/// Forgets an upload.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
}

fn request(op: Op, filename: &str) -> Request {
    Request::synthetic(
        op,
        filename,
        "192.0.2.7:4000".parse().unwrap(),
        &[("blksize", "1432")],
    )
    .unwrap()
}

async fn read(router: Router, filename: &str) -> Result<Answer, Refusal> {
    App::from(router).call(request(Op::Read, filename)).await
}

async fn write(router: Router, filename: &str) -> Result<Answer, Refusal> {
    App::from(router).call(request(Op::Write, filename)).await
}

/// Size of the content: the tests answer with texts of different length.
fn size(answer: Result<Answer, Refusal>) -> u64 {
    match answer.expect("content") {
        Answer::Reply(reply) => reply.size().unwrap(),
        Answer::Accept(_) => panic!("the upload was taken"),
    }
}

/// A handler that tells what it was given, by way of a refusal.
fn tell(what: impl std::fmt::Display) -> Refusal {
    Refusal::denied().because(what)
}

fn told(answer: Result<Answer, Refusal>) -> String {
    let refusal = answer.expect_err("the handler tells by refusing");
    refusal
        .detail()
        .map_or_else(|| refusal.client_text().to_owned(), str::to_owned)
}

/// Content that is at hand for some paths.
struct Shelf;

impl Endpoint<Reply> for Shelf {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async { Ok(Reply::text("fetched")) })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        match request.param("name")? {
            "far" => None,
            "broken" => panic!("the shelf fell down"),
            name => Some(Ok(Reply::text(name))),
        }
    }
}
