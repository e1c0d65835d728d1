//! Calls that take long, for clients that would rather ask again than wait: the tasks extension of the protocol.
//!
//! A call that has not ended after a moment becomes a task, if its request says that the client knows of tasks. A task is its
//! client's: for every other one it does not exist. It lives as long as this process; what a call did is in the journal whether
//! anybody asks for its task or not.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, DetailedTask, Task, TaskPayload, TaskStatus};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toolhold_core::id::ApprovalId;

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

/// Bytes of results, of all clients of this process together, that are kept. Beyond, those that ended longest ago are not.
const MOST_BYTES: usize = 64 << 20;

/// The results that this process keeps.
static RESULTS: LazyLock<Results> = LazyLock::new(|| Results::new(MOST_BYTES));

/// A call that runs, and what comes of it.
pub(super) type Running = JoinHandle<Result<Made, ErrorData>>;

/// A call that was made.
#[derive(Debug)]
pub(super) struct Made {
    /// As its client takes it.
    pub(super) result: CallToolResult,
    /// The approval that it waits for.
    pub(super) waits: Option<ApprovalId>,
}

/// The tasks of a client.
pub(super) struct Tasks {
    entries: Arc<Mutex<Entries>>,
    results: Results,
    /// For how long, from its begin and at least from its end, one is kept.
    kept: (Duration, Duration),
}

type Entries = BTreeMap<String, Entry>;

impl Default for Tasks {
    fn default() -> Self {
        Self { entries: Arc::default(), results: RESULTS.clone(), kept: (KEPT, KEPT_AFTER_END) }
    }
}

/// Results that are kept, counted. Cheap to clone; all clones count together.
#[derive(Clone)]
struct Results(Arc<Mutex<Kept>>);

struct Kept {
    most: usize,
    bytes: usize,
    next: u64,
    /// In the order in which they ended.
    known: BTreeMap<u64, Known>,
}

struct Known {
    bytes: usize,
    tasks: Weak<Mutex<Entries>>,
    id: String,
}

/// A result that counts, for as long as this is there.
struct Room(Results, u64);

impl Results {
    fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { most, bytes: 0, next: 0, known: BTreeMap::new() })))
    }

    /// Counts one more, and names those that have to go for it. Nobody who asks for this may hold the tasks of a client.
    fn make_room(&self, known: Known) -> (Room, Vec<Known>) {
        let mut kept = self.kept();
        let (number, mut gone) = (kept.next, Vec::new());
        kept.next += 1;
        kept.bytes = kept.bytes.saturating_add(known.bytes);
        while kept.bytes > kept.most
            && let Some((_, oldest)) = kept.known.pop_first()
        {
            kept.bytes = kept.bytes.saturating_sub(oldest.bytes);
            gone.push(oldest);
        }
        kept.known.insert(number, known);
        (Room(self.clone(), number), gone)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        if let Some(known) = kept.known.remove(&self.1) {
            kept.bytes = kept.bytes.saturating_sub(known.bytes);
        }
    }
}

struct Entry {
    created: String,
    began: Instant,
    updated: String,
    /// When, how, and what its result takes.
    ended: Option<(Instant, TaskPayload, Room)>,
    cancel: CancellationToken,
}

impl Tasks {
    /// Whether there may be one more. Those that were kept long enough make room.
    pub(super) fn have_room(&self) -> bool {
        let mut tasks = locked(&self.entries);
        tasks.retain(|_, task| !task.is_over());
        tasks.len() < MOST
    }

    /// Makes a call that runs a task. `cancel` stops it.
    pub(super) fn keep(&self, running: Running, cancel: CancellationToken) -> Task {
        let (id, now) = (uuid::Uuid::new_v4().to_string(), clock::now().to_string());
        let entry = Entry { created: now.clone(), began: Instant::now(), updated: now, ended: None, cancel };
        let task = entry.task(&id);
        locked(&self.entries).insert(id.clone(), entry);
        // A client that is gone takes its tasks with it.
        let (tasks, results) = (Arc::downgrade(&self.entries), self.results.clone());
        let (from_begin, from_end) = self.kept;
        tokio::spawn(async move {
            let result = running.await.map(|made| made.map(|made| made.result));
            let result = result.unwrap_or_else(|_| Err(ErrorData::internal_error("the call was not made", None)));
            if let Some(took) = ended(&tasks, &results, &id, result) {
                tokio::time::sleep(from_begin.saturating_sub(took).max(from_end)).await;
                forget(&tasks, &id);
            }
        });
        task
    }

