//! The file system of one call.

use std::sync::Arc;

use super::grants::OpenedGrants;
use super::notes::Notes;
use super::overlay::Stage;
use super::protected::Shield;
use super::view::View;
use crate::meter::Meter;

/// What one call knows of files: its grants, its meter, what was noted. Cheap to make.
#[derive(Debug)]
pub struct FsCtx {
    grants: Arc<OpenedGrants>,
    pub(super) meter: Arc<Meter>,
    pub(super) notes: Notes,
    pub(super) shield: Shield,
    pub(super) view: View,
}

impl FsCtx {
    /// The file system of a call that reaches `grants` and is charged to `meter`.
    #[must_use]
    pub fn new(grants: Arc<OpenedGrants>, meter: Arc<Meter>) -> Self {
        Self::with_view(grants, meter, View::plain())
    }

    /// The same, with what is changed of atomic grants kept in `stage`; of all grants, if `nothing_lands`.
    #[must_use]
    pub fn staged(grants: Arc<OpenedGrants>, meter: Arc<Meter>, stage: Arc<Stage>, nothing_lands: bool) -> Self {
        Self::with_view(grants, meter, View::staged(stage, nothing_lands))
    }

    fn with_view(grants: Arc<OpenedGrants>, meter: Arc<Meter>, view: View) -> Self {
        let shield = Shield::new(grants.protected().clone());
        Self { grants, meter, notes: Notes::default(), shield, view }
    }

    /// What it reaches.
    #[must_use]
    pub fn grants(&self) -> &Arc<OpenedGrants> {
        &self.grants
    }

    /// What is staged, if anything is to be.
    #[must_use]
    pub fn stage(&self) -> Option<Arc<Stage>> {
        self.view.any_stage()
    }

    /// What was refused and touched so far.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What was refused and touched; nothing is left behind.
    pub fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }
}
