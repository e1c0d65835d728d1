//! What holds for any manifest, scope and call.

use proptest::prelude::*;

use super::*;

fn glob() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["**", "*", "a", "a/**", "**/b", "a/*", "*/b", "a/b/**", "[!a]", "{a,b}/**", "?"])
        .prop_map(str::to_owned)
}

fn globs() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(glob(), 0..3)
}

fn paths() -> Vec<&'static str> {
    vec!["", "a", "b", "c", "a/a", "a/b", "b/b", "a/b/c", "c/b", "b/c/b"]
}

#[derive(Debug, Clone)]
struct AnyRule {
    decision: &'static str,
    tools: &'static str,
    when: &'static str,
}

fn rule_strategy() -> impl Strategy<Value = AnyRule> {
    let decision = prop::sample::select(vec!["allow", "allow", "preview", "ask", "deny"]);
    let tools = prop::sample::select(vec!["*", "files.*", "files.read", "*.write", "files.p*"]);
    let when = prop::sample::select(vec![
        "",
        "",
        "when = { required = [\"x\"] }",
        "when = { properties = { x = { maximum = 3 } } }",
        "when = { not = { required = [\"y\"] } }",
    ]);
    (decision, tools, when).prop_map(|(decision, tools, when)| AnyRule { decision, tools, when })
}

fn written(rules: &[(usize, AnyRule)]) -> Policy {
    let text: Vec<_> =
        rules.iter().map(|(index, any)| rule(&format!("rule {index}"), any.decision, any.tools, any.when)).collect();
    with_rules(&text)
}

fn arguments() -> impl Strategy<Value = Value> {
    (prop::option::of(0..6), prop::option::of(0..6)).prop_map(|(x, y)| {
        let fields = [("x", x), ("y", y)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|value: i32| (name.to_owned(), json!(value))));
        Value::Object(fields.collect())
    })
}

