//! Questions with conditions that may be there or not.

use crate::store::filter::{Filter, MachineOrder, Machines, Page};
use crate::times::millis;

/// A value of a question.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// Machines, each with the number of its boots.
const MACHINES: &str = "SELECT body, (SELECT count(*) FROM bootwire_boots \
     WHERE bootwire_boots.machine = bootwire_machines.machine) FROM bootwire_machines";

/// A question: its text, with `$1` and so on for its values.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Question {
    fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    /// One more condition; `?` stands for the value.
    fn and(&mut self, condition: &str, value: Value) {
        self.add(" AND ", condition, value);
    }

    /// One that may hold instead.
    fn or(&mut self, condition: &str, value: Value) {
        self.add(" OR ", condition, value);
    }

    fn add(&mut self, word: &str, condition: &str, value: Value) {
        self.values.push(value);
        let position = format!("${}", self.values.len());
        self.sql.push_str(word);
        self.sql.push_str(&condition.replace('?', &position));
    }

    /// Boots that a filter takes: one more than the page has, to see whether there are more.
    pub(super) fn boots(filter: &Filter, machine: Option<&str>, page: &Page) -> Self {
        let mut question = Self::new("SELECT body FROM bootwire_boots WHERE 1 = 1");
        if let Some(machine) = machine {
            question.and("machine = ?", Value::Text(machine.to_owned()));
        }
        if filter.failed {
            question.and("failed = ?", Value::Number(1));
        }
        if let Some(kind) = filter.kind {
            question.and("kind = ?", Value::Text(kind.as_str().to_owned()));
        }
        if let Some(over) = filter.over {
            question.and("over = ?", Value::Number(over.into()));
        }
        if let Some(since) = filter.since {
            question.and("started >= ?", Value::Number(millis(since)));
        }
        if let Some(until) = filter.until {
            question.and("started < ?", Value::Number(millis(until)));
        }
        if let Some(text) = &filter.text {
            question.and("searched LIKE ? ESCAPE '!'", like(text));
        }
        if let Some(after) = &page.after {
            question.and("id < ?", Value::Text(after.clone()));
        }
        question.ordered("id DESC", page)
    }

    /// Machines that a filter takes.
    pub(super) fn machines(filter: &Machines, page: &Page) -> Self {
        let mut question = Self::new(MACHINES);
        question.sql.push_str(" WHERE 1 = 1");
        if filter.failed {
            question.and("failed = ?", Value::Number(1));
        }
        if let Some(since) = filter.since {
            question.and("last_seen >= ?", Value::Number(millis(since)));
        }
        if let Some(text) = &filter.text {
            question.and("searched LIKE ? ESCAPE '!'", like(text));
        }
        match (filter.order, &page.after) {
            (_, None) => {}
            (MachineOrder::Name, Some(after)) => {
                question.and("machine > ?", Value::Text(after.clone()));
            }
            (MachineOrder::LastSeen, Some(after)) => {
                let (seen, name) = MachineOrder::seen(after);
                question.and("last_seen <= ?", Value::Number(seen));
                question.and("(last_seen <> ?", Value::Number(seen));
                question.or("machine < ?)", Value::Text(name.to_owned()));
            }
        }
        let order = match filter.order {
            MachineOrder::Name => "machine",
            MachineOrder::LastSeen => "last_seen DESC, machine DESC",
        };
        question.ordered(order, page)
    }

    /// One machine.
    pub(super) fn machine(name: String) -> Self {
        let mut question = Self::new(MACHINES);
        question.sql.push_str(" WHERE 1 = 1");
        question.and("machine = ?", Value::Text(name));
        question
    }

    fn ordered(mut self, order: &str, page: &Page) -> Self {
        let more = page.size() + 1;
        for part in [" ORDER BY ", order, " LIMIT ", &more.to_string()] {
            self.sql.push_str(part);
        }
        self
    }
}

/// A pattern that finds `text` anywhere. Texts are kept in lower case.
fn like(text: &str) -> Value {
    let mut pattern = String::from("%");
    for letter in text
        .to_ascii_lowercase()
        .chars()
        .filter(|letter| *letter != '\0')
    {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Value::Text(pattern)
}
