//! Other arguments of a person: what they pass, what is seen of them, and who gets them.

use super::*;

/// A program that breaks whatever it is given, so another tool stands in for it.
const FALLBACK: &str = r#"
[tools.breaks]
source = "command.wasm"

[tools.breaks.commands.write]
description = "Breaks."
argv = ["panic"]
input = { properties.path.type = "string", properties.content.type = "string", required = ["path", "content"] }

[tools.breaks.tool.write]
fallback = { tool = "other.write" }

[tools.other]
source = "files.wasm"

[[tools.other.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]

[[rules]]
name = "the other one writes"
decision = "allow"
tools = ["other.write"]

[[rules]]
name = "ask before breaking"
decision = "ask"
tools = ["breaks.write"]
"#;

#[test]
fn other_arguments_go_through_schema_and_rules_and_are_told() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        let modify = |arguments: Value| {
            let verdict = Verdict::Modify(arguments.to_string(), ApprovalScope::Once);
            let (host, id) = (host.clone(), id.clone());
            async move { host.approvals().decide(&id, &me(), verdict).await }
        };
        let denied = modify(json!({"path": "/work/never/a.md", "content": "x"})).await;
        assert!(matches!(denied, Err(Error::Denied(_))), "no person stands above a rule: {denied:?}");
        let invalid = modify(json!({"path": 7})).await;
        assert!(matches!(invalid, Err(Error::Invalid(_))), "{invalid:?}");
        for (path, why) in [("/work/locked/a.md", "deny"), ("/elsewhere/a.md", "/elsewhere/a.md")] {
            let refused = modify(json!({"path": path, "content": "x"})).await.unwrap_err();
            let told = matches!(&refused, Error::Refused(told) if told.contains(why));
            assert!(told, "no grant covers it, and the answer would be used up: {refused:?}");
        }
        assert_eq!(host.approvals().get(&id).await.unwrap().approval.state, ApprovalState::Waiting);
        modify(json!({"path": "/work/b.md", "content": "two"})).await.unwrap();
        let seen = host.approvals().get(&id).await.unwrap().foreseen;
        assert_eq!((seen.modified, seen.effects.changes[0].path.as_str()), (true, "/work/b.md"), "{seen:?}");
        assert!(!place.project.path().join("work/b.md").exists(), "what was seen did not land");
        let made = park(&host, write("a.md", "one")).await;
        succeeded(&made);
        let approved = made.approved.as_ref().unwrap();
        assert_eq!(approved.arguments.as_ref().unwrap()["path"], "/work/b.md");
        assert!(approved.label().unwrap().contains("a person changed the arguments"));
        assert_eq!(place.project.read("work/b.md"), "two");
        assert!(!place.project.path().join("work/a.md").exists());
        verified(&host).await;
    });
}

#[test]
fn what_stands_in_for_a_call_has_the_arguments_of_the_person_who_changed_them() {
    let place = Place::new(FALLBACK);
    std::fs::write(place.project.path().join("command.wasm"), guest("command")).unwrap();
    let breaks = || ToolCall { tool: "breaks.write".into(), ..write("a.md", "one") };
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, breaks()).await);
        let theirs = json!({"path": "/work/b.md", "content": "two"}).to_string();
        host.approvals().decide(&id, &me(), Verdict::Modify(theirs, ApprovalScope::Once)).await.unwrap();
        let made = park(&host, breaks()).await;
        succeeded(&made);
        assert!(made.served_by.is_some(), "{made:?}");
        assert!(!place.project.path().join("work/a.md").exists(), "the person replaced it");
        assert_eq!(place.project.read("work/b.md"), "two");
        assert!(made.approved.unwrap().label().unwrap().contains("a person changed the arguments"));
        verified(&host).await;
    });
}

#[test]
fn a_secret_in_arguments_is_not_shown_and_what_stands_for_it_is_no_argument() {
    let place = Place::new("[secrets.token]\nfile = \"token\"\n");
    place.project.write("token", "t0k3n-that-nobody-sees");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(place.project.path().join("token"), private).unwrap();
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "t0k3n-that-nobody-sees")).await);
        let record = host.approvals().get(&id).await.unwrap();
        assert!(record.approval.is_redacted());
        let shown = serde_json::to_string(&record).unwrap();
        assert!(!shown.contains("t0k3n-that-nobody-sees"), "{shown}");
        for arguments in [record.approval.arguments.clone(), write("b.md", "t0k3n-that-nobody-sees").arguments] {
            let verdict = Verdict::Modify(arguments, ApprovalScope::Once);
            assert!(host.approvals().decide(&id, &me(), verdict).await.is_err());
        }
        approve(&host, &id).await;
        succeeded(&park(&host, write("a.md", "t0k3n-that-nobody-sees")).await);
        verified(&host).await;
    });
}
