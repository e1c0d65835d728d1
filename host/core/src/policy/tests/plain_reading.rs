//! The index spares rules from being looked at, and changes nothing: what it finds is what one finds who reads all rules in order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::rules::Weighed;
use super::*;
use crate::schema::Extent;

/// What an argument is made to be.
const VALUES: &[&str] = &[
    "\"\"",
    "\"x\"",
    "\"xy\"",
    "\"xyz\"",
    "\"y\"",
    "\"/work/a\"",
    "\"/work/ab\"",
    "\"/work/b/c\"",
    "\"/workshop\"",
    "\"ä\"",
    "0",
    "1",
    "1.0",
    "2",
    "-0.0",
    "true",
    "null",
    "[]",
    "[\"x\"]",
    "{}",
];

/// What is wanted of an argument, as it is written in a manifest.
const WANTED: &[&str] = &[
    "const = \"\"",
    "const = \"x\"",
    "const = \"xy\"",
    "const = \"/work/a\"",
    "const = 1",
    "const = 1.0",
    "const = 0",
    "const = true",
    "const = []",
    "enum = [\"x\", \"xyz\", \"x\"]",
    "enum = [\"x\", 1, 2.0, 1]",
    "enum = [\"y\", true]",
    "const = \"x\", pattern = \"^y\"",
    "const = \"xy\", enum = [\"x\"]",
    "pattern = \"^x\"",
    "pattern = \"^xy\"",
    "pattern = \"^xyz\"",
    "pattern = \"^xy?\"",
    "pattern = \"^x*\"",
    "pattern = \"^/work/\"",
    "pattern = \"^/work/a\"",
    "pattern = \"^/work\\\\/a{0,2}$\"",
    "pattern = \"^/work/[^/]+$\"",
    "pattern = \"^x|^y\"",
    "pattern = \"^(?i)X\"",
    "pattern = \"y\"",
    "pattern = \"^\"",
    "pattern = \"^ä\"",
    "pattern = \"^x\", type = \"string\"",
    "type = \"string\"",
    "not = { const = \"x\" }",
    "anyOf = [{ const = \"x\" }, { pattern = \"^/work/\" }]",
];

/// Checks of `tree` that only a large tree makes too costly: twelve doublings.
fn costly() -> String {
    let doublings = (1..12).map(|level| {
        let below = format!("{{ \"$ref\" = \"#/$defs/d{}\" }}", level - 1);
        format!("d{level} = {{ allOf = [{below}, {below}] }}")
    });
    let doublings = doublings.collect::<Vec<_>>().join(", ");
    format!(
        "\"$defs\" = {{ d0 = {{ minimum = 0 }}, {doublings} }}, additionalProperties = {{ items = {{ \"$ref\" = \"#/$defs/d11\" }} }}"
    )
}

#[derive(Debug, Clone)]
struct Written {
    decision: &'static str,
    wanted: Vec<(&'static str, &'static str)>,
    required: BTreeSet<&'static str>,
    also: Also,
    labelled: bool,
    asks_every_time: bool,
}

