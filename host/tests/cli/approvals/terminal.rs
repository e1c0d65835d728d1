//! Deciding at the terminal, for calls and for runs of other processes.

use super::*;

#[test]
fn the_terminal_lists_shows_and_decides() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    project.run(&["approvals"]).worked(&["nothing waits"]);
    project.run(&words).failed(17, &["awaiting-approval", "toolhold approvals show"]);
    let id = waiting(&project);
    project.run(&["approvals"]).worked(&[&id, "files.move", "ask before moving", "medium"]);
    project.run(&["approvals", "show", &id]).worked(&["waiting", "/work/moved.md", "it would", "ask before moving"]);
    project.run(&["approvals", "approve", &id, "--for", "always"]).failed(2, &["once"]);
    project.run(&["approvals", "approve", "nothing"]).failed(3, &["there is no approval"]);
    project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    project.run(&["approvals", "reject", &id]).failed(3, &["approved already"]);
    assert_eq!(project.run(&words).code(), 0);
    assert!(project.path().join("work/moved.md").exists());
    let words = ["call", "files.move", "from=/work/moved.md", "to=/work/other.md"];
    project.run(&words).failed(17, &[]);
    let id = waiting(&project);
    let new = r#"{"from": "/work/moved.md", "to": "/work/third.md"}"#;
    project.run(&["approvals", "modify", &id, "--arguments", r#"{"from": 1}"#]).failed(4, &["do not fit"]);
    project.run(&["approvals", "modify", &id, "--arguments", new]).worked(&["modified"]);
    let done = project.run(&words);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains("a person changed the arguments"), "{}", done.said());
    assert!(project.path().join("work/third.md").exists());
    project.run(&["approvals", "list", "--all"]).worked(&["used"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

const SCRIPT: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.move"
arguments = { from = "/work/notes.md", to = "/work/moved.md" }
[[turn]]
text = "done"
"#;

fn begin(project: &Project) -> (Child, std::path::PathBuf) {
    project.write("script.toml", SCRIPT);
    let output = project.path().join("output.txt");
    (project.start_into(&["run", "move it", "--model", "scripted:script.toml"], &output), output)
}

#[test]
fn a_run_waits_for_a_decision_that_another_process_asks_it_for() {
    let project = Project::locked();
    let (mut child, output) = begin(&project);
    let id = waiting(&project);
    assert_eq!(json_of(&project, &["approvals", "list"])[0]["agent"], "local", "whose run it is");
    project.run(&["approvals", "modify", &id, "--arguments", r#"{"from": 1}"#]).failed(4, &["do not fit"]);
    project.run(&["approvals", "approve", &id]).worked(&[&id]);
    assert!(!project.path().join(".toolhold/decisions").exists(), "it was asked, and nothing was left for it");
    let by = json_of(&project, &["approvals", "list", "--all"])[0]["answer"]["by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("terminal:uid-"), "{by}");
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{}", std::fs::read_to_string(output).unwrap());
    assert!(project.path().join("work/moved.md").exists());
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_decision_is_left_for_a_process_that_answers_nobody() {
    let project = Project::locked();
    let (mut child, output) = begin(&project);
    let id = waiting(&project);
    std::fs::remove_file(project.path().join(".toolhold/control.sock")).unwrap();
    project.run(&["approvals", "modify", &id, "--arguments", r#"{"from": 1}"#]).failed(3, &["do not fit"]);
    project.run(&["approvals", "approve", &id]).worked(&[&id]);
    assert!(child.wait().unwrap().success(), "{}", std::fs::read_to_string(output).unwrap());
    assert!(project.path().join("work/moved.md").exists());
}

#[test]
fn a_run_that_is_killed_while_it_waits_still_waits_and_takes_the_answer_that_came_meanwhile() {
    let project = Project::locked();
    let (mut child, _) = begin(&project);
    let id = waiting(&project);
    while !project.run(&["runs"]).printed().contains("awaiting-approval") {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = json_of(&project, &["runs"])[0]["run"].as_str().unwrap().to_owned();
    // Taken up and killed again: one question.
    let output = project.path().join("again.txt");
    let mut again = project.start_into(&["runs", "resume", &run], &output);
    while !std::fs::read_to_string(&output).unwrap().contains(&format!("run {run}")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    again.kill().unwrap();
    again.wait().unwrap();
    assert_eq!(waiting(&project), id);
    project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    let done = project.run(&["runs", "resume", &run]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert!(project.path().join("work/moved.md").exists());
    assert_eq!(json_of(&project, &["approvals", "list", "--all"]).as_array().unwrap().len(), 1);
    project.run(&["runs", "show", &run]).worked(&["waits for a person", "a person approved it", "ended: completed"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_hears_a_no_with_its_reason_and_goes_on() {
    let project = Project::locked();
    let (mut child, output) = begin(&project);
    let id = waiting(&project);
    project.run(&["approvals", "reject", &id, "--reason", "it is precious"]).worked(&["rejected"]);
    assert!(child.wait().unwrap().success());
    let said = std::fs::read_to_string(output).unwrap();
    assert!(said.contains("it is precious") && said.contains("completed"), "{said}");
    assert!(!project.path().join("work/moved.md").exists());
}

#[test]
fn a_run_that_waits_can_be_cancelled() {
    let project = Project::locked();
    let (mut child, _) = begin(&project);
    waiting(&project);
    while !project.run(&["runs"]).printed().contains("awaiting-approval") {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = json_of(&project, &["runs"])[0]["run"].as_str().unwrap().to_owned();
    project.run(&["runs", "cancel", &run]).worked(&["cancelled"]);
    project.run(&["runs"]).worked(&["cancelled"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn who_sits_at_a_terminal_is_asked_there() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    let done = project.run_at_a_terminal(&words, "a\n");
    assert_eq!(done.code(), 0, "{}", done.printed());
    assert!(done.printed().contains("[a]pprove once"), "{}", done.printed());
    assert!(project.path().join("work/moved.md").exists());
    let words = ["call", "files.move", "from=/work/moved.md", "to=/work/again.md"];
    let done = project.run_at_a_terminal(&words, "n\nnot now\n");
    assert_eq!(done.code(), 5, "{}", done.printed());
    assert!(done.printed().contains("not now"), "{}", done.printed());
}

#[test]
fn who_decides_later_waits_for_nothing_and_a_word_that_is_none_is_asked_again() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    let done = project.run_at_a_terminal(&words, "yes please\n\nl\n");
    assert_eq!(done.printed().matches("type one of the letters").count(), 2, "{}", done.printed());
    assert!(done.printed().contains("decide later") && project.path().join("work/notes.md").exists());
    // Its time is not over: it still waits, for the next such call.
    assert_eq!(done.code(), 17);
    let waiting = json_of(&project, &["approvals"]);
    assert_eq!((waiting.as_array().map(Vec::len), &waiting[0]["state"]), (Some(1), &json!("waiting")), "{waiting}");
}
