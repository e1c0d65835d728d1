//! A call whose key belongs to one that is running waits for that one, and gets its outcome.
//!
//! The journal says which call that is; here is known whether it runs in this host, and when it has ended. It has ended when
//! the journal knows its outcome, or will before it answers anybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::id::{CallId, ToolName};
use toolhold_core::limit::Limit;
use toolhold_core::outcome::{CallReport, Class, Failure};

use crate::clock;
use crate::host::{CallOptions, Checked, Host, intent};
use crate::journal::{Admission, Settlement};
use crate::refusal::{Refusal, unrecorded};

/// The calls with a key that are on their way in this host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<CallId, watch::Receiver<()>>>>);

/// A call that is on its way. Dropped, it has ended, and whoever waits for it goes on.
#[derive(Debug)]
struct OnItsWay {
    running: Running,
    id: CallId,
    _ends: watch::Sender<()>,
}

/// What became of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The call has ended.
    Ended,
    /// No such call is on its way here.
    NotHere,
    /// It took too long, or the one who waited gave up.
    InVain,
}

impl Running {
    /// A call sets out. To be called before the journal is asked for its admission.
    fn sets_out(&self, id: &CallId) -> OnItsWay {
        let (ends, ended) = watch::channel(());
        self.lock().insert(id.clone(), ended);
        OnItsWay { running: self.clone(), id: id.clone(), _ends: ends }
    }

    /// Waits until a call has ended, at most until then.
    async fn ended(&self, id: &CallId, until: Instant, cancel: &CancellationToken) -> Waited {
        let Some(mut ended) = self.lock().get(id).cloned() else { return Waited::NotHere };
        tokio::select! {
            // Nothing is ever sent: the end is that the sender is gone.
            _gone = ended.changed() => Waited::Ended,
            () = tokio::time::sleep_until(until) => Waited::InVain,
            () = cancel.cancelled() => Waited::InVain,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, watch::Receiver<()>>> {
        // Inserting and removing are complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// A call with a key: one that runs already is joined, one that is over is answered from the journal.
    pub(crate) async fn once_with_key(
        &self,
        id: CallId,
        call: &ToolCall,
        checked: Box<Checked>,
        options: &CallOptions,
    ) -> CallReport {
        let _on_its_way = self.0.running.sets_out(&id);
        let until = Instant::now() + Duration::from_micros(checked.call.limits().get(Limit::Time));
        let mut may_ask_again = true;
        loop {
            let other = match self.admit(intent(&id, call, &checked, options)).await {
                Ok(Admission::Fresh) => break,
                Ok(other) => other,
                Err(error) => return unrecorded(id, call, &checked.call, &error),
            };
            if let Admission::InFlight { call: running } = &other {
                match self.0.running.ended(running, until, &options.cancel).await {
                    Waited::Ended => continue,
                    // It may have ended between the two questions; if not, another host began it.
                    Waited::NotHere if std::mem::take(&mut may_ask_again) => continue,
                    Waited::NotHere | Waited::InVain => {}
                }
            }
            return self.not_again(id, call, &checked, options, other);
        }
        let refusal = match self.stood_in(call, options) {
            // It has an outcome: what stood in is asked for it, and not the tool.
            Ok(Some(tool)) => Refusal::unavailable(&checked.tool, stood_in(&tool)),
            Ok(None) => match self.let_through(&checked, options) {
                Ok(through) => return self.run(id, call, (checked, through), options).await,
                Err(refusal) => refusal,
            },
            Err(error) => {
                let nothing =
                    Settlement::nothing("what stood in for it could not be read", checked.effects, clock::micros());
                self.0.journal.settle_behind(&id, nothing);
                return unrecorded(id, call, &checked.call, &error);
            }
        };
        let nothing = Settlement::nothing(refusal.failure.code.clone(), checked.effects, clock::micros());
        match self.0.journal.settle(&id, nothing).await {
            Ok(()) => self.refuse(id, call, *refusal).await,
            Err(error) => unrecorded(id, call, &checked.call, &error),
        }
    }
}

/// Why a call is not made whose outcome is that of another tool.
fn stood_in(tool: &ToolName) -> Failure {
    let message = format!("`{tool}` was called in place of this tool with this idempotency key; use another key");
    Failure { dependency: true, ..Failure::new(Class::Unavailable, "stood-in", message) }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.running.lock().remove(&self.id);
    }
}
