//! What a model, a tool or a client may write, in every place that is shown: it is text, and nothing hides in it.

use toolhold_core::escape;
use toolhold_core::event::Event;
use toolhold_core::run::{Finish, RequestedCall, RunEvent, Tokens, Turn};
use toolhold_core::state::State;

use super::doors::PAGES;
use super::support::{Served, admit, asked, landed, run};
use crate::access::Role;
use crate::console::now;

/// Markup, attributes, templates, links and characters that deceive. Its marks are looked for.
const EVIL: &str = "<x-evil><script>alert(1)</script><svg onload=alert(1)>\" evil=\"1' evil='2 javascript:alert(1) {{7*7}} {% raw %} \
                    </textarea></title></pre><!-- \u{202e}gpj.exe\u{202c} a\u{200b}b\u{e0041}\u{1b}[2J\u{9b}31m\0";

/// The same in JSON.
fn quoted() -> String {
    serde_json::to_string(EVIL).unwrap()
}

async fn fill(served: &Served) {
    let journal = served.journal();
    let arguments = format!("{{\"path\": {0}, {0}: 1}}", quoted());
    let change = format!(
        r#"{{"basis":"observed","changes":[{{"path":{0},"change":"moved","from":{0},"after":{{"kind":"symlink","size":1,"modified":0,"mode":511,"target":{0}}},"content":{{"type":"text","diff":{1},"added":1,"removed":0,"cut":0}}}}],"requests":[{{"method":{0},"url":{0},"request":"sent","why":{0},"sent_bytes":1,"received_bytes":0,"secrets":[{0}],"returned":[{0}]}}],"unknown":[{{"type":"direct","grant":{0}}},{{"type":"remote","server":{0}}}]}}"#,
        quoted(),
        serde_json::to_string(&format!("@@ -1 +1 @@\n+{EVIL}\n-{EVIL}")).unwrap()
    );
    landed(journal, "call-1", "run-1", (&arguments, &change, &quoted())).await;
    asked(served, "approval-1", EVIL, (&arguments, &change)).await;
    let unknown = admit(journal, "call-2", "run-1", &arguments).await;
    journal.park(&unknown, EVIL.to_owned(), now()).await.unwrap();
    let failed = admit(journal, "call-3", "run-1", &arguments).await;
    let failure =
        toolhold_core::outcome::Failure::new(toolhold_core::outcome::Class::Tool, EVIL, EVIL).with_detail(EVIL);
    let effects = toolhold_core::event::Effects::Possible;
    let settlement =
        crate::journal::Settlement::failure(failure, toolhold_core::limit::Usage::default(), effects, now());
    journal.settle(&failed, settlement).await.unwrap();
    let denied = Event::CallDenied {
        call: "call-4".parse().unwrap(),
        run: "run-1".parse().unwrap(),
        tool: EVIL.into(),
        arguments: None,
        code: EVIL.into(),
        rule: Some(EVIL.into()),
    };
    journal.record(now(), denied).await.unwrap();
    let answer = Turn {
        text: EVIL.into(),
        calls: vec![RequestedCall { id: EVIL.into(), name: EVIL.into(), arguments: EVIL.into() }],
        finish: Finish::ToolCalls,
        tokens: Tokens::default(),
        served_by: Some(EVIL.into()),
    };
    let events = vec![
        RunEvent::ModelAsked { turn: 1, attempt: 1, model: 0, with_tools: true },
        RunEvent::ModelAnswered { turn: 1, answer },
        RunEvent::PersonNoted { text: EVIL.into() },
        RunEvent::RunEnded {
            end: State::Failed,
            answer: Some(EVIL.into()),
            reason: Some(toolhold_core::run::Reason::NotAsAsked { problem: EVIL.into() }),
        },
        RunEvent::DeadLettered,
    ];
    run(journal, "run-1", EVIL, events).await;
    // Names of runs and calls are any printable text without spaces.
    run(journal, "\"><x-evil>/../..?a#b", EVIL, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_text_on_every_page() {
    let served = Served::new().await;
    fill(&served).await;
    let browser = served.log_in("ops", Role::Admin).await;
    let evil_path = crate::console::link::segment(EVIL);
    let own = [
        "/runs/run-1".to_owned(),
        "/runs/%22%3E%3Cx-evil%3E%2F..%2F..%3Fa%23b".to_owned(),
        "/approvals/approval-1".to_owned(),
        format!("/approvals/{evil_path}"),
        "/calls/call-1".to_owned(),
        "/calls/call-2".to_owned(),
        "/calls/call-3".to_owned(),
        "/calls/call-4".to_owned(),
        "/audit?call=call-4".to_owned(),
        format!("/runs?task={evil_path}&state={evil_path}"),
        format!("/calls?tool={evil_path}"),
        format!("/audit?kind={evil_path}"),
        format!("/audit?from={evil_path}"),
        format!("/tools/{evil_path}"),
        format!("/runs/{evil_path}"),
        format!("/login?to={evil_path}"),
        format!("/{evil_path}"),
    ];
    let mut seen = 0;
    for path in own.iter().map(String::as_str).chain(PAGES) {
        let page = browser.get(path).await;
        let body = page.body.as_str();
        for mark in [
            "<x-evil",
            "<script>",
            "<svg onload",
            "\" evil=",
            "' evil=",
            "</textarea></title>",
            "href=\"javascript:",
            "<!--",
        ] {
            assert!(!body.contains(mark), "{mark} on {path}: {body}");
        }
        let hidden: Vec<char> = body.chars().filter(|character| escape::must_escape(*character)).collect();
        assert!(hidden.is_empty(), "{hidden:?} on {path}");
        seen += body.matches("&#60;x-evil&#62;").count();
    }
    assert!(seen > 50, "it is shown, so that the test looks at something: {seen}");
    let call = browser.get("/calls/call-1").await.body;
    // What a person changes is the value that was asked for, whatever is in it.
    let page = browser.get("/approvals/approval-1").await.body;
    let draft = page.split("<textarea").nth(1).unwrap().split_once('>').unwrap().1.split("</textarea>").next().unwrap();
    let draft = draft
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
        .replace("&#38;", "&");
    let value: serde_json::Value = serde_json::from_str(&draft).unwrap();
    assert_eq!(value["path"], EVIL);
    assert!(call.contains("\\u202e") || call.contains("\\u{202e}"), "what would deceive is seen: {call}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_holds_markup_stays_a_filter() {
    let served = Served::new().await;
    let browser = served.log_in("ops", Role::Observe).await;
    let page = browser.get("/audit?run=%22%3E%3Cx-evil%3E").await.body;
    assert!(page.contains("value=\"&#34;&#62;&#60;x-evil&#62;\""), "{page}");
    let page = browser.get("/runs?task=%27%20OR%201%3D1%20--").await;
    assert!(page.body.contains("No run is like that"), "{}", page.body);
}

/// What the policy of the pages forbids is not in them either, so that nothing breaks where it is obeyed.
#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_an_inline_style_or_script() {
    let served = Served::new().await;
    fill(&served).await;
    let browser = served.log_in("ops", Role::Admin).await;
    for path in PAGES.into_iter().chain(["/login", "/runs/run-1", "/calls/call-1", "/nowhere"]) {
        let page = browser.get(path).await.body;
        let tags = page.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
        for tag in tags {
            let attributes: Vec<&str> = tag.split_whitespace().skip(1).collect();
            let is_inline = |attribute: &&str| attribute.starts_with("style=") || attribute.starts_with("on");
            assert!(!attributes.iter().any(is_inline), "{path}: <{tag}>");
            assert!(!tag.starts_with("style"), "{path}");
            assert!(!tag.starts_with("script") || tag.contains(" src=\"/assets/"), "{path}: <{tag}>");
        }
    }
}

/// Templates are where markup comes from: none of them lets a value through as it is.
#[test]
fn no_template_says_that_a_value_is_safe() {
    fn look(folder: &std::path::Path, found: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests/attack.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                *found += text.matches("#[template(").count();
                for word in ["|safe", "| safe", "|escape", "escape = ", "Html("] {
                    let may = word == "Html(" && path.ends_with("console/html.rs");
                    assert!(may || !text.contains(word), "{word} in {}", path.display());
                }
            }
        }
    }
    let mut found = 0;
    look(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut found);
    assert!(found > 20, "{found}");
}
