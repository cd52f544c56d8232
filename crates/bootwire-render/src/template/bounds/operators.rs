//! The engine's operators, as functions that look before they make something.

use std::sync::LazyLock;

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Expression, Output, State, functions};

use super::budget::{self, Text};

/// `a ~ b ~ c`.
pub(super) const CONCAT: &str = "__concat";
/// `a + b + c`.
pub(super) const ADD: &str = "__add";
/// `a * b * c`.
pub(super) const MULTIPLY: &str = "__multiply";
/// A filter: what a slice cut out.
pub(super) const CUT: &str = "__cut";
/// A list, a map or a tuple that was written down.
pub(super) const LITERAL: &str = "__literal";
/// Stands in a longer text of the template, with its bytes.
pub(super) const TEXT: &str = "__text";

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_function(
        CONCAT,
        |state: &mut State<'_, '_>, operands: Rest<Value>| concat(state, &operands),
    );
    environment.add_function(ADD, |state: &mut State<'_, '_>, operands: Rest<Value>| {
        fold(state, &operands, plus)
    });
    environment.add_function(
        MULTIPLY,
        |state: &mut State<'_, '_>, operands: Rest<Value>| fold(state, &operands, times),
    );
    environment.add_function(LITERAL, shaped);
    environment.add_function(TEXT, |bytes: usize| budget::write(bytes).map(|()| ""));
    environment.add_filter(CUT, cut);
    environment.add_function("dict", |first: Option<ValueOrKwargs>, rest: Kwargs| {
        let first = first.map(ValueOrKwargs::into_value);
        budget::items(first.as_ref().map_or(0, count))?;
        shaped(functions::dict(first, rest)?)
    });
    environment.add_function("namespace", |first: Option<ValueOrKwargs>| {
        if let Some(first) = &first {
            shaped(Value::from((*first).clone()))?;
        }
        functions::namespace(first)
    });
}

/// An error for a value that is not there, which the engine can tell the name of.
fn defined(state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        state.format(value.clone())?;
    }
    Ok(())
}

fn concat(state: &mut State<'_, '_>, operands: &[Value]) -> Result<Value, Error> {
    let mut text = Text::new();
    for value in operands {
        defined(state, value)?;
        text.add(format_args!("{value}"))?;
    }
    text.finish()
}

fn fold(
    state: &mut State<'_, '_>,
    operands: &[Value],
    step: fn(&Value, &Value) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let (first, rest) = operands
        .split_first()
        .ok_or_else(|| Error::from(ErrorKind::MissingArgument))?;
    let mut result = first.clone();
    for operand in rest {
        defined(state, &result)?;
        defined(state, operand)?;
        result = step(&result, operand)?;
    }
    Ok(result)
}

/// A list or map that is neither too long to be written nor too deep to be gone through.
pub(super) fn shaped(value: Value) -> Result<Value, Error> {
    budget::weigh(&value)?;
    Ok(value)
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// The items of a list or map.
pub(super) fn count(value: &Value) -> usize {
    if value.as_str().is_some() {
        return 0;
    }
    value.len().unwrap_or_else(|| {
        let items = value.try_iter().into_iter().flatten();
        items.take(budget::ITEMS_MIN * 2).count()
    })
}

/// A list whose items are there, not made each time by going through what it came from.
pub(super) fn solid(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    Ok(Value::from(value.try_iter()?.collect::<Vec<_>>()))
}

fn plus(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        let mut text = Text::new();
        text.add(format_args!("{left}{right}"))?;
        return text.finish();
    }
    if is_list(left) && is_list(right) {
        // The engine puts lists behind each other, and copies them at every 32nd time.
        let copied = if left.is_tuple() {
            count(left)
        } else {
            count(left) / 16
        };
        budget::items(copied.saturating_add(count(right)).saturating_add(1))?;
    }
    natively(ADDITION.as_ref(), left, right)
}

fn times(left: &Value, right: &Value) -> Result<Value, Error> {
    for (what, times) in [(left, right), (right, left)] {
        let Some(times) = times.as_usize() else {
            continue;
        };
        if let Some(text) = what.as_str() {
            budget::room(text.len().saturating_mul(times))?;
        } else if is_list(what) {
            budget::items(count(what).saturating_mul(times))?;
        }
    }
    budget::keep(solid(natively(MULTIPLICATION.as_ref(), left, right)?)?)
}

static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);
static ADDITION: LazyLock<Option<Expression<'static, 'static>>> =
    LazyLock::new(|| PLAIN.compile_expression("left + right").ok());
static MULTIPLICATION: LazyLock<Option<Expression<'static, 'static>>> =
    LazyLock::new(|| PLAIN.compile_expression("left * right").ok());

/// As the engine does it.
fn natively(
    operator: Option<&Expression<'static, 'static>>,
    left: &Value,
    right: &Value,
) -> Result<Value, Error> {
    // A test holds that it compiles.
    let operator = operator.ok_or_else(|| Error::from(ErrorKind::InvalidOperation))?;
    operator
        .eval(minijinja::context! { left => left, right => right })
        // Without its place, which would be that in the expression.
        .map_err(|error| match error.detail() {
            Some(detail) => Error::new(error.kind(), detail.to_owned()),
            None => Error::from(error.kind()),
        })
}

/// What was cut out of a text or a list. It was no larger than what it is from.
fn cut(value: Value) -> Result<Value, Error> {
    if is_list(&value) {
        budget::items(count(&value))?;
    }
    budget::keep(solid(value)?)
}

/// Writes a value to the output, or to the variable that a block is for.
pub(super) fn emit(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    let escaped = match state.auto_escape() {
        AutoEscape::None => 1,
        // `&quot;` or `\u0022` for each.
        _ => 6,
    };
    budget::write(budget::weigh(value)?.bytes.saturating_mul(escaped))?;
    minijinja::escape_formatter(output, state, value)
}
