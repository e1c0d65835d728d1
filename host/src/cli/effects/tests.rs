//! Reports made by hand, and exactly what a person sees of them where there are no colours.

use insta::assert_snapshot;
use toolhold_core::effect::{
    Basis, Change, ChangeKind, Content, EffectReport, EntryKind, Properties, Request, RequestState, Unknown,
};
use toolhold_core::escape;
use toolhold_core::id::Digest;

use super::{Landing, total, whole};

fn file(content: &str) -> Properties {
    Properties {
        kind: EntryKind::File,
        size: content.len() as u64,
        sha256: Some(Digest::of(content.as_bytes())),
        modified: 1_760_000_000_000_000,
        mode: 0o644,
        target: None,
    }
}

fn directory() -> Properties {
    Properties { kind: EntryKind::Directory, size: 0, sha256: None, mode: 0o755, ..file("") }
}

fn change(path: &str, kind: ChangeKind, before: Option<Properties>, after: Option<Properties>) -> Change {
    Change { path: path.into(), kind, before, after, content: Content::Same }
}

fn created(path: &str, content: &str) -> Change {
    let lines: Vec<String> = content.lines().map(|line| format!("+{line}\n")).collect();
    let (added, diff) = (lines.len() as u64, format!("@@ -0,0 +1,{} @@\n{}", lines.len(), lines.concat()));
    let content_change = Content::Text { diff, added, removed: 0, cut: 0 };
    Change { content: content_change, ..change(path, ChangeKind::Created, None, Some(file(content))) }
}

fn of(changes: Vec<Change>) -> EffectReport {
    EffectReport { changes, ..EffectReport::default() }
}

fn request(method: &str, url: &str, state: RequestState) -> Request {
    Request::new(method, url, state)
}

/// As it is shown where colours are taken out.
fn shown(report: &EffectReport, landing: Landing) -> String {
    anstream::adapter::strip_str(&whole(report, landing)).to_string()
}

