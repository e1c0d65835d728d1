//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use granted::testing::Fixture;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

/// A memory in a file of its own.
struct Memory(Fixture);

impl Memory {
    fn new(text: &str) -> Self {
        Self(Fixture::new(&[("memory.jsonl", text)]))
    }

    fn with(&self, mut arguments: Value) -> Value {
        arguments["path"] = json!(self.0.path("memory.jsonl"));
        arguments
    }

    fn ok(&self, tool: &str, arguments: Value) -> Value {
        call(&COMPONENT, tool, self.with(arguments)).value()
    }

    fn fails(&self, tool: &str, arguments: Value) -> Error {
        call(&COMPONENT, tool, self.with(arguments)).error()
    }

    fn text(&self) -> String {
        self.0.text("memory.jsonl")
    }
}

fn people() -> Memory {
    let memory = Memory::new("");
    memory.ok(
        "create_entities",
        json!({"entities": [
            {"name": "Ada", "entity_type": "person", "observations": ["wrote the first program", "likes engines"]},
            {"name": "Analytical Engine", "entity_type": "machine"},
            {"name": "Bernoulli", "entity_type": "person"},
        ]}),
    );
    memory.ok(
        "create_relations",
        json!({"relations": [
            {"from": "Ada", "to": "Analytical Engine", "relation_type": "programs"},
            {"from": "Ada", "to": "Bernoulli", "relation_type": "cites"},
        ]}),
    );
    memory.ok("save_note", json!({"title": "Engines", "text": "Babbage designed two.", "tags": ["history"]}));
    memory
}

#[test]
fn every_tool_is_idempotent_and_says_what_it_writes() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert!(tool.hints.idempotent && tool.hints.read_only != writes, "{}", tool.name);
    }
}

#[test]
fn what_was_remembered_is_found() {
    let memory = people();
    let found = memory.ok("search", json!({"query": "ENGINE"}));
    let names: Vec<_> = found["entities"].as_array().unwrap().iter().map(|entity| entity["name"].clone()).collect();
    assert_eq!(
        (names, &found["notes"][0]["title"]),
        (vec![json!("Analytical Engine"), json!("Ada")], &json!("Engines"))
    );
    assert_eq!(found["relations"].as_array().unwrap().len(), 2);
    assert_eq!(memory.ok("search", json!({"query": "first person"}))["total"], json!(1), "all words, anywhere");
    assert_eq!(memory.ok("search", json!({"query": "history"}))["notes"][0]["tags"], json!(["history"]));
    let opened = memory.ok("open", json!({"names": ["Bernoulli", "Engines", "nobody"]}));
    assert_eq!((&opened["total"], &opened["relations"][0]["relationType"]), (&json!(2), &json!("cites")));
    assert!(memory.fails("search", json!({"query": " "})).message().contains("no word"));
}

#[test]
fn doing_it_again_changes_nothing() {
    let memory = people();
    let before = memory.text();
    let entity = json!({"entities": [{"name": " Ada ", "entity_type": "person", "observations": ["likes engines"]}]});
    assert_eq!(memory.ok("create_entities", entity), json!({"unchanged": 1}));
    let relation = json!({"relations": [{"from": "Ada", "to": "Bernoulli", "relation_type": "cites"}]});
    assert_eq!(memory.ok("create_relations", relation.clone()), json!({"unchanged": 1}));
    let note = json!({"title": "Engines", "text": "Babbage designed two.", "tags": ["history"]});
    assert_eq!(memory.ok("save_note", note), json!({"unchanged": 1}));
    let known = json!({"observations": [{"entity": "Ada", "observations": ["likes engines"]}]});
    assert_eq!(memory.ok("add_observations", known.clone()), json!({"unchanged": 1}));
    assert_eq!(memory.text(), before);
    for _ in 0..2 {
        memory.ok("delete_relations", relation.clone());
        memory.ok("delete_observations", known.clone());
        memory.ok("delete_notes", json!({"titles": ["Engines"]}));
    }
    let left = memory.ok("read", json!({}));
    assert_eq!(
        (&left["total"], &left["notes"], left["relations"].as_array().unwrap().len()),
        (&json!(3), &json!([]), 1)
    );
    assert_eq!(left["entities"][0]["observations"], json!(["wrote the first program"]));
}

#[test]
fn an_entity_goes_with_its_relations() {
    let memory = people();
    assert_eq!(memory.ok("delete_entities", json!({"names": ["Ada"]})), json!({"deleted": 1}));
    let left = memory.ok("read", json!({}));
    assert_eq!((&left["total"], &left["relations"]), (&json!(3), &json!([])));
    assert_eq!(memory.ok("delete_entities", json!({"names": ["Ada"]})), json!({}));
}

