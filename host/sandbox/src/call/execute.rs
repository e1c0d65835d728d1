//! One run of a guest: a fresh store, one instance, one call, and the account of it.
//!
//! Two forms of the same: on the calling thread, to the end; or as a fiber that gives way at every tick and wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{CommandCall, Mode, Sends};
use toolhold_core::command::Fault;
use toolhold_core::grant::Grants;
use toolhold_core::id::{ComponentName, Digest};
use toolhold_core::limit::{Limit, Limits, Usage};
use toolhold_core::outcome::SideOutput;
use wasmtime::component::{Instance, InstancePre, Val};
use wasmtime::{Engine, Store, UpdateDeadline};

use super::failure::{HostFault, RunFailure, Stopped, ToolError, classify, panicked, tool_error};
use super::guest::{Entrance, Guest, Room, TypedFunction};
use super::limiter::{HostMemory, Limiter};
use super::linker::LaneLinker;
use super::state::{CallState, Parts};
use super::stop::{Crossing, GRACE, Stop};
use super::value;
use crate::bindings::toolhold::tool::types as wit;
use crate::capability::context::{ContextCtx, EventSink};
use crate::capability::fs::{FsCtx, Notes, OpenedGrants, Stage};
use crate::capability::http::{Egress, HttpCtx, HttpParts, Requests};
use crate::meter::Meter;
use crate::reel::Reel;
use crate::turns::Caller;
use crate::workers::Workers;

/// Bytes that a guest may hand to the host in one go beside its result: what the host allocates before it can charge.
const TRANSFER: u64 = 16 << 20;

/// What is asked of a guest.
#[derive(Debug)]
pub(crate) enum Request {
    /// What its tools are.
    Describe,
    /// To run one of them.
    Invoke {
        /// Its local name.
        tool: String,
        /// The text of a JSON object.
        text: Arc<str>,
        /// The same as a value.
        arguments: Arc<Value>,
    },
    /// To run the program that it is.
    Run(Arc<CommandCall>),
}

impl Request {
    fn command(&self) -> Option<&Arc<CommandCall>> {
        match self {
            Self::Run(call) => Some(call),
            Self::Describe | Self::Invoke { .. } => None,
        }
    }
}

/// What a guest answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Its tools.
    Tools(Vec<wit::ToolInfo>),
    /// The text of its result.
    Text(String),
}

/// One call, ready to run: all that it may reach and use.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) opened: Arc<OpenedGrants>,
    pub(crate) mode: Mode,
    pub(crate) sends: Sends,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) key: Option<Digest>,
    pub(crate) reel: Option<Reel>,
    /// Whose tool it is.
    pub(crate) component: Option<ComponentName>,
    pub(crate) events: Option<EventSink>,
    pub(crate) caller: Caller,
    pub(crate) cancel: CancellationToken,
    pub(crate) memory: Arc<HostMemory>,
    pub(crate) workers: Workers,
    /// Where changes are kept until they land; `None` where nothing is to be staged.
    pub(crate) staging: Option<Staging>,
}

/// How the changes of a call are staged.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    pub(crate) stage: Arc<Stage>,
    /// Also of grants that are not atomic: nothing of the call lands by itself.
    pub(crate) nothing_lands: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Result<Answer, RunFailure>,
    pub(crate) usage: Usage,
    pub(crate) output: SideOutput,
    pub(crate) files: Notes,
    /// What was staged, whatever came of the call.
    pub(crate) staged: Option<Arc<Stage>>,
    pub(crate) requests: Requests,
}

impl Ended {
    /// A call that never started.
    pub(crate) fn refused(failure: RunFailure) -> Self {
        Self {
            outcome: Err(failure),
            usage: Usage::default(),
            output: SideOutput::default(),
            files: Notes::default(),
            staged: None,
            requests: Requests::default(),
        }
    }
}

/// What a guest returns before it is charged and put into words.
enum Returned {
    Tools(Vec<wit::ToolInfo>),
    Text(Result<String, wit::ToolError>),
    Typed(Result<Result<Value, ToolError>, value::TooLarge>),
    /// A program ended by itself, with success or without.
    Status(u8),
}