#[test]
fn every_kind_of_change_has_its_sign_and_its_facts() {
    let edit = Content::Text { diff: "@@ -1 +1 @@\n-old\n+new\n".into(), added: 1, removed: 1, cut: 0 };
    let link = Properties { kind: EntryKind::Symlink, target: Some("../elsewhere".into()), ..file("") };
    let stamped = Properties { modified: 1_770_000_000_000_000, mode: 0o755, ..file("x") };
    let report = of(vec![
        change("/work/receipts", ChangeKind::Created, None, Some(directory())),
        created("/work/index.md", "# Open\n- one\n"),
        Change {
            content: edit,
            ..change("/work/notes.md", ChangeKind::Changed, Some(file("old\n")), Some(file("new!\n")))
        },
        change(
            "/work/receipts/a.txt",
            ChangeKind::Moved { from: "/work/a.txt".into() },
            Some(file("a")),
            Some(file("a")),
        ),
        change("/work/old.md", ChangeKind::Deleted, Some(file("gone")), None),
        change("/work/run.sh", ChangeKind::Metadata, Some(file("x")), Some(stamped)),
        change("/work/link", ChangeKind::Created, None, Some(link)),
        change("/work/was-file", ChangeKind::Changed, Some(file("x")), Some(directory())),
    ]);
    assert_snapshot!(shown(&report, Landing::Previewed), @r#"
    + /work/index.md  13 B, 2 lines
        @@ -0,0 +1,2 @@
        +# Open
        +- one
    + /work/link  symbolic link to ../elsewhere
    ~ /work/notes.md  4 B → 5 B, +1 -1 lines
        @@ -1 +1 @@
        -old
        +new
    - /work/old.md  4 B
    + /work/receipts/
    → /work/a.txt → /work/receipts/a.txt
    m /work/run.sh  mode 644 → 755, modified 2025-10-09T08:53:20Z → 2026-02-02T02:40:00Z
    ~ /work/was-file/  was a file
    observed to the end
    8 changes: 3 created, 2 changed, 1 deleted, 1 moved, 1 with other times or mode; nothing was changed on disk
    "#);
}

#[test]
fn what_is_not_text_is_told_by_sizes_and_hashes_and_a_cut_by_what_is_missing() {
    let with = |path: &str, content| Change {
        content,
        ..change(path, ChangeKind::Changed, Some(file("one")), Some(file("three")))
    };
    let cut = Content::Text { diff: "@@ -1 +1,900 @@\n+begin\n".into(), added: 900, removed: 1, cut: 70_000 };
    let unhashed = Properties { sha256: None, size: 3 << 30, ..file("") };
    let large =
        Change { content: Content::TooLarge, ..change("/work/c.iso", ChangeKind::Created, None, Some(unhashed)) };
    let report = of(vec![with("/work/a.png", Content::Binary), with("/work/b.txt", cut), large]);
    assert_snapshot!(shown(&report, Landing::Landed), @r"
    ~ /work/a.png  3 B → 5 B, binary, sha256 7692c3ad3540 → 8b5b9db0c13d
    ~ /work/b.txt  3 B → 5 B, +900 -1 lines
        @@ -1 +1,900 @@
        +begin
        … the diff is cut here, 68.3 KiB are missing
    + /work/c.iso  3.0 GiB, too large to be compared here
    3 changes: 1 created, 2 changed
    ");
}

#[test]
fn requests_say_how_far_they_came_and_whose_secrets_went_along() {
    let withheld = Request {
        sent_bytes: 12,
        secrets: vec!["token".into()],
        ..request("POST", "https://api.example/notes", RequestState::Withheld)
    };
    let answered = Request {
        received_bytes: 2048,
        secrets: vec!["a".into(), "b".into()],
        returned: vec!["b".into()],
        ..request("GET", "https://api.example/x", RequestState::Answered { status: 200 })
    };
    let why = |why: &str| why.to_owned();
    let report = EffectReport {
        basis: Basis::UntilWithheld,
        requests: vec![
            answered,
            request("GET", "http://10.0.0.1/", RequestState::Refused { why: why("no grant covers it") }),
            request("GET", "https://down.example/", RequestState::NotSent { why: why("connection refused") }),
            request("PUT", "https://slow.example/", RequestState::Sent { why: why("no answer in time") }),
            withheld,
        ],
        requests_left_out: 3,
        labels: ["untrusted", "private"].map(|label| label.parse().unwrap()).into(),
        unknown: vec![
            Unknown::AfterWithheld,
            Unknown::Direct { grant: "/big".into() },
            Unknown::Remote { server: "mail".into() },
        ],
        ..EffectReport::default()
    };
    assert_snapshot!(shown(&report, Landing::Previewed), @r"
    ⇄ answered 200 GET https://api.example/x  0 B sent, 2.0 KiB received, with the secrets a, b, the answer held b: taken out
    ✗ refused GET http://10.0.0.1/  no grant covers it
    ✗ not sent GET https://down.example/  connection refused
    ⇢ sent, no answer PUT https://slow.example/  0 B sent; no answer in time
    ‖ withheld POST https://api.example/notes  12 B would be sent, would use the secret token
    … and 3 requests more, not listed
    read data labelled private, untrusted
    ? not known: what the tool would have done with the answer to a withheld request
    ? not known: what changed in /big: it is written in place (`atomic = false`)
    ? not known: effects of this call happen in another program and are not observed (server mail)
    observed until a request that a dry run may not send
    no changes; 8 requests, 1 withheld, 1 refused, 1 not sent, 1 without an answer; nothing was changed on disk
    ");
}

#[test]
fn a_directory_with_many_entries_is_one_line_and_hides_nothing_that_did_not_come_with_it() {
    let mut changes = vec![change("/work/gen", ChangeKind::Created, None, Some(directory()))];
    changes.extend((0..21).map(|number| created(&format!("/work/gen/{number}.txt"), "1234")));
    let moved = ChangeKind::Moved { from: "/work/keys".into() };
    changes.push(change("/work/gen/5.txt.keys", moved, Some(file("k")), Some(file("k"))));
    changes.push(created("/work/gen.txt", "beside it"));
    changes.push(change("/work/few", ChangeKind::Deleted, Some(directory()), None));
    changes.push(change("/work/few/one", ChangeKind::Deleted, Some(file("1")), None));
    let report = EffectReport { changes_left_out: 1, ..of(changes) };
    assert_snapshot!(shown(&report, Landing::TakenBack), @r"
    - /work/few/
    - /work/few/one  1 B
    + /work/gen/  with 21 entries in it, 84 B; `--json` lists them
    + /work/gen.txt  9 B, 1 line
        @@ -0,0 +1,1 @@
        +beside it
    → /work/keys → /work/gen/5.txt.keys
    … and 1 change more, not listed
    27 changes: 23 created, 2 deleted, 1 moved, 1 not listed; taken back
    ");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert_snapshot!(shown(&EffectReport::default(), Landing::Previewed), @r"
    observed to the end
    no changes; nothing was changed on disk
    ");
    assert_eq!(total(&EffectReport::default(), Landing::Landed), "no changes");
}

#[test]
fn a_failed_call_is_not_said_to_have_changed_the_disk() {
    let failed = of(vec![created("/work/a", "a")]);
    assert_eq!(
        total(&failed, Landing::ThrownAway),
        "1 change: 1 created; the call failed: nothing was changed on disk"
    );
    let in_place = EffectReport { unknown: vec![Unknown::Direct { grant: "/big".into() }], ..failed };
    assert!(total(&in_place, Landing::ThrownAway).ends_with("only what it wrote in place is on disk"));
}

#[test]
fn what_another_program_did_is_not_said_to_be_nothing() {
    let remote = EffectReport { unknown: vec![Unknown::Remote { server: "mail".into() }], ..EffectReport::default() };
    let unseen = "effects of this call happen in another program and are not observed";
    assert_eq!(total(&remote, Landing::Landed), unseen);
    assert_eq!(
        total(&remote, Landing::ThrownAway),
        format!("{unseen}; the call failed: what the server did is not known")
    );
    // Nothing was sent, so that is known.
    assert_eq!(total(&remote, Landing::Previewed), "no changes; nothing was changed on disk");
}

#[test]
fn no_name_and_no_line_of_a_guest_reaches_the_terminal_as_it_is() {
    let evil = "/work/a\x1b[2Jb\r\nnothing was changed on disk\u{202e}txt.exe\u{200b}\u{9b}31m";
    let report = EffectReport {
        requests: vec![Request {
            secrets: vec![evil.into()],
            returned: vec![evil.into()],
            ..request(evil, evil, RequestState::Refused { why: evil.into() })
        }],
        unknown: vec![Unknown::Direct { grant: evil.into() }, Unknown::Remote { server: evil.into() }],
        ..of(vec![
            created(evil, "one\r\x1b]0;title\x07\u{2028}- /etc/passwd"),
            Change {
                after: Some(Properties { target: Some(evil.into()), kind: EntryKind::Symlink, ..file("") }),
                ..change("/work/l", ChangeKind::Moved { from: evil.into() }, Some(file("")), None)
            },
        ])
    };
    let shown = shown(&report, Landing::Previewed);
    assert!(!shown.contains(|character| character != '\n' && escape::must_escape(character)), "{shown:?}");
    assert!(shown.lines().filter(|line| line.starts_with("nothing")).count() == 0, "{shown}");
    assert!(shown.contains(r"a\u{1b}[2Jb\r\nnothing was changed on disk\u{202e}txt.exe\u{200b}\u{9b}31m"), "{shown}");
    assert!(shown.contains(r"    +one\r\u{1b}]0;title\u{7}\u{2028}- /etc/passwd"), "{shown}");
}

#[test]
fn a_name_that_looks_like_two_is_quoted() {
    let report = of(vec![created("/work/a  4 B → /etc/passwd \"x\"", ""), created("/work/naïve", "")]);
    let shown = shown(&report, Landing::Landed);
    assert!(shown.contains(r#"+ "/work/a  4 B → /etc/passwd \"x\""  0 B"#), "{shown}");
    assert!(shown.contains("+ /work/naïve  0 B"), "{shown}");
}

#[test]
fn a_line_of_a_diff_without_end_is_cut_and_says_so() {
    let report = of(vec![created("/work/a", &"x".repeat(5000))]);
    assert!(shown(&report, Landing::Landed).contains("x… (3001 bytes more)"));
}