#[test]
fn the_file_is_the_one_of_the_memory_server() {
    let text = "{\"type\":\"entity\",\"name\":\"Ada\",\"entityType\":\"person\",\"observations\":[\"a\"],\"createdAt\":\"2025\"}\n{\"type\":\"relation\",\"from\":\"Ada\",\"to\":\"Ada\",\"relationType\":\"is\"}";
    let memory = Memory::new(text);
    memory.ok("add_observations", json!({"observations": [{"entity": "Ada", "observations": ["b"]}]}));
    let expected = "{\"type\":\"entity\",\"name\":\"Ada\",\"entityType\":\"person\",\"observations\":[\"a\",\"b\"],\"createdAt\":\"2025\"}\n{\"type\":\"relation\",\"from\":\"Ada\",\"to\":\"Ada\",\"relationType\":\"is\"}\n";
    assert_eq!(memory.text(), expected, "keys that we do not know stay");
}

#[test]
fn a_damaged_line_is_named_and_kept() {
    let good = "{\"type\":\"note\",\"title\":\"t\",\"text\":\"x\",\"tags\":[]}";
    let twice = "{\"type\":\"note\",\"title\":\"t\",\"text\":\"another\"}";
    let broken = [" {\"type\":\"entity\",\"name\":", "not json", "{\"type\":\"dream\",\"a\":1}", twice];
    let memory = Memory::new(&format!("{good}\n{}\n\n{{\"type\":\"no", broken.join("\n")));
    let read = memory.ok("read", json!({}));
    let damaged: Vec<&str> = read["damaged"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!((damaged.len(), &read["total"]), (5, &json!(1)));
    assert!(
        damaged[0].starts_with("line 2: ")
            && damaged[3].contains("there is another note `t`")
            && damaged[4].starts_with("line 7"),
        "{damaged:?}"
    );
    let changed = memory.ok("save_note", json!({"title": "new", "text": "y"}));
    assert_eq!(changed["damaged"].as_array().unwrap().len(), 5);
    memory.ok("delete_notes", json!({"titles": ["t", "new"]}));
    assert_eq!(memory.text(), format!("{}\n{{\"type\":\"no\n", broken.join("\n")), "every damaged line is as it was");
}

#[test]
fn a_call_changes_all_or_nothing() {
    let memory = people();
    let before = memory.text();
    let half = json!({"relations": [
        {"from": "Bernoulli", "to": "Ada", "relation_type": "inspires"}, {"from": "Ada", "to": "Nobody", "relation_type": "knows"},
    ]});
    let error = memory.fails("create_relations", half);
    assert!(matches!(&error, Error::NotFound(message) if message.contains("no entity `Nobody`")), "{error:?}");
    let mixed = json!({"observations": [{"entity": "Ada", "observations": ["new"]}, {"entity": "Nobody", "observations": ["x"]}]});
    assert!(memory.fails("add_observations", mixed).message().contains("create_entities"));
    assert_eq!(memory.text(), before);
}

#[test]
fn what_is_remembered_is_bounded_in_its_parts() {
    let memory = Memory::new("");
    for name in ["", " ", "a\nb", &"x".repeat(201)] {
        assert!(
            memory
                .fails("create_entities", json!({"entities": [{"name": name, "entity_type": "t"}]}))
                .message()
                .contains("one line")
        );
    }
    let long = json!({"entities": [{"name": "a", "entity_type": "t", "observations": ["x".repeat(4001)]}]});
    assert!(memory.fails("create_entities", long).message().contains("make several of it, or a note"));
    for number in 0..60 {
        memory.ok("save_note", json!({"title": number.to_string(), "text": "x".repeat(20_000)}));
    }
    let first = memory.ok("read", json!({}));
    assert!(first.to_string().len() < 600_000);
    let rest = memory.ok("read", json!({"skip": first["next_skip"]}));
    assert_eq!(rest["total"], json!(60));
    assert_eq!(rest["notes"][0]["title"], first["next_skip"].to_string());
}

#[test]
fn the_first_call_makes_the_file_and_a_missing_directory_is_an_error() {
    let fixture = Fixture::new(&[]);
    let path = fixture.path("new.jsonl");
    assert_eq!(call(&COMPONENT, "read", json!({"path": path})).value()["total"], json!(0));
    assert!(!fixture.at("new.jsonl").exists(), "reading makes nothing");
    let saved = call(&COMPONENT, "save_note", json!({"path": path, "title": "a", "text": "b"})).value();
    assert_eq!(saved, json!({"created": 1}));
    assert!(fixture.at("new.jsonl").exists());
    assert!(matches!(call(&COMPONENT, "read", json!({"path": fixture.path("no/where")})).error(), Error::NotFound(_)));
}
