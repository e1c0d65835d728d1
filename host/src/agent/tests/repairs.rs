//! What a model may get wrong, and what it is told: nothing runs that should not, and repairs are bounded.

use serde_json::{Value, json};
use toolhold_core::state::State;

use super::support::{Played, calls, play_list, play_script, text};
use crate::agent::model::{Finish, Turn};
use crate::agent::{Message, Reason, RequestedCall, RunEvent, RunLimits};

/// The results that the model saw, parsed.
fn results(messages: &[Message]) -> Vec<Value> {
    let result = |message: &Message| match message {
        Message::Tool { content, .. } => Some(serde_json::from_str(content).unwrap()),
        _ => None,
    };
    messages.iter().filter_map(result).collect()
}

async fn one_bad_then_text(bad: Turn) -> (Played, Vec<Message>) {
    let (played, model) = play_list(vec![bad, text("done")], RunLimits::default()).await;
    (played, model.seen.last().unwrap().0.clone())
}

fn call(id: &str, name: &str, arguments: &str) -> RequestedCall {
    RequestedCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

#[tokio::test]
async fn each_misspelled_call_is_told_what_to_repair_and_reaches_no_tool() {
    let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    let huge = "x".repeat(100_000);
    for (name, arguments, class, code, words) in [
        ("file__read", "{}", "unknown-tool", "unknown-tool", "`files__read`"),
        ("rm -rf /", "{}", "unknown-tool", "unknown-tool", "no tool `rm -rf /`"),
        ("", "{}", "unknown-tool", "unknown-tool", "no tool ``"),
        ("files__read\n", "{}", "unknown-tool", "unknown-tool", "did you mean"),
        ("functions.files__read", "{}", "unknown-tool", "unknown-tool", "no tool"),
        (huge.as_str(), "{}", "unknown-tool", "unknown-tool", "no tool"),
        ("files__read", r#"{"path": "/a"#, "invalid-arguments", "invalid-json", "ends too early"),
        ("files__read", "{'path': '/a'}", "invalid-arguments", "invalid-json", "not valid JSON"),
        ("files__read", "```json\n{}\n```", "invalid-arguments", "invalid-json", "not valid JSON"),
        ("files__read", r#"{"path":"/a"}{"path":"/b"}"#, "invalid-arguments", "invalid-json", "trailing"),
        ("files__read", r#"{"size": NaN}"#, "invalid-arguments", "invalid-json", "not valid JSON"),
        ("files__read", &deep, "invalid-arguments", "invalid-json", "recursion"),
        ("files__read", r#"{"path":"/ok","path":"/etc"}"#, "invalid-arguments", "invalid-json", "name each field once"),
        ("files__read", "[]", "invalid-arguments", "arguments-not-an-object", "a list"),
        ("files__read", "null", "invalid-arguments", "arguments-not-an-object", "null"),
        ("files__read", r#""{\"path\":\"/a\"}""#, "invalid-arguments", "arguments-not-an-object", "a text"),
        ("files__read", "7", "invalid-arguments", "arguments-not-an-object", "a number"),
    ] {
        let (played, seen) = one_bad_then_text(calls(&[(name, arguments)])).await;
        let case = format!("{} {}", &name[..name.len().min(30)], &arguments[..arguments.len().min(30)]);
        assert_eq!(played.reached(), Vec::<&str>::new(), "{case}");
        assert_eq!(played.rejections(), [code], "{case}");
        assert_eq!(played.report.state, State::Completed, "{case}");
        let error = &results(&seen)[0]["error"];
        assert_eq!((error["class"].as_str(), error["code"].as_str()), (Some(class), Some(code)), "{case}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words) && message.len() < 500, "{case}: {message}");
        let Message::Assistant { calls, .. } = &seen[2] else { panic!("{case}") };
        assert_eq!(calls[0].arguments, "{}", "{case}: the history is well-formed");
        assert!((1..=64).contains(&calls[0].name.len()) && !calls[0].name.contains([' ', '\n', '.']), "{case}");
    }
}

#[tokio::test]
async fn what_has_one_meaning_runs() {
    for (name, arguments, expected) in [
        ("files__read", "", json!({})),
        ("files__read", " \n", json!({})),
        ("files.read", "{}", json!({})),
        ("files__read", r#" {"path": "/a"} "#, json!({"path": "/a"})),
    ] {
        let (played, seen) = one_bad_then_text(calls(&[(name, arguments)])).await;
        assert_eq!(played.asked, [("files.read".to_owned(), expected)], "{arguments}");
        assert_eq!(results(&seen), [json!({"data": {"text": "hello"}})]);
    }
}

#[tokio::test]
async fn one_bad_call_of_several_does_not_stop_the_others() {
    let turn = calls(&[
        ("files__read", r#"{"n":1}"#),
        ("files__raed", "{}"),
        ("files__read", "{"),
        ("files__delete", "{}"),
        ("web__get", "{}"),
        ("files__read", r#"{"n":2}"#),
    ]);
    let (played, seen) = one_bad_then_text(turn).await;
    assert_eq!(played.reached(), ["files.read", "files.delete", "web.get", "files.read"]);
    let kinds: Vec<_> =
        results(&seen).iter().map(|result| result["error"]["class"].as_str().unwrap_or("data").to_owned()).collect();
    assert_eq!(kinds, ["data", "unknown-tool", "invalid-arguments", "denied", "tool", "data"]);
    let ids: Vec<_> = seen
        .iter()
        .filter_map(|message| match message {
            Message::Tool { id, .. } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["c0", "c1", "c2", "c3", "c4", "c5"]);
}

#[tokio::test]
async fn duplicate_ids_run_once_and_missing_ones_get_one() {
    let turn = Turn {
        calls: vec![
            call("a", "files__read", r#"{"n":1}"#),
            call("a", "files__read", r#"{"n":2}"#),
            call("", "files__read", r#"{"n":3}"#),
            call("", "files__read", r#"{"n":4}"#),
            call("a b\n", "files__read", r#"{"n":5}"#),
            call(&"i".repeat(1000), "files__read", r#"{"n":6}"#),
            call("toolhold_1_2", "files__read", r#"{"n":7}"#),
        ],
        ..calls(&[])
    };
    let (played, seen) = one_bad_then_text(turn).await;
    let numbers: Vec<_> = played.asked.iter().map(|(_, arguments)| arguments["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7]);
    assert_eq!(played.rejections(), ["duplicate-call-id"]);
    let Message::Assistant { calls, .. } = &seen[2] else { panic!() };
    let ids: std::collections::HashSet<_> = calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids.len(), 7, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic())), "{ids:?}");
}

#[tokio::test]
async fn an_id_of_an_earlier_turn_is_replaced_not_refused() {
    let again = || calls(&[("files__read", "{}")]);
    let (played, model) = play_list(vec![again(), again(), text("done")], RunLimits::default()).await;
    assert_eq!(played.reached(), ["files.read", "files.read"]);
    let ids: Vec<_> = model
        .seen
        .last()
        .unwrap()
        .0
        .iter()
        .filter_map(|message| match message {
            Message::Tool { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["c0", "toolhold_2_0"]);
}

#[tokio::test]
async fn nothing_of_a_cut_or_withheld_turn_runs() {
    let whole = calls(&[("files__read", "{}"), ("files__read", r#"{"a":1}"#)]);
    let (played, _) = one_bad_then_text(Turn { finish: Finish::Length, ..whole.clone() }).await;
    assert_eq!((played.reached(), played.rejections()), (vec![], vec!["turn-cut-off".into(), "turn-cut-off".into()]));
    let (played, _) = one_bad_then_text(Turn { finish: Finish::ContentFilter, ..whole.clone() }).await;
    assert_eq!((played.reached(), played.report.state), (vec![], State::Failed));
    assert_eq!(played.report.reason, Some(Reason::ContentFilter));
    let (played, _) = one_bad_then_text(Turn { finish: Finish::Stop, ..whole }).await;
    assert_eq!(played.reached().len(), 2, "whatever a provider calls it, a whole call is a call");
}

#[tokio::test]
async fn text_is_never_taken_for_a_call() {
    let spoken = r#"<tool_call>{"name": "files__read", "arguments": {}}</tool_call>"#;
    let (played, _) = play_list(vec![text(spoken)], RunLimits::default()).await;
    assert_eq!((played.reached(), played.report.state), (vec![], State::Completed));
    assert_eq!(played.report.answer.as_deref(), Some(spoken));
}

#[tokio::test]
async fn turns_that_bring_nothing_are_bounded() {
    let announces = Turn { finish: Finish::ToolCalls, ..text("I will call it") };
    let cut_empty = Turn { finish: Finish::Length, ..text("") };
    for (bad, words) in [
        (text(""), "neither text nor"),
        (text(" \n\t"), "neither text nor"),
        (announces, "held no call"),
        (cut_empty, "neither text nor"),
        (calls(&[("nope", "{}")]), "no tool `nope`"),
        (calls(&[("files__read", "{")]), "not valid JSON"),
        (calls(&[("files__list", "{}")]), "`/path` is missing"),
    ] {
        let (played, model) = play_list(vec![bad], RunLimits::default()).await;
        assert_eq!((played.report.state, played.report.turns), (State::Failed, 4), "{words}");
        assert_eq!(model.seen.len(), 4, "{words}");
        assert!(played.reason().contains(words) && played.reason().contains("4 unusable turns"), "{}", played.reason());
    }
}

#[tokio::test]
async fn something_usable_begins_the_count_of_repairs_anew() {
    let (bad, good) = (calls(&[("nope", "{}")]), calls(&[("web__get", "{}")]));
    let turns = [bad.clone(), bad.clone(), good, bad.clone(), bad, text("done")];
    let (played, _) = play_list(turns.to_vec(), RunLimits::default()).await;
    assert_eq!((played.report.state, played.report.rejected), (State::Completed, 4));
}

#[tokio::test]
async fn the_same_denied_call_ends_the_run_and_another_one_does_not() {
    let asks = |arguments: &str| calls(&[("files__delete", arguments), ("files__read", "{}")]);
    let same = [asks(r#"{"a":1,"b":2}"#), asks(r#"{"b":2,"a":1}"#), asks(r#"{ "a": 1, "b": 2 }"#), text("never")];
    let (played, _) = play_list(same.to_vec(), RunLimits::default()).await;
    assert_eq!(played.report.state, State::Failed);
    assert!(matches!(&played.report.reason, Some(Reason::Denied { times: 3, tool, .. }) if tool == "files.delete"));
    assert_eq!(played.rejections(), ["not-run"], "what follows the last denial is not run");
    let other = [asks(r#"{"a":1}"#), asks(r#"{"a":2}"#), asks(r#"{"a":3}"#), text("done")];
    let (played, _) = play_list(other.to_vec(), RunLimits::default()).await;
    assert_eq!(played.report.state, State::Completed);
}

#[tokio::test]
async fn the_model_sees_the_outcome_and_nothing_beside_it() {
    let (played, seen) = one_bad_then_text(calls(&[("web__get", "{}"), ("files__read", "{}")])).await;
    let shown = format!("{seen:?}");
    assert!(shown.contains("no such page") && !shown.contains("operator only") && !shown.contains("printed"));
    let events = serde_json::to_string(&played.events).unwrap();
    assert!(!events.contains("operator only"));
}

#[tokio::test]
async fn a_large_result_is_shown_in_parts_that_the_model_asks_for() {
    let limits = RunLimits { result_bytes: 1000, ..RunLimits::default() };
    let part = |arguments: &str| calls(&[("toolhold__part", arguments)]);
    let turns = vec![
        part(r#"{"id":"c0"}"#),
        calls(&[("big__read", "{}")]),
        part(r#"{"id":"c0","start":1000}"#),
        part(r#"{"id":"nobody"}"#),
        part(r#"{"start":1}"#),
        text("done"),
    ];
    let (played, model) = play_list(turns, limits).await;
    let seen = &model.seen.last().unwrap().0;
    let results = results(seen);
    let note = results[1]["truncated"].as_str().unwrap();
    assert!(note.starts_with("bytes 0 to 999 of 200011") && note.contains("toolhold__part"), "{note}");
    assert_eq!(results[1]["data"].as_str().unwrap().len(), 999);
    let id = seen.iter().find_map(|message| match message {
        Message::Tool { id, content } if content.contains("bytes 0 to") => Some(id.clone()),
        _ => None,
    });
    assert!(note.contains(&format!("{:?}", id.unwrap())), "{note}");
    // Before there is anything to be seen, there is no such tool.
    assert_eq!(played.rejections(), ["unknown-tool", "unknown-part", "invalid-part"]);
    assert_eq!(played.reached(), ["big.read"]);
    let tools: Vec<usize> = model.seen.iter().map(|(_, tools)| *tools).collect();
    assert_eq!(tools[2], tools[1] + 1);
}

#[tokio::test]
async fn a_part_of_a_result_is_what_comes_next_in_it() {
    let limits = RunLimits { result_bytes: 1000, ..RunLimits::default() };
    let next = calls(&[("toolhold__part", r#"{"id":"c0","start":999}"#)]);
    let (played, model) = play_list(vec![calls(&[("big__read", "{}")]), next, text("done")], limits).await;
    assert_eq!((played.rejections(), played.reached().len()), (Vec::<String>::new(), 1));
    let results = results(&model.seen.last().unwrap().0);
    assert!(results[1]["truncated"].as_str().unwrap().starts_with("bytes 999 to 1999 of 200011"), "{results:?}");
    assert!(results[1]["data"].as_str().unwrap().chars().all(|character| character == 'é'));
}

#[tokio::test]
async fn a_long_conversation_is_shown_with_older_results_left_out() {
    let limits = RunLimits { context_bytes: 50_000, same_results: 100, ..RunLimits::default() };
    let (played, model) = play_list(vec![calls(&[("big__read", "{}")])], limits).await;
    assert_eq!(played.reached().len(), 10);
    let (messages, _) = model.seen.last().unwrap();
    let results: Vec<_> = results(messages);
    let omitted = results.iter().filter(|result| result.get("omitted").is_some()).count();
    assert_eq!((results.len(), omitted), (10, 9), "the last one stays");
}

#[tokio::test]
async fn more_calls_than_a_turn_may_have_are_dropped_and_the_model_is_told() {
    let (played, model) =
        play_list(vec![calls(&[("files__read", "{}"); 40]), text("done")], RunLimits::default()).await;
    assert_eq!(played.reached().len(), 16);
    let Some(Message::User(note)) = model.seen.last().unwrap().0.last() else { panic!() };
    assert!(note.starts_with("24 further tool calls"), "{note}");
}

#[tokio::test]
async fn a_script_runs_to_its_end_and_says_that_no_model_was_called() {
    let played = play_script(
        r#"
        [[turn]]
        text = "Reading."
        [[turn.call]]
        tool = "files.read"
        arguments = { path = "/in/a" }
        [[turn.call]]
        tool = "files.delete"

        [[turn]]
        expect = "denied"
        text = "Done, one call was denied."
        "#,
    )
    .await;
    assert_eq!(played.report.state, State::Completed);
    assert_eq!(played.report.answer.as_deref(), Some("Done, one call was denied."));
    assert!(!played.report.called_a_model());
    assert_eq!((played.report.tokens.total(), played.report.model.name.as_str()), (0, "scripted:s.toml"));
    let json = serde_json::to_value(&played.report).unwrap();
    assert_eq!(json["model"], json!({"name": "scripted:s.toml", "kind": "scripted"}));
    assert_eq!(json["calls"][1]["failure"]["class"], "denied");
    let states: Vec<_> = played
        .events
        .iter()
        .filter(|occurrence| !matches!(occurrence.event, RunEvent::TextArrived { .. }))
        .map(|occurrence| occurrence.state.as_str())
        .collect();
    assert_eq!(
        states.join(" "),
        "processing awaiting-model validating awaiting-tool validating awaiting-tool validating processing \
         awaiting-model validating completed"
    );
}

#[tokio::test]
async fn a_script_that_does_not_fit_ends_the_run_at_once() {
    let played = play_script("[[turn]]\nexpect = \"never said\"").await;
    assert_eq!((played.report.state, played.report.turns), (State::Failed, 1));
    assert!(played.reason().contains("`never said`"), "{}", played.reason());
}