/// Runs `job` to its end on this thread.
pub(crate) fn on_calling_thread(room: &Room, guest: &Guest, job: Job) -> Ended {
    let pre = match guest.pre(room, LaneLinker::CallingThread) {
        Ok(pre) => pre,
        Err(error) => return Ended::refused(RunFailure::Host(format!("{error:#}"))),
    };
    let (mut store, request) = open(&room.engine, job, false);
    let ended = catch_unwind(AssertUnwindSafe(|| call(&mut store, pre, guest, &request)));
    close(&mut store, &request, ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))))
}

/// Runs `job` as a fiber. It gives way at every tick, so polling it takes no longer than one.
pub(crate) async fn on_fiber(room: Arc<Room>, guest: Arc<Guest>, job: Job) -> Ended {
    let pre = match guest.pre(&room, LaneLinker::Fiber) {
        Ok(pre) => pre,
        Err(error) => return Ended::refused(RunFailure::Host(format!("{error:#}"))),
    };
    let (workers, cancel) = (job.workers.clone(), job.cancel.clone());
    let (mut store, request) = open(&room.engine, job, true);
    let deadline = store.data().stop.deadline();
    let meter = Arc::clone(&store.data().meter);
    let given_up = async {
        cancel.cancelled().await;
        workers.sleep_until(std::time::Instant::now() + GRACE).await;
    };
    // The guest comes first: one that ends at its first poll, and most do, starts no timer.
    let ended = tokio::select! {
        biased;
        ended = AssertUnwindSafe(call_async(&mut store, pre, &guest, &request)).catch_unwind() => ended,
        () = workers.sleep_until(deadline) => Ok(Err(meter.exceeded(Limit::Time).into())),
        () = given_up => Ok(Err(Stopped::Cancelled.into())),
    };
    close(&mut store, &request, ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))))
}

fn open(engine: &Engine, job: Job, fiber: bool) -> (Store<CallState>, Request) {
    let meter = Arc::new(Meter::start(job.limits));
    let crossing = Crossing::new(engine.clone());
    let http = HttpCtx::new(HttpParts {
        grants: Arc::clone(&job.grants.http),
        mode: job.mode,
        sends: job.sends,
        egress: job.egress,
        call: job.key,
        reel: job.reel.clone(),
        component: job.component,
        crossing: crossing.clone(),
        workers: job.workers.clone(),
    });
    let parts = Parts {
        limiter: Limiter::new(Arc::clone(&meter), job.memory),
        stop: Stop::new(Arc::clone(&meter), job.cancel, crossing),
        fs: match job.staging {
            Some(Staging { stage, nothing_lands }) => {
                FsCtx::staged(job.opened, Arc::clone(&meter), stage, nothing_lands)
            }
            None => FsCtx::new(job.opened, Arc::clone(&meter)),
        },
        http,
        context: ContextCtx { sink: job.events, ..ContextCtx::default() },
        workers: job.workers,
        command: job.request.command().cloned(),
        reel: job.reel,
        fiber,
        meter: Arc::clone(&meter),
    };
    let mut store = Store::new(engine, CallState::new(&job.grants, parts));
    store.limiter(|state| &mut state.limiter);
    // Fails without fuel in the engine's settings only; the guest would then trap at once, as it has none.
    drop(store.set_fuel(meter.limits().get(Limit::Fuel)));
    let transfer = meter.limits().get(Limit::Output).saturating_add(TRANSFER);
    store.set_hostcall_fuel(usize::try_from(transfer).unwrap_or(usize::MAX));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        let state = store.data_mut();
        state.stop.check()?;
        Ok(if state.fiber { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
    });
    (store, job.request)
}