/// What can be compared of a decision.
fn shape(decision: &Decision) -> String {
    match decision {
        Decision::Allow(_) => "allow".into(),
        Decision::Preview(_) => "preview".into(),
        Decision::Ask(question) => format!("ask {}", question.rule.name),
        Decision::Deny(denial) => format!("deny {:?} {:?}", denial.kind, denial.rule.as_ref().map(|rule| &rule.name)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rules_changes_no_decision(
        (rules, shuffled) in prop::collection::vec(rule_strategy(), 0..6)
            .prop_map(|rules| rules.into_iter().enumerate().collect::<Vec<_>>())
            .prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        arguments in arguments(),
    ) {
        let (one, two) = (written(&rules), written(&shuffled));
        for local in ["read", "write", "pure"] {
            prop_assert_eq!(shape(&decide(&one, local, arguments.clone())), shape(&decide(&two, local, arguments.clone())));
        }
    }

    #[test]
    fn a_deny_rule_that_matches_wins_and_another_rule_never_loosens(rules in prop::collection::vec(rule_strategy(), 0..6), arguments in arguments()) {
        let rules: Vec<_> = rules.into_iter().enumerate().collect();
        let denied = AnyRule { decision: "deny", tools: "*", when: "" };
        let with_deny: Vec<_> = rules.iter().cloned().chain([(99, denied)]).collect();
        for local in ["read", "write", "pure"] {
            let is_deny = matches!(decide(&written(&with_deny), local, arguments.clone()), Decision::Deny(_));
            prop_assert!(is_deny);
        }
    }

    #[test]
    fn an_explanation_tells_what_is_decided(rules in prop::collection::vec(rule_strategy(), 0..6), arguments in arguments(), preview: bool) {
        let policy = written(&rules.into_iter().enumerate().collect::<Vec<_>>());
        let scope = RunScope::default();
        let mode = if preview { Mode::Preview } else { Mode::Live };
        for tool in tools() {
            let facts = Facts::new(mode, &scope);
            let explained = policy.explain(&call(&tool, arguments.clone()), &tool, &facts);
            let decided = match policy.decide(call(&tool, arguments.clone()), &tool, &facts) {
                Decision::Allow(_) => Verdict::Allow,
                Decision::Preview(_) => Verdict::Preview,
                Decision::Ask(_) => Verdict::Ask,
                Decision::Deny(_) => Verdict::Deny,
            };
            prop_assert_eq!(explained.verdict, decided);
        }
    }

    #[test]
    fn a_call_reaches_what_is_declared_and_granted_and_in_the_run_and_nothing_else(
        read in globs(), write in globs(), deny in globs(),
        need_read in globs(), need_write in globs(),
        scopes in prop::collection::vec(globs(), 0..3),
        read_only: bool,
    ) {
        let absolute = |globs: &[String]| globs.iter().map(|glob| if glob == "**" { "/**".to_owned() } else { format!("/work/{glob}") }).collect::<Vec<_>>();
        let (need_read, need_write) = (absolute(&need_read), absolute(&need_write));
        let tool = tool("any", &need_read.iter().map(String::as_str).collect::<Vec<_>>(), &need_write.iter().map(String::as_str).collect::<Vec<_>>());
        let text = format!(
            "version = 1\n[tools.files]\nsource = \"f\"\n[[tools.files.directories]]\nhost = \"h\"\nguest = \"/work\"\nread = {read:?}\nwrite = {write:?}\ndeny = {deny:?}\n{}",
            rule("all", "allow", "*", "")
        );
        let policy = policy(&text, std::slice::from_ref(&tool));
        let mut scope = RunScope::default();
        for globs in &scopes {
            scope = scope.only_paths(absolute(globs)).unwrap();
        }
        let scope = if read_only { scope.read_only() } else { scope };
        let authorized = allowed(policy.decide(call(&tool, json!({})), &tool, &Facts::new(Mode::Live, &scope)));
        let any = |globs: &[String], path: &str| crate::grant::Patterns::new(globs.to_vec()).unwrap().matches(path);
        let any_guest = |globs: &[String], path: &str| crate::grant::GuestPatterns::new(globs.to_vec()).unwrap().matches(path);
        for path in paths() {
            let whole = if path.is_empty() { "/work".to_owned() } else { format!("/work/{path}") };
            let in_run = scopes.iter().all(|globs| any_guest(&absolute(globs), &whole));
            let expected_read = any(&read, path) && any_guest(&need_read, &whole) && in_run;
            let expected_write = any(&write, path) && any_guest(&need_write, &whole) && in_run && !read_only;
            let directory = authorized.grants().directories.first();
            prop_assert_eq!(directory.is_some_and(|directory| directory.read.matches(path)), expected_read, "read {}", path);
            prop_assert_eq!(directory.is_some_and(|directory| directory.write.matches(path)), expected_write, "write {}", path);
            for (access, expected) in [(Access::Read, expected_read), (Access::Write, expected_write)] {
                let explained = policy.explain_path("files.any", &whole, access, &scope);
                prop_assert_eq!(explained.allowed, expected && !any(&deny, path), "explain {} {:?}", path, explained);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(version = 1\n)?[\\[\\]a-z= \"{}\n.#0-9,'*/]{0,80}") {
        drop(Manifest::parse(&text, "m", Path::new("/")));
    }

    #[test]
    fn no_cut_or_changed_byte_makes_the_reader_panic(at in 0_usize..2_000, byte: u8, cut: bool) {
        let mut text = format!("{HEAD}{}", rule("all", "allow", "*", "when = { properties = { path = { pattern = \"^/work/\" } }, required = [\"path\"] }")).into_bytes();
        let at = at % text.len();
        if cut { text.truncate(at) } else { text[at] = byte }
        drop(Manifest::parse(&String::from_utf8_lossy(&text), "m", Path::new("/")));
    }
}
