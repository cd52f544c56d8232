//! A machine in the words of a database or an API.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{InventoryError, Machine};

/// The largest answer about one machine, in bytes.
pub(crate) const ANSWER_MAX: usize = 1 << 20;

/// A machine from fields by name: those of [`Machine`], and all others as its variables. `vars` may
/// be an object or the text of one. An address may have a prefix length behind it.
pub(super) fn machine(fields: Map<String, Value>) -> Result<Machine, InventoryError> {
    let mut machine = Machine::default();
    for (name, value) in fields {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "mac" => machine.mac = Some(parsed("mac", &value)?),
            "uuid" => machine.uuid = Some(parsed("uuid", &value)?),
            "ip" => machine.ip = Some(address(&value)?),
            "serial" => machine.serial = Some(text("serial", &value)?),
            "hostname" => machine.hostname = Some(text("hostname", &value)?),
            "profile" => machine.profile = Some(text("profile", &value)?),
            "vars" => vars(value, &mut machine.vars)?,
            _ => {
                machine.vars.entry(name).or_insert(value);
            }
        }
    }
    Ok(machine)
}

fn senseless(what: impl std::fmt::Display) -> InventoryError {
    InventoryError::Senseless(format!("the answer makes no sense: {what}"))
}

fn text(name: &str, value: &Value) -> Result<String, InventoryError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(senseless(format_args!("{name} is no text"))),
    }
}

fn parsed<T: std::str::FromStr>(name: &str, value: &Value) -> Result<T, InventoryError>
where
    T::Err: std::fmt::Display,
{
    let text = text(name, value)?;
    text.parse().map_err(|error| {
        let shown: String = text.chars().take(60).collect();
        senseless(format_args!("{name} {shown:?}: {error}"))
    })
}

fn address(value: &Value) -> Result<IpAddr, InventoryError> {
    let text = text("ip", value)?;
    let address = text.split('/').next().unwrap_or_default();
    parsed("ip", &Value::from(address))
}

fn vars(value: Value, vars: &mut Map<String, Value>) -> Result<(), InventoryError> {
    let value = match value {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| senseless(format_args!("vars: {error}")))?
        }
        value => value,
    };
    match value {
        Value::Object(own) => vars.extend(own),
        _ => return Err(senseless("vars is no object")),
    }
    Ok(())
}