    /// How a task stands.
    pub(super) fn get(&self, id: &str) -> Result<DetailedTask, ErrorData> {
        let tasks = locked(&self.entries);
        let entry = tasks.get(id).filter(|task| !task.is_over()).ok_or_else(unknown)?;
        let payload = entry.ended.as_ref().map_or(TaskPayload::Working, |(_, payload, _)| payload.clone());
        Ok(DetailedTask::new(entry.task(id), payload))
    }

    /// Stops a task. How it ended is known when its guest has.
    pub(super) fn cancel(&self, id: &str) -> Result<(), ErrorData> {
        locked(&self.entries).get(id).ok_or_else(unknown)?.cancel.cancel();
        Ok(())
    }
}

/// Keeps what came of a task, and says how long it took. `None` if there is nobody to keep it for.
fn ended(
    tasks: &Weak<Mutex<Entries>>,
    results: &Results,
    id: &str,
    result: Result<CallToolResult, ErrorData>,
) -> Option<Duration> {
    let bytes = match &result {
        Ok(result) => serde_json::to_vec(result),
        Err(error) => serde_json::to_vec(error),
    };
    let known = Known { bytes: bytes.map_or(0, |bytes| bytes.len()), tasks: Weak::clone(tasks), id: id.to_owned() };
    let (room, gone) = results.make_room(known);
    for known in gone {
        forget(&known.tasks, &known.id);
    }
    let tasks = tasks.upgrade()?;
    let mut tasks = locked(&tasks);
    let entry = tasks.get_mut(id)?;
    entry.end(result, room);
    Some(entry.began.elapsed())
}

fn forget(tasks: &Weak<Mutex<Entries>>, id: &str) {
    if let Some(tasks) = tasks.upgrade() {
        let _gone = locked(&tasks).remove(id);
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        let ended = self.ended.as_ref();
        ended.is_some_and(|(at, ..)| self.began.elapsed() > KEPT && at.elapsed() > KEPT_AFTER_END)
    }

    fn end(&mut self, result: Result<CallToolResult, ErrorData>, room: Room) {
        let payload = match result {
            Ok(result) if self.cancel.is_cancelled() && result.is_error == Some(true) => TaskPayload::Cancelled,
            Ok(result) => TaskPayload::Completed { result: object(&result) },
            Err(error) => TaskPayload::Failed { error: object(&error) },
        };
        self.updated = clock::now().to_string();
        self.ended = Some((Instant::now(), payload, room));
    }

    fn task(&self, id: &str) -> Task {
        let status = self.ended.as_ref().map_or(TaskStatus::Working, |(_, payload, _)| payload.status());
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Task::new(id, status, &self.created, &self.updated)
            .with_ttl_ms(milliseconds(KEPT))
            .with_poll_interval_ms(milliseconds(ASK_EVERY))
    }
}

fn locked(tasks: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
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
            let result = tokio::select! {
                result = told => result.unwrap(),
                () = stopped.cancelled() => CallToolResult::error(vec![ContentBlock::text("cancelled")]),
            };
            Ok(Made { result, waits: None })
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

    #[tokio::test]
    async fn what_all_results_take_has_an_end_and_the_oldest_goes_first() {
        let results = Results::new(10_000);
        let of = || Tasks { results: results.clone(), ..Tasks::default() };
        let (ann, bob) = (of(), of());
        let mut ids = Vec::new();
        for tasks in [&ann, &bob, &ann] {
            let cancel = CancellationToken::new();
            let (tell, running) = call(&cancel);
            let id = tasks.keep(running, cancel).task_id;
            tell.send(CallToolResult::success(vec![ContentBlock::text("x".repeat(4000))])).unwrap();
            ended(tasks, &id).await;
            ids.push(id);
        }
        assert!(ann.get(&ids[0]).is_err() && bob.get(&ids[1]).is_ok() && ann.get(&ids[2]).is_ok());
        let most = results.kept().bytes;
        assert!((8000..10_000).contains(&most), "{most}");
        drop((ann, bob));
        assert_eq!(results.kept().bytes, 0, "a client that is gone keeps nothing");
    }

    #[tokio::test]
    async fn what_ended_long_ago_goes_without_anybody_asking() {
        let (results, short) = (Results::new(1000), Duration::from_millis(200));
        let tasks = Tasks { results, kept: (short, short), ..Tasks::default() };
        let cancel = CancellationToken::new();
        let (tell, running) = call(&cancel);
        let id = tasks.keep(running, cancel).task_id;
        tell.send(CallToolResult::success(vec![ContentBlock::text("done")])).unwrap();
        ended(&tasks, &id).await;
        assert!(tasks.get(&id).is_ok() && tasks.results.kept().bytes > 0);
        tokio::time::sleep(short * 5).await;
        assert!(locked(&tasks.entries).is_empty() && tasks.results.kept().bytes == 0);
    }
}
