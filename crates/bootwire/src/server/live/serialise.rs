//! How the fields are written.

#![expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives a reference to the field"
)]

use std::time::{Duration, SystemTime};

pub(super) mod time {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::SystemTime;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_micros(*time))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map_err(de::Error::custom)
    }
}

pub(super) mod op {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::Op;

    pub(in super::super) fn serialize<S: Serializer>(
        op: &Op,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match op {
            Op::Read => "read",
            Op::Write => "write",
        })
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Op, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "read" => Ok(Op::Read),
            "write" => Ok(Op::Write),
            other => Err(de::Error::unknown_variant(other, &["read", "write"])),
        }
    }
}

pub(super) mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Duration;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

pub(super) mod maybe_micros {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Duration;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let micros = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        time.as_ref().map(micros).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_micros))
    }
}
