//! One open handle of a guest, charged to its call for as long as it is held.

use std::sync::Arc;

use toolhold_core::limit::{Exceeded, Limit};

use crate::meter::Meter;

/// Charges `handles` when made and gives it back when dropped.
#[derive(Debug)]
pub(super) struct Handle(Arc<Meter>);

impl Handle {
    pub(super) fn take(meter: &Arc<Meter>) -> Result<Self, Exceeded> {
        meter.charge(Limit::Handles, 1)?;
        Ok(Self(Arc::clone(meter)))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.release(Limit::Handles, 1);
    }
}
