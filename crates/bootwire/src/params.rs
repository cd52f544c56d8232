//! What a route took from a request.

use std::ops::Range;
use std::sync::Arc;

use crate::path::normalise;
use crate::{MacAddr, Request};

/// Longest path a request may be given in place of its own, in bytes.
pub(crate) const RENAMED_MAX: usize = 2048;

/// The route that matched and its parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pub(crate) route: Option<Arc<str>>,
    pub(crate) values: Vec<Value>,
    /// Where the part of the path begins that parameters stand in.
    pub(crate) below: Option<usize>,
    /// What the route's expression found in the text it looked at.
    pub(crate) found: Option<Found>,
    /// The path, if it is not the one asked for any more.
    pub(crate) renamed: Option<Arc<[u8]>>,
    /// The name that became this path, where a rewrite made it of the name that was sent.
    pub(crate) name: Option<Arc<[u8]>>,
    /// The client's hardware address, once somebody has looked it up.
    pub(crate) client_mac: Option<MacAddr>,
}

/// What an expression found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    /// Whether it was looked for in any case.
    pub(crate) ignore_case: bool,
}

/// The value of a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) name: Arc<str>,
    /// As handlers see it, in one spelling.
    pub(crate) text: String,
    /// As it was sent, if that is not the text.
    sent: Option<Box<[u8]>>,
    /// Whether its spelling says nothing: a hardware address has several.
    is_typed: bool,
}

impl Value {
    pub(crate) fn new(name: Arc<str>, text: String, sent: &[u8], is_typed: bool) -> Self {
        Self {
            name,
            sent: (sent != text.as_bytes()).then(|| sent.into()),
            text,
            is_typed,
        }
    }

    /// As the client wrote it.
    pub(crate) fn sent(&self) -> &[u8] {
        self.sent.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// As it becomes part of a path: in its one spelling, or as the bytes that were sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.is_typed {
            self.text.as_bytes()
        } else {
            self.sent()
        }
    }

    /// Puts another text in its place.
    pub(crate) fn change(&mut self, text: String) {
        self.text = text;
        self.sent = None;
    }
}

impl Request {
    /// The same request for another path, which is normalised like a client's. Its parameters stay;
    /// [`Request::rest_bytes`] is the whole new path. `None` if `path` climbs out of the root, or
    /// is longer than 2048 bytes.
    ///
    /// Records and logs show the path the client asked for.
    #[must_use]
    pub fn renamed(&self, path: &[u8]) -> Option<Self> {
        if path.len() > RENAMED_MAX {
            return None;
        }
        let mut normal = Vec::with_capacity(path.len() + 1);
        normalise(path, &mut normal).ok()?;
        Some(Self {
            facts: Arc::clone(&self.facts),
            params: Params {
                below: None,
                found: None,
                renamed: Some(normal.into()),
                name: None,
                ..self.params.clone()
            },
            moment: self.moment,
        })
    }

    /// As [`Request::renamed`], and `name` is what expressions on the name as sent see from now on.
    pub(crate) fn named(&self, name: Vec<u8>) -> Option<Self> {
        let mut renamed = self.renamed(&name)?;
        renamed.params.name = Some(name.into());
        Some(renamed)
    }

    /// The name as it was sent, or as a rewrite has left it.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        let params = &self.params;
        let renamed = params.name.as_deref().or(params.renamed.as_deref());
        renamed.unwrap_or_else(|| self.facts.name())
    }

    /// The client's hardware address, if somebody has looked it up: see
    /// [`Request::with_client_mac`].
    #[must_use]
    pub const fn client_mac(&self) -> Option<MacAddr> {
        self.params.client_mac
    }

    /// The same request with the hardware address that belongs to the client's address: what DHCP
    /// leases or the neighbour table have, never what the client wrote into a name. Rewrites with
    /// `{client:mac}` need it, and directories for each machine.
    #[must_use]
    pub const fn with_client_mac(mut self, mac: Option<MacAddr>) -> Self {
        self.params.client_mac = mac;
        self
    }

    /// The same request with other values of the route's parameters: what `change` answers for a name
    /// and a value takes the value's place, `None` keeps it. With [`Request::renamed`] it hides a part
    /// of the name, such as a secret, from whoever is told of the request.
    #[must_use]
    pub fn map_params(mut self, mut change: impl FnMut(&str, &str) -> Option<String>) -> Self {
        for value in &mut self.params.values {
            if let Some(other) = change(&value.name, &value.text) {
                value.change(other);
            }
        }
        self
    }

    /// A parameter of the route that matched, such as `mac` of `/grub/grub.cfg-01-{mac}`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params();
        params.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// A parameter as the client wrote it: `001B0D123456` where [`Request::param`] has
    /// `00:1b:0d:12:34:56`.
    #[must_use]
    pub fn param_as_sent(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.params.values.iter();
        let value = values.find(|value| &*value.name == name)?;
        Some(value.sent())
    }

    /// All parameters of the route that matched, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .values
            .iter()
            .map(|value| (&*value.name, value.text.as_str()))
    }
}
