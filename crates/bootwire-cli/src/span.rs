//! Times on the command line, written as in the configuration.

use std::ops::RangeInclusive;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Reads `15m`, `1h 30m`, `500ms`, or a number of seconds.
///
/// # Errors
/// What to write instead.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| humantime::parse_duration(text).ok())
        .ok_or_else(|| "write a time like 30s, 5m or 500ms; a number is seconds".to_owned())
}

/// The same within bounds.
///
/// # Errors
/// What to write instead.
pub(crate) fn within(text: &str, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
    let time = parse(text)?;
    if bounds.contains(&time) {
        return Ok(time);
    }
    let (from, to) = bounds.into_inner();
    let shown = humantime::format_duration;
    Err(format!("write {} to {}", shown(from), shown(to)))
}

/// As [`parse`], for times so short that a number has always been milliseconds.
///
/// # Errors
/// What to write instead.
pub(crate) fn or_milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(count) => Ok(Duration::from_millis(count)),
        Err(_) => up_to_a_day(text),
    }
}

/// A second to an hour.
pub(crate) fn up_to_an_hour(text: &str) -> Result<Duration, String> {
    within(text, SECOND..=3600 * SECOND)
}

/// A second to a minute.
pub(crate) fn up_to_a_minute(text: &str) -> Result<Duration, String> {
    within(text, SECOND..=60 * SECOND)
}

/// No time to a day.
pub(crate) fn up_to_a_day(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO..=86_400 * SECOND)
}

/// No time to a week.
pub(crate) fn up_to_a_week(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO..=604_800 * SECOND)
}

/// A tenth of a second to 255 s, what the option `timeout` can say.
pub(crate) fn up_to_a_timeout(text: &str) -> Result<Duration, String> {
    within(text, SECOND / 10..=255 * SECOND)
}

/// No time to 10 ms.
pub(crate) fn up_to_ten_milliseconds(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO..=SECOND / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_notation_for_all_times() {
        for (text, millis) in [
            ("60", 60_000),
            ("0.25", 250),
            ("60s", 60_000),
            ("1m 30s", 90_000),
            ("500ms", 500),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "soon", "-1", "1e99", "inf", "nan", "5 parsecs"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("like 30s"), "{text}: {error}");
        }
        assert_eq!(or_milliseconds("50"), Ok(Duration::from_millis(50)));
        assert_eq!(or_milliseconds("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(up_to_an_hour("3601").unwrap_err(), "write 1s to 1h");
        assert_eq!(
            up_to_ten_milliseconds("1s").unwrap_err(),
            "write 0s to 10ms"
        );
    }
}
