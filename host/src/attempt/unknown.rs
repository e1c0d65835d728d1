//! Calls of which nobody knows what they did: parked with the evidence, and settled by a person.

use toolhold_core::id::CallId;
use toolhold_core::outcome::{Class, Failure};

use crate::clock;
use crate::host::Host;
use crate::journal;

/// What a person found out of an unknown call.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// It did what it was asked to do: a repeat with its key gets this result.
    Succeeded(serde_json::Value),
    /// It did nothing: its key is free, and a repeat runs.
    Failed,
}

impl Host {
    /// Settles an unknown call as a person decided. Changes of one that did nothing never land from then on.
    ///
    /// # Errors
    ///
    /// The call is not unknown, some of its changes may be on the disk and cannot be taken back, or it could not be written.
    pub async fn resolve(&self, call: &CallId, resolution: Resolution) -> Result<(), journal::Error> {
        match resolution {
            Resolution::Succeeded(value) => {
                self.0.journal.resolve(call, Some(value.to_string()), clock::micros()).await
            }
            Resolution::Failed => self.did_nothing(call).await,
        }
    }
}

/// The failure of a call that asked for a change, was not answered, and is parked.
pub(crate) fn unknown_outcome(evidence: &str, failure: &Failure) -> Failure {
    let message = "the call asked another machine for a change and got no answer: it may have been made or not. Do not repeat \
                   it; a person has to look";
    let detail = format!("{evidence}\nthe call itself ended with `{}`: {}", failure.code, failure.message);
    Failure::new(Class::Host, "outcome-unknown", message).with_detail(detail)
}