/// What a condition has beside what it wants of arguments.
#[derive(Debug, Clone, Copy)]
enum Also {
    Nothing,
    Costly,
    AllOf,
    NoCondition,
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn written() -> impl Strategy<Value = Written> {
    let also = prop_oneof![
        6 => Just(Also::Nothing), 1 => Just(Also::Costly), 1 => Just(Also::AllOf), 1 => Just(Also::NoCondition)
    ];
    (
        prop::sample::select(vec!["allow", "preview", "ask", "deny"]),
        prop::collection::vec((names(), prop::sample::select(WANTED.to_vec())), 0..3),
        prop::collection::btree_set(names(), 0..3),
        also,
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|(decision, wanted, required, also, (one, two, every))| Written {
            decision,
            wanted,
            required,
            also,
            labelled: one && two,
            asks_every_time: every,
        })
}

fn in_manifest(index: usize, written: &Written) -> String {
    // A key stands once in a table of TOML.
    let wanted: std::collections::BTreeMap<_, _> = written.wanted.iter().copied().collect();
    let wanted: Vec<_> = wanted.iter().map(|(name, wanted)| format!("{name} = {{ {wanted} }}")).collect();
    let mut when = format!("properties = {{ {} }}", wanted.join(", "));
    if !written.required.is_empty() {
        when = format!("{when}, required = {:?}", written.required.iter().collect::<Vec<_>>());
    }
    let when = match written.also {
        Also::Nothing => format!("when = {{ {when} }}\n"),
        Also::Costly => format!("when = {{ {when}, {} }}\n", costly()),
        Also::AllOf => format!("when = {{ allOf = [{{ {when} }}] }}\n"),
        Also::NoCondition => String::new(),
    };
    let labels = if written.labelled { "when-labels = [\"seen\"]\n" } else { "" };
    let every = if written.decision == "ask" && written.asks_every_time { "every-time = true\n" } else { "" };
    rule(&format!("rule {index}"), written.decision, "files.read", &format!("{when}{labels}{every}"))
}

fn arguments() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(VALUES.to_vec()).prop_map(|text| serde_json::from_str::<Value>(text).unwrap());
    // Shallow, many, and deeper than any condition can look.
    let tree = prop_oneof![
        4 => Just(None),
        1 => Just(Some(json!([1, 2]))),
        1 => Just(Some(json!(vec![1; 3_000]))),
        1 => Just(Some((0..300).fold(json!([]), |inner, _| json!([inner])))),
    ];
    (prop::collection::btree_map(names(), value, 0..4), tree).prop_map(|(fields, tree)| {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.chain(tree.map(|tree| ("tree".to_owned(), tree))).collect())
    })
}

/// One rule, looked at by itself: whether it decides, and whether it can be judged.
fn outcome(rule: &Rule, arguments: &Value, facts: &Facts<'_>) -> Option<bool> {
    let labelled =
        rule.when_labels.is_empty() || rule.when_labels.iter().any(|label| facts.labels.contains(&label.value));
    let holds = rule.when.as_ref().map_or(Some(true), |when| when.value.holds(arguments, Extent::of(arguments)));
    match holds {
        _ if !labelled => None,
        Some(true) => Some(true),
        Some(false) => None,
        None => Some(false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_decides_is_the_first_rule_in_order_that_matches_or_may(
        rules in prop::collection::vec(written(), 0..12),
        arguments in arguments(),
        seen: bool,
    ) {
        let text: Vec<_> = rules.iter().enumerate().map(|(index, written)| in_manifest(index, written)).collect();
        let policy = policy(&format!("{HEAD}labels = [\"seen\"]\n{}", text.concat()), &tools());
        let rules = &policy.entry("files.read").unwrap().rules;
        let (tool, scope) = (&tools()[0], RunScope::default());
        let labels: BTreeSet<Label> = seen.then(|| "seen".parse().unwrap()).into_iter().collect();
        let facts = Facts::new(Mode::Live, &scope).after(&labels);
        // Deeper than a tool's own schema lets through, so that the call is made without one.
        let call = ValidatedCall::new(tool.name().clone(), tool.digest(), Arc::new(arguments.clone()));

        let mut deciding = rules.iter().filter_map(|rule| Some((rule, outcome(rule, &arguments, &facts)?)));
        let expected = deciding.next().map(|(rule, judged)| (&rule.name.value, judged));
        let found = match rules.weigh(&call, &facts) {
            Weighed::By(rule) => Some((rule, true)),
            Weighed::Undecidable(rule) => Some((rule, false)),
            Weighed::ByNone => None,
        };
        prop_assert_eq!(found.map(|(rule, judged)| (&rule.name.value, judged)), expected);

        let previews = |rule: &Arc<Rule>| rule.verdict == Verdict::Preview && outcome(rule, &arguments, &facts).is_some();
        if let Some((rule, true)) = found {
            prop_assert_eq!(rules.is_preview(rule, &call, &facts), rules.iter().any(previews));
        }
    }
}

#[test]
fn a_condition_that_cannot_be_judged_decides_though_another_argument_says_that_it_does_not_hold() {
    let when = format!("when = {{ properties = {{ a = {{ const = \"x\" }} }}, required = [\"a\"], {} }}\n", costly());
    let policy = with_rules(&[rule("costly", "deny", "files.read", &when), rule("all", "allow", "files.read", "")]);
    allowed(decide(&policy, "read", json!({ "a": "y", "tree": [1] })));
    let large = decide(&policy, "read", json!({ "a": "y", "tree": vec![1; 3_000] }));
    assert_eq!(denial(large).kind, DenialKind::Undecidable);
}
