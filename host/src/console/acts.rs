//! What each act on the console needs: one table, for the buttons that are shown and for the forms that are taken.

use crate::access::Role;

/// End a run.
pub(super) const CANCEL_RUN: Role = Role::Run;
/// Decide what a person is asked.
pub(super) const DECIDE: Role = Role::Approve;
/// Take back what a call changed.
pub(super) const UNDO: Role = Role::Admin;
/// Say what a call did of which nobody knows.
pub(super) const RESOLVE: Role = Role::Admin;
/// Let a dead run go on.
pub(super) const REQUEUE: Role = Role::Run;
/// Decide that a dead run stays dead.
pub(super) const DISCARD: Role = Role::Admin;
/// Let what failed be called again before its time.
pub(super) const RESET_BREAKER: Role = Role::Admin;
