//! The one crypto provider of the process, and what its errors say.
//!
//! Installed explicitly and once: two crates that each bring their own would otherwise choose at run time, or panic.

use std::error::Error;
use std::io;
use std::sync::Once;

use rustls::CertificateError;

static INSTALLED: Once = Once::new();

/// Installs the crypto provider, unless the program that embeds this crate has installed one.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        // An error means that there is one already: the embedding program's choice stands.
        let _already_chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

/// What was wrong with the server's certificate, if that is why `error` came to be.
pub(super) fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match certificate_error(error) {
            Some(wrong) => return Some(words(wrong)),
            None => cause = error.source(),
        }
    }
    None
}

/// An I/O error does not name what it wraps as its source, so it is asked.
fn certificate_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(wrong)) = error.downcast_ref() {
        return Some(wrong);
    }
    certificate_error(error.downcast_ref::<io::Error>()?.get_ref()?)
}

fn words(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::UnknownIssuer => "an authority that this machine does not know signed its certificate".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name than the one in the base URL".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this machine's clock right?".into()
        }
        CertificateError::Revoked => "its certificate was revoked".into(),
        other => format!("its certificate does not hold ({other:?})"),
    }
}
