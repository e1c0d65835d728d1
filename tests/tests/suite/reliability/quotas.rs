//! What all runs of an agent share in an hour: never exceeded, however many runs there are at once, and known after a restart.

use std::pin::Pin;
use std::sync::Arc;

use toolhold::agent::model::{Error, Finish, Identity, Kind, Model, Request, Tokens, Turn};
use toolhold::agent::{Message, RequestedCall, Task, TokioClock};
use toolhold::runs::{Ended, HostTools, Worker};
use toolhold::{CallOptions, Host};
use toolhold_core::state::State;

use super::support::{Place, SECOND, block_on, calls};

const TURN: u64 = 30_000;
const QUOTA: u64 = 130_000;

/// Asks for this many calls, one per turn, and then answers. Each turn costs [`TURN`], or what it is asked to read.
struct Dear {
    identity: Identity,
    calls: usize,
    is_fixed: bool,
}

impl Dear {
    fn alone(calls: usize, is_fixed: bool) -> [Box<dyn Model>; 1] {
        [Box::new(Self { identity: Identity { name: "dear".into(), kind: Kind::Scripted }, calls, is_fixed })]
    }
}

/// Three bytes are a token.
fn read(request: &Request<'_>) -> u64 {
    let tools: usize =
        request.tools.iter().map(|tool| tool.description.len() + tool.input_schema.to_string().len()).sum();
    let said = |message: &Message| match message {
        Message::System(text) | Message::User(text) | Message::Tool { content: text, .. } => text.len(),
        Message::Assistant { text, calls } => text.len() + calls.iter().map(|call| call.arguments.len()).sum::<usize>(),
    };
    (tools + request.messages.iter().map(said).sum::<usize>()) as u64 / 3
}

impl Model for Dear {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        _on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> Pin<Box<dyn Future<Output = Result<Turn, Error>> + Send + 'a>> {
        let is_over = self.calls == 0 || request.tools.is_empty();
        self.calls = self.calls.saturating_sub(1);
        // Another text each time: repeating oneself is another limit.
        let arguments = format!("{{\"n\": {}}}", self.calls);
        let call = RequestedCall { id: format!("c{}", self.calls), name: "good__echo".into(), arguments };
        let turn = Turn {
            text: if is_over { "the answer".into() } else { String::new() },
            calls: if is_over { Vec::new() } else { vec![call] },
            finish: if is_over { Finish::Stop } else { Finish::ToolCalls },
            tokens: Tokens {
                input: if self.is_fixed { TURN - 10 } else { read(&request) },
                output: 10,
                ..Tokens::default()
            },
            served_by: None,
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(turn)
        })
    }
}

fn place(run: &str) -> Place {
    Place::new("", &format!("[run]\nmax-tokens-per-turn = 10\nmax-iterations = 50\nmax-tokens = 100000000\n{run}"))
}

async fn run(host: &Host, agent: &str, name: &str, calls: usize) -> Ended {
    ran(host, agent, name, &mut Dear::alone(calls, true)).await
}

async fn ran(host: &Host, agent: &str, name: &str, models: &mut [Box<dyn Model>; 1]) -> Ended {
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let worker = Worker {
        tools: &tools,
        clock: Arc::new(TokioClock::default()),
        cancel: CallOptions::default().cancel,
        front: "test",
    };
    let task = Task { agent: agent.into(), ..Task::new(name.parse().unwrap(), "t") };
    worker.begin(task, models, &mut |_| ()).await.unwrap()
}

fn why(ended: &Ended) -> String {
    ended.report.reason.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn tokens_of_an_hour_are_those_of_all_runs_of_an_agent_also_after_a_restart_and_not_those_of_another() {
    let place = place(&format!("max-tokens-per-hour = {QUOTA}"));
    block_on(async {
        let host = place.open().await;
        let first = run(&host, "a", "r1", 1).await;
        assert_eq!((first.report.state, first.report.tokens.total()), (State::Completed, 2 * TURN));
        let second = run(&host, "a", "r2", 20).await;
        assert_eq!(second.report.answer.as_deref(), Some("the answer"), "it ends with an answer: {second:?}");
        assert_eq!(second.report.state, State::Partial);
        assert!(why(&second).contains("`max-tokens-per-hour` of `[run]`"), "{second:?}");
        assert!(second.report.turns < 5, "{second:?}");
        assert_eq!(run(&host, "b", "r3", 0).await.report.state, State::Completed, "another agent has its own");
        drop(host);
        let host = place.open().await;
        let third = run(&host, "a", "r4", 5).await;
        assert!(why(&third).contains("max-tokens-per-hour") && third.report.tokens.total() <= TURN, "{third:?}");
        place.time.pass(62 * 60 * SECOND);
        assert_eq!(run(&host, "a", "r5", 1).await.report.state, State::Completed, "an hour later");
    });
}

#[test]
fn runs_at_once_never_use_more_than_there_is() {
    let place = place(&format!("max-tokens-per-hour = {QUOTA}"));
    block_on(async {
        let host = place.open().await;
        let mut runs = Vec::new();
        for number in 0..8 {
            let host = host.clone();
            runs.push(tokio::spawn(async move {
                ran(&host, "a", &format!("r{number}"), &mut Dear::alone(40, false)).await
            }));
        }
        let mut tokens = 0;
        for ended in runs {
            let ended = ended.await.unwrap();
            assert!(why(&ended).contains("max-tokens-per-hour"), "{ended:?}");
            tokens += ended.report.tokens.total();
        }
        assert!(tokens <= QUOTA && tokens > QUOTA / 3, "{tokens}");
    });
}

#[test]
fn calls_of_an_hour_are_counted_and_the_run_that_meets_the_bound_answers() {
    let place = place("max-tool-calls-per-hour = 3");
    block_on(async {
        let host = place.open().await;
        assert_eq!(run(&host, "a", "r1", 2).await.report.state, State::Completed);
        let second = run(&host, "a", "r2", 20).await;
        assert_eq!((second.report.state, second.report.answer.as_deref()), (State::Partial, Some("the answer")));
        assert!(why(&second).contains("`max-tool-calls-per-hour` of `[run]`"), "{second:?}");
        assert_eq!((second.report.calls.len(), second.report.rejected), (1, 1));
        assert_eq!(calls(&host).len(), 3);
    });
}
