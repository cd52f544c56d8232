//! What is known of a machine, as flags.

use std::net::IpAddr;
use std::str::FromStr;

use bootwire::MacAddr;
use bootwire_render::dialect::Uuid;
use bootwire_render::inventory::Machine;
use clap::ArgGroup;
use serde_json::Value;

/// Everything a new machine can have.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Fields {
    /// Hardware address
    #[arg(long)]
    mac: Option<MacAddr>,
    /// UUID, as the boot loader sends it
    #[arg(long)]
    uuid: Option<Uuid>,
    /// Serial number
    #[arg(long, value_parser = key)]
    serial: Option<String>,
    /// IPv4 or IPv6 address
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Host name
    #[arg(long, value_parser = key)]
    hostname: Option<String>,
    /// What kind of machine it is: a word that templates look at
    #[arg(long)]
    profile: Option<String>,
    /// A variable for templates; the value is JSON, else a text; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<Variable>,
}

/// The flags of [`Fields`], of which there must be one.
pub(super) fn known() -> ArgGroup {
    let flags = ["mac", "uuid", "serial", "ip", "hostname", "profile", "vars"];
    ArgGroup::new("known")
        .args(flags)
        .required(true)
        .multiple(true)
}

/// What is to become of a machine.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Change {
    #[command(flatten)]
    fields: Fields,
    /// Forget a variable, or one of mac, uuid, serial, ip, hostname, profile; may be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
}

/// A key that can be found again.
fn key(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("it is empty"),
        text => Ok(text.to_owned()),
    }
}

/// `NAME=VALUE`
#[derive(Clone, Debug, PartialEq)]
struct Variable {
    name: String,
    value: Value,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or("write NAME=VALUE")?;
        Ok(Self {
            name: name.trim().to_owned(),
            value: serde_json::from_str(value).unwrap_or_else(|_| value.into()),
        })
    }
}

impl Fields {
    /// The machine that has these.
    pub(super) fn machine(&self) -> Machine {
        let mut machine = Machine::default();
        self.apply(&mut machine);
        machine
    }

    fn apply(&self, machine: &mut Machine) {
        machine.mac = self.mac.or(machine.mac);
        machine.uuid = self.uuid.or(machine.uuid);
        machine.ip = self.ip.or(machine.ip);
        for (new, old) in [
            (&self.serial, &mut machine.serial),
            (&self.hostname, &mut machine.hostname),
            (&self.profile, &mut machine.profile),
        ] {
            if new.is_some() {
                old.clone_from(new);
            }
        }
        let vars = self.vars.iter();
        machine
            .vars
            .extend(vars.map(|one| (one.name.clone(), one.value.clone())));
    }
}

impl Change {
    /// Changes a machine: what is unset goes first.
    pub(super) fn apply(&self, machine: &mut Machine) {
        for name in &self.unset {
            match name.as_str() {
                "mac" => machine.mac = None,
                "uuid" => machine.uuid = None,
                "serial" => machine.serial = None,
                "ip" => machine.ip = None,
                "hostname" => machine.hostname = None,
                "profile" => machine.profile = None,
                name => _ = machine.vars.remove(name),
            }
        }
        self.fields.apply(machine);
    }

    /// Names to unset that mean nothing to a machine.
    pub(super) fn unknown<'a>(&'a self, machine: &'a Machine) -> Option<&'a str> {
        const OWN: [&str; 6] = ["mac", "uuid", "serial", "ip", "hostname", "profile"];
        let mut names = self.unset.iter().map(String::as_str);
        names.find(|name| !OWN.contains(name) && !machine.vars.contains_key(*name))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(group(known()))]
    struct Add {
        #[command(flatten)]
        fields: Fields,
    }

    #[derive(Debug, Parser)]
    #[command(group(known().arg("unset")))]
    struct Set {
        #[command(flatten)]
        change: Change,
    }

    #[test]
    fn values_are_json_or_text() {
        for (text, value) in [
            ("a=1", Value::from(1)),
            ("a=true", true.into()),
            ("a=/dev/vda", "/dev/vda".into()),
            ("a=\"1\"", "1".into()),
            ("a=", "".into()),
            ("a=x=y", "x=y".into()),
            ("a={\"b\": [1]}", serde_json::json!({"b": [1]})),
        ] {
            assert_eq!(text.parse::<Variable>().unwrap().value, value, "{text}");
        }
        for text in ["", "a", "=1", " =1"] {
            assert!(text.parse::<Variable>().is_err(), "{text}");
        }
    }

    #[test]
    fn flags_make_a_machine() {
        let add = Add::try_parse_from([
            "x",
            "--mac",
            "5254.0012.3456",
            "--ip",
            "fd00::7",
            "--hostname",
            " node-7 ",
            "--var",
            "disk=/dev/vda",
            "--var",
            "slots=[1, 2]",
        ]);
        let machine = add.unwrap().fields.machine();
        assert_eq!(
            serde_json::to_value(machine).unwrap(),
            serde_json::json!({
                "mac": "52:54:00:12:34:56",
                "ip": "fd00::7",
                "hostname": "node-7",
                "vars": {"disk": "/dev/vda", "slots": [1, 2]},
            })
        );
        for wrong in [
            &["x"][..],
            &["x", "--mac", "52:54"],
            &["x", "--uuid", "1234"],
            &["x", "--ip", "10.0.0"],
            &["x", "--hostname", ""],
            &["x", "--var", "disk"],
        ] {
            assert!(Add::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn changes_forget_and_set() {
        let mut machine = Machine {
            serial: Some("CZ1".to_owned()),
            hostname: Some("node-7".to_owned()),
            ..Machine::default()
        };
        machine.vars.insert("disk".to_owned(), "/dev/vda".into());
        machine.vars.insert("rack".to_owned(), 7.into());
        let set = Set::try_parse_from([
            "x", "--unset", "disk", "--unset", "hostname", "--serial", "CZ2", "--var", "rack=8",
        ]);
        let change = set.unwrap().change;
        assert_eq!(change.unknown(&machine), None);
        change.apply(&mut machine);
        assert_eq!(change.unknown(&machine), Some("disk"));
        assert_eq!(
            serde_json::to_value(machine).unwrap(),
            serde_json::json!({"serial": "CZ2", "vars": {"rack": 8}})
        );
        assert!(Set::try_parse_from(["x"]).is_err(), "nothing to change");
    }
}
