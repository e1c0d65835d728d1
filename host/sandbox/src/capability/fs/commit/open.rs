//! Opening the directories of a plan that was written down: the same ones, or none.

use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::base::Base;
use super::plan::{Area, CommitError, Plan, VERSION, Workspace};
use super::workspace::{Work, open_own};

/// The directories of one area, open.
#[derive(Debug)]
pub(super) struct OpenArea {
    pub(super) base: Arc<Base>,
    pub(super) work: Work,
}

impl Plan {
    /// Opens everything that the plan is about. `staging` is where the directories of plans are.
    pub(super) fn open(&self, staging: &Path) -> Result<Vec<OpenArea>, CommitError> {
        if self.version != VERSION {
            return Err(CommitError::Unusable(format!("it has version {}", self.version)));
        }
        self.areas.iter().map(|area| self.open_area(area, staging)).collect()
    }

    fn open_area(&self, area: &Area, staging: &Path) -> Result<OpenArea, CommitError> {
        let base = Base::open(&area.host).map_err(|_| CommitError::Moved(area.host.clone()))?;
        if base.identity != area.identity || base.host != area.host {
            return Err(CommitError::Moved(area.host.clone()));
        }
        let work = match area.workspace {
            Workspace::Own => open_own(&staging.join(&self.name)).map(Work::own),
            Workspace::Shared => open_own(staging).map(|all| Work::shared(Arc::new(all), &self.name, 0)),
            Workspace::Beside => Work::open_beside(&base, &self.name),
        };
        match work {
            Ok(work) => Ok(OpenArea { base: Arc::new(base), work }),
            Err(Errno::NOENT) => Err(CommitError::Gone(self.name.clone())),
            Err(errno) => Err(CommitError::refused(area, "open the files of", &Default::default(), errno)),
        }
    }
}
