//! What the cases share: a clock that is moved by hand, tools that answer from a table, and a way to run a task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::effect::Notes;
use toolhold_core::limit::{Limits, Usage};
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome, SideOutput};

use crate::agent::model::script::{Script, Scripted};
use crate::agent::model::{Error, Identity, Kind, Model, Request, Tokens, Turn};
use crate::agent::{
    Agent, Clock, Message, Occurrence, RequestedCall, RunEvent, RunLimits, RunReport, Task, ToolSpec, Tools,
};

/// A clock that moves when it is told to.
#[derive(Default)]
pub(super) struct ManualClock {
    now: Mutex<Duration>,
    moved: tokio::sync::Notify,
    /// Every sleep is over at once, and moves the clock.
    hurried: bool,
}

impl ManualClock {
    /// One on which every sleep of at most `longest_wait` is over at once. Longer ones are deadlines, which must not be.
    pub(super) fn hurried() -> Self {
        Self { hurried: true, ..Self::default() }
    }

    pub(super) fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
        self.moved.notify_waiters();
    }
}

/// The clock of a test, shared.
#[derive(Clone)]
pub(super) struct TestClock(pub(super) Arc<ManualClock>);

/// Pauses between attempts are shorter than this in tests; limits and deadlines are longer.
const LONGEST_HURRIED: Duration = Duration::from_secs(25);

impl Clock for TestClock {
    fn now(&self) -> Duration {
        *self.0.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = clock.now() + duration;
        Box::pin(async move {
            if clock.0.hurried && duration < LONGEST_HURRIED {
                return clock.0.advance(duration);
            }
            loop {
                let moved = clock.0.moved.notified();
                let mut moved = std::pin::pin!(moved);
                moved.as_mut().enable();
                if clock.now() >= until {
                    return;
                }
                moved.await;
            }
        })
    }
}

/// What a fake tool does.
#[derive(Clone)]
pub(super) enum Does {
    Returns(Value),
    Fails(Class, &'static str),
    /// Moves the clock on, then returns null.
    Takes(Duration),
    /// Returns when it is cancelled.
    WaitsForCancel,
    /// Never returns; the clock moves on so that the run can end.
    Hangs,
    /// Cancels the run, then returns.
    CancelsTheRun,
}

/// Tools that answer from a table and remember what they were asked.
pub(super) struct FakeTools {
    pub(super) does: HashMap<&'static str, Does>,
    pub(super) asked: Mutex<Vec<(String, Value)>>,
    pub(super) clock: TestClock,
    pub(super) cancel: CancellationToken,
}

impl FakeTools {
    fn outcome(does: &Does) -> Outcome {
        match does {
            Does::Returns(value) => Outcome::Success(value.clone()),
            Does::Fails(class, message) => {
                Outcome::Failure(Failure::new(*class, "the-code", *message).with_detail("operator only: /host/path"))
            }
            _ => Outcome::Success(Value::Null),
        }
    }
}

impl Tools for FakeTools {
    fn specs(&self) -> Vec<ToolSpec> {
        let spec = |name: &&str| ToolSpec {
            name: name.parse().unwrap(),
            description: format!("the tool {name}"),
            input_schema: json!({"type": "object"}),
            digest: None,
        };
        let mut specs: Vec<_> = self.does.keys().map(spec).collect();
        specs.sort_by(|one, other| one.name.cmp(&other.name));
        specs
    }

    async fn call(&self, call: ToolCall, cancel: CancellationToken) -> CallReport {
        let arguments = serde_json::from_str(&call.arguments).unwrap();
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((call.tool.clone(), arguments));
            asked.len()
        };
        let does = &self.does[call.tool.as_str()];
        let mut outcome = Self::outcome(does);
        match does {
            Does::Takes(time) => self.clock.0.advance(*time),
            Does::CancelsTheRun => self.cancel.cancel(),
            Does::WaitsForCancel => {
                self.clock.0.advance(Duration::from_secs(1000));
                cancel.cancelled().await;
                outcome = Outcome::Failure(Failure::new(Class::Cancelled, "cancelled", "given up"));
            }
            Does::Hangs => loop {
                self.clock.0.advance(Duration::from_secs(1000));
                tokio::task::yield_now().await;
            },
            _ => {}
        }
        CallReport {
            call: format!("call-{number}").parse().unwrap(),
            tool: call.tool,
            digest: None,
            mode: call.mode,
            outcome,
            usage: Usage::default(),
            limits: Limits::default(),
            output: SideOutput { stdout: "printed".into(), ..SideOutput::default() },
            notes: Notes::default(),
            effects: toolhold_core::effect::EffectReport::default(),
            replayed: false,
            attempts: 1,
            served_by: None,
            approved: None,
        }
    }
}

/// A model that answers from a list, and remembers what it was asked.
pub(super) struct ListModel {
    identity: Identity,
    pub(super) turns: Vec<Result<Turn, Error>>,
    pub(super) seen: Vec<(Vec<Message>, usize)>,
    pub(super) clock: TestClock,
    /// What each turn takes.
    pub(super) takes: Duration,
}

