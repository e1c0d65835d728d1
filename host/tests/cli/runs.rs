//! Runs of an agent: they are recorded step by step, taken up again, forked, cancelled, kept when they fail.

use crate::project::{MANIFEST, Project, packed};

const SCRIPT: &str = r#"
[[turn]]
text = "I look first"
[[turn.call]]
tool = "files.list"
arguments = { path = "/work" }
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/new.md", content = "hello" }
[[turn]]
text = "done"
"#;

fn run_of(done: &crate::project::Done) -> String {
    let said = done.said();
    let line = said.lines().find_map(|line| line.strip_prefix("run ")).unwrap_or_else(|| panic!("no run in:\n{said}"));
    line.trim().to_owned()
}

fn project() -> Project {
    let project = Project::locked();
    project.write("script.toml", SCRIPT);
    project
}

fn ran(project: &Project, code: i32) -> String {
    let done = project.run(&["run", "write a note", "--model", "scripted:script.toml"]);
    assert_eq!(done.code(), code, "{}", done.said());
    run_of(&done)
}

#[test]
fn a_run_is_listed_and_shown_step_by_step_with_its_state_at_each() {
    let project = project();
    project.run(&["runs"]).worked(&["there are no runs"]);
    let run = ran(&project, 0);
    project.run(&["runs"]).worked(&[&run, "completed", "write a note"]);
    project.run(&["runs", "list", "--open"]).worked(&["there are no open runs"]);
    project.run(&["runs", "show", &run]).worked(&["called files.write", "was told: done", "ended: completed"]);
    let json = project.run(&["runs", "show", &run, "--json"]).printed();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["steps"][0]["event"], &json["report"]["turns"]), (&"run-started".into(), &3.into()));
    // After the first turn was settled.
    project.run(&["runs", "state", &format!("{run}@6")]).worked(&["I look first", "ask model 1 for turn 2"]);
    project.run(&["runs", "state", &format!("{run}@99")]).failed(3, &["has the steps 1 to 14"]);
    project.run(&["runs", "show", "nothing"]).failed(3, &["there is no run `nothing`"]);
    project.run(&["runs", "resume", &run]).failed(3, &["completed", "runs fork"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_call_of_a_run_is_replayed_and_what_is_different_is_shown() {
    let project = project();
    let run = ran(&project, 0);
    // The write is there already, and writing it again is the same.
    let written = project.run(&["runs", "replay", &format!("{run}@9")]);
    assert_eq!(written.code(), 1, "it is changed and not created: {}", written.said());
    let listed = project.run(&["runs", "replay", &format!("{run}@5"), "--json"]);
    assert_eq!(listed.code(), 1);
    let listed: serde_json::Value = serde_json::from_str(&listed.printed()).unwrap();
    assert_eq!((&listed["tool"], &listed["same"]), (&"files.list".into(), &false.into()), "a file more: {listed}");
    std::fs::remove_file(project.path().join("work/new.md")).unwrap();
    project.run(&["runs", "replay", &format!("{run}@9")]).worked(&["files.write the same"]);
    project.run(&["runs", "replay", &format!("{run}@5")]).worked(&["files.list the same"]);
    project.run(&["runs", "replay", &run]).failed(3, &["name a step"]);
    project.run(&["runs", "replay", &format!("{run}@1")]).failed(3, &["is no call"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_fork_goes_on_from_a_step_and_repeats_nothing_before_it() {
    let project = project();
    let run = ran(&project, 0);
    std::fs::remove_file(project.path().join("work/new.md")).unwrap();
    let at = format!("{run}@6");
    let done = project.run(&["runs", "fork", &at, "--note", "write it again"]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert_eq!(project.read("work/new.md"), "hello");
    let listed = project.run(&["runs", "--json"]).printed();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["origin"]["run"], &listed[0]["origin"]["step"]), (&run.as_str().into(), &6.into()));
    let fork = listed[0]["run"].as_str().unwrap();
    project.run(&["runs", "show", fork]).worked(&["a person said: write it again", &at]);
    project.run(&["runs", "fork", &format!("{run}@4")]).failed(3, &["not the end of a turn", "step 1"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_that_failed_is_kept_and_goes_on_when_its_cause_is_mended() {
    let project = project();
    let (start, end) = SCRIPT.split_once("[[turn]]\n[[turn.call]]\ntool = \"files.write\"").unwrap();
    project.write("script.toml", start);
    let run = ran(&project, 12);
    project.run(&["dlq", "list"]).worked(&[&run, "the script has ended"]);
    let listed = project.run(&["dlq", "list", "--json"]).printed();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert!(listed[0]["reason"].as_str().unwrap().contains("the script has ended"), "{listed}");
    project.run(&["runs", "resume", &run]).failed(3, &["dlq requeue"]);
    project.write("script.toml", &format!("{start}[[turn]]\n[[turn.call]]\ntool = \"files.write\"{end}"));
    let done = project.run(&["dlq", "requeue", &run]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    project.run(&["dlq", "list"]).worked(&["there are no dead letters"]);
    project.run(&["runs", "show", &run]).worked(&["was let go on by a person", "ended: completed"]);
    // Listed once: what was done before was not done again.
    let calls = project.run(&["runs", "show", &run]).printed().matches("called files.list").count();
    assert_eq!(calls, 1);
    project.run(&["dlq", "requeue", &run]).failed(3, &["only a dead letter"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_dead_letter_can_be_given_up() {
    let project = project();
    project.write("script.toml", "");
    let run = ran(&project, 12);
    project.run(&["dlq", "show", &run]).worked(&["is kept as a dead letter"]);
    assert_eq!(project.run(&["dlq", "discard", &run]).code(), 0);
    project.run(&["dlq", "list"]).worked(&["there are no dead letters"]);
    project.run(&["dlq", "requeue", &run]).failed(3, &["only a dead letter"]);
    project.run(&["dlq", "discard", &run]).failed(3, &["only a dead letter"]);
}

#[test]
fn a_dry_run_is_recorded_and_neither_kept_nor_forked() {
    let project = project();
    project.write("script.toml", "");
    let done = project.run(&["run", "x", "--model", "scripted:script.toml", "--dry-run"]);
    assert_eq!(done.code(), 12, "{}", done.said());
    let run = run_of(&done);
    project.run(&["dlq", "list"]).worked(&["there are no dead letters"]);
    project.run(&["runs", "fork", &run]).failed(3, &["a dry run"]);
}

#[test]
fn what_was_changed_in_a_stored_run_is_found() {
    let project = project();
    let run = ran(&project, 0);
    let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
    let sql = "UPDATE run_events SET body = replace(body, 'I look first', 'I looked last') WHERE run = ?1";
    assert!(database.execute(sql, [&run]).unwrap() > 0);
    drop(database);
    project.run(&["audit", "verify"]).failed(10, &[&run, "its steps"]);
}

#[test]
fn the_next_model_of_a_chain_is_asked_where_the_first_is_given_up() {
    let project = project();
    project.write("empty.toml", "");
    let words = ["run", "x", "--model", "scripted:empty.toml", "--model", "scripted:script.toml"];
    let done = project.run(&words);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert!(done.said().contains("model number 2 of the chain"), "{}", done.said());
    project.run(&["run", "x"]).failed(2, &["--model"]);
}

#[test]
fn rounds_of_the_same_calls_end_with_an_answer() {
    let project = project();
    project.write("toolhold.toml", &format!("{MANIFEST}\n[run]\nmax-iterations = 50\n"));
    let turn = "[[turn]]\n[[turn.call]]\ntool = \"files.list\"\narguments = { path = \"/work\" }\n";
    project.write("script.toml", &format!("last_answer = \"what I have\"\n{}", turn.repeat(40)));
    let done = project.run(&["run", "list for ever", "--model", "scripted:script.toml"]);
    assert_eq!((done.code(), done.printed().as_str()), (11, "what I have\n"), "{}", done.said());
    assert!(done.said().contains("6 rounds of the same calls"), "{}", done.said());
}

#[test]
fn an_answer_has_to_conform_to_its_schema() {
    let project = project();
    project.write("schema.json", r#"{"type": "object", "required": ["notes"]}"#);
    let words = ["run", "count", "--model", "scripted:script.toml", "--answer-schema", "schema.json"];
    project.write("script.toml", "[[turn]]\ntext = \"three\"\n[[turn]]\ntext = '{\"notes\": 3}'\n");
    let done = project.run(&words);
    assert_eq!((done.code(), done.printed().as_str()), (0, "{\"notes\": 3}\n"), "{}", done.said());
    project.write("script.toml", &"[[turn]]\ntext = \"three\"\n".repeat(4));
    let done = project.run(&words);
    assert_eq!((done.code(), done.printed().as_str()), (11, "three\n"), "{}", done.said());
    project.write("schema.json", r#"{"type": "nothing"}"#);
    project.run(&words).failed(3, &["schema.json", "cannot be used"]);
}

#[test]
fn what_stands_in_the_way_of_a_run_is_told_before_it_begins() {
    let project = project();
    let check = ["run", "x", "--model", "scripted:script.toml", "--check"];
    project.run(&check).worked(&["no rule lets these run: ", "files.delete"]);
    project.run(&["runs"]).worked(&["there are no runs"]);
    let rules = MANIFEST.find("[[rules]]").unwrap();
    project.write("toolhold.toml", &MANIFEST[..rules]);
    let done = project.run(&check);
    assert_eq!(done.code(), 3);
    assert!(done.printed().contains("blocked: no rule of the manifest lets any tool run"), "{}", done.printed());
    let words = ["run", "x", "--model", "scripted:script.toml"];
    project.run(&words).failed(3, &["would come to nothing"]);
    project.run(&["runs"]).worked(&["there are no runs"]);
    let priced = "[models.dear]\napi = \"openai\"\nmodel = \"m\"\nurl = \"http://127.0.0.1:9/v1\"\n\
                  [models.dear.prices]\ninput = \"1\"\noutput = \"100\"\n[run]\nmax-cost = \"1ct\"\n";
    project.write("toolhold.toml", &format!("{MANIFEST}\n{priced}"));
    project.run(&["run", "x", "--model", "dear"]).failed(3, &["may cost 0.4096 dollars", "max-cost"]);
}

#[test]
fn health_tells_what_works_and_what_does_not() {
    let project = project();
    project.run(&["health"]).worked(&["nothing was used yet"]);
    for _ in 0..5 {
        ran(&project, 0);
        std::fs::remove_file(project.path().join("work/new.md")).unwrap();
    }
    project.run(&["health"]).worked(&["tool:files.list", "tool:files.write", "runs", "healthy", "turns of a run"]);
    project.write("script.toml", "");
    for _ in 0..5 {
        ran(&project, 12);
    }
    let told = project.run(&["health", "--json"]).printed();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let named =
        |name: &str| told["health"].as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap().clone();
    assert_eq!((named("runs")["faults"].as_u64(), named("runs")["verdict"].as_str()), (Some(5), Some("critical")));
    assert_eq!(named("tool:files.list")["verdict"], "healthy");
    assert_eq!(named("model:scripted:script.toml")["faults"], 5);
    assert_eq!(told["turns"]["3"], 5);
    project.run(&["health", "--window", "never"]).failed(2, &["--window"]);
}

#[test]
fn nothing_of_a_run_goes_to_another_address_by_itself() {
    let project = project();
    // Nobody listens there, so the run is kept as a dead letter.
    let words = ["run", "x", "--model", "openai:m", "--model-url", "http://127.0.0.1:9/v1"];
    let done = project.run(&words);
    assert_eq!(done.code(), 12, "{}", done.said());
    let run = run_of(&done);
    for command in [["dlq", "requeue", run.as_str()], ["runs", "fork", run.as_str()]] {
        let done = project.run_with(&[("OPENAI_API_KEY", "sk-of-another-address")], &command);
        done.failed(3, &["`openai:m at http://127.0.0.1:9/v1`", "--model openai:m --model-url http://127.0.0.1:9/v1"]);
    }
    project.run(&["breakers", "list"]).worked(&["model:openai:m at http://127.0.0.1:9/v1"]);
}

#[test]
fn a_model_that_looks_back_may_go_back_and_what_it_changed_is_taken_back() {
    let project = project();
    project.write("toolhold.toml", &format!("{MANIFEST}\n[run]\nreflect-every = 1\n"));
    let write = |name: &str| {
        format!(
            "[[turn]]\n[[turn.call]]\ntool = \"files.write\"\narguments = {{ path = \"/work/{name}\", content = \"x\" }}\n"
        )
    };
    let look = |next: &str| {
        format!("[[turn]]\ntext = '{{\"closer\": false, \"next\": \"{next}\", \"why\": \"a dead end\"}}'\n")
    };
    // The wrong way, back, the same way again, another one.
    let script = [
        write("wrong.md"),
        look("go-back"),
        write("wrong.md"),
        look("go-on"),
        write("right.md"),
        look("answer"),
        "[[turn]]\ntext = \"done\"\n".to_owned(),
    ];
    project.write("script.toml", &script.concat());
    let done = project.run(&["run", "x", "--model", "scripted:script.toml"]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert!(!project.path().join("work/wrong.md").exists() && project.path().join("work/right.md").exists());
    assert!(done.said().contains("the run went back") && done.said().contains("path-forbidden"), "{}", done.said());
    let run = run_of(&done);
    project.run(&["runs", "show", &run]).worked(&["looked back: a dead end", "went back, over 1 calls"]);
    project.run(&["history", "--run", &run]).worked(&["undone", "landed"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

/// A project in which a call goes on until it is stopped.
fn endless() -> Project {
    let rule = "[[rules]]\nname = \"loop\"\ndecision = \"allow\"\ntools = [\"hostile.*\"]\n";
    let limits = "[limits]\nfuel = \"100T\"\ntime = \"10min\"\n";
    let project = Project::new(&format!("{MANIFEST}\n[tools.hostile]\nsource = \"hostile.wasm\"\n{limits}{rule}"));
    std::fs::write(project.path().join("hostile.wasm"), packed("hostile")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
        .write("script.toml", "[[turn]]\n[[turn.call]]\ntool = \"hostile.endless_loop\"\n[[turn]]\ntext = \"never\"\n");
    project
}

/// Starts a run, and waits until it is in its call.
fn started(project: &Project) -> (std::process::Child, String) {
    let mut child = project.start(&["run", "x", "--model", "scripted:script.toml", "--quiet"]);
    for _ in 0..600 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let listed = project.run(&["runs", "list", "--open", "--json"]).printed();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap_or_default();
        if listed[0]["state"] == "awaiting-tool" {
            return (child, listed[0]["run"].as_str().unwrap().to_owned());
        }
    }
    child.kill().unwrap();
    panic!("the run did not begin its call: {:?}", child.wait());
}

#[test]
fn a_run_on_which_another_process_works_is_cancelled_and_its_guest_stopped() {
    let project = endless();
    let (mut child, run) = started(&project);
    project.run(&["runs", "cancel", &run]).worked(&["was asked to end it"]);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    project.run(&["runs", "show", &run]).worked(&["was to be cancelled", "ended: cancelled"]);
    project.run(&["runs", "cancel", &run]).failed(3, &["nothing to cancel"]);
    project.run(&["runs", "resume", &run]).failed(3, &["cancelled"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_on_which_nobody_works_is_cancelled_at_once() {
    let project = endless();
    let (mut child, run) = started(&project);
    child.kill().unwrap();
    child.wait().unwrap();
    project.run(&["runs", "list", "--open"]).worked(&[&run, "awaiting-tool"]);
    let done = project.run(&["runs", "cancel", &run, "--json"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&done.printed()).unwrap()["state"], "cancelled");
    project.run(&["runs", "list", "--open"]).worked(&["there are no open runs"]);
    project.run(&["dlq", "list"]).worked(&["there are no dead letters"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_key_of_one_model_goes_to_no_other_one_of_the_chain() {
    let project = project();
    let words = ["run", "x", "--model", "openai:a", "--model", "anthropic:b", "--model-key-env", "KEY"];
    project
        .run_with(&[("KEY", "sk-of-openai")], &words)
        .failed(2, &["`--model-key-env` is for one model", "[models.NAME]"]);
}
