//! An undo brings back exactly what was there, or changes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use toolhold::{Host, HostConfig};

use crate::project::{Project, Tree, cache};

/// A file with a mode and a time that no new file has.
fn age(project: &Project, name: &str, mode: u32) {
    let path = project.path().join(name);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let file = std::fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789)).unwrap();
}

/// Files alone: what a directory's own time says is not part of a call.
fn files(project: &Project) -> Tree {
    project.tree().into_iter().filter(|(_, (content, ..))| content.is_some()).collect()
}

#[test]
fn an_undo_brings_back_content_mode_and_time() {
    let calls: [&[&str]; 5] = [
        &["files.edit", r#"{"path":"/work/a.txt","edits":[{"old":"two","new":"2"}]}"#],
        &["files.write", "path=/work/a.txt", "content=other"],
        &["files.delete", "path=/work/a.txt"],
        &["files.move", "from=/work/a.txt", "to=/work/sub/b.txt", "create_parents=true"],
        &["files.write", "path=/work/new.txt", "content=new"],
    ];
    let project = Project::free();
    age(&project, "work/a.txt", 0o640);
    let before = files(&project);
    for call in calls {
        let live = project.run(&[&["call"], call].concat());
        assert_eq!(live.code(), 0, "{}", live.said());
        assert_ne!(files(&project), before, "{call:?}");
        project.run(&["undo", &live.named("undo")]).worked(&["taken back"]);
        assert_eq!(files(&project), before, "{call:?}");
        assert!(!project.path().join("work/sub").exists());
    }
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn an_undo_refuses_when_the_file_was_changed_since_and_names_it() {
    let project = Project::free();
    let edited = project.run(&["call", "files.write", "path=/work/a.txt", "content=by the tool"]);
    project.write("work/a.txt", "by hand");
    let undo = ["undo", &edited.named("undo")];
    project.run(&undo).failed(14, &["/work/a.txt"]);
    assert_eq!(project.read("work/a.txt"), "by hand");
    let json = project.run(&[&undo[..], &["--json"]].concat());
    let said: serde_json::Value = serde_json::from_str(&json.said()).unwrap();
    assert_eq!((json.code(), &said["error"]["code"]), (14, &serde_json::json!("Conflict")));
}

#[test]
fn a_later_call_on_the_same_file_is_named_and_taken_back_first() {
    let project = Project::free();
    let write = |path: &str, content: &str| {
        let call = project.run(&["call", "files.write", &format!("path={path}"), &format!("content={content}")]);
        call.named("undo")
    };
    let (first, second) = (write("/work/a.txt", "first"), write("/work/a.txt", "second"));
    let other = write("/work/other.txt", "other");
    let refused = project.run(&["undo", &first]);
    refused.failed(14, &["/work/a.txt", &format!("toolhold undo {second}")]);
    assert!(!refused.said().contains("somebody else") && !refused.said().contains(&other), "{}", refused.said());
    // One that is taken back already is not the reason, and a person's change is not a call's.
    assert_eq!(project.run(&["undo", &second]).code(), 0);
    project.write("work/a.txt", "by hand");
    let refused = project.run(&["undo", &first]);
    refused.failed(14, &["/work/a.txt", "somebody else"]);
    assert!(!refused.said().contains(&second), "{}", refused.said());
    assert_eq!(project.read("work/a.txt"), "by hand");
}

#[test]
fn a_call_is_undone_once_and_a_preview_not_at_all() {
    let project = Project::free();
    let live = project.run(&["call", "files.delete", "path=/work/a.txt"]);
    assert_eq!(project.run(&["undo", &live.named("undo")]).code(), 0);
    project.run(&["undo", &live.named("undo")]).failed(3, &["undone"]);
    let dry = project.run(&["call", "files.delete", "path=/work/a.txt", "--dry-run"]);
    project.run(&["undo", &dry.named("apply")]).failed(3, &["preview"]);
    project.run(&["undo", "no-such-call"]).failed(3, &["toolhold history"]);
    project.run(&["undo"]).failed(2, &["--run"]);
    assert_eq!(project.read("work/a.txt"), "one\ntwo\nthree\n");
}

/// Three calls of one run, two of them on the same file.
const SCRIPT: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/a.txt", content = "first" }
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/a.txt", content = "second" }
[[turn.call]]
tool = "files.delete"
arguments = { path = "/work/old.txt" }
[[turn]]
text = "done"
"#;

#[test]
fn the_undo_of_a_run_takes_back_every_call_the_last_one_first() {
    let project = Project::free();
    age(&project, "work/a.txt", 0o600);
    let before = files(&project);
    project.write("script.toml", SCRIPT);
    let run = project.run(&["run", "work", "--model", "scripted:script.toml"]);
    assert_eq!((run.code(), project.read("work/a.txt")), (0, "second".to_owned()), "{}", run.said());
    let undo = ["undo", "--run", &run.named("undo --run")];
    let undone = project.run(&undo);
    undone.worked(&["- /work/old.txt", "~ /work/a.txt"]);
    assert_eq!(undone.printed().matches("taken back").count(), 3, "{}", undone.printed());
    assert_eq!(files(&project), before);
    project.run(&undo).worked(&["nothing of this run is left"]);
}

#[test]
fn an_undo_of_a_run_that_meets_a_change_says_what_it_took_back_before() {
    let project = Project::free();
    project.write("script.toml", SCRIPT);
    let run = project.run(&["run", "work", "--model", "scripted:script.toml"]);
    project.write("work/a.txt", "by hand");
    let undone = project.run(&["undo", "--run", &run.named("undo --run")]);
    undone.failed(14, &["/work/a.txt"]);
    assert!(undone.printed().contains("- /work/old.txt"), "{}", undone.printed());
    assert_eq!((project.read("work/a.txt"), project.read("work/old.txt")), ("by hand".into(), "old\n".into()));
}

#[test]
fn an_undo_that_was_cut_off_before_it_began_leaves_what_somebody_changed_since() {
    let project = Project::free();
    let call = project.run(&["call", "files.write", "path=/work/new.txt", "content=by the tool"]).named("undo");
    // As a kill leaves it: on record, and nothing of it on the disk.
    let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
    let cut_off = || database.execute("UPDATE plans SET state = 'undoing' WHERE call = ?1", [&call]).unwrap();
    assert_eq!(cut_off(), 1);
    project.write("work/new.txt", "by hand");
    project.run(&["call", "files.read", "path=/work/new.txt"]).worked(&[]);
    assert_eq!(project.read("work/new.txt"), "by hand");
    project.run(&["undo", &call]).failed(14, &["/work/new.txt"]);
}

#[test]
fn an_undo_that_nobody_waits_for_is_finished() {
    let project = Project::free();
    let call = project.run(&["call", "files.write", "path=/work/new.txt", "content=by the tool"]).named("undo");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = HostConfig { cache: Some(cache()), ..HostConfig::beside(&project.path().join("toolhold.toml")) };
        let host = Host::open(&config, &|_| ()).await.unwrap();
        let call = call.parse().unwrap();
        {
            let mut undo = Box::pin(host.undo(&call));
            assert!(futures_util::poll!(&mut undo).is_pending());
        }
        for _ in 0..500 {
            if !project.path().join("work/new.txt").exists() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was begun and never done");
    });
    assert!(!project.path().join("work/new.txt").exists());
}
