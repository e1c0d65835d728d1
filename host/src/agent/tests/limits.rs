//! The limits of a run: each ends it gracefully, none can be talked around, and nothing hangs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toolhold_core::state::State;

use super::support::{ListModel, ManualClock, Played, TestClock, calls, play, play_list, text};
use crate::agent::model::{Error, Finish, Tokens, Turn};
use crate::agent::{Message, Reason, RunLimit, RunLimits};

fn reached(played: &Played) -> Option<RunLimit> {
    match &played.report.reason {
        Some(Reason::Limit { limit, .. }) => Some(*limit),
        _ => None,
    }
}

fn working() -> Turn {
    calls(&[("files__read", "{}")])
}

#[tokio::test]
async fn at_each_limit_the_model_is_asked_once_without_tools() {
    let tokens = Tokens { input: 60, output: 50, ..Tokens::default() };
    let defaults = RunLimits::default;
    for (limit, limits, turn, work) in [
        (RunLimit::Iterations, RunLimits { iterations: 2, ..defaults() }, working(), 2),
        (RunLimit::Iterations, RunLimits { iterations: 0, ..defaults() }, working(), 0),
        (RunLimit::TokensPerRun, RunLimits { tokens_per_run: 100, ..defaults() }, Turn { tokens, ..working() }, 1),
        (RunLimit::Calls, RunLimits { calls: 2, ..defaults() }, working(), 3),
        (RunLimit::Calls, RunLimits { calls: 0, ..defaults() }, working(), 1),
        (RunLimit::Time, defaults(), calls(&[("slow__work", "{}")]), 1),
    ] {
        let mut turns = vec![turn; work];
        turns.push(text("what there is"));
        let (played, model) = play_list(turns, limits).await;
        assert_eq!((reached(&played), played.report.state), (Some(limit), State::Partial), "{limit}");
        assert_eq!(played.report.answer.as_deref(), Some("what there is"), "{limit}");
        assert_eq!(model.seen.len(), work + 1, "{limit}");
        let (messages, tools) = model.seen.last().unwrap();
        assert_eq!(*tools, 0, "{limit}");
        let Some(Message::User(note)) = messages.last() else { panic!("{limit}") };
        assert!(note.contains("limit of"), "{note}");
        assert!(model.seen[..work].iter().all(|(_, tools)| *tools > 0), "{limit}");
    }
}

#[tokio::test]
async fn calls_in_the_last_answer_are_not_run() {
    let limits = RunLimits { iterations: 1, ..RunLimits::default() };
    let (played, model) = play_list(vec![working()], limits.clone()).await;
    assert_eq!((played.reached().len(), model.seen.len()), (1, 2));
    assert_eq!((played.report.state, played.report.answer.as_deref()), (State::Failed, None));
    let with_text = Turn { text: "half".into(), ..working() };
    let (played, _) = play_list(vec![working(), with_text], limits).await;
    assert_eq!((played.reached().len(), played.report.state), (1, State::Partial));
}

#[tokio::test]
async fn without_a_last_answer_the_end_says_so() {
    for (limits, turn, last, end) in [
        (RunLimits { iterations: 1, ..RunLimits::default() }, working(), Ok(text(" ")), State::Failed),
        (RunLimits::default(), calls(&[("slow__work", "{}")]), Err(Error::TooLarge(1)), State::TimedOut),
        (
            RunLimits { iterations: 1, ..RunLimits::default() },
            working(),
            Ok(Turn { finish: Finish::ContentFilter, ..text("x") }),
            State::Failed,
        ),
    ] {
        let clock = TestClock(Arc::new(ManualClock::hurried()));
        let mut model = ListModel::new(clock.clone(), vec![Ok(turn), last]);
        let played = play(&mut model, limits, clock).await;
        assert_eq!((played.report.state, played.report.answer.as_deref()), (end, None));
        let Some(Reason::Limit { no_answer: Some(_), .. }) = played.report.reason else { panic!() };
    }
}

#[tokio::test]
async fn calls_beyond_the_limit_in_one_turn_get_a_result_and_are_not_run() {
    let limits = RunLimits { calls: 2, ..RunLimits::default() };
    let (played, model) = play_list(vec![calls(&[("files__read", "{}"); 4]), text("so far")], limits).await;
    assert_eq!((played.reached().len(), played.rejections()), (2, vec!["not-run".to_owned(), "not-run".to_owned()]));
    let results = model.seen.last().unwrap().0.iter().filter(|message| matches!(message, Message::Tool { .. })).count();
    assert_eq!((results, played.report.state), (4, State::Partial));
}

#[tokio::test]
async fn a_call_at_the_time_limit_is_asked_to_end_and_waited_for() {
    let (played, _) = play_list(vec![calls(&[("slow__wait", "{}")]), text("late")], RunLimits::default()).await;
    assert_eq!((reached(&played), played.report.state), (Some(RunLimit::Time), State::Partial));
    assert_eq!(played.report.calls[0].failure.as_ref().unwrap().code, "cancelled");
}

