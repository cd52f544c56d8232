//! The JSON log, read back.

use serde_json::Value;

/// One line of `--log json`: what happened to one transfer.
#[derive(Clone, Debug)]
pub(crate) struct Record(Value);

impl Record {
    /// The record in a line of output, if it holds one.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        value.get("outcome").is_some().then_some(Self(value))
    }

    /// A field; fails the test if the record has none of that name.
    pub(crate) fn field(&self, name: &str) -> &Value {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("no field {name:?} in {}", self.0))
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.as_object().into_iter();
        fields.flat_map(|fields| fields.keys().map(String::as_str))
    }

    /// How the transfer ended.
    pub(crate) fn outcome(&self) -> &str {
        self.text("outcome")
    }

    /// The path after normalisation.
    pub(crate) fn path(&self) -> &str {
        self.text("path")
    }

    /// A text field.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.field(name)
            .as_str()
            .unwrap_or_else(|| panic!("{name:?} is no text in {}", self.0))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.field(name)
            .as_u64()
            .unwrap_or_else(|| panic!("{name:?} is no number in {}", self.0))
    }

    /// The code of the ERROR that ended the transfer.
    pub(crate) fn error_code(&self) -> Option<u64> {
        self.field("error").get("code").and_then(Value::as_u64)
    }

    /// The client's port.
    pub(crate) fn peer_port(&self) -> u16 {
        let peer: std::net::SocketAddr = self.text("peer").parse().expect("an address");
        peer.port()
    }
}
