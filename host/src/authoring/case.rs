//! One case: a world that is made for it, one dry run in it, and what differs from what was expected.
//!
//! The call goes the way of every call: through a manifest, its schema, its rules and the sandbox. It is a dry run in a folder of its
//! own, and its requests are answered from the case file, so nothing outside changes and nothing leaves.

use std::path::PathBuf;
use std::sync::Arc;

use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::describe::Description;
use toolhold_core::manifest::cases::{Case, Contents, Difference, judge};
use toolhold_core::outcome::{CallReport, Outcome};

use super::canned::Canned;
use super::{grants, world};
use crate::journal::Durability;
use crate::open::{HostConfig, OpenError, pin};
use crate::{CallOptions, Host};

/// What the cases of a tool have in common.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The component's file.
    pub(crate) component: PathBuf,
    /// What it says of itself.
    pub(crate) description: Arc<Description>,
    /// The folder of the case file.
    pub(crate) base: PathBuf,
    /// Folder of compiled components.
    pub(crate) cache: Option<PathBuf>,
}

/// A case that was run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What came of its call.
    pub(crate) report: CallReport,
    /// What is not as expected.
    pub(crate) differences: Vec<Difference>,
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    /// Its files cannot be made.
    #[error("the files of the case cannot be made: {0:#}")]
    World(anyhow::Error),
    /// What it grants cannot be written down.
    #[error("what the case grants cannot be written down: {0}")]
    Grants(#[from] toml::ser::Error),
    /// What it grants cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Workshop {
    /// Runs one case.
    pub(crate) async fn run(&self, case: &Case) -> Result<Ran, CaseError> {
        let place = tempfile::tempdir().map_err(|error| CaseError::World(error.into()))?;
        // Where a symbolic link leads to the folder of temporary files, grants name what it leads to.
        let folder = place.path().canonicalize().map_err(|error| CaseError::World(error.into()))?;
        let roots = world::make(&case.world, &self.base, &folder.join("world")).map_err(CaseError::World)?;
        let manifest = grants::manifest(&self.component, &self.description, &case.world, &roots)?;
        let config = self.config(&folder);
        std::fs::write(&config.manifest, manifest).map_err(|error| CaseError::World(error.into()))?;
        pin(&config).await?;
        let sender = Arc::new(Canned(case.world.answers.clone()));
        let host = Host::open_with(&config, Some(sender), &|_| ()).await?;
        let call = ToolCall {
            mode: Mode::Preview,
            ..ToolCall::new(format!("{}.{}", grants::COMPONENT, case.tool), case.arguments.clone())
        };
        let report = host.call(call, CallOptions::default()).await;
        let mut differences = judge(case, &report, &Contents::new());
        if !differences.is_empty()
            && matches!(report.outcome, Outcome::Success(_))
            && !report.effects.changes.is_empty()
        {
            // Only to show what would be in the files: the folder is the case's own.
            host.apply(&report.call, CallOptions::default()).await;
            differences = judge(case, &report, &world::contents(&roots, &report.effects.changes));
        }
        Ok(Ran { report, differences })
    }

    fn config(&self, folder: &std::path::Path) -> HostConfig {
        HostConfig {
            state: folder.join("state"),
            cache: self.cache.clone(),
            durability: Durability::Normal,
            ..HostConfig::beside(&folder.join("toolhold.toml"))
        }
    }
}
