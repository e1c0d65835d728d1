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
}

/// Where the work on a run is done.
struct Desk {
    service: Service,
    claim: Claim,
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
}

impl Job {
    pub(super) fn new(
        (service, claim): (Service, Claim),
        models: Vec<Box<dyn Model>>,
        mode: Mode,
        front: &str,
    ) -> Self {
        let session = (mode == Mode::Preview).then(Arc::default);
        Self { desk: Desk { service, claim, session, labels: Arc::default(), front: front.to_owned() }, models }
    }

    pub(super) fn models(&self) -> &Models<'static> {
        &self.models
    }

    /// Notes in the state directory that the run was accepted, before it is on record.
    pub(super) fn note(&self) -> Result<(), Refused> {
        Ok(self.desk.service.0.notes.add(&self.desk.claim.run)?)
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
                service.0.notes.remove(&self.desk.claim.run);
                Err(error.into())
            }
        }
    }

    /// Waits for its turn, works, and says what came of it.
    async fn work(self, ready: Ready) {
        let Self { desk, mut models } = self;
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
        }
        service.0.notes.remove(run);
    }
}

impl Desk {
    async fn turn(&self, ready: Ready, models: &mut Models<'static>) -> Came {
        let service = &self.service.0;
        let seat = tokio::select! {
            biased;
            () = service.pause.cancelled() => return Came::CutOff,
            () = self.claim.cancel.cancelled() => return self.cancelled().await,
            seat = service.places.take() => seat,
        };
        let tools = HostTools { seat: Some(&seat), ..self.tools() };
        match self.worker(&tools).carry(ready, models, &mut |_| (), &service.pause).await {
            Ok(ended) => Came::Over(Box::new(ended)),
            Err(error) => {
                tracing::warn!(run = %self.claim.run, %error, "the work on a run was stopped");
                Came::CutOff
            }
        }
    }

    /// Ends a run whose turn did not come.
    async fn cancelled(&self) -> Came {
        match cancel(self.service.0.host.journal(), &self.claim.run).await {
            Ok(()) => Came::Cancelled,
            Err(error) => {
                tracing::warn!(run = %self.claim.run, %error, "a run that waits was not cancelled");
                Came::CutOff
            }
        }
    }

    fn tools(&self) -> HostTools<'_> {
        tools(&self.service.0.host, self.session.clone(), Arc::clone(&self.labels))
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
