//! The one crypto provider of the process.
//!
//! Installed explicitly and once: two crates that each bring their own would otherwise choose at run time, or panic.

use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Installs the crypto provider, unless the program that embeds this crate has installed one.
pub(super) fn install() {
    INSTALLED.call_once(|| {
        // An error means that there is one already: the embedding program's choice stands.
        let _already_chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}
