//! Rules of deciding, as data and as properties.

mod plain_reading;
mod properties;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::call::ValidatedCall;
use crate::explain::{Access, PathReason};
use crate::id::Digest;
use crate::limit::Limit;
use crate::manifest::Code;
use crate::outcome::{Class, Failure};
use crate::tool::Catalog;

pub(super) const EVERYTHING: &str = "/**";

/// A tool of the component `files` that declares to read and write these targets.
fn tool(local: &str, read: &[&str], write: &[&str]) -> Tool {
    let need = |effect: &str, target: &&str| json!({ "effect": effect, "target": target, "reason": "test" });
    let needs: Vec<Value> = read
        .iter()
        .map(|target| need("read", target))
        .chain(write.iter().map(|target| need("write", target)))
        .collect();
    let info = json!({ "name": local, "title": local, "description": local, "needs": needs, "input-schema": { "type": "object" } });
    Tool::new(&"files".parse().unwrap(), Digest::of(b"files"), serde_json::from_value(info).unwrap()).unwrap()
}

fn tools() -> Vec<Tool> {
    vec![tool("read", &[EVERYTHING], &[]), tool("write", &[EVERYTHING], &[EVERYTHING]), tool("pure", &[], &[])]
}

fn policy(text: &str, tools: &[Tool]) -> Policy {
    let mut catalog = Catalog::default();
    tools.iter().for_each(|tool| catalog.add(tool.clone()).unwrap());
    let manifest = Manifest::parse(text, "toolhold.toml", Path::new("/base"))
        .unwrap_or_else(|errors| panic!("{:#?}", errors.problems()));
    Policy::resolve(Arc::new(manifest), &catalog).unwrap_or_else(|errors| panic!("{:#?}", errors.problems()))
}

