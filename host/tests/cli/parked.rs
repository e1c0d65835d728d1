//! What a person says of changes that were cut off holds from then on.

use crate::project::Project;

/// As a kill leaves it: the plan of `call` is on record and waits to be finished, and nobody knows what it did.
fn cut_off(project: &Project, call: &str) {
    let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
    let plans = database.execute("UPDATE plans SET state = 'ready' WHERE call = ?1", [call]).unwrap();
    let sql = "UPDATE calls SET state = 'unknown', settled_at = NULL, succeeded = NULL, outcome = NULL, outcome_digest = NULL, usage = NULL
               WHERE call = ?1";
    let calls = database.execute(sql, [call]).unwrap();
    assert_eq!((plans, calls), (1, 1));
}

/// Opens a host, which finishes what it can.
fn open(project: &Project) {
    project.run(&["call", "files.read", "path=/work/a.txt"]).worked(&[]);
}

#[test]
fn changes_of_a_call_that_did_nothing_by_a_persons_word_never_land() {
    let project = Project::free();
    let call = project.run(&["call", "files.write", "path=/work/new.txt", "content=by the tool", "--dry-run"]);
    let call = call.named("apply");
    cut_off(&project, &call);
    // It cannot be finished while this is there.
    project.write("work/new.txt", "by hand");
    open(&project);
    project.run(&["unknown", "list"]).worked(&[&call]);
    project.run(&["unknown", "resolve", &call, "--failed"]).worked(&["settled as failed"]);
    std::fs::remove_file(project.path().join("work/new.txt")).unwrap();
    open(&project);
    assert!(!project.path().join("work/new.txt").exists());
    project.run(&["history"]).worked(&["refused"]);
}

#[test]
fn a_call_of_which_something_is_on_the_disk_did_not_do_nothing() {
    let project = Project::free();
    let moves = ["call", "files.move", "from=/work/a.txt", "to=/work/sub/b.txt", "create_parents=true"];
    let call = project.run(&moves).named("undo");
    // The directory was made, and the file was not moved any more. Somebody has used both since.
    std::fs::rename(project.path().join("work/sub/b.txt"), project.path().join("work/a.txt")).unwrap();
    cut_off(&project, &call);
    project.write("work/a.txt", "by hand");
    project.write("work/sub/theirs.txt", "theirs");
    let refused = project.run(&["unknown", "resolve", &call, "--failed"]);
    assert!(refused.code() != 0 && refused.said().contains("--succeeded"), "{}", refused.said());
    assert_eq!((project.read("work/a.txt"), project.read("work/sub/theirs.txt")), ("by hand".into(), "theirs".into()));
    project.run(&["unknown", "list"]).worked(&[&call]);
    project.run(&["unknown", "resolve", &call, "--succeeded"]).worked(&["settled as succeeded"]);
}
