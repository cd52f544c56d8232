//! What is known before anything is asked: the request, who sent it, what the server is set to.

use std::net::IpAddr;

use bootwire::{Op, Request};

use super::account::{Fact, Question, Who};
use super::phrases::shown_path;
use crate::config::Config;
use crate::networks;
use crate::shown::escaped;

pub(super) fn question(request: &Request) -> Question {
    let to = request.local().ip();
    let path = shown_path(request);
    let sent = escaped(request.filename());
    Question {
        op: match request.op() {
            Op::Read => "read",
            Op::Write => "write",
        },
        sent: (sent != path).then_some(sent),
        path,
        from: request.peer_ip().to_string(),
        to: (!to.is_unspecified()).then(|| to.to_string()),
        interface: bootwire_io::interface_name(request.interface()),
        options: request
            .options()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
    }
}

pub(super) fn identity(who: &bootwire_render::identity::Identity) -> Who {
    use bootwire_render::identity::Known;

    fn piece<T: std::fmt::Display>(name: &'static str, known: Option<&Known<T>>) -> Option<Fact> {
        known.map(|known| Fact {
            name,
            value: escaped(known.value.to_string().as_bytes()),
            from: known.from.name(),
        })
    }
    let pieces = [
        piece("mac", who.mac.as_ref()),
        piece("uuid", who.uuid.as_ref()),
        piece("serial", who.serial.as_ref()),
        piece("ip", who.ip.as_ref()),
        piece("hostname", who.hostname.as_ref()),
    ];
    Who {
        known: pieces.into_iter().flatten().collect(),
        loader: who.loader.map(bootwire_render::dialect::Loader::name),
    }
}

pub(super) fn is_served(config: &Config, client: IpAddr) -> bool {
    let client = client.to_canonical();
    networks::allowed(&config.allowed())
        .is_none_or(|networks| networks.iter().any(|network| network.contains(&client)))
}
