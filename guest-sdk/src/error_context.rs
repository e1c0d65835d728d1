//! `.context("…")` on results and options. Its own trait, because a blanket `From` would collide with `From<io::Error>`.

use std::fmt::Display;

use crate::Error;

/// Adds what was being done to what went wrong.
pub trait ErrorContext<T> {
    /// The error with `context: ` before its message. `None` becomes `not-found`.
    ///
    /// # Errors
    /// The error that was there before.
    fn context(self, context: impl Display) -> Result<T, Error>;

    /// The same, built only if there is an error.
    ///
    /// # Errors
    /// The error that was there before.
    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error>;
}

impl<T, E: Into<Error>> ErrorContext<T> for Result<T, E> {
    fn context(self, context: impl Display) -> Result<T, Error> {
        self.map_err(|error| error.into().context(context))
    }

    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error> {
        self.map_err(|error| error.into().context(context()))
    }
}

impl<T> ErrorContext<T> for Option<T> {
    fn context(self, context: impl Display) -> Result<T, Error> {
        self.ok_or_else(|| Error::not_found(context))
    }

    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T, Error> {
        self.ok_or_else(|| Error::not_found(context()))
    }
}
