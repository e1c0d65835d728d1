//! The models of a manifest: what their tables say is what is asked, where and with which key.

use std::path::Path;
use std::sync::Arc;

use toolhold_core::manifest::Manifest;

use super::asking::manual_clock;
use super::server::{Act, Reply, Server, http, sse};
use crate::agent::model::{Model, Request, open_chain, open_named};
use crate::agent::{Clock, Message};
use crate::secrets::Secrets;

const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100}}"#;

fn parse(text: &str) -> Manifest {
    Manifest::parse(&format!("version = 1\n{text}"), "toolhold.toml", Path::new("/base")).unwrap()
}

/// The secrets of a manifest whose programs print them.
fn secrets(manifest: &Manifest) -> Secrets {
    Secrets::open(manifest.secrets(), Vec::new()).unwrap()
}

async fn ask(model: &mut dyn Model) -> Result<crate::agent::model::Turn, crate::agent::model::Error> {
    let messages = [Message::System("be good".into()), Message::User("do it".into())];
    let request = Request { messages: &messages, tokens: 4096, bytes: 4096, ..Request::default() };
    model.turn(request, &mut |_| ()).await
}

async fn server(reply: Reply) -> (Server, Arc<dyn Clock>) {
    let clock = manual_clock();
    (Server::start(vec![reply], clock.clone()).await, Arc::new(clock))
}

#[tokio::test]
async fn a_chain_is_asked_in_its_order_each_model_in_its_own_way() {
    let (server, clock) = server(sse(&[HELLO])).await;
    let url = &server.base;
    let manifest = parse(&format!(
        r#"
        [secrets]
        first-key = {{ command = ["/bin/echo", "sk-of-the-first"] }}
        [models.first]
        api = "openai"
        model = "m-1"
        url = "{url}"
        key = "first-key"
        system = "Answer in one word."
        max-output-tokens = 7
        prices = {{ input = "2.50", output = "10" }}
        [models.second]
        api = "anthropic"
        model = "m-2"
        url = "{url}"
        [models.third]
        api = "openai-responses"
        model = "m-3"
        url = "{url}"
        [models.unused]
        api = "openai"
        model = "m-4"
        url = "{url}"
        [run]
        models = ["third", "first", "second"]
        "#
    ));
    let mut chain = open_chain(&manifest, &secrets(&manifest), &clock).unwrap();
    let names: Vec<_> = chain.iter().map(|model| model.identity().name.clone()).collect();
    assert_eq!(names, ["third", "first", "second"]);
    let turn = ask(&mut *chain[1]).await.unwrap();
    let prices = chain[1].prices().unwrap();
    assert_eq!(prices.cost(turn.tokens.input, turn.tokens.output, turn.tokens.cached), 3_500);
    assert!(chain[0].prices().is_none());
    // What the server says is none of the others' protocols; what it was asked is.
    for other in [0, 2] {
        assert!(ask(&mut *chain[other]).await.is_err());
    }
    let asked = server.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.head.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/v1/responses", "/v1/messages"]);
    let (first, body) = (&asked[0].head, &asked[0].body);
    assert!(first.contains("Bearer sk-of-the-first"), "{first}");
    assert_eq!((&body["model"], &body["max_tokens"]), (&"m-1".into(), &7.into()));
    assert_eq!(body["messages"][0]["content"], "be good\n\nAnswer in one word.");
    assert!(asked[1..].iter().all(|asked| !asked.head.contains("sk-of-the-first")), "a key goes to its own model");
    assert_eq!(
        (&asked[1].body["instructions"], &asked[1].body["max_output_tokens"]),
        (&"be good".into(), &4096.into())
    );
}

#[tokio::test]
async fn the_timeouts_of_a_table_are_those_of_its_model() {
    let (server, clock) = server(vec![Act::Stall]).await;
    let manifest = parse(&format!(
        "[models.slow]\napi = \"openai\"\nmodel = \"m\"\nurl = \"{}\"\n[models.slow.timeouts]\nfirst-byte = \"2s\"",
        server.base
    ));
    let mut model = open_named(&"slow".parse().unwrap(), &manifest, &secrets(&manifest), &clock).unwrap();
    let error = ask(&mut *model).await.unwrap_err().to_string();
    assert!(error.contains("within 2 seconds (`first-byte`"), "{error}");
}

#[tokio::test]
async fn a_model_that_cannot_be_made_ready_is_found_before_anything_is_sent() {
    let (server, clock) = server(http(500, &[], "")).await;
    let manifest = parse(&format!(
        "[secrets]\nk = {{ env = \"K\" }}\n[models.a]\napi = \"openai\"\nmodel = \"m\"\nurl = \"{}\"\nkey = \"k\"\n[run]\nmodels = [\"a\"]",
        server.base
    ));
    let nothing = Secrets::default();
    let error = open_chain(&manifest, &nothing, &clock).err().unwrap().to_string();
    assert!(error.contains("the secret `k` is not open"), "{error}");
    let error = open_named(&"b".parse().unwrap(), &manifest, &nothing, &clock).err().unwrap().to_string();
    assert!(error.contains("no model `b`; it has `a`"), "{error}");
    let manifest = parse(
        "[secrets]\nk = { env = \"K\" }\n[models.a]\napi = \"openai\"\nmodel = \"m\"\nurl = \"https://127.0.0.1/v1\"\nca = \"no-such.pem\"\n[run]\nmodels = [\"a\"]",
    );
    let error = open_chain(&manifest, &nothing, &clock).err().unwrap().to_string();
    assert!(error.contains("/base/no-such.pem"), "{error}");
    assert!(server.asked().is_empty());
}