fn call(
    store: &mut Store<CallState>,
    pre: &InstancePre<CallState>,
    guest: &Guest,
    request: &Request,
) -> wasmtime::Result<Returned> {
    let instance = pre.instantiate(&mut *store)?;
    match (request, &guest.entrance) {
        (Request::Describe, Entrance::Described { describe, .. }) => {
            let describe = instance.get_typed_func::<(), (Vec<wit::ToolInfo>,)>(&mut *store, describe)?;
            Ok(Returned::Tools(describe.call(store, ())?.0))
        }
        (Request::Invoke { tool, text, .. }, Entrance::Described { invoke, .. }) => {
            let invoke = instance.get_typed_func::<(&str, &str), Invoked>(&mut *store, invoke)?;
            Ok(Returned::Text(invoke.call(store, (tool, text))?.0))
        }
        (Request::Invoke { tool, arguments, .. }, Entrance::Typed(functions)) => {
            let mut typed = match TypedCall::new(store, &instance, functions.get(tool), arguments)? {
                Ok(typed) => typed,
                Err(error) => return Ok(Returned::Typed(Ok(Err(error)))),
            };
            typed.function.call(store, &typed.parameters, &mut typed.results)?;
            Ok(typed.returned())
        }
        (Request::Run(_), Entrance::Command(run)) => {
            let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
            Ok(Returned::Status(u8::from(run.call(store, ())?.0.is_err())))
        }
        _ => Err(no_entrance()),
    }
}

async fn call_async(
    store: &mut Store<CallState>,
    pre: &InstancePre<CallState>,
    guest: &Guest,
    request: &Request,
) -> wasmtime::Result<Returned> {
    let instance = pre.instantiate_async(&mut *store).await?;
    match (request, &guest.entrance) {
        (Request::Describe, Entrance::Described { describe, .. }) => {
            let describe = instance.get_typed_func::<(), (Vec<wit::ToolInfo>,)>(&mut *store, describe)?;
            Ok(Returned::Tools(describe.call_async(store, ()).await?.0))
        }
        (Request::Invoke { tool, text, .. }, Entrance::Described { invoke, .. }) => {
            let invoke = instance.get_typed_func::<(&str, &str), Invoked>(&mut *store, invoke)?;
            Ok(Returned::Text(invoke.call_async(store, (tool, text)).await?.0))
        }
        (Request::Invoke { tool, arguments, .. }, Entrance::Typed(functions)) => {
            let mut typed = match TypedCall::new(store, &instance, functions.get(tool), arguments)? {
                Ok(typed) => typed,
                Err(error) => return Ok(Returned::Typed(Ok(Err(error)))),
            };
            typed.function.call_async(store, &typed.parameters, &mut typed.results).await?;
            Ok(typed.returned())
        }
        (Request::Run(_), Entrance::Command(run)) => {
            let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
            Ok(Returned::Status(u8::from(run.call_async(store, ()).await?.0.is_err())))
        }
        _ => Err(no_entrance()),
    }
}

/// What `invoke` of a described component returns.
type Invoked = (Result<String, wit::ToolError>,);

/// A call of a component's own function, ready to be made.
struct TypedCall<'a> {
    function: wasmtime::component::Func,
    types: &'a TypedFunction,
    parameters: Vec<Val>,
    results: Vec<Val>,
}

impl<'a> TypedCall<'a> {
    fn new(
        store: &mut Store<CallState>,
        instance: &Instance,
        types: Option<&'a TypedFunction>,
        arguments: &Value,
    ) -> wasmtime::Result<Result<Self, ToolError>> {
        let types = types.ok_or_else(no_entrance)?;
        let function = instance.get_func(store, types.index).ok_or_else(no_entrance)?;
        let results = vec![Val::Bool(false); types.ty.results().len()];
        let parameters = value::parameters(&types.ty, arguments);
        Ok(parameters.map(|parameters| Self { function, types, parameters, results }))
    }

    fn returned(&self) -> Returned {
        Returned::Typed(value::returned(&self.types.ty, self.results.first()))
    }
}

/// Tools are listed by what the component is, so no call comes here.
fn no_entrance() -> wasmtime::Error {
    HostFault("the component cannot be called like this".into()).into()
}

