//! What may be stored: texts without the secrets that the host knows.
//!
//! A secret never enters a guest, but a remote can send one back, and a person can paste one. The journal is read by more
//! people than the secret store, so known secrets are taken out before a text is written down.
//! How a stored text is *shown* is [`crate::escape`]'s business: the journal keeps what was really said.

use std::borrow::Cow;
use std::sync::Arc;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for: they would be found in every text.
const MIN_SECRET_BYTES: usize = 6;

/// Takes known secrets out of texts. `Redactor::default()` knows none.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that contains another one goes as a whole.
    secrets: Arc<[String]>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Searches for each secret as it is and as it stands within JSON.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET_BYTES) {
            let quoted = serde_json::Value::from(secret).to_string();
            all.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
            all.push(secret.to_owned());
        }
        all.sort_unstable_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        all.dedup();
        Self { secrets: all.into() }
    }

    /// `text` with [`REDACTED`] in the place of every known secret.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets.iter() {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), REDACTED));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_however_it_is_quoted_and_the_longest_first() {
        let redactor = Redactor::new(["hunter22", "hunter22-long", "with\"quote\n"]);
        assert_eq!(redactor.redact("a hunter22-long b hunter22 c"), "a [redacted] b [redacted] c");
        assert_eq!(redactor.redact(r#"{"x":"with\"quote\n"}"#), r#"{"x":"[redacted]"}"#);
        assert_eq!(format!("{redactor:?}"), "Redactor(4 secrets)");
    }

    #[test]
    fn a_text_without_secrets_is_not_copied_and_short_secrets_are_not_searched() {
        assert!(matches!(Redactor::new(["secret-value"]).redact("plain"), Cow::Borrowed("plain")));
        assert_eq!(Redactor::new(["a"]).redact("banana"), "banana");
    }
}
