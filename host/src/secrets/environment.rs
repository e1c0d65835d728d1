//! The one place that reads the environment for a secret.

/// The variable of this name, as the manifest of the operator names it; `None` if it is not set or not text.
pub(super) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a variable that the manifest names as the source of a secret")]
    std::env::var(name).ok()
}
