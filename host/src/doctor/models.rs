//! The models of the manifest: whether they could be asked now. Asking that costs no token.

use std::sync::Arc;

use toolhold_core::manifest::Manifest;

use super::{Check, Patient};
use crate::agent::model::open_chain;
use crate::agent::{Clock, TokioClock};
use crate::runs::preflight;
use crate::secrets::Secrets;

pub(super) async fn examine(patient: &Patient, manifest: &Manifest) -> Option<Check> {
    let name = "models";
    manifest.chain().next()?;
    if patient.offline {
        return Some(Check::good(name, "not asked: `--offline`"));
    }
    // What is wrong with the secrets is told by their own check.
    let secrets = Secrets::open(manifest.secrets(), Vec::new()).ok()?;
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let mut models = match open_chain(manifest, &secrets, &clock) {
        Ok(models) => models,
        Err(error) => return Some(Check::problem(name, error.to_string(), "docs/models.md has what a model needs")),
    };
    let count = models.len();
    let away = preflight::reach(&mut models).await;
    let fix = "look at address, key and network of the model; docs/models.md";
    let words = away.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
    Some(match away.as_slice() {
        [] => Check::good(name, format!("{count} can be asked now")),
        // Tools can be called without one.
        _ => Check::note(name, words, fix),
    })
}
