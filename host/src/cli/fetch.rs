//! `toolhold fetch`: gets what the lock file pins and this machine does not have. After a clone, before the first call.

use clap::Args;
use serde_json::json;
use toolhold_core::origin::Origin;

use super::failure::{CommandResult, WithCode as _};
use super::project::{Project, failure};
use super::sources::{self, Sources};
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::store::{Store, StoreError};
use crate::{distribution, open};

/// Get the components that the lock file pins, by their digests.
///
/// Asks nothing: what the lock file pins was accepted. Where something else is by now, nothing is kept.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git clone … && toolhold fetch && toolhold call …")]
pub(super) struct Fetch {
    #[command(flatten)]
    sources: Sources,
}

impl Fetch {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        let lock = open::lock(&config.lock).map_err(failure)?;
        let (store, options) = (Store::of(&config.state), self.sources.options(project));
        let mut fetched = Vec::new();
        for (name, pin) in lock.components() {
            let origin = Origin::parse(&pin.source).code(ExitCode::BadInput)?;
            let there = match store.get(pin.digest) {
                Err(StoreError::Damaged(_)) => false,
                other => other.code(ExitCode::Host)?.is_some(),
            };
            if there || !(origin.is_remote() || pin.held) {
                continue;
            }
            ui.say(&format!("fetching {name} from {origin}"));
            let bytes = distribution::fetch_pinned(&origin, pin.digest, &options).await.map_err(sources::failure)?;
            store.put(&bytes).code(ExitCode::Host)?;
            fetched.push(json!({ "component": name, "digest": pin.digest }));
        }
        ui.result(&json!({ "fetched": fetched }), |_| match fetched.len() {
            0 => "everything is here".to_owned(),
            many => format!("{many} fetched"),
        })?;
        Ok(ExitCode::Success)
    }
}