impl ListModel {
    pub(super) fn new(clock: TestClock, turns: Vec<Result<Turn, Error>>) -> Self {
        let identity = Identity { name: "list".into(), kind: Kind::Scripted };
        Self { identity, turns, seen: Vec::new(), clock, takes: Duration::ZERO }
    }
}

impl Model for ListModel {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        _on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        self.seen.push((request.messages.to_vec(), request.tools.len()));
        let turn = match self.turns.len() {
            0 => Err(Error::Script("the list has ended".into())),
            1 => self.turns[0].clone(),
            _ => self.turns.remove(0),
        };
        let (clock, takes) = (self.clock.clone(), self.takes);
        Box::pin(async move {
            clock.0.advance(takes);
            tokio::task::yield_now().await;
            turn
        })
    }
}

/// A turn of text.
pub(super) fn text(text: &str) -> Turn {
    let finish = crate::agent::model::Finish::Stop;
    Turn { text: text.into(), calls: Vec::new(), finish, tokens: Tokens::default(), served_by: None }
}

/// A turn of calls: name and arguments of each.
pub(super) fn calls(of: &[(&str, &str)]) -> Turn {
    let call = |(index, (name, arguments)): (usize, &(&str, &str))| RequestedCall {
        id: format!("c{index}"),
        name: (*name).into(),
        arguments: (*arguments).into(),
    };
    let calls = of.iter().enumerate().map(call).collect();
    Turn { calls, finish: crate::agent::model::Finish::ToolCalls, ..text("") }
}

/// A run and everything that can be looked at after it.
pub(super) struct Played {
    pub(super) report: RunReport,
    pub(super) events: Vec<Occurrence>,
    pub(super) asked: Vec<(String, Value)>,
}

impl Played {
    /// The codes of everything that was refused before it reached a tool.
    pub(super) fn rejections(&self) -> Vec<String> {
        let code = |occurrence: &Occurrence| match &occurrence.event {
            RunEvent::CallRejected { failure, .. } => Some(failure.code.clone()),
            _ => None,
        };
        self.events.iter().filter_map(code).collect()
    }

    /// The tools that were reached, in order.
    pub(super) fn reached(&self) -> Vec<&str> {
        self.asked.iter().map(|(tool, _)| tool.as_str()).collect()
    }

    /// The reason, in words.
    pub(super) fn reason(&self) -> String {
        self.report.reason.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// The tools of every case.
pub(super) fn table() -> HashMap<&'static str, Does> {
    HashMap::from([
        ("files.read", Does::Returns(json!({"text": "hello"}))),
        ("files.delete", Does::Fails(Class::Denied, "denied; ask for something else")),
        ("files.list", Does::Fails(Class::InvalidArguments, "`/path` is missing")),
        ("web.get", Does::Fails(Class::Tool, "no such page")),
        ("big.read", Does::Returns(json!("é".repeat(100_000)))),
        ("slow.work", Does::Takes(Duration::from_secs(301))),
        ("slow.wait", Does::WaitsForCancel),
        ("slow.hang", Does::Hangs),
        ("stop.now", Does::CancelsTheRun),
    ])
}

/// Plays a task to its end.
pub(super) async fn play(model: &mut dyn Model, limits: RunLimits, clock: TestClock) -> Played {
    let cancel = CancellationToken::new();
    let tools = FakeTools { does: table(), asked: Mutex::default(), clock: clock.clone(), cancel: cancel.clone() };
    let agent = Agent { tools: &tools, limits, clock: Arc::new(clock), cancel, quota: None };
    let task = Task::new("run-1".parse().unwrap(), "do it");
    let mut events = Vec::new();
    let report = agent.run(model, task, &mut |occurrence| events.push(occurrence.clone())).await;
    assert!(report.state.is_end(), "{}", report.state);
    assert_eq!(events.last().map(|last| last.state), Some(report.state), "the last event is the end");
    assert_eq!(report.calls.len(), tools.asked.lock().unwrap().len(), "each call is reported once");
    Played { report, events, asked: tools.asked.into_inner().unwrap() }
}

/// Plays the turns of a list. Also returns what the model saw.
pub(super) async fn play_list(turns: Vec<Turn>, limits: RunLimits) -> (Played, ListModel) {
    let clock = TestClock(Arc::new(ManualClock::hurried()));
    let mut model = ListModel::new(clock.clone(), turns.into_iter().map(Ok).collect());
    let played = play(&mut model, limits, clock).await;
    (played, model)
}

/// Plays a script.
pub(super) async fn play_script(script: &str) -> Played {
    let clock = TestClock(Arc::new(ManualClock::hurried()));
    let mut model = Scripted::new("s.toml", Script::parse(script).unwrap());
    play(&mut model, RunLimits::default(), clock).await
}
