//! Errors of others as refusals.

use std::fmt::Display;

use crate::Refusal;

/// Makes refusals of errors, and of what is not there.
///
/// What a client should do is for the handler to say: the same error of a database may mean "no such
/// machine", or "ask again". The error itself becomes the detail, which the record and the log carry
/// and the client never sees.
///
/// ```
/// use bootwire::{OrRefuse, Path, Refusal};
///
/// async fn port(Path(name): Path<String>) -> Result<String, Refusal> {
///     // Any error that can be shown, `Box<dyn Error>` and `anyhow::Error` too.
///     let number: u16 = name.parse().or_not_found()?;
///     // `None`.
///     let next = number.checked_add(1).or_denied()?;
///     // Another text for the boot screen.
///     let limit: u16 = "48".parse().or_refuse(Refusal::internal().text("Call the NOC"))?;
///     Ok(format!("{}\n", next.min(limit)))
/// }
/// ```
pub trait OrRefuse<T>: Sized {
    /// The value, or `refusal` with the error as its detail.
    ///
    /// # Errors
    /// `refusal`, if there is no value. So it is with the other methods.
    fn or_refuse(self, refusal: Refusal) -> Result<T, Refusal>;

    /// The value, or [`Refusal::not_found`]: the client tries the next name or stops.
    #[expect(clippy::missing_errors_doc, reason = "said above")]
    fn or_not_found(self) -> Result<T, Refusal> {
        self.or_refuse(Refusal::not_found())
    }

    /// The value, or [`Refusal::denied`]: not allowed, and asking again will not help.
    #[expect(clippy::missing_errors_doc, reason = "said above")]
    fn or_denied(self) -> Result<T, Refusal> {
        self.or_refuse(Refusal::denied())
    }

    /// The value, or [`Refusal::busy`]: too much to do right now, ask again.
    #[expect(clippy::missing_errors_doc, reason = "said above")]
    fn or_busy(self) -> Result<T, Refusal> {
        self.or_refuse(Refusal::busy())
    }

    /// The value, or [`Refusal::origin`]: where the content comes from failed, ask again.
    #[expect(clippy::missing_errors_doc, reason = "said above")]
    fn or_origin(self) -> Result<T, Refusal> {
        self.or_refuse(Refusal::origin())
    }

    /// The value, or [`Refusal::internal`]: a fault of the server, ask again.
    #[expect(clippy::missing_errors_doc, reason = "said above")]
    fn or_internal(self) -> Result<T, Refusal> {
        self.or_refuse(Refusal::internal())
    }
}

impl<T, E: Display> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self, refusal: Refusal) -> Result<T, Refusal> {
        // The alternate form is the whole chain where an error has one to show.
        self.map_err(|error| refusal.because(format_args!("{error:#}")))
    }
}

impl<T> OrRefuse<T> for Option<T> {
    fn or_refuse(self, refusal: Refusal) -> Result<T, Refusal> {
        self.ok_or(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn an_error_is_the_detail_of_the_refusal_that_was_chosen() {
        let failed = || Err::<(), _>(Box::<dyn std::error::Error>::from("no such row"));
        for (refused, reason) in [
            (failed().or_not_found(), Reason::NotFound),
            (failed().or_denied(), Reason::Denied),
            (failed().or_busy(), Reason::Busy),
            (failed().or_origin(), Reason::Origin),
            (failed().or_internal(), Reason::Internal),
            (
                failed().or_refuse(Refusal::new(Reason::Exists)),
                Reason::Exists,
            ),
        ] {
            let refusal = refused.unwrap_err();
            assert_eq!(refusal.reason(), reason);
            assert_eq!(refusal.detail(), Some("no such row"));
            assert!(!refusal.client_text().contains("row"));
        }
        assert_eq!(Ok::<_, String>(7).or_busy(), Ok(7));
    }

    #[test]
    fn what_is_not_there_is_refused_too() {
        assert_eq!(None::<()>.or_busy(), Err(Refusal::busy()));
        assert_eq!(Some(7).or_not_found(), Ok(7));
    }
}
