//! What is recorded is what was said, without secrets; what is played is what was recorded, to the same request only.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use toolhold_core::manifest::Api;
use toolhold_core::redact::Redactor;

use super::asking::{conversation, manual_clock, settings, tools};
use super::server::{Act, Reply, Server, http, sse};
use crate::agent::Message;
use crate::agent::model::{Client, Error, Kind, Model as _, Recorder, Request, Settings, Turn};

const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}],"model":"x"}"#;
const CALL: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;

struct Recording {
    folder: TempDir,
    turns: Vec<Result<Turn, Error>>,
}

impl Recording {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("c.jsonl")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    /// Plays it: asks as often as was recorded.
    async fn play(&self, tasks: &[&str]) -> Vec<Result<Turn, Error>> {
        let mut model = Client::replay(&self.path()).unwrap();
        assert_eq!(model.identity().kind, Kind::Scripted);
        asked(&mut model, tasks).await
    }
}

async fn asked(model: &mut Client, tasks: &[&str]) -> Vec<Result<Turn, Error>> {
    let mut turns = Vec::new();
    for task in tasks {
        let mut messages = conversation();
        messages.push(Message::User((*task).to_owned()));
        let tools = tools();
        let request = Request { messages: &messages, tools: &tools, tokens: 100, bytes: 4096, ..Request::default() };
        turns.push(model.turn(request, &mut |_| ()).await);
    }
    turns
}

async fn record(api: Api, replies: Vec<Reply>, tasks: &[&str]) -> Recording {
    let (clock, folder) = (manual_clock(), tempfile::tempdir().unwrap());
    let server = Server::start(replies, clock.clone()).await;
    let system = Some("in one word".to_owned());
    let settings = Settings { system, max_output_tokens: Some(50), ..settings(api, &server) };
    let mut model = Client::new(settings, Arc::new(clock)).unwrap();
    let redactor = Redactor::new([("k", "sk-very-secret"), ("other", "hunter22-long")]);
    let recorder = Recorder::create(&folder.path().join("c.jsonl"), redactor).unwrap();
    model.record(recorder).unwrap();
    let turns = asked(&mut model, tasks).await;
    Recording { folder, turns }
}

#[tokio::test]
async fn a_recorded_run_plays_again_without_a_network_in_every_protocol() {
    let message = json!({"content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}).to_string();
    let response = json!({"status": "completed", "output": [{"type": "message", "content": "hello"}]}).to_string();
    for (api, replies) in [
        (Api::OpenAi, vec![sse(&[CALL]), sse(&[HELLO, "[DONE]"])]),
        (Api::Anthropic, vec![http(200, &[], &message)]),
        (Api::OpenAiResponses, vec![http(200, &[], &response)]),
    ] {
        let recording = record(api, replies, &["one", "two"]).await;
        assert!(recording.turns.iter().all(Result::is_ok), "{:?}", recording.turns);
        assert_eq!(recording.play(&["one", "two"]).await, recording.turns, "{api:?}");
        assert_eq!(recording.text().lines().count(), 3);
    }
}

#[tokio::test]
async fn what_went_wrong_goes_wrong_again() {
    let mut stalled = sse(&[r#"{"choices":[{"delta":{"content":"he"}}]}"#]);
    stalled.push(Act::Stall);
    for reply in [
        http(429, &[("retry-after", "7")], r#"{"error":{"message":"later"}}"#),
        http(401, &[], "no"),
        http(200, &[], "data: {\"choices\":[{\"delta\":{\"content\":\"he"),
        http(200, &[], "<html>"),
        http(200, &[("content-encoding", "gzip")], "x"),
        vec![Act::Send(b"HTTP/1.1 200 OK\r\n\r\ndata: \"\xff\"\n\n".to_vec())],
        vec![Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndata: ".to_vec())],
        vec![Act::Send(b"no http".to_vec())],
        vec![Act::Stall],
        stalled,
    ] {
        let recording = record(Api::OpenAi, vec![reply], &["one"]).await;
        assert!(recording.turns[0].is_err());
        assert_eq!(recording.play(&["one"]).await, recording.turns);
    }
}

#[tokio::test]
async fn a_dialect_that_was_learnt_is_learnt_again() {
    let refusal = http(400, &[], r#"{"error":{"message":"Unknown parameter: stream_options"}}"#);
    let recording = record(Api::OpenAi, vec![refusal, sse(&[HELLO])], &["one", "two"]).await;
    assert_eq!(recording.text().lines().count(), 4);
    assert_eq!(recording.play(&["one", "two"]).await, recording.turns);
}

#[tokio::test]
async fn another_request_gets_no_answer_and_the_first_difference_is_named() {
    let recording = record(Api::OpenAi, vec![sse(&[HELLO])], &["one", "two"]).await;
    let turns = recording.play(&["one", "three"]).await;
    assert!(turns[0].is_ok());
    let error = turns[1].clone().unwrap_err();
    let (code, error) = (error.code(), error.to_string());
    assert_eq!(code, "cassette");
    assert!(
        error.contains("request 2 differs")
            && error.contains("in line 3: at `/messages/6/content` was `\"two\"`, and now is `\"three\"`"),
        "{error}"
    );
    let turns = recording.play(&["one", "two", "three"]).await;
    let error = turns[2].clone().unwrap_err().to_string();
    assert!(error.contains("has 2 requests, and the run makes one more"), "{error}");
}

#[tokio::test]
async fn no_secret_is_in_a_recording_in_any_form() {
    let quoted = HELLO.replace("hello", "it was hunter22-long");
    for reply in [
        sse(&[HELLO]),
        http(401, &[("set-cookie", "session=of-somebody")], r#"{"error":{"message":"wrong key sk-very-secret"}}"#),
        http(401, &[("retry-after", "sk-very-secret")], "sk-very-secret"),
        sse(&[&quoted]),
        http(200, &[], "<b>hunter22-long"),
    ] {
        let recording = record(Api::OpenAi, vec![reply], &["the password is hunter22-long"]).await;
        let text = recording.text();
        assert!(!text.contains("very-secret") && !text.contains("hunter22") && !text.contains("of-somebody"), "{text}");
        assert!(text.contains("the password is [redacted]") || text.lines().count() == 1, "{text}");
    }
    // Its own recording plays, whatever was taken out of it.
    let recording = record(Api::OpenAi, vec![sse(&[HELLO])], &["the password is hunter22-long"]).await;
    assert!(recording.text().contains(r#""authorization":"[redacted]""#));
    assert!(recording.play(&["the password is hunter22-long"]).await[0].is_ok());
}

#[tokio::test]
async fn a_secret_that_is_spread_over_events_is_an_error_and_not_recorded() {
    let part = |words: &str| HELLO.replace("hello", words).replace("\"stop\"", "null");
    let reply = sse(&[&part("hunter"), &part("22-"), &HELLO.replace("hello", "long")]);
    let recording = record(Api::OpenAi, vec![reply], &["one"]).await;
    assert_eq!(recording.turns[0].clone().unwrap_err().code(), "cassette");
    assert_eq!(recording.text().lines().count(), 1);
}

#[tokio::test]
async fn what_plays_a_recording_cannot_be_recorded() {
    let recording = record(Api::OpenAi, vec![sse(&[HELLO])], &["one"]).await;
    let mut model = Client::replay(&recording.path()).unwrap();
    let recorder = Recorder::create(&recording.folder.path().join("again"), Redactor::default()).unwrap();
    let error = model.record(recorder).unwrap_err().to_string();
    assert!(error.contains("nothing to record"), "{error}");
}
