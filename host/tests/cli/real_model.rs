//! The program against a real server with a tiny model, on loopback: the wire and no quality. `make test-models` runs them.

use serde_json::Value;

use super::project::{Done, MANIFEST, Project};

/// A project with a model of the server for each protocol.
fn project() -> Project {
    let url = std::env::var("TOOLHOLD_TEST_MODEL_URL").unwrap_or_default();
    assert!(!url.is_empty(), "`make test-models` starts the server and names it");
    let model = |name: &str, api: &str| {
        format!(
            "[models.{name}]\napi = \"{api}\"\nmodel = \"tiny\"\nurl = \"{url}\"\nprices = {{ input = \"1\", output = \"2\" }}\n"
        )
    };
    let models = [model("chat", "openai"), model("responses", "openai-responses"), model("messages", "anthropic")];
    let run = "[run]\nmodels = [\"chat\"]\nmax-tokens-per-turn = 24\nmax-iterations = 2\nmax-repairs = 1\n";
    let project = Project::new(&format!("{MANIFEST}\n{}\n{run}", models.concat()));
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

fn report(done: &Done) -> Value {
    serde_json::from_str(&done.printed()).unwrap()
}

#[test]
#[ignore = "needs a model server: make test-models"]
fn real_model_answers_in_every_protocol_in_pieces_and_is_counted() {
    let project = project();
    for name in ["chat", "responses", "messages"] {
        let file = format!("{name}.jsonl");
        let words = ["run", "--json", "Say hello to the reader of this line.", "--model", name, "--record", &file];
        let done = project.run(&words);
        // It may be cut at its limit; what it says is its own affair.
        assert!(matches!(done.code(), 0 | 11), "{name}: {}", done.said());
        let report = report(&done);
        assert!(report["answer"].as_str().is_some_and(|answer| !answer.is_empty()), "{name}: {report}");
        assert!(report["served_by"].as_str().is_some_and(|served| served.contains("SmolLM2")), "{name}: {report}");
        let tokens = &report["tokens"];
        assert!(tokens["input"].as_u64() > Some(10) && tokens["output"].as_u64() > Some(1), "{name}: {tokens}");
        assert_eq!(tokens["estimated"], false, "{name}");
        let recorded = project.read(&file);
        assert!(recorded.matches("data: {").count() > 5, "{name} was not streamed: {recorded}");
        let again = project.run(&["run", "--json", words[2], "--model", &format!("cassette:{file}")]);
        let replayed = self::report(&again);
        for field in ["state", "answer", "tokens", "turns", "served_by"] {
            assert_eq!(replayed[field], report[field], "{name}: {field}");
        }
    }
}

#[test]
#[ignore = "needs a model server: make test-models"]
fn real_model_server_that_refuses_is_quoted_and_not_asked_again() {
    let project = project();
    let long = "word ".repeat(8_000);
    for (name, recorded) in [("chat", "chat.jsonl"), ("responses", "responses.jsonl"), ("messages", "messages.jsonl")] {
        let done = project.run(&["run", "--json", &long, "--model", name, "--record", recorded]);
        assert_eq!(done.code(), 12, "{name}: {}{}", done.printed(), done.said());
        let reason = report(&done)["reason"].to_string();
        assert!(reason.contains("model-refused") && reason.contains("context"), "{name}: {reason}");
        assert_eq!(project.read(recorded).lines().count(), 2, "{name} was asked more than once");
    }
}
