//! Sites from configurations, asked without a network.

mod actions;
mod chains;
mod hooks;
pub(crate) mod origins;
mod provenance;
mod reload;
mod rewrites;
mod uploads;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use bootwire::router::{App, Pattern};
use bootwire::{Answer, Endpoint, Op, Refusal, Reply, Request, Router};

use super::Site;
use crate::config::Config;

fn peer(client: &str) -> SocketAddr {
    let client: IpAddr = client.parse().unwrap();
    SocketAddr::new(client, 4000)
}

/// A read request.
pub(crate) fn get(path: &str, client: &str, options: &[(&str, &str)]) -> Request {
    Request::synthetic(Op::Read, path, peer(client), options).unwrap()
}

/// A write request.
pub(crate) fn put(path: &str, client: &str) -> Request {
    Request::synthetic(Op::Write, path, peer(client), &[]).unwrap()
}

/// An app that has one route.
pub(crate) fn served_by(pattern: Pattern, endpoint: impl Endpoint<Reply>) -> App {
    Router::new().read(pattern, endpoint).into()
}

/// The text of an answer that is in memory.
pub(crate) fn content(answer: &Answer) -> String {
    let Answer::Reply(reply) = answer else {
        panic!("no reply: {answer:?}");
    };
    let content = reply.content().expect("in memory");
    String::from_utf8(content.to_vec()).unwrap()
}

/// The configuration `text`, in a file in `dir`.
pub(crate) fn config(dir: &Path, text: &str) -> Config {
    let file = dir.join("bootwire.toml");
    std::fs::write(&file, text).unwrap();
    let nothing = std::iter::empty();
    Config::load_with(&file, nothing).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Writes a file in `dir`, and the directories it needs.
fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Writes a program.
fn program(dir: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    write(dir, name, text);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir.join(name), mode).unwrap();
}

async fn open(dir: &Path, text: &str) -> Site {
    let opened = Site::builder().open(config(dir, text)).await;
    opened.unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is wrong with a configuration once it is opened.
async fn wrong(dir: &Path, text: &str) -> String {
    match Site::builder().open(config(dir, text)).await {
        Ok(_) => panic!("nothing is wrong"),
        Err(problems) => problems.to_string(),
    }
}

/// The text a client gets, or why it gets none.
async fn text(site: &Site, path: &str) -> Result<String, Refusal> {
    let answer = site.app().call(get(path, "10.0.0.7", &[])).await?;
    Ok(content(&answer))
}

/// The size of what a client gets.
async fn size(site: &Site, path: &str) -> Result<Option<u64>, Refusal> {
    match site.app().call(get(path, "10.0.0.7", &[])).await? {
        Answer::Reply(reply) => Ok(reply.size()),
        Answer::Accept(_) => panic!("a read accepted"),
    }
}

/// The code a client is refused with.
async fn code(site: &Site, path: &str) -> u16 {
    let refused = site.app().call(get(path, "10.0.0.7", &[])).await;
    refused
        .map(|_| "content")
        .unwrap_err()
        .reason()
        .code()
        .wire()
}

/// Whether the answer is at hand.
fn is_at_hand(site: &Site, path: &str) -> bool {
    site.app().at_hand(&get(path, "10.0.0.7", &[])).is_some()
}
