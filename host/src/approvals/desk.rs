//! What is known in memory of open approvals: who listens, who waits, and when the next one expires.
//!
//! The journal has everything that counts; nothing is lost with this.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit, broadcast};
use toolhold_core::approval::{Approval, ApprovalState};
use toolhold_core::id::ApprovalId;

use super::webhook::Hook;

/// Changes that a slow listener may be behind; it is told that it missed some.
const REMEMBERED: usize = 256;

/// Calls at once of which it is found out what they would do: as many can be run beyond what may be asked, and no more.
const REHEARSALS_AT_ONCE: usize = 4;

/// What is known of open approvals.
#[derive(Debug)]
pub(crate) struct Desk {
    changes: broadcast::Sender<Arc<Approval>>,
    /// Calls that wait for an answer.
    callers: Mutex<HashMap<ApprovalId, usize>>,
    /// When the open ones expire, in microseconds since 1970.
    due: Mutex<BTreeMap<ApprovalId, u64>>,
    kept: AtomicBool,
    hook: Option<Hook>,
    rehearsals: Semaphore,
}

impl Desk {
    /// `open` are those that an earlier host left behind.
    pub(crate) fn new(open: &[Approval], hook: Option<Hook>) -> Self {
        let due = open.iter().map(|approval| (approval.id.clone(), approval.expires_at)).collect();
        Self {
            changes: broadcast::Sender::new(REMEMBERED),
            callers: Mutex::default(),
            due: Mutex::new(due),
            kept: AtomicBool::new(false),
            hook,
            rehearsals: Semaphore::new(REHEARSALS_AT_ONCE),
        }
    }

    /// Room to find out what a call would do and to put the question. Never closed, so there is always an answer.
    pub(super) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.rehearsals.acquire().await.ok()
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Approval>> {
        self.changes.subscribe()
    }

    /// Tells of a change that is on disk.
    pub(super) fn publish(&self, approval: Approval, now: u64) {
        // A no stands for a while too.
        let is_open =
            matches!(approval.state, ApprovalState::Waiting | ApprovalState::Rejected) || approval.state.is_granted();
        {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            match is_open {
                true => due.insert(approval.id.clone(), approval.expires_at),
                false => due.remove(&approval.id),
            };
        }
        if let Some(hook) = &self.hook {
            hook.tell(&approval, now);
        }
        // Nobody has to listen.
        let _unheard = self.changes.send(Arc::new(approval)).is_err();
    }

    /// Returns when everybody who is to be told has been, or was given up.
    pub(super) async fn told(&self) {
        if let Some(hook) = &self.hook {
            hook.told().await;
        }
    }

    /// Whether something is open.
    pub(super) fn is_busy(&self) -> bool {
        !self.due.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether the time of something is over.
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).values().any(|at| *at <= now)
    }

    /// The time of these is over, whatever is known of them.
    pub(super) fn forget_due(&self, now: u64) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at > now);
    }

    /// `true` for whoever is to look after what is open from now on.
    pub(super) fn takes_over(&self) -> bool {
        !self.kept.swap(true, Ordering::AcqRel)
    }

    /// Nobody looks after what is open any more.
    pub(super) fn left(&self) {
        self.kept.store(false, Ordering::Release);
    }

    /// How many calls wait for an answer.
    pub(super) fn callers(&self, id: &ApprovalId) -> usize {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied().unwrap_or(0)
    }

    /// A call waits, until what is returned is dropped.
    pub(super) fn waits(self: &Arc<Self>, id: &ApprovalId) -> Waiting {
        *self.callers.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_insert(0) += 1;
        Waiting { desk: Arc::clone(self), id: id.clone() }
    }
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    desk: Arc<Desk>,
    id: ApprovalId,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut callers = self.desk.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                callers.remove(&self.id);
            }
        }
    }
}
