//! An account in words.

use std::fmt::{self, Write};

use super::account::{Account, Attempt, Comparison, FromInventory, Outcome};
use crate::shown::escaped;

/// Line by line.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = String::new();
        request(self, &mut told)?;
        routes(self, &mut told)?;
        machine(self, &mut told)?;
        steps(&self.steps, &mut told)?;
        outcome(self, &mut told)?;
        f.write_str(&told)
    }
}

fn request(account: &Account, to: &mut String) -> fmt::Result {
    let request = &account.request;
    writeln!(to, "{} {}", request.op, request.path)?;
    if let Some(sent) = &request.sent {
        writeln!(to, "  sent as {sent}")?;
    }
    write!(to, "  from {}", request.from)?;
    match &request.to {
        Some(local) => write!(to, " to {local}")?,
        None => to.push_str(" to an unknown address (--to names it)"),
    }
    if let Some(interface) = &request.interface {
        write!(to, " over {interface}")?;
    }
    match request.options.is_empty() {
        true => writeln!(to, ", without options")?,
        false => writeln!(to, ", with {}", pairs(&request.options))?,
    }
    if !account.served {
        writeln!(
            to,
            "  THIS CLIENT GETS NO ANSWER: it is not in a network of allow. If it were:"
        )?;
    }
    Ok(())
}

fn routes(account: &Account, to: &mut String) -> fmt::Result {
    writeln!(to, "\nroutes, in order")?;
    let width = account.routes.iter().map(|route| route.pattern.len()).max();
    let width = width.unwrap_or(0).min(40);
    for route in &account.routes {
        let (number, pattern) = (route.number, &route.pattern);
        write!(to, "{number:3}  {pattern:width$}  ")?;
        match &route.verdict {
            Comparison::No(why) => writeln!(to, "no: {why}")?,
            Comparison::KeptOut(why) => writeln!(to, "NO ({}): {why}", route.place)?,
            Comparison::Renamed(path) => writeln!(to, "goes on as {path}")?,
            Comparison::Restarted(path) => writeln!(to, "begins anew as {path}")?,
            Comparison::Taken => {
                writeln!(to, "YES ({}): {}", route.place, route.leads_to)?;
            }
        }
    }
    let is_taken = matches!(
        account.routes.last().map(|route| &route.verdict),
        Some(Comparison::Taken)
    );
    if !is_taken {
        writeln!(to, "     no route takes it")?;
    }
    if !account.params.is_empty() {
        writeln!(to, "     with {}", pairs(&account.params))?;
    }
    Ok(())
}

fn machine(account: &Account, to: &mut String) -> fmt::Result {
    writeln!(to, "\nmachine")?;
    for piece in &account.identity.known {
        let from = match piece.from {
            "parameter" => "a parameter of the route",
            "path" => "the path says so",
            "lease" => "a DHCP lease",
            "neighbour" => "the neighbour table",
            _ => "the client's address",
        };
        writeln!(to, "  {} {} ({from})", piece.name, piece.value)?;
    }
    if let Some(loader) = account.identity.loader {
        writeln!(to, "  the name is one that {loader} asks for")?;
    }
    match &account.inventory {
        None => Ok(()),
        Some(found) => inventory(found, to),
    }
}

fn inventory(found: &FromInventory, to: &mut String) -> fmt::Result {
    let source = &found.source;
    match (&found.machine, &found.error) {
        (_, Some(error)) => writeln!(to, "  inventory ({source}) does not answer: {error}"),
        (None, None) => writeln!(to, "  inventory ({source}) does not know it"),
        (Some(machine), None) => {
            writeln!(to, "  inventory ({source}) knows it")?;
            let json = serde_json::to_value(machine).unwrap_or_default();
            for (name, value) in json.as_object().into_iter().flatten() {
                match value {
                    serde_json::Value::String(text) => {
                        writeln!(to, "    {name} = {}", escaped(text.as_bytes()))?;
                    }
                    value => writeln!(to, "    {name} = {value}")?,
                }
            }
            Ok(())
        }
    }
}

fn steps(steps: &[Attempt], to: &mut String) -> fmt::Result {
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(to, "\nwhat the route does")?;
    for step in steps {
        write!(to, "  {}", step.action)?;
        if let Some(path) = &step.path {
            write!(to, ", for {path}")?;
        }
        writeln!(to, "\n    {}", step.result)?;
        if let Some(question) = &step.question {
            writeln!(to, "    asked: {question}")?;
        }
    }
    Ok(())
}

fn outcome(account: &Account, to: &mut String) -> fmt::Result {
    writeln!(to, "\nwhat the client gets")?;
    for term in &account.terms {
        writeln!(to, "  {} ({})", term.terms, term.by)?;
    }
    let content = match &account.outcome {
        Outcome::Refused { code, text, detail } => {
            writeln!(to, "  ERROR {code}: {text}")?;
            if let Some(detail) = detail {
                writeln!(to, "  the log says: {}", escaped(detail.as_bytes()))?;
            }
            return Ok(());
        }
        Outcome::NotAsked { who } => {
            return writeln!(to, "  what {who} says (--run asks)");
        }
        Outcome::Upload { .. } => {
            writeln!(to, "  it may send the file")?;
            None
        }
        Outcome::Content { size, text } => {
            match size {
                Some(size) => {
                    writeln!(to, "  {}", crate::size::count(*size, "byte", "bytes"))?;
                }
                None => writeln!(to, "  content of a size that is not known before its end")?,
            }
            text.as_deref()
        }
    };
    let granted = &account.granted;
    match (granted.is_empty(), account.request.options.is_empty()) {
        (false, _) => writeln!(to, "  options granted: {}", pairs(granted))?,
        (true, true) => writeln!(to, "  no OACK: it asks for no options")?,
        (true, false) => writeln!(to, "  no OACK: none of its options is granted")?,
    }
    for line in content.unwrap_or_default().lines() {
        writeln!(to, "  | {}", visible(line))?;
    }
    Ok(())
}

/// A line of content. Backslashes are the content's own here.
fn visible(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for letter in line.chars() {
        if letter.is_control() && letter != '\t' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn pairs<K: fmt::Display, V: fmt::Display>(map: &std::collections::BTreeMap<K, V>) -> String {
    let pairs: Vec<String> = map
        .iter()
        .map(|(name, value)| {
            format!(
                "{name}={}",
                crate::shown::word(value.to_string().as_bytes())
            )
        })
        .collect();
    pairs.join(" ")
}