const HEAD: &str = "\
version = 1
[tools.files]
source = \"files.wasm\"
env = { LANG = \"C\" }
limits = { memory = \"1MiB\" }
[[tools.files.directories]]
host = \"inbox\"
guest = \"/work\"
read = [\"**\"]
write = [\"notes/**\"]
deny = [\"**/.env\"]
symlinks = \"create\"
";

fn rule(name: &str, decision: &str, tools: &str, rest: &str) -> String {
    format!("[[rules]]\nname = \"{name}\"\ndecision = \"{decision}\"\ntools = [\"{tools}\"]\n{rest}\n")
}

fn with_rules(rules: &[String]) -> Policy {
    policy(&format!("{HEAD}{}", rules.concat()), &tools())
}

fn call(tool: &Tool, arguments: Value) -> ValidatedCall {
    tool.validate_value(arguments).unwrap()
}

fn decide(policy: &Policy, local: &str, arguments: Value) -> Decision {
    decide_in(policy, local, arguments, Mode::Live, &RunScope::default())
}

fn decide_in(policy: &Policy, local: &str, arguments: Value, mode: Mode, scope: &RunScope) -> Decision {
    let tool = tools().into_iter().find(|tool| tool.name().local().as_str() == local).unwrap();
    policy.decide(call(&tool, arguments), &tool, &Facts::new(mode, scope))
}

fn denial(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn allowed(decision: Decision) -> crate::call::AuthorizedCall {
    match decision {
        Decision::Allow(call) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn deny_beats_ask_beats_preview_beats_allow() {
    let words = ["allow", "preview", "ask", "deny"];
    for (index, strongest) in words.iter().enumerate() {
        let rules: Vec<_> = words.iter().take(index + 1).map(|word| rule(word, word, "files.read", "")).collect();
        let decision = decide(&with_rules(&rules), "read", json!({}));
        let found = match decision {
            Decision::Allow(_) => "allow",
            Decision::Preview(_) => "preview",
            Decision::Ask(_) => "ask",
            Decision::Deny(denial) => denial.rule.map_or("none", |_| "deny"),
        };
        assert_eq!(found, *strongest);
    }
}

#[test]
fn a_manifest_in_preview_mode_lets_no_call_change_anything_and_allows_none_that_its_rules_do_not() {
    let rules = [rule("read", "allow", "files.read", ""), rule("write", "ask", "files.write", "")];
    let text = format!("{HEAD}{}", rules.concat());
    let preview = policy(&format!("mode = \"preview\"\n{text}"), &tools());
    let Decision::Preview(call) = decide(&preview, "read", json!({})) else { panic!("it would change something") };
    assert_eq!(call.mode(), Mode::Preview);
    assert!(matches!(decide(&preview, "write", json!({})), Decision::Ask(_)));
    assert_eq!(denial(decide(&preview, "pure", json!({}))).kind, DenialKind::NoRule);
    let live = policy(&format!("mode = \"live\"\n{text}"), &tools());
    allowed(decide(&live, "read", json!({})));
    let scope = RunScope::default();
    let explain = |policy: &Policy| {
        let read = &tools()[0];
        let facts = Facts::new(Mode::Live, &scope);
        policy.explain(&self::call(read, json!({})), read, &facts).to_string()
    };
    let told = explain(&preview);
    assert!(
        told.starts_with("files.read: preview\n") && told.contains("`mode = \"preview\"` (toolhold.toml:1)"),
        "{told}"
    );
    assert!(explain(&live).starts_with("files.read: allow\n"));
}

#[test]
fn a_rule_about_labels_matches_only_runs_that_have_read_such_data() {
    let head = HEAD.replace("symlinks", "labels = [\"private\", \"untrusted\"]\nsymlinks");
    let rules = [
        rule("all", "allow", "files.*", ""),
        rule("no writes then", "deny", "files.write", "when-labels = [\"untrusted\"]"),
        rule("ask then", "ask", "files.pure", "when-labels = [\"untrusted\", \"private\"]"),
    ];
    let policy = policy(&format!("{head}{}", rules.concat()), &tools());
    let scope = RunScope::default();
    let decided = |local: &str, labels: &[&str]| {
        let tool = tools().into_iter().find(|tool| tool.name().local().as_str() == local).unwrap();
        let labels = labels.iter().map(|label| label.parse().unwrap()).collect();
        let facts = Facts::new(Mode::Live, &scope).after(&labels);
        let explained = policy.explain(&call(&tool, json!({})), &tool, &facts);
        let decision = policy.decide(call(&tool, json!({})), &tool, &facts);
        let verdict = match decision {
            Decision::Allow(_) => "allow",
            Decision::Preview(_) => "preview",
            Decision::Ask(_) => "ask",
            Decision::Deny(_) => "deny",
        };
        assert_eq!(explained.verdict.as_str(), verdict, "an explanation says what is decided");
        (verdict, explained.to_string())
    };
    for (local, labels, verdict) in [
        ("write", &[][..], "allow"),
        ("write", &["private"], "allow"),
        ("write", &["private", "untrusted"], "deny"),
        ("write", &["unheard-of"], "allow"),
        ("read", &["private", "untrusted"], "allow"),
        ("pure", &[], "allow"),
        ("pure", &["private"], "ask"),
    ] {
        assert_eq!(decided(local, labels).0, verdict, "{local} after {labels:?}");
    }
    let told = decided("write", &[]).1;
    assert!(told.contains("does not match: the run has read nothing labelled untrusted"), "{told}");
    assert!(told.contains("labels private, untrusted\n"), "{told}");
    assert!(policy.could_run("files.write"), "before anything is read, it could");
}

#[test]
fn what_no_rule_matches_is_denied_with_the_rule_that_would_allow_it() {
    let policy = with_rules(&[rule("read", "allow", "files.read", "")]);
    let denial = denial(decide(&policy, "write", json!({})));
    assert_eq!(denial.kind, DenialKind::NoRule);
    let toml = denial.suggestion.toml.unwrap();
    let changed = self::policy(&format!("{}\n{toml}", policy.manifest().source().text()), &tools());
    allowed(decide(&changed, "write", json!({})));
}

#[test]
fn a_suggested_name_is_free() {
    let policy = with_rules(&[rule("allow files.write", "allow", "files.read", "")]);
    let toml = denial(decide(&policy, "write", json!({}))).suggestion.toml.unwrap();
    assert!(toml.contains("\"allow files.write 2\""), "{toml}");
}

#[test]
fn a_rule_matches_only_the_arguments_of_its_condition() {
    let when = "when = { properties = { path = { pattern = \"^/work/\" } }, required = [\"path\"] }";
    let policy = with_rules(&[rule("work", "allow", "files.read", when)]);
    allowed(decide(&policy, "read", json!({ "path": "/work/a" })));
    for arguments in [json!({ "path": "/etc/passwd" }), json!({}), json!({ "Path": "/work/a" })] {
        assert_eq!(denial(decide(&policy, "read", arguments)).kind, DenialKind::NoRule);
    }
}

#[test]
fn arguments_that_cannot_be_judged_are_denied_whatever_the_rule_says() {
    let when = "when = { \"$defs\" = { tree = { items = { \"$ref\" = \"#/$defs/tree\" } } }, properties = { tree = { \"$ref\" = \"#/$defs/tree\" } } }";
    // Deeper than any tool's own schema lets through, so that the call is made without one.
    let deep = json!({ "tree": (0..900).fold(json!([]), |inner, _| json!([inner])) });
    let (read, scope) = (&tools()[0], RunScope::default());
    let facts = Facts::new(Mode::Live, &scope);
    let call = || ValidatedCall::new(read.name().clone(), read.digest(), Arc::new(deep.clone()));
    for decision in ["allow", "preview", "ask", "deny"] {
        let also = if decision == "allow" { Vec::new() } else { vec![rule("all", "allow", "files.read", "")] };
        let policy = with_rules(&[also, vec![rule("tree", decision, "files.read", when)]].concat());
        assert_eq!(denial(policy.decide(call(), read, &facts)).kind, DenialKind::Undecidable, "{decision}");
    }
}

#[test]
fn a_tool_with_other_bytes_or_another_name_is_denied() {
    let policy = with_rules(&[rule("all", "allow", "*", "")]);
    let scope = RunScope::default();
    let facts = Facts::new(Mode::Live, &scope);
    let known = &tools()[0];
    let other_bytes = Tool::new(known.name().component(), Digest::of(b"swapped"), known.info().clone()).unwrap();
    for (called, run) in
        [(&other_bytes, &other_bytes), (known, &other_bytes), (&other_bytes, known), (known, &tools()[1])]
    {
        let denial = denial(policy.decide(call(called, json!({})), run, &facts));
        assert_eq!(denial.kind, DenialKind::ToolChanged);
    }
    let stranger = tool("stranger", &[EVERYTHING], &[]);
    assert_eq!(denial(policy.decide(call(&stranger, json!({})), &stranger, &facts)).kind, DenialKind::NotExposed);
}

#[test]
fn a_hidden_tool_is_neither_listed_nor_called() {
    let text = format!("{}{}", HEAD.replace("env =", "expose = [\"read\"]\nenv ="), rule("all", "allow", "*", ""));
    let policy = policy(&text, &tools());
    assert_eq!(policy.tools().map(|tool| tool.name().as_str()).collect::<Vec<_>>(), ["files.read"]);
    assert_eq!(denial(decide(&policy, "write", json!({}))).kind, DenialKind::NotExposed);
}

#[test]
fn a_tool_that_no_arguments_get_past_the_rules_could_not_run() {
    let when = "when = { required = [\"x\"] }";
    for (rules, expected) in [
        (vec![], false),
        (vec![rule("a", "ask", "files.read", when)], true),
        (vec![rule("a", "allow", "files.read", ""), rule("b", "deny", "files.read", when)], true),
        (vec![rule("a", "allow", "files.read", ""), rule("b", "deny", "files.read", "")], false),
        (vec![rule("b", "deny", "files.read", when)], false),
    ] {
        assert_eq!(with_rules(&rules).could_run("files.read"), expected);
    }
}

#[test]
fn what_holds_for_every_call_is_told_before_there_is_one() {
    let when = "when = { required = [\"x\"] }";
    let all = |verdict, name| rule(name, verdict, "files.read", "");
    let some = |verdict, name| rule(name, verdict, "files.read", when);
    for (rules, expected) in [
        (vec![], Outlook::Never),
        (vec![all("allow", "a")], Outlook::Every(Verdict::Allow)),
        (vec![all("allow", "a"), all("ask", "b")], Outlook::Every(Verdict::Ask)),
        (vec![all("preview", "a"), some("allow", "b")], Outlook::Every(Verdict::Preview)),
        (vec![all("allow", "a"), some("preview", "b")], Outlook::Some),
        (vec![all("ask", "a"), some("deny", "b")], Outlook::Some),
        (vec![some("allow", "a")], Outlook::Some),
        (vec![all("allow", "a"), all("deny", "b")], Outlook::Never),
    ] {
        assert_eq!(with_rules(&rules).outlook("files.read"), expected, "{rules:?}");
    }
    let preview = policy(
        &format!("{}{}", HEAD.replacen("version = 1", "version = 1\nmode = \"preview\"", 1), all("allow", "a")),
        &tools(),
    );
    assert_eq!(preview.outlook("files.read"), Outlook::Every(Verdict::Preview));
    assert_eq!(preview.outlook("files.none"), Outlook::Never);
    let labelled = HEAD.replace("symlinks =", "labels = [\"private\"]\nsymlinks =");
    let after = rule("b", "ask", "files.read", "when-labels = [\"private\"]");
    let labelled = policy(&format!("{labelled}{}{after}", all("allow", "a")), &tools());
    assert_eq!(labelled.outlook("files.read"), Outlook::Some, "what a run has read is not known");
}

#[test]
fn a_tool_looks_at_its_own_rules_only() {
    let others = (0..2_000).map(|index| rule(&format!("other {index}"), "deny", "files.write", ""));
    let policy = with_rules(&others.chain([rule("read", "allow", "files.r*", "")]).collect::<Vec<_>>());
    assert_eq!(policy.entry("files.read").unwrap().rules.iter().count(), 1);
    allowed(decide(&policy, "read", json!({})));
}

#[test]
fn a_call_gets_what_its_tool_declares_and_the_operator_grants() {
    let policy = with_rules(&[rule("all", "allow", "*", "")]);
    let read = allowed(decide(&policy, "read", json!({})));
    let directory = &read.grants().directories[0];
    assert_eq!((directory.guest.as_str(), directory.host.to_str().unwrap()), ("/work", "/base/inbox"));
    assert!(directory.read.matches("a/b") && !directory.write.matches("notes/a") && directory.deny.matches("x/.env"));
    assert_eq!(directory.symlinks, crate::grant::Symlinks::Follow, "nothing can be written, so no link is created");
    let write = allowed(decide(&policy, "write", json!({})));
    assert!(
        write.grants().directories[0].write.matches("notes/a") && !write.grants().directories[0].write.matches("a")
    );
    let pure = allowed(decide(&policy, "pure", json!({})));
    assert!(pure.grants().directories.is_empty(), "no needs, no directories");
    assert_eq!(pure.grants().env["LANG"], "C");
    assert_eq!(pure.limits().get(Limit::Memory), 1 << 20);
}

#[test]
fn a_need_is_a_ceiling_over_guest_paths() {
    let narrow = vec![tool("read", &["/work/notes/**", "not absolute"], &[])];
    let policy = policy(&format!("{HEAD}{}", rule("all", "allow", "*", "")), &narrow);
    let scope = RunScope::default();
    let read = allowed(policy.decide(call(&narrow[0], json!({})), &narrow[0], &Facts::new(Mode::Live, &scope)));
    let directory = &read.grants().directories[0];
    assert!(directory.read.matches("notes/a") && !directory.read.matches("a"));
    assert_eq!(policy.warnings().iter().map(|problem| problem.code).collect::<Vec<_>>(), [Code::Need]);
}

#[test]
fn a_run_narrows_tools_paths_and_limits() {
    let policy = with_rules(&[rule("all", "allow", "*", "")]);
    let pattern = |text: &str| crate::manifest::ToolPattern::parse(text).unwrap();
    let only_read = RunScope::default().only_tools(vec![pattern("files.read")]);
    allowed(decide_in(&policy, "read", json!({}), Mode::Live, &only_read));
    assert_eq!(denial(decide_in(&policy, "write", json!({}), Mode::Live, &only_read)).kind, DenialKind::OutsideRun);
    let scope = RunScope::default()
        .only_paths(["/work/notes/**"])
        .unwrap()
        .at_most(Limit::Memory, 1)
        .at_most(Limit::Memory, 9)
        .at_most(Limit::Fuel, u64::MAX);
    let call = allowed(decide_in(&policy, "write", json!({}), Mode::Live, &scope));
    let directory = &call.grants().directories[0];
    assert!(directory.read.matches("notes/a") && !directory.read.matches("a") && directory.write.matches("notes/a"));
    assert_eq!(call.limits().get(Limit::Memory), 1);
    assert_eq!(call.limits().get(Limit::Fuel), Limit::Fuel.spec().default);
    let read_only = allowed(decide_in(&policy, "write", json!({}), Mode::Live, &RunScope::default().read_only()));
    assert!(
        read_only.grants().directories[0].read.matches("notes/a")
            && !read_only.grants().directories[0].write.matches("notes/a")
    );
}

#[test]
fn a_caller_can_ask_for_a_preview_of_what_is_allowed_but_not_of_what_is_denied() {
    let policy = with_rules(&[
        rule("read", "allow", "files.read", ""),
        rule("no", "deny", "files.write", ""),
        rule("who", "ask", "files.pure", ""),
    ]);
    let preview = |local| decide_in(&policy, local, json!({}), Mode::Preview, &RunScope::default());
    assert!(matches!(preview("read"), Decision::Preview(call) if call.mode() == Mode::Preview));
    assert!(matches!(preview("write"), Decision::Deny(_)));
    assert!(matches!(preview("pure"), Decision::Ask(_)));
    assert_eq!(allowed(decide(&policy, "read", json!({}))).mode(), Mode::Live);
}

#[test]
fn a_question_is_bound_to_tool_manifest_and_arguments() {
    let ask = |comment: &str| policy(&format!("{HEAD}{}{comment}", rule("q", "ask", "*", "")), &tools());
    let binding = |policy: &Policy, local: &str, arguments: Value| match decide(policy, local, arguments) {
        Decision::Ask(question) => question.binding,
        other => panic!("{other:?}"),
    };
    let first = binding(&ask(""), "read", json!({ "a": 1, "b": 2 }));
    assert_eq!(first, binding(&ask(""), "read", json!({ "b": 2, "a": 1 })));
    assert_ne!(first, binding(&ask(""), "read", json!({ "a": 1 })));
    assert_ne!(first, binding(&ask(""), "write", json!({ "a": 1, "b": 2 })));
    assert_ne!(first, binding(&ask("# changed"), "read", json!({ "a": 1, "b": 2 })));
}

/// What a person said of a call of `read` with `asked`, under the rule `q` of `policy`.
fn said(policy: &Policy, asked: &Value, verdict: &crate::approval::Verdict) -> crate::approval::Standing {
    let Decision::Ask(question) = decide(policy, "read", asked.clone()) else { panic!("it does not ask") };
    let approval: crate::approval::Approval = serde_json::from_value(json!({
        "id": "a", "call": "c", "run": "r", "client": "local", "tool": question.call.tool(), "digest": question.call.digest(),
        "manifest": policy.manifest().digest(), "mode": question.mode, "arguments": "{}",
        "arguments_digest": question.call.arguments_digest(), "binding": question.binding, "rule": question.rule.name,
        "risk": question.risk, "every_time": question.every_time, "asked_at": 1, "expires_at": 9, "state": "waiting", "uses": 0,
    }))
    .unwrap();
    let modified = match verdict {
        crate::approval::Verdict::Modify(text, _) => Some(call(&tools()[0], serde_json::from_str(text).unwrap())),
        _ => None,
    };
    let approval = approval.answered(verdict, modified.as_ref(), "me", 2).unwrap();
    let run = "r".parse().unwrap();
    approval.standing(&crate::approval::Asker { client: "local", agent: None, run: &run }, 3).unwrap()
}

fn decide_with(policy: &Policy, arguments: Value, standing: &crate::approval::Standing, mode: Mode) -> Decision {
    let (tool, scope) = (&tools()[0], RunScope::default());
    policy.decide(call(tool, arguments), tool, &Facts::new(mode, &scope).approved(Some(standing)))
}

#[test]
fn an_answer_lets_exactly_the_call_be_made_that_it_was_given_for() {
    use crate::approval::{ApprovalScope, Verdict};
    let ask = |comment: &str| policy(&format!("{HEAD}{}{comment}", rule("q", "ask", "*", "")), &tools());
    let own = ask("");
    let standing = said(&own, &json!({ "a": 1 }), &Verdict::Approve(ApprovalScope::Once));
    let call = allowed(decide_with(&own, json!({ "a": 1 }), &standing, Mode::Live));
    assert_eq!(call.approval().unwrap().approval.as_str(), "a");
    for (decision, what) in [
        (decide_with(&own, json!({ "a": 2 }), &standing, Mode::Live), "other arguments"),
        (decide_with(&own, json!({ "a": 1 }), &standing, Mode::Preview), "another mode"),
        (decide_with(&ask("# changed"), json!({ "a": 1 }), &standing, Mode::Live), "another manifest"),
    ] {
        assert!(matches!(decision, Decision::Ask(_)), "{what}: {decision:?}");
    }
}

#[test]
fn no_answer_stands_above_a_rule_that_denies_or_only_previews() {
    use crate::approval::{ApprovalScope, Verdict};
    let narrow = "when = { properties = { a = { const = 2 } }, required = [\"a\"] }";
    let own = with_rules(&[
        rule("q", "ask", "files.read", ""),
        rule("no", "deny", "files.read", narrow),
        rule("look", "preview", "files.read", "when = { properties = { a = { const = 3 } }, required = [\"a\"] }"),
    ]);
    let modify = |text: &str| Verdict::Modify(text.into(), ApprovalScope::Once);
    let denied = said(&own, &json!({ "a": 1 }), &modify("{\"a\":2}"));
    assert_eq!(denial(decide_with(&own, json!({ "a": 2 }), &denied, Mode::Live)).kind, DenialKind::Rule);
    let previewed = said(&own, &json!({ "a": 1 }), &modify("{\"a\":3}"));
    assert!(matches!(decide_with(&own, json!({ "a": 3 }), &previewed, Mode::Live), Decision::Preview(_)));
    let scope = RunScope::default().only_tools(Vec::new());
    let (tool, standing) = (&tools()[0], said(&own, &json!({ "a": 1 }), &Verdict::Approve(ApprovalScope::Once)));
    let facts = Facts::new(Mode::Live, &scope).approved(Some(&standing));
    assert_eq!(denial(own.decide(self::call(tool, json!({ "a": 1 })), tool, &facts)).kind, DenialKind::OutsideRun);
}

#[test]
fn an_answer_to_one_rule_is_none_to_another_and_the_strictest_asks() {
    use crate::approval::{ApprovalScope, Verdict};
    let label = "when-labels = [\"private\"]";
    let head = HEAD.replace("symlinks", "labels = [\"private\"]\nsymlinks");
    let text =
        format!("{head}{}{}", rule("a", "ask", "*", ""), rule("z", "ask", "*", &format!("{label}\nevery-time = true")));
    let own = policy(&text, &tools());
    let standing = said(&own, &json!({}), &Verdict::Approve(ApprovalScope::Once));
    let (labels, scope, tool) = (["private".parse().unwrap()].into(), RunScope::default(), &tools()[0]);
    let facts = Facts::new(Mode::Live, &scope).after(&labels).approved(Some(&standing));
    let Decision::Ask(question) = own.decide(call(tool, json!({})), tool, &facts) else { panic!("it was not asked") };
    assert_eq!((question.rule.name.as_str(), question.every_time), ("z", true), "strictest first, whatever its name");
}

#[test]
fn an_explanation_says_how_a_person_is_asked() {
    let own = policy(&format!("{HEAD}{}", rule("q", "ask", "*", "risk = \"critical\"\nevery-time = true")), &tools());
    let (tool, scope) = (&tools()[0], RunScope::default());
    let told = own.explain(&call(tool, json!({})), tool, &Facts::new(Mode::Live, &scope)).to_string();
    assert!(told.contains("a person is asked, every time, with risk critical, for 15min"), "{told}");
}

#[test]
fn what_shows_a_person_what_a_call_would_do_sends_nothing_and_lands_nothing() {
    let own = policy(&format!("{HEAD}{}", rule("q", "ask", "*", "")), &tools());
    let Decision::Ask(question) = decide(&own, "write", json!({})) else { panic!("it does not ask") };
    assert_eq!((question.rehearsal.mode(), question.rehearsal.sends()), (Mode::Preview, crate::call::Sends::Nothing));
    assert_eq!(question.rehearsal.approval(), None);
}

#[test]
fn a_call_with_other_arguments_is_looked_at_in_the_same_way_and_where_a_rule_denies_it_not_at_all() {
    let pattern = "when = { properties.path.const = \"/no\", required = [\"path\"] }";
    let rules = format!("{HEAD}{}{}", rule("q", "allow", "*", ""), rule("no", "deny", "*", pattern));
    let own = policy(&rules, &tools());
    let (tool, scope) = (&tools()[0], RunScope::default());
    let looked = |arguments| own.rehearsal(call(tool, arguments), tool, &Facts::new(Mode::Live, &scope));
    let rehearsal = looked(json!({ "path": "/yes" })).unwrap();
    assert_eq!((rehearsal.mode(), rehearsal.sends()), (Mode::Preview, crate::call::Sends::Nothing));
    assert_eq!(looked(json!({ "path": "/no" })).unwrap_err().kind, DenialKind::Rule);
}

#[test]
fn the_model_learns_nothing_but_denied_and_the_advice() {
    let rest = "reason = \"secret-reason\"\nadvice = \"Ask for a copy.\"";
    let policy =
        with_rules(&[rule("secret-name", "deny", "files.read", rest), rule("read", "allow", "files.read", "")]);
    let denial = denial(decide(&policy, "read", json!({})));
    assert_eq!(denial.message, "denied: this call is not permitted. Ask for a copy.");
    let failure = Failure::from(denial);
    assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "denied"));
    for hidden in ["secret", "toolhold.toml", "/base", "inbox", "rule"] {
        assert!(!failure.message.contains(hidden), "{hidden}");
    }
    let detail = failure.detail.unwrap();
    assert!(detail.contains("rule `secret-name` (toolhold.toml:14)"), "{detail}");
}

#[test]
fn each_kind_of_denial_says_the_same_to_the_model() {
    let policy = with_rules(&[rule("no", "deny", "files.read", "")]);
    let outside = RunScope::default().only_tools(Vec::new());
    let messages = [
        denial(decide(&policy, "read", json!({}))).message,
        denial(decide(&policy, "write", json!({}))).message,
        denial(decide_in(&policy, "write", json!({}), Mode::Live, &outside)).message,
    ];
    assert!(messages.iter().all(|message| *message == messages[0]));
}

#[test]
fn an_allow_rule_over_an_optional_argument_is_warned_about() {
    let when = "when = { properties = { path = { pattern = \"^/work/\" } } }";
    let warned = |decision| {
        with_rules(&[rule("r", decision, "files.read", when)])
            .warnings()
            .iter()
            .map(|problem| problem.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(warned("allow"), [Code::OptionalArgument]);
    assert_eq!(warned("deny"), []);
    let required = "when = { properties = { path = { pattern = \"^/work/\" } }, required = [\"path\"] }";
    assert!(with_rules(&[rule("r", "allow", "files.read", required)]).warnings().is_empty());
}

#[test]
fn an_explanation_shows_rules_reach_limits_and_the_way_out() {
    let when = "when = { properties = { path = { pattern = \"^/work/\" } }, required = [\"path\"] }\nreason = \"work is open\"";
    let policy = with_rules(&[
        rule("work", "allow", "files.read", when),
        rule(
            "archive",
            "deny",
            "files.read",
            "when = { properties = { path = { pattern = \"^/work/archive\" } }, required = [\"path\"] }",
        ),
        rule("writes", "deny", "files.write", ""),
    ]);
    let read = &tools()[0];
    let scope = RunScope::default().at_most(Limit::Fuel, 1_000);
    let explain =
        |path: &str| policy.explain(&call(read, json!({ "path": path })), read, &Facts::new(Mode::Live, &scope));
    insta::assert_snapshot!("allowed", explain("/work/a").to_string());
    insta::assert_snapshot!("no_rule", explain("/etc/passwd").to_string());
    insta::assert_snapshot!("denied", explain("/work/archive/a").to_string());
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&explain("/etc/passwd")).unwrap());
}

#[test]
fn a_path_is_explained_by_the_pattern_and_line_that_decide() {
    let narrow = vec![tool("write", &[EVERYTHING], &["/work/notes/public/**"])];
    let policy = policy(&format!("{HEAD}{}", rule("all", "allow", "*", "")), &narrow);
    let scope = RunScope::default().only_paths(["/work/notes/**"]).unwrap();
    let explain = |path: &str, access| policy.explain_path("files.write", path, access, &scope);
    let mut shown = String::new();
    for (path, access) in [
        ("/work/notes/a", Access::Read),
        ("/work/notes/public/a", Access::Write),
        ("/work/a", Access::Read),
        ("/work/[a]*/b", Access::Write),
        ("/work/notes/.env", Access::Read),
        ("/work/notes/a", Access::Write),
        ("/elsewhere/a b/c", Access::Read),
        ("/work/../etc", Access::Read),
    ] {
        shown.push_str(&format!("{}\n", explain(path, access)));
    }
    insta::assert_snapshot!(shown);
    assert_eq!(policy.explain_path("files.nothing", "/work", Access::Read, &scope).reason, PathReason::NoSuchTool);
}

#[test]
fn what_is_suggested_for_a_path_allows_it_and_no_other() {
    let odd = "/work/[a]*{b}\\c?";
    let before = with_rules(&[rule("all", "allow", "*", "")]);
    let scope = RunScope::default();
    let suggestion = before.explain_path("files.write", odd, Access::Write, &scope).suggestion.unwrap();
    let text = before.manifest().source().text().replace("write = [\"notes/**\"]", suggestion.toml.unwrap().trim());
    let after = policy(&text, &tools());
    assert!(after.explain_path("files.write", odd, Access::Write, &scope).allowed);
    assert!(after.explain_path("files.write", "/work/notes/x", Access::Write, &scope).allowed);
    assert!(!after.explain_path("files.write", "/work/a", Access::Write, &scope).allowed);
}

#[test]
fn what_a_tool_could_ever_do_is_told_whatever_it_is_asked_for() {
    let when = "when = { required = [\"path\"] }";
    let rules =
        [rule("some", "allow", "files.write", when), rule("never", "deny", "files.*", "when-labels = [\"private\"]")];
    let head = HEAD.replace("symlinks", "labels = [\"private\"]\nsymlinks");
    let policy = policy(&format!("{head}{}", rules.concat()), &tools());
    let reach = policy.reach("files.write").unwrap();
    let told: Vec<_> =
        reach.rules.iter().map(|line| (line.rule.name.as_str(), line.conditional, line.labels.len())).collect();
    assert_eq!(told, [("never", false, 1), ("some", true, 0)]);
    assert_eq!(
        reach.directories.iter().map(|line| (line.guest.as_str(), line.write.len())).collect::<Vec<_>>(),
        [("/work", 1)]
    );
    assert_eq!(reach.env, ["LANG"]);
    let memory = reach.limits.iter().find(|line| line.limit == Limit::Memory).unwrap();
    assert_eq!((memory.number, memory.bound.as_str()), (1 << 20, "1MiB"));
    // What a tool does not declare to need is not within its reach, and of what nobody may know nothing is told.
    assert!(policy.reach("files.pure").unwrap().directories.is_empty());
    assert!(policy.reach("files.nothing").is_none());
}
