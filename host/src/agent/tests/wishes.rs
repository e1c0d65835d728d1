//! What a request may wish for: which tools, how many at once, and an answer in a form. Each provider is told in its way.

use serde_json::{Value, json};
use toolhold_core::id::ToolName;
use toolhold_core::manifest::Api;

use super::asking::{ask_with, calls};
use super::server::{Reply, http};
use crate::agent::model::{Finish, Request, ToolChoice};

fn whole(api: Api, text: &str) -> Reply {
    let body = match api {
        Api::OpenAi => json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}),
        Api::OpenAiResponses => json!({"status": "completed", "output": [{"type": "message", "content": text}]}),
        Api::Anthropic => json!({"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}),
    };
    http(200, &[], &body.to_string())
}

/// The body of the request in which a wish ends up.
async fn body<'a>(api: Api, wish: impl FnOnce(Request<'a>) -> Request<'a>) -> Value {
    let asked = ask_with(api, vec![whole(api, "x")], wish).await;
    assert_eq!(asked.turn.unwrap().text, "x");
    asked.server.asked().remove(0).body
}

#[tokio::test]
async fn each_provider_is_told_of_the_choice_of_tools_in_its_way() {
    let name: ToolName = "files.read".parse().unwrap();
    let function = json!({"type": "function", "function": {"name": "files__read"}});
    for (api, choice, expected) in [
        (Api::OpenAi, ToolChoice::Auto, Value::Null),
        (Api::OpenAi, ToolChoice::Required, json!("required")),
        (Api::OpenAi, ToolChoice::Forbidden, json!("none")),
        (Api::OpenAi, ToolChoice::Tool(&name), function),
        (Api::OpenAiResponses, ToolChoice::Auto, Value::Null),
        (Api::OpenAiResponses, ToolChoice::Required, json!("required")),
        (Api::OpenAiResponses, ToolChoice::Forbidden, json!("none")),
        (Api::OpenAiResponses, ToolChoice::Tool(&name), json!({"type": "function", "name": "files__read"})),
        (Api::Anthropic, ToolChoice::Auto, json!({"type": "auto"})),
        (Api::Anthropic, ToolChoice::Required, json!({"type": "any"})),
        (Api::Anthropic, ToolChoice::Forbidden, json!({"type": "none"})),
        (Api::Anthropic, ToolChoice::Tool(&name), json!({"type": "tool", "name": "files__read"})),
    ] {
        let body = body(api, |request| Request { tool_choice: choice, ..request }).await;
        assert_eq!(body["tool_choice"], expected, "{api:?} {choice:?}");
    }
}

#[tokio::test]
async fn calls_one_at_a_time_are_asked_for_where_that_is_wished() {
    for (api, pointer, expected) in [
        (Api::OpenAi, "/parallel_tool_calls", json!(false)),
        (Api::OpenAiResponses, "/parallel_tool_calls", json!(false)),
        (Api::Anthropic, "/tool_choice/disable_parallel_tool_use", json!(true)),
    ] {
        let wished = body(api, |request| Request { single_call: true, ..request }).await;
        assert_eq!(wished.pointer(pointer), Some(&expected), "{api:?}");
        assert_eq!(body(api, |request| request).await.pointer(pointer), None, "{api:?}");
    }
}

#[tokio::test]
async fn an_answer_in_a_form_is_asked_for_by_its_schema() {
    let schema = json!({"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]});
    for (api, pointer) in [
        (Api::OpenAi, "/response_format/json_schema/schema"),
        (Api::OpenAiResponses, "/text/format/schema"),
        (Api::Anthropic, "/tools/1/input_schema"),
    ] {
        let body = body(api, |request| Request { answer_schema: Some(&schema), ..request }).await;
        assert_eq!(body.pointer(pointer), Some(&schema), "{api:?}");
    }
    let body = body(Api::Anthropic, |request| Request { answer_schema: Some(&schema), tools: &[], ..request }).await;
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "final_answer"}));
}

