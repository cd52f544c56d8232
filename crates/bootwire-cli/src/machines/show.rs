//! Machines on a screen.

use anyhow::Context;
use bootwire_machines::Database;
use bootwire_render::inventory::Machine;
use serde_json::Value;

use crate::exit::Failure;
use crate::{out, shown};

/// Columns of the list, and lines of a machine.
const NAMES: [&str; 6] = ["mac", "uuid", "serial", "ip", "hostname", "profile"];

/// All machines: a table with the columns that somebody has, or a list in JSON.
pub(super) async fn list(database: &Database, json: bool) -> Result<(), Failure> {
    let mut machines = Vec::new();
    loop {
        let skip = u32::try_from(machines.len()).unwrap_or(u32::MAX);
        let more = database.list(skip).await?;
        if more.is_empty() {
            break;
        }
        machines.extend(more);
    }
    if json {
        return self::json(&machines);
    }
    for line in table(&machines) {
        out::result(&line);
    }
    Ok(())
}

/// One machine, a line each.
pub(super) fn one(machine: &Machine, json: bool) -> Result<(), Failure> {
    if json {
        return self::json(machine);
    }
    for (name, value) in NAMES.iter().zip(fields(machine)) {
        if let Some(value) = value {
            out::result(&format!("{name}: {value}"));
        }
    }
    for (name, value) in &machine.vars {
        let name = shown::escaped(name.as_bytes());
        out::result(&format!("vars.{name}: {}", text(value)));
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    out::result(&text);
    Ok(())
}

/// Values in the order of [`NAMES`].
fn fields(machine: &Machine) -> [Option<String>; NAMES.len()] {
    let word = |text: &String| shown::word(text.as_bytes());
    [
        machine.mac.map(|mac| mac.to_string()),
        machine.uuid.map(|uuid| uuid.to_string()),
        machine.serial.as_ref().map(word),
        machine.ip.map(|ip| ip.to_string()),
        machine.hostname.as_ref().map(word),
        machine.profile.as_ref().map(word),
    ]
}

/// A value of a variable: texts as they are, all else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => shown::word(text.as_bytes()),
        value => shown::escaped(value.to_string().as_bytes()),
    }
}

/// A table with a line for each machine, below the names of its columns.
fn table(machines: &[Machine]) -> Vec<String> {
    let mut rows = vec![NAMES.map(|name| name.to_uppercase()).to_vec()];
    rows[0].push("VARS".to_owned());
    rows.extend(machines.iter().map(|machine| {
        let mut row = fields(machine).map(Option::unwrap_or_default).to_vec();
        let vars = machine.vars.iter();
        let vars: Vec<_> = vars
            .map(|(name, value)| format!("{}={}", shown::escaped(name.as_bytes()), text(value)))
            .collect();
        row.push(vars.join(" "));
        row
    }));
    // Columns that nobody has say nothing.
    let is_used = |column: &usize| rows[1..].iter().any(|row| !row[*column].is_empty());
    let columns: Vec<usize> = (0..rows[0].len()).filter(is_used).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let used = |row: &Vec<String>| columns.iter().map(|&column| row[column].clone()).collect();
    laid_out(&rows.iter().map(used).collect::<Vec<Vec<String>>>())
}

/// Rows of equally many cells, in columns as wide as their widest cell.
pub(super) fn laid_out(rows: &[Vec<String>]) -> Vec<String> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(row.len(), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_columns_that_somebody_has() {
        let machines: Vec<Machine> = serde_json::from_value(serde_json::json!([
            {"mac": "52:54:00:12:34:56", "hostname": "node-7", "vars": {"disk": "/dev/vda", "n": 2}},
            {"hostname": "a b\u{1b}", "profile": "worker"},
        ]))
        .unwrap();
        assert_eq!(
            table(&machines),
            [
                "MAC                HOSTNAME     PROFILE  VARS",
                "52:54:00:12:34:56  node-7                disk=/dev/vda n=2",
                "                   \"a b\\u{1b}\"  worker",
            ]
        );
        assert!(table(&[]).is_empty());
    }
}