fn close(store: &mut Store<CallState>, request: &Request, returned: wasmtime::Result<Returned>) -> Ended {
    let fuel_left = store.get_fuel().unwrap_or(0);
    let state = store.data_mut();
    let outcome = match (returned.map_err(|error| classify(state, &error)), request.command()) {
        // A program says with its status how it went, whether it returns or exits.
        (Ok(Returned::Status(status)) | Err(RunFailure::Exit(status)), Some(call)) => {
            program_ended(state, call, status)
        }
        (Ok(returned), _) => charge(state, returned),
        (Err(failure), _) => Err(failure),
    };
    let mut usage = state.meter.usage();
    usage.set(Limit::Fuel, state.meter.limits().get(Limit::Fuel).saturating_sub(fuel_left));
    Ended {
        outcome,
        usage,
        output: state.side_output(),
        files: state.fs.take_notes(),
        staged: state.fs.stage(),
        requests: state.http.take_requests(),
    }
}

fn charge(state: &CallState, returned: Returned) -> Result<Answer, RunFailure> {
    if let Some(exceeded) = state.stop.crossed() {
        return Err(RunFailure::Exceeded(exceeded));
    }
    let output = |bytes: usize| state.meter.charge(Limit::Output, bytes as u64).map_err(RunFailure::Exceeded);
    match returned {
        Returned::Tools(tools) => Ok(Answer::Tools(tools)),
        Returned::Text(Ok(text)) => output(text.len()).map(|()| Answer::Text(text)),
        Returned::Text(Err(error)) => {
            let error = tool_error(error);
            output(error.message().len())?;
            Err(RunFailure::Tool(error))
        }
        Returned::Typed(Err(value::TooLarge)) => Err(RunFailure::Exceeded(state.meter.exceeded(Limit::Output))),
        Returned::Typed(Ok(Ok(value))) => {
            let text = value.to_string();
            output(text.len()).map(|()| Answer::Text(text))
        }
        Returned::Typed(Ok(Err(error))) => {
            output(error.message().len())?;
            Err(RunFailure::Tool(error))
        }
        Returned::Status(status) => Err(RunFailure::Exit(status)),
    }
}

/// What a program wrote has been charged as it was written.
fn program_ended(state: &CallState, call: &CommandCall, status: u8) -> Result<Answer, RunFailure> {
    if let Some(exceeded) = state.stop.crossed() {
        return Err(RunFailure::Exceeded(exceeded));
    }
    // Of a program that failed, both stay for the operator.
    let (written, result) =
        state.stdio.look(|stdout, stderr| (stdout.len(), call.command.result(status, stdout, stderr)));
    if let Ok(text) = &result {
        // What was standard output is the result, which may have become longer on its way into JSON.
        drop(state.stdio.stdout());
        let more = text.len().saturating_sub(written) as u64;
        state.meter.charge(Limit::Output, more).map_err(RunFailure::Exceeded)?;
    }
    result.map(Answer::Text).map_err(|fault| {
        RunFailure::Tool(match fault {
            Fault::InvalidArguments(text) => ToolError::InvalidArguments(text),
            Fault::NotFound(text) => ToolError::NotFound(text),
            Fault::Failed(text) => ToolError::Failed(text),
        })
    })
}

/// The state of a call with these grants and limits and no guest.
#[cfg(test)]
pub(crate) fn test_state(grants: Grants, limits: Limits) -> CallState {
    let job = Job {
        request: Request::Describe,
        opened: Arc::new(OpenedGrants::open(&grants.directories, &Default::default(), &Default::default()).unwrap()),
        grants,
        mode: Mode::Live,
        sends: Sends::AsGranted,
        egress: Arc::new(crate::capability::http::NoEgress),
        key: None,
        reel: None,
        component: None,
        limits,
        events: None,
        caller: Caller::default(),
        cancel: CancellationToken::new(),
        memory: Arc::new(HostMemory::new(u64::MAX)),
        workers: Workers::new(1),
        staging: None,
    };
    let size = crate::engine::PoolSize { calls: 1, memories: 1 };
    open(&crate::engine::new_engine(size).unwrap(), job, false).0.into_data()
}