#[tokio::test]
async fn a_server_that_takes_no_form_is_asked_in_words() {
    let schema = json!({"type": "array"});
    for (api, words) in [
        (Api::OpenAi, "Unknown parameter: 'response_format'"),
        (Api::OpenAi, "Cannot use custom grammar constraints with tools."),
        (Api::OpenAiResponses, "Unsupported parameter: 'text.format'"),
    ] {
        let refusal = http(400, &[], &json!({"error": {"message": words}}).to_string());
        let wish = |request| Request { answer_schema: Some(&schema), ..request };
        let asked = ask_with(api, vec![refusal, whole(api, "[]")], wish).await;
        assert_eq!(asked.turn.unwrap().text, "[]");
        let body = asked.server.asked().remove(1).body;
        assert!(body.get("response_format").is_none() && body.get("text").is_none(), "{body}");
        assert!(
            body.to_string().contains(r#"JSON Schema, with nothing before or after it:\n{\"type\":\"array\"}"#),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_server_that_takes_no_wish_is_asked_without() {
    for (api, words) in [(Api::OpenAi, "tool_choice"), (Api::OpenAiResponses, "parallel_tool_calls")] {
        let refusal = http(400, &[], &json!({"error": {"message": format!("{words} is not supported")}}).to_string());
        let wish = |request| Request { tool_choice: ToolChoice::Required, single_call: true, ..request };
        let asked = ask_with(api, vec![refusal.clone(), whole(api, "x")], wish).await;
        assert!(asked.turn.is_ok() && asked.server.asked()[1].body.get(words).is_none());
        let asked = ask_with(api, vec![refusal], wish).await;
        assert_eq!((asked.turn.unwrap_err().code(), asked.server.asked().len()), ("model-refused", 2));
    }
}

/// What becomes of these blocks where an answer of this schema was asked for.
async fn answered(schema: &Value, blocks: Value, reason: &str) -> (String, usize, Finish) {
    let reply = http(200, &[], &json!({"content": blocks, "stop_reason": reason}).to_string());
    let asked =
        ask_with(Api::Anthropic, vec![reply], |request| Request { answer_schema: Some(schema), ..request }).await;
    let turn = asked.turn.unwrap();
    assert!(calls(&turn).iter().all(|(_, name, _)| *name != "final_answer"));
    (turn.text.clone(), turn.calls.len(), turn.finish)
}

#[tokio::test]
async fn an_answer_that_comes_as_a_call_is_the_text_of_the_turn() {
    let (object, list) =
        (json!({"type": "object"}), json!({"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {}}}));
    let use_of = |name: &str, input: Value| json!({"type": "tool_use", "id": name, "name": name, "input": input});
    let answer = |input: Value| use_of("final_answer", input);
    let said = json!({"type": "text", "text": "here it is"});
    for (schema, blocks, reason, expected) in [
        (&object, json!([said, answer(json!({"sum": 3}))]), "tool_use", (r#"{"sum":3}"#, 0, Finish::Stop)),
        (&list, json!([answer(json!({"answer": [1]}))]), "tool_use", ("[1]", 0, Finish::Stop)),
        (&list, json!([answer(json!({"other": 1}))]), "tool_use", (r#"{"other":1}"#, 0, Finish::Stop)),
        (
            &object,
            json!([answer(json!({"sum": 3})), use_of("files__read", json!({}))]),
            "tool_use",
            ("", 1, Finish::ToolCalls),
        ),
        (&object, json!([answer(json!("{\"su"))]), "max_tokens", ("{\"su", 0, Finish::Length)),
        (&object, json!([said]), "end_turn", ("here it is", 0, Finish::Stop)),
    ] {
        let (text, calls, finish) = answered(schema, blocks, reason).await;
        assert_eq!((text.as_str(), calls, finish), expected);
    }
    let body = body(Api::Anthropic, |request| Request { answer_schema: Some(&list), ..request }).await;
    let input = &body["tools"][1]["input_schema"];
    assert_eq!(
        (&input["type"], &input["$defs"], &input["required"]),
        (&json!("object"), &json!({"a": {}}), &json!(["answer"]))
    );
    assert_eq!(input["properties"]["answer"], json!({"type": "array", "items": {"$ref": "#/$defs/a"}}));
}
