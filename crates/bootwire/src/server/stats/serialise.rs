//! Statistics as data.

use serde::ser::{SerializeMap, Serializer};
use serde::{Serialize, ser::SerializeStruct};

use super::{DroppedFrom, ServerStats};

/// As an object: each count under the name [`ServerStats::iter`] gives it, and `dropped_from`.
impl Serialize for ServerStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, count) in self.iter() {
            map.serialize_entry(name, &count)?;
        }
        map.serialize_entry("dropped_from", &self.dropped_from)?;
        map.end()
    }
}

impl Serialize for DroppedFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("DroppedFrom", 4)?;
        object.serialize_field("network", &self.network.to_string())?;
        object.serialize_field("reason", self.reason.as_str())?;
        object.serialize_field("count", &self.count)?;
        object.serialize_field("latest", &self.latest)?;
        object.end()
    }
}
