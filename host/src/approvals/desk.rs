//! What is known in memory of open approvals: who listens, who waits, and when the next one expires.
//!
//! The journal has everything that counts; nothing is lost with this.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Semaphore, SemaphorePermit, broadcast};
use toolhold_core::approval::{Approval, ApprovalState};
use toolhold_core::id::ApprovalId;

use super::webhook::Hook;
use crate::host::{Host, Inner};

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
    held: Mutex<Held>,
    rehearsals: Semaphore,
}

/// Whose desk it is: that of the host that is in force.
#[derive(Debug, Default)]
struct Held {
    host: Weak<Inner>,
    hook: Option<Hook>,
    /// Of the hosts before, as long as what they told is on its way.
    earlier: Vec<Hook>,
}

impl Desk {
    /// `open` are those that an earlier process left behind.
    pub(crate) fn new(open: &[Approval]) -> Self {
        let due = open.iter().map(|approval| (approval.id.clone(), approval.expires_at)).collect();
        Self {
            changes: broadcast::Sender::new(REMEMBERED),
            callers: Mutex::default(),
            due: Mutex::new(due),
            kept: AtomicBool::new(false),
            held: Mutex::default(),
            rehearsals: Semaphore::new(REHEARSALS_AT_ONCE),
        }
    }

    /// From here on it is this host's, and `hook` is whom its manifest wants told.
    pub(crate) fn is_of(&self, host: &Arc<Inner>, hook: Option<Hook>) {
        let mut held = self.held();
        held.host = Arc::downgrade(host);
        let earlier = std::mem::replace(&mut held.hook, hook);
        held.earlier.extend(earlier);
        held.earlier.retain(Hook::is_busy);
    }

    /// The host whose desk it is, while there is one.
    pub(super) fn host(&self) -> Option<Host> {
        self.held().host.upgrade().map(Host)
    }

    /// Whether its host is gone.
    pub(super) fn is_left(&self) -> bool {
        self.held().host.strong_count() == 0
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A change is complete before anything can panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
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
        let hook = self.held().hook.clone();
        if let Some(hook) = hook {
            hook.tell(&approval, now);
        }
        // Nobody has to listen.
        let _unheard = self.changes.send(Arc::new(approval)).is_err();
    }

    /// Returns when everybody who is to be told has been, or was given up.
    pub(super) async fn told(&self) {
        let hooks: Vec<Hook> = {
            let held = self.held();
            held.hook.iter().chain(&held.earlier).cloned().collect()
        };
        for hook in hooks {
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