#[tokio::test]
async fn a_call_that_never_returns_is_left_alone_and_reported_as_unknown() {
    let (played, _) = play_list(vec![calls(&[("slow__hang", "{}")]), text("late")], RunLimits::default()).await;
    let call = &played.report.calls[0];
    assert_eq!((call.call.as_ref(), call.failure.as_ref().unwrap().code.as_str()), (None, "abandoned"));
    assert_eq!(played.report.state, State::Partial);
}

#[tokio::test]
async fn a_cancelled_run_ends_without_another_turn() {
    let turn = calls(&[("stop__now", "{}"), ("files__read", "{}")]);
    let (played, model) = play_list(vec![turn, text("never")], RunLimits::default()).await;
    assert_eq!((played.report.state, played.report.reason), (State::Cancelled, Some(Reason::Cancelled)));
    assert_eq!(model.seen.len(), 1);
}

#[tokio::test]
async fn a_model_that_is_too_slow_is_asked_again_then_given_up() {
    for (time, end, asked, words) in [
        (1000, State::Failed, 3, "within 120 seconds"),
        // The second attempt runs into the limit of the run, and so does the last answer.
        (200, State::TimedOut, 3, "limit of 200 seconds"),
    ] {
        let clock = TestClock(Arc::new(ManualClock::hurried()));
        let mut model = ListModel::new(clock.clone(), vec![Ok(text("too late"))]);
        model.takes = Duration::from_secs(150);
        let limits = RunLimits { time: Duration::from_secs(time), ..RunLimits::default() };
        let played = play(&mut model, limits, clock).await;
        assert_eq!((played.report.state, model.seen.len()), (end, asked), "{time}");
        assert!(played.reason().contains(words), "{}", played.reason());
    }
}

#[tokio::test]
async fn a_cut_answer_is_partial() {
    let (played, _) = play_list(vec![Turn { finish: Finish::Length, ..text("once upon") }], RunLimits::default()).await;
    assert_eq!((played.report.state, played.report.answer.as_deref()), (State::Partial, Some("once upon")));
    assert!(played.reason().contains("4096 tokens per turn"), "{}", played.reason());
}

#[tokio::test]
async fn only_what_can_pass_is_tried_again_and_not_forever() {
    let status = |status, passing, retry_after| Error::Status { status, message: "m".into(), retry_after, passing };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (error, attempts) in [
        (status(429, true, None), 3),
        (status(429, true, seconds(20)), 3),
        (status(429, true, seconds(3600)), 1),
        (status(529, true, None), 3),
        (status(401, false, None), 1),
        (Error::Truncated, 3),
        (Error::Stalled(Duration::from_secs(60)), 3),
        (Error::Malformed("m".into()), 3),
        (Error::Unreachable("m".into()), 3),
        (Error::TooLarge(1), 1),
        (Error::Script("m".into()), 1),
    ] {
        let clock = TestClock(Arc::new(ManualClock::hurried()));
        let mut model = ListModel::new(clock.clone(), vec![Err(error.clone())]);
        let played = play(&mut model, RunLimits::default(), clock.clone()).await;
        assert_eq!((model.seen.len(), played.report.state), (attempts, State::Failed), "{error}");
        let Some(Reason::Model { attempts: told, .. }) = played.report.reason else { panic!("{error}") };
        assert_eq!(told, attempts, "{error}");
        if let Error::Status { retry_after: Some(wait), .. } = error {
            let waited = played.report.elapsed;
            assert!(attempts == 1 && waited.is_zero() || waited >= wait * 2, "{waited:?}");
        }
    }
}

#[tokio::test]
async fn endless_work_ends_whatever_the_model_says() {
    let limits = RunLimits { same_results: 1000, ..RunLimits::default() };
    let (played, model) = play_list(vec![working()], limits.clone()).await;
    assert_eq!((model.seen.len(), played.reached().len()), (11, 10));
    let (played, _) = play_list(vec![calls(&[("files__read", "{}"); 16])], limits.clone()).await;
    assert_eq!((played.reached().len(), reached(&played)), (50, Some(RunLimit::Calls)));
    let (played, model) = play_list(vec![working()], RunLimits::default()).await;
    assert_eq!((played.reached().len(), reached(&played)), (6, Some(RunLimit::SameResults)));
    let told = |text: &str| {
        let messages = &model.seen.last().unwrap().0;
        messages.iter().filter(|message| matches!(message, Message::User(note) if note.contains(text))).count()
    };
    assert_eq!(told("repeat earlier ones"), 1);
}

#[tokio::test]
async fn reports_and_events_can_be_written_as_json() {
    let (played, _) = play_list(vec![working(), text("done")], RunLimits::default()).await;
    let first: Value = serde_json::to_value(&played.events[0]).unwrap();
    assert_eq!((&first["event"], &first["state"]), (&"run-started".into(), &"processing".into()));
    assert_eq!(serde_json::to_value(&played.report).unwrap()["state"], "completed");
}
