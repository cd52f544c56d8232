//! What a hook is told.

use std::collections::BTreeMap;

use bootwire::{Mode, Op, Request};
use serde::Serialize;

use crate::identity::Identity;

/// Options a hook is told of, at most; the packet bounds their length.
const OPTIONS_MAX: usize = 16;

/// A request, as hooks are told of it. As JSON it is what HTTP hooks are sent and what programs find
/// in `BOOTWIRE_REQUEST`; fields that are not known are left out.
///
/// Two requests with equal questions are one question. The client's port is left out for that.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Question {
    /// Version of this format: 1.
    pub version: u8,
    /// `read`.
    pub op: &'static str,
    /// The path, normalised: it begins with `/` and has no `..`.
    pub path: String,
    /// `octet` or `netascii`.
    pub mode: &'static str,
    /// The pattern of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The parameters of the route.
    pub params: BTreeMap<String, String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The address the client asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The options as they were sent, names in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<BTreeMap<String, String>>,
    /// Hardware address, `52:54:00:12:34:56`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// SMBIOS UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The machine's own address, where a file name has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The boot loader, if the path is one of its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<&'static str>,
}

impl Question {
    /// The question about `request`, which `who` sent; without who and how if `anonymous`.
    #[must_use]
    pub fn new(request: &Request, who: &Identity, anonymous: bool) -> Self {
        let params = request.params();
        let options = request.options().take(OPTIONS_MAX);
        let anonymous_question = Self {
            version: 1,
            op: match request.op() {
                Op::Read => "read",
                Op::Write => "write",
            },
            path: request.path().into_owned(),
            mode: match request.mode() {
                Mode::Octet => "octet",
                Mode::Netascii => "netascii",
            },
            route: request.route().map(str::to_owned),
            params: params
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            peer: None,
            local: None,
            options: None,
            mac: None,
            uuid: None,
            serial: None,
            ip: None,
            hostname: None,
            loader: who.loader.map(crate::dialect::Loader::name),
        };
        if anonymous {
            return anonymous_question;
        }
        Self {
            peer: Some(request.peer_ip().to_canonical().to_string()),
            local: Some(request.local().ip().to_canonical().to_string()),
            options: Some(
                options
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect(),
            ),
            mac: who.mac.map(|known| known.value.to_string()),
            uuid: who.uuid.map(|known| known.value.to_string()),
            serial: who.serial.as_ref().map(|known| known.value.clone()),
            ip: who.ip.map(|known| known.value.to_string()),
            hostname: who.hostname.as_ref().map(|known| known.value.clone()),
            ..anonymous_question
        }
    }

    /// A field by its name, or a parameter of the route: what placeholders stand for.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let own = match name {
            "path" => Some(self.path.as_str()),
            "op" => Some(self.op),
            "mode" => Some(self.mode),
            "peer" => self.peer.as_deref(),
            "local" => self.local.as_deref(),
            "mac" => self.mac.as_deref(),
            "uuid" => self.uuid.as_deref(),
            "serial" => self.serial.as_deref(),
            "ip" => self.ip.as_deref(),
            "hostname" => self.hostname.as_deref(),
            "loader" => self.loader,
            _ => None,
        };
        own.or_else(|| self.params.get(name).map(String::as_str))
    }

    /// The question as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and maps of texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
