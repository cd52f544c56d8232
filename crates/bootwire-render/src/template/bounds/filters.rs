//! The engine's filters that make something, behind a look at what that would be.

use minijinja::value::{Kwargs, Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State, filters};

use super::budget::{self, Text, weigh};
use super::operators::{count, shaped, solid};

/// Puts `$name` of the engine behind `$look`, and `$after` behind it. The engine's own stays under
/// another name, since only the engine can turn arguments into what it takes.
macro_rules! behind {
    ($environment:expr, $look:path, $after:path, [$($name:ident),* $(,)?]) => {$(
        $environment.add_filter(concat!("__", stringify!($name)), filters::$name);
        $environment.add_filter(stringify!($name), |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
            let arguments = arguments.into_values();
            $look(&arguments)?;
            let made = state.apply_filter(concat!("__", stringify!($name)), &arguments)?;
            $after(made)
        });
    )*};
}

pub(super) fn add(environment: &mut Environment<'static>) {
    behind!(
        environment,
        same_size,
        text,
        [upper, lower, title, capitalize, string, trim, safe]
    );
    behind!(environment, escaped, text, [escape]);
    environment.add_filter("e", |state: &mut State<'_, '_>, value: Value| {
        state.apply_filter("escape", &[value])
    });
    behind!(environment, replaced, text, [replace]);
    behind!(environment, indented, text, [indent]);
    behind!(environment, joined, text, [join]);
    behind!(environment, formatted, text, [format]);
    behind!(environment, as_json, text, [tojson]);
    behind!(
        environment,
        lists,
        list,
        [
            list, sort, reverse, unique, select, reject, selectattr, rejectattr, map, chain
        ]
    );
    behind!(environment, split_up, list, [split, lines]);
    behind!(
        environment,
        lists,
        nested,
        [items, dictsort, groupby, zip, batch, slice]
    );
    behind!(environment, added_up, text, [sum]);
    environment.add_filter("pprint", |value: &Value| {
        let mut text = Text::new();
        weigh(value)?;
        text.add(format_args!("{value:#?}"))?;
        text.finish()
    });
}

/// What was made is remembered, if it is a text.
fn text(made: Value) -> Result<Value, Error> {
    budget::keep(made)
}

fn list(made: Value) -> Result<Value, Error> {
    text(solid(made)?)
}

/// Lists of lists.
fn nested(made: Value) -> Result<Value, Error> {
    shaped(solid(made)?)
}

/// `name=value` among the arguments.
fn named(arguments: &[Value], name: &str) -> Option<Value> {
    let last = arguments.last()?;
    let named = Kwargs::try_from(last.clone()).ok()?;
    named.peek::<Value>(name).ok()
}

/// An argument, by its place behind the value or by its name.
fn argument(arguments: &[Value], place: usize, name: &str) -> Option<Value> {
    let placed = arguments.get(place).filter(|value| !value.is_kwargs());
    placed.cloned().or_else(|| named(arguments, name))
}

fn bytes(value: Option<&Value>) -> Result<usize, Error> {
    value.map_or(Ok(0), |value| Ok(weigh(value)?.bytes))
}

/// No more than three times as long: no letter's upper case is longer.
fn same_size(arguments: &[Value]) -> Result<(), Error> {
    budget::room(bytes(arguments.first())?)
}

fn escaped(arguments: &[Value]) -> Result<(), Error> {
    let Some(value) = arguments.first() else {
        return Ok(());
    };
    let special = |text: &str| {
        let special = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'/');
        text.len() + 5 * text.bytes().filter(special).count()
    };
    budget::room(match value.as_str() {
        Some(text) => special(text),
        None => weigh(value)?.bytes.saturating_mul(6),
    })
}

fn replaced(arguments: &[Value]) -> Result<(), Error> {
    let [value, from, to, ..] = arguments else {
        return Ok(());
    };
    let (long, wide) = (weigh(value)?.bytes, weigh(to)?.bytes);
    weigh(from)?;
    let (value, from) = (value.to_string(), from.to_string());
    let times = value.matches(from.as_str()).count();
    let kept = long.saturating_sub(times.saturating_mul(from.len()));
    budget::room(kept.saturating_add(times.saturating_mul(wide)))
}

