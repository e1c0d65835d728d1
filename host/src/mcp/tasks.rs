//! Calls that take long, for clients that would rather ask again than wait: the tasks extension of the protocol.
//!
//! A call that has not ended after a moment becomes a task, if its request says that the client knows of tasks. A task is its
//! client's: for every other one it does not exist. It lives as long as this process; what a call did is in the journal whether
//! anybody asks for its task or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, DetailedTask, Task, TaskPayload, TaskStatus};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// A call that ends within this is answered as it always was.
pub(super) const MOMENT: Duration = Duration::from_secs(2);

/// For how long a task can be asked for, from its begin; and at least from its end. One that runs can be asked for anyway.
const KEPT: Duration = Duration::from_secs(3600);
const KEPT_AFTER_END: Duration = Duration::from_secs(600);

/// How often to ask.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Tasks of one client, with those that have ended. Beyond, calls are answered when they end.
const MOST: usize = 64;

/// A call that runs, and what comes of it.
pub(super) type Running = JoinHandle<Result<CallToolResult, ErrorData>>;

/// The tasks of a client.
#[derive(Default)]
pub(super) struct Tasks(Arc<Mutex<BTreeMap<String, Entry>>>);

struct Entry {
    created: String,
    began: Instant,
    updated: String,
    ended: Option<(Instant, TaskPayload)>,
    cancel: CancellationToken,
}

impl Tasks {
    /// Whether there may be one more. Those that were kept long enough make room.
    pub(super) fn have_room(&self) -> bool {
        let mut tasks = locked(&self.0);
        tasks.retain(|_, task| !task.is_over());
        tasks.len() < MOST
    }

    /// Makes a call that runs a task. `cancel` stops it.
    pub(super) fn keep(&self, running: Running, cancel: CancellationToken) -> Task {
        let (id, now) = (uuid::Uuid::new_v4().to_string(), clock::now().to_string());
        let entry = Entry { created: now.clone(), began: Instant::now(), updated: now, ended: None, cancel };
        let task = entry.task(&id);
        locked(&self.0).insert(id.clone(), entry);
        let tasks = Arc::clone(&self.0);
        tokio::spawn(async move {
            let result = running.await;
            if let Some(entry) = locked(&tasks).get_mut(&id) {
                entry.end(result.unwrap_or_else(|_| Err(ErrorData::internal_error("the call was not made", None))));
            }
        });
        task
    }

    /// How a task stands.
    pub(super) fn get(&self, id: &str) -> Result<DetailedTask, ErrorData> {
        let tasks = locked(&self.0);
        let entry = tasks.get(id).filter(|task| !task.is_over()).ok_or_else(unknown)?;
        let payload = entry.ended.as_ref().map_or(TaskPayload::Working, |(_, payload)| payload.clone());
        Ok(DetailedTask::new(entry.task(id), payload))
    }

    /// Stops a task. How it ended is known when its guest has.
    pub(super) fn cancel(&self, id: &str) -> Result<(), ErrorData> {
        locked(&self.0).get(id).ok_or_else(unknown)?.cancel.cancel();
        Ok(())
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        let ended = self.ended.as_ref();
        ended.is_some_and(|(at, _)| self.began.elapsed() > KEPT && at.elapsed() > KEPT_AFTER_END)
    }

    fn end(&mut self, result: Result<CallToolResult, ErrorData>) {
        let payload = match result {
            Ok(result) if self.cancel.is_cancelled() && result.is_error == Some(true) => TaskPayload::Cancelled,
            Ok(result) => TaskPayload::Completed { result: object(&result) },
            Err(error) => TaskPayload::Failed { error: object(&error) },
        };
        self.updated = clock::now().to_string();
        self.ended = Some((Instant::now(), payload));
    }

    fn task(&self, id: &str) -> Task {
        let status = self.ended.as_ref().map_or(TaskStatus::Working, |(_, payload)| payload.status());
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Task::new(id, status, &self.created, &self.updated)
            .with_ttl_ms(milliseconds(KEPT))
            .with_poll_interval_ms(milliseconds(ASK_EVERY))
    }
}

fn locked(tasks: &Mutex<BTreeMap<String, Entry>>) -> MutexGuard<'_, BTreeMap<String, Entry>> {
    // A change is complete before anything can panic.
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn unknown() -> ErrorData {
    ErrorData::invalid_params("this client has no such task; those that ended long ago are not kept", None)
}

#[cfg(test)]
mod tests {
    use rmcp::model::ContentBlock;

    use super::*;

    /// A call that ends, with what it is told to end with, when it is told to or stopped.
    fn call(cancel: &CancellationToken) -> (tokio::sync::oneshot::Sender<CallToolResult>, Running) {
        let (tell, told) = tokio::sync::oneshot::channel();
        let stopped = cancel.clone();
        let running = tokio::spawn(async move {
            tokio::select! {
                result = told => Ok(result.unwrap()),
                () = stopped.cancelled() => Ok(CallToolResult::error(vec![ContentBlock::text("cancelled")])),
            }
        });
        (tell, running)
    }

    async fn ended(tasks: &Tasks, id: &str) -> DetailedTask {
        loop {
            let task = tasks.get(id).unwrap();
            if task.status().is_terminal() {
                return task;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_works_and_then_has_the_result_of_its_call() {
        let (tasks, cancel) = (Tasks::default(), CancellationToken::new());
        let (tell, running) = call(&cancel);
        let task = tasks.keep(running, cancel);
        assert_eq!(tasks.get(&task.task_id).unwrap().status(), TaskStatus::Working);
        tell.send(CallToolResult::success(vec![ContentBlock::text("done")])).unwrap();
        let TaskPayload::Completed { result } = ended(&tasks, &task.task_id).await.payload else {
            panic!("not completed")
        };
        assert_eq!(result["content"][0]["text"], "done");
        // A cancellation that comes too late changes nothing.
        tasks.cancel(&task.task_id).unwrap();
        assert_eq!(tasks.get(&task.task_id).unwrap().status(), TaskStatus::Completed);
    }

    #[tokio::test]
    async fn a_task_that_is_cancelled_is_stopped() {
        let (tasks, cancel) = (Tasks::default(), CancellationToken::new());
        let (_tell, running) = call(&cancel);
        let task = tasks.keep(running, cancel);
        tasks.cancel(&task.task_id).unwrap();
        assert_eq!(ended(&tasks, &task.task_id).await.status(), TaskStatus::Cancelled);
    }

    #[tokio::test]
    async fn a_task_is_its_clients_and_there_are_only_so_many() {
        let (tasks, others) = (Tasks::default(), Tasks::default());
        let mut ids = Vec::new();
        for _ in 0..MOST {
            assert!(tasks.have_room());
            let cancel = CancellationToken::new();
            let (_tell, running) = call(&cancel);
            ids.push(tasks.keep(running, cancel).task_id);
        }
        assert!(!tasks.have_room());
        assert!(others.get(&ids[0]).is_err() && others.cancel(&ids[0]).is_err() && tasks.get("no-such-task").is_err());
    }
}
