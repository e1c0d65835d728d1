//! The work on one run of a server: put on record, then done in a task of its own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::Mode;
use toolhold_core::id::RunId;
use toolhold_core::run::ToolSpec;

use super::error::Refused;
use super::{Claim, FRONT, Service};
use crate::agent::model::Model;
use crate::agent::{Clock, Models, Task, Tools as _};
use crate::runs::work::{Ended, Ready, Worker};
use crate::runs::{Error, HostTools, cancel};
use crate::{Host, PreviewSession, RunLabels};

/// A run for which there is a place, and everything that the work on it needs.
pub(super) struct Job {
    desk: Desk,
    models: Vec<Box<dyn Model>>,
    /// Its note was not there before.
    is_noted: bool,
}

/// Where the work on a run is done.
struct Desk {
    service: Service,
    claim: Claim,
    /// Whose calls it makes, to the end of the work.
    host: Host,
    session: Option<Arc<PreviewSession>>,
    labels: Arc<RunLabels>,
    front: String,
}

/// What the work on a run came to.
enum Came {
    /// To its end.
    Over(Box<Ended>),
    /// It was cancelled before it had begun.
    Cancelled,
    /// It can be taken up again.
    CutOff,
    /// It is to be taken up again, under another manifest.
    Replaced,
}

impl Job {
    pub(super) fn new(
        (service, claim, host): (Service, Claim, Host),
        models: Vec<Box<dyn Model>>,
        mode: Mode,
        front: &str,
    ) -> Self {
        let session = (mode == Mode::Preview).then(Arc::default);
        let desk = Desk { service, claim, host, session, labels: Arc::default(), front: front.to_owned() };
        Self { desk, models, is_noted: false }
    }

    pub(super) fn models(&self) -> &Models<'static> {
        &self.models
    }

    pub(super) fn host(&self) -> &Host {
        &self.desk.host
    }

    /// Notes in the state directory that the run was accepted, before it is on record.
    pub(super) fn note(&mut self) -> Result<(), Refused> {
        self.is_noted = self.desk.service.0.notes.add(&self.desk.claim.run)?;
        Ok(())
    }

    pub(super) async fn begin(self, task: Task) -> Result<(), Refused> {
        let ready = {
            let tools = self.desk.tools();
            let worker = self.desk.worker(&tools);
            let start = worker.start(task, &self.models);
            worker.accept(start).await
        };
        self.start(ready)
    }

    pub(super) fn resume(self, run: &RunId) -> Result<(), Refused> {
        let ready = self.desk.worker(&self.desk.tools()).ready_to_resume(run);
        self.start(ready)
    }

    pub(super) async fn requeue(self, run: &RunId) -> Result<(), Refused> {
        let ready = self.desk.worker(&self.desk.tools()).let_go_on(run).await;
        self.start(ready)
    }

    pub(super) async fn fork(
        self,
        from: (&RunId, u64),
        run: RunId,
        note: Option<String>,
        by: Option<String>,
    ) -> Result<(), Refused> {
        let ready = self.desk.worker(&self.desk.tools()).copy(from, (run, by), note).await;
        self.start(ready)
    }

    /// Does the work in a task of its own, if it is on record.
    fn start(self, ready: Result<Ready, Error>) -> Result<(), Refused> {
        let service = self.desk.service.clone();
        match ready {
            Ok(ready) => {
                service.0.tasks.spawn(self.work(ready));
                Ok(())
            }
            Err(error) => {
                // An earlier one is of a run that was accepted then and may not be over.
                if self.is_noted {
                    service.0.notes.remove(&self.desk.claim.run);
                }
                Err(error.into())
            }
        }
    }

    /// Waits for its turn, works, and says what came of it.
    async fn work(self, ready: Ready) {
        let Self { desk, mut models, .. } = self;
        let (service, run) = (&desk.service, &desk.claim.run);
        let came = tokio::select! {
            came = desk.turn(ready, &mut models) => came,
            () = service.0.abandon.cancelled() => Came::CutOff,
        };
        match came {
            Came::Over(ended) => {
                tracing::info!(%run, state = %ended.report.state, "a run ended");
                if let Some(session) = &desk.session {
                    service.remember(run.clone(), session.effects());
                }
            }
            Came::Cancelled => tracing::info!(%run, "a run was cancelled before it had begun"),
            Came::CutOff => {
                tracing::info!(%run, "a run was left where it can be taken up again");
                return;
            }
            Came::Replaced => return go_on(desk).await,
        }
        service.0.notes.remove(run);
    }
}

