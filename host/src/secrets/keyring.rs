//! The operating system's keyring, asked through the program that comes with it: `secret-tool` of libsecret.
//!
//! A library would bring D-Bus, an async runtime of its own and cryptography into the process that guards everything
//! else, for one text at start. The attributes are those that other programs use for a service and its user.

use secrecy::zeroize::Zeroizing;

use super::{Why, command};

pub(super) fn read(service: &str, user: &str) -> Result<Zeroizing<String>, Why> {
    let lookup = ["secret-tool", "lookup", "service", service, "username", user].map(str::to_owned);
    match command::output(&lookup, command::PATIENCE) {
        // It says nothing at all where there is no such entry.
        Err(Why::Failed { stderr, .. }) if stderr.is_empty() => Err(Why::Failed {
            program: "secret-tool".into(),
            status: format!(
                "no entry; make one with `secret-tool store --label=toolhold service {service} username {user}`"
            ),
            stderr: String::new(),
        }),
        Err(why @ Why::NotStarted { .. }) => Err(Why::Keyring(Box::new(why))),
        other => other,
    }
}
