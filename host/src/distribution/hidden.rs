//! What was sent to say who asks. Servers may repeat it in anything that they say, and nothing of it is shown.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};
use toolhold_core::escape;
use toolhold_core::redact::Redactor;

use super::Error;

/// The secrets of one fetch. Clones know the same ones.
#[derive(Clone, Default)]
pub(super) struct Hidden(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<SecretString>,
    redactor: Redactor,
}

impl Hidden {
    /// Hides `secret` from here on, as it is and encoded.
    pub(super) fn add(&self, secret: SecretString) {
        let mut known = self.known();
        known.secrets.push(secret);
        let redactor = Redactor::new(known.secrets.iter().map(|secret| ("registry", secret.expose_secret())));
        known.redactor = redactor;
    }

    /// A server's words: without secrets, then on one line and cut. In this order: half a secret is not found.
    pub(super) fn shown(&self, text: &str, most: usize) -> String {
        escape::short(&self.known().redactor.redact(text), most).into_owned()
    }

    /// The same error, without secrets in any of its texts.
    pub(super) fn clean(&self, error: Error) -> Error {
        error.map_texts(|text| self.known().redactor.redact(text).into_owned())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_a_cut_falls_into_is_not_shown_in_part() {
        let hidden = Hidden::default();
        let secret: String =
            (0..400).map(|number: u32| char::from(b'a' + u8::try_from(number * 7 % 26).unwrap())).collect();
        hidden.add(SecretString::from("another-secret".to_owned()));
        hidden.add(SecretString::from(secret.clone()));
        for before in [0, 100, 290, 299] {
            let text = format!("{}{secret} another-secret", ".".repeat(before));
            let shown = hidden.shown(&text, 300);
            assert!(!shown.contains(&secret[..8]) && !shown.contains("another-secret"), "{shown}");
        }
        let error = hidden.clean(Error::NotAComponent("x".into(), format!("field `{secret}`")));
        assert!(!error.to_string().contains(&secret[..8]), "{error}");
    }
}
