//! What a template is told.

use std::collections::BTreeMap;

use bootwire::{Mode, Op, Request};
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::identity::Identity;
use crate::inventory::Machine;

/// The three names a template knows. What is not known is not there, so that strict templates
/// notice.
#[derive(Serialize)]
struct Context<'a> {
    machine: MachineFacts<'a>,
    request: RequestFacts<'a>,
    vars: BTreeMap<&'a str, &'a Json>,
}

#[derive(Serialize)]
struct MachineFacts<'a> {
    /// Whether the inventory knows it.
    known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loader: Option<&'static str>,
}

#[derive(Serialize)]
struct RequestFacts<'a> {
    path: String,
    op: &'static str,
    mode: &'static str,
    peer: String,
    port: u16,
    local: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    params: BTreeMap<&'a str, &'a str>,
    options: BTreeMap<String, String>,
}

impl<'a> RequestFacts<'a> {
    fn of(request: &'a Request) -> Self {
        let options = request.options();
        Self {
            path: request.path().into_owned(),
            op: match request.op() {
                Op::Read => "read",
                Op::Write => "write",
            },
            mode: match request.mode() {
                Mode::Octet => "octet",
                Mode::Netascii => "netascii",
            },
            peer: request.peer_ip().to_canonical().to_string(),
            port: request.peer().port(),
            local: request.local().ip().to_canonical().to_string(),
            route: request.route(),
            params: request.params().collect(),
            options: options
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        }
    }
}

/// The context for one rendering. `machine` is what the inventory says, `profile` what stands in
/// for it; of `vars`, those of the machine go before those of `defaults`.
pub(crate) fn context(
    request: &Request,
    who: &Identity,
    machine: Option<&Machine>,
    profile: Option<&str>,
    defaults: &Map<String, Json>,
) -> Value {
    let own = machine.map(|machine| machine.vars.iter()).into_iter();
    let vars = defaults.iter().chain(own.flatten());
    let mac = machine.and_then(|machine| machine.mac);
    let uuid = machine.and_then(|machine| machine.uuid);
    let ip = machine.and_then(|machine| machine.ip);
    let serial = machine.and_then(|machine| machine.serial.as_deref());
    let hostname = machine.and_then(|machine| machine.hostname.as_deref());
    let asked_serial = who.serial.as_ref().map(|known| known.value.as_str());
    let asked_hostname = who.hostname.as_ref().map(|known| known.value.as_str());
    let context = Context {
        machine: MachineFacts {
            known: machine.is_some(),
            mac: mac
                .or(who.mac.map(|known| known.value))
                .map(|mac| mac.to_string()),
            uuid: uuid
                .or(who.uuid.map(|known| known.value))
                .map(|uuid| uuid.to_string()),
            serial: serial.or(asked_serial),
            ip: ip
                .or(who.ip.map(|known| known.value))
                .map(|ip| ip.to_string()),
            hostname: hostname.or(asked_hostname),
            profile: machine
                .and_then(|machine| machine.profile.as_deref())
                .or(profile),
            loader: who.loader.map(crate::dialect::Loader::name),
        },
        request: RequestFacts::of(request),
        vars: vars.map(|(name, value)| (name.as_str(), value)).collect(),
    };
    Value::from(Serde(&context))
}