fn indented(arguments: &[Value]) -> Result<(), Error> {
    let Some(value) = arguments.first() else {
        return Ok(());
    };
    let long = weigh(value)?.bytes;
    let width = argument(arguments, 1, "width").and_then(|width| width.as_usize());
    let lines = value.as_str().map_or(1, |text| text.lines().count() + 1);
    budget::room(long.saturating_add(lines.saturating_mul(width.unwrap_or(4))))
}

fn joined(arguments: &[Value]) -> Result<(), Error> {
    let Some(value) = arguments.first() else {
        return Ok(());
    };
    let between = bytes(argument(arguments, 1, "d").as_ref())?;
    let items = value.as_str().map_or_else(|| count(value), str::len);
    budget::room(
        weigh(value)?
            .bytes
            .saturating_add(items.saturating_mul(between)),
    )
}

/// What a `printf` format makes at most: every number in it may be a width or a precision, and each
/// of its fields the longest argument.
fn formatted(arguments: &[Value]) -> Result<(), Error> {
    /// The longest number, written in full.
    const NUMBER: usize = 400;
    let Some(form) = arguments.first().and_then(Value::as_str) else {
        return Ok(());
    };
    let mut longest = NUMBER;
    for value in &arguments[1..] {
        longest = longest.max(weigh(value)?.bytes);
        // `*` takes its width from an argument.
        longest = longest.max(value.as_usize().filter(|_| form.contains('*')).unwrap_or(0));
    }
    let fields = form.bytes().filter(|byte| *byte == b'%').count();
    let numbers = form.split(|letter: char| !letter.is_ascii_digit());
    let widths = numbers
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().unwrap_or(usize::MAX));
    let wide = widths.fold(form.len(), usize::saturating_add);
    budget::room(wide.saturating_add(fields.saturating_mul(longest)))
}

fn as_json(arguments: &[Value]) -> Result<(), Error> {
    let Some(value) = arguments.first() else {
        return Ok(());
    };
    let written = weigh(value)?;
    let indent = argument(arguments, 1, "indent")
        .and_then(|indent| indent.as_usize())
        .unwrap_or(2);
    // A line for each comma and bracket; letters may become `\u0026`.
    let lines = match value.as_str() {
        Some(_) => 0,
        None => {
            let text = value.to_string();
            text.bytes().filter(|byte| b",[]{}".contains(byte)).count()
        }
    };
    let indented = lines.saturating_mul(written.depth.saturating_mul(indent) + 1);
    let grown = match value.as_str() {
        Some(text) => text.len() + 5 * text.bytes().filter(|byte| grows(*byte)).count(),
        None => written.bytes.saturating_mul(2),
    };
    budget::room(grown.saturating_add(indented))
}

fn grows(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"' | b'\\' | 0x7f)
}

/// All that is in the lists, and as many as a number among the arguments says.
fn lists(arguments: &[Value]) -> Result<(), Error> {
    let of = |value: &Value| match value.as_str() {
        Some(text) => text.len(),
        None => value.as_usize().unwrap_or_else(|| count(value)),
    };
    let first = arguments.iter().take(1).map(of);
    let others = arguments.iter().skip(1);
    // A text among the others is the name of something.
    let others = others.filter(|value| value.as_str().is_none()).map(of);
    budget::items(first.chain(others).fold(0, usize::saturating_add))
}

fn split_up(arguments: &[Value]) -> Result<(), Error> {
    let Some(text) = arguments.first().and_then(Value::as_str) else {
        return Ok(());
    };
    let separator = arguments.get(1).and_then(Value::as_str);
    budget::items(match separator {
        Some(separator) => text.matches(separator).count() + 1,
        None => text.split_whitespace().count() + text.lines().count(),
    })?;
    budget::write(text.len())
}

fn added_up(arguments: &[Value]) -> Result<(), Error> {
    let Some(value) = arguments.first() else {
        return Ok(());
    };
    budget::room(weigh(value)?.bytes)?;
    if let Ok(items) = value.try_iter() {
        for item in items {
            budget::items(count(&item))?;
        }
    }
    Ok(())
}
