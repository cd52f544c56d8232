//! Times on the command line, written as in the configuration.

use std::time::Duration;

use bootwire::amount::parse_time_within as within;

const SECOND: Duration = Duration::from_secs(1);

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

/// A tenth of a second to 255 s, what the option `timeout` can say.
pub(crate) fn up_to_a_timeout(text: &str) -> Result<Duration, String> {
    within(text, SECOND / 10..=255 * SECOND)
}

/// No time to 10 ms.
pub(crate) fn up_to_ten_milliseconds(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO..=SECOND / 100)
}