/// Takes a run up again under the manifest that is in force now, as a new server would.
async fn go_on(desk: Desk) {
    // Its host can go. Its place among those that are here stays its own: it was accepted, and whoever cancels it meanwhile is heard.
    let Desk { service, claim, host, .. } = desk;
    drop(host);
    let run = claim.run.clone();
    // What it is so far is read back, and its last steps may be on their way. Where they cannot be written, it cannot go on either.
    let _unwritten = service.host().journal().written().await.is_err();
    match service.resume_with(claim, &[]) {
        Ok(()) => tracing::info!(%run, "a run goes on under another manifest"),
        Err(error) => {
            tracing::warn!(%run, %error, "a run does not go on under another manifest: it can be resumed by hand")
        }
    }
}

impl Desk {
    async fn turn(&self, ready: Ready, models: &mut Models<'static>) -> Came {
        let service = &self.service.0;
        let seat = tokio::select! {
            biased;
            () = service.pause.cancelled() => return Came::CutOff,
            () = self.claim.cancel.cancelled() => return self.cancelled().await,
            () = self.host.replaced().cancelled() => {
                return if self.is_dry() { self.cancelled().await } else { Came::Replaced };
            }
            seat = service.places.take() => seat,
        };
        let tools = HostTools { seat: Some(&seat), ..self.tools() };
        let worker = self.worker(&tools);
        let pause = service.pause.child_token();
        let carried = async { worker.carry(ready, models, &mut |_| (), &pause).await };
        tokio::pin!(carried);
        let carried = tokio::select! {
            biased;
            carried = &mut carried => carried,
            () = self.host.replaced().cancelled() => {
                // What a dry run has staged is of this host, and would be gone after a new start, too.
                if self.is_dry() { self.claim.cancel.cancel() } else { pause.cancel() }
                carried.await
            }
        };
        match carried {
            Ok(ended) => Came::Over(Box::new(ended)),
            Err(_) if self.host.replaced().is_cancelled() && !service.pause.is_cancelled() && !self.is_dry() => {
                Came::Replaced
            }
            Err(error) => {
                tracing::warn!(run = %self.claim.run, %error, "the work on a run was stopped");
                Came::CutOff
            }
        }
    }

    fn is_dry(&self) -> bool {
        self.session.is_some()
    }

    /// Ends a run whose turn did not come.
    async fn cancelled(&self) -> Came {
        match cancel(self.host.journal(), &self.claim.run).await {
            Ok(()) => Came::Cancelled,
            Err(error) => {
                tracing::warn!(run = %self.claim.run, %error, "a run that waits was not cancelled");
                Came::CutOff
            }
        }
    }

    fn tools(&self) -> HostTools<'_> {
        tools(&self.host, self.session.clone(), Arc::clone(&self.labels))
    }

    fn worker<'a>(&'a self, tools: &'a HostTools<'a>) -> Worker<'a> {
        Worker {
            tools,
            clock: Arc::clone(&self.service.0.clock),
            cancel: self.claim.cancel.clone(),
            front: &self.front,
        }
    }
}

fn tools(host: &Host, session: Option<Arc<PreviewSession>>, labels: Arc<RunLabels>) -> HostTools<'_> {
    HostTools { host, session, labels, on_report: &|_| (), seat: None }
}

/// The tools that a model of this host is told of.
pub(super) fn specs(host: &Host) -> Vec<ToolSpec> {
    tools(host, None, Arc::default()).specs()
}

/// Decides that a dead run stays dead.
pub(super) async fn discard(host: &Host, clock: &Arc<dyn Clock>, run: &RunId) -> Result<(), Refused> {
    let tools = tools(host, None, Arc::default());
    let (clock, cancel) = (Arc::clone(clock), CancellationToken::new());
    Ok(Worker { tools: &tools, clock, cancel, front: FRONT }.discard(run).await?)
}
