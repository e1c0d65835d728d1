//! Random plans of operations, done by a guest on a granted directory and by the operating system on a plain one: the
//! answers and what is there at the end are the same.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use toolhold_core::grant::Symlinks;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::bindings::types::{ErrorCode, HostDescriptor, NewTimestamp};
use super::super::commit::{Detail, Durable, Plan};
use super::super::error::code_of;
use super::support::*;

/// One step of a plan.
#[derive(Debug, Clone)]
enum Step {
    Write {
        path: String,
        create: bool,
        exclusive: bool,
        truncate: bool,
        offset: u64,
        bytes: Vec<u8>,
    },
    Append {
        path: String,
        bytes: Vec<u8>,
    },
    Read(String),
    SetSize(String, u64),
    Mkdir(String),
    Rmdir(String),
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    /// What is at the second path is removed before.
    LinkOver(String, String),
    Symlink(String, String),
    Readlink(String),
    Stat(String, bool),
    List(String),
    SetTimes(String, u64),
}

/// What a step comes to, told the same way of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Done,
    Bytes(Vec<u8>),
    Text(String),
    Names(Vec<String>),
    Stat { directory: bool, link: bool, size: u64, links: u64, modified: u64 },
}

type Outcome = Result<Told, ErrorCode>;

fn plain_path() -> BoxedStrategy<String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/")).boxed()
}

/// The same places, oddly spelled.
fn odd_path() -> BoxedStrategy<String> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", ".", "", "a/..", "b/c/../.."]);
    (prop::collection::vec(part, 1..5), prop::sample::select(vec!["", "/", "/.", "//"]))
        .prop_map(|(parts, end)| format!("./{}{end}", parts.join("/")))
        .boxed()
}

fn step(path: BoxedStrategy<String>, links: bool) -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let two = (path.clone(), path.clone());
    let write = (path.clone(), any::<[bool; 3]>(), 0..60_u64, bytes());
    let steps = prop_oneof![
        5 => write.prop_map(|(path, [create, exclusive, truncate], offset, bytes)| {
            Step::Write { path, create, exclusive: create && exclusive, truncate, offset, bytes }
        }),
        2 => (path.clone(), bytes()).prop_map(|(path, bytes)| Step::Append { path, bytes }),
        3 => path.clone().prop_map(Step::Read),
        1 => (path.clone(), 0..100_u64).prop_map(|(path, size)| Step::SetSize(path, size)),
        4 => path.clone().prop_map(Step::Mkdir),
        2 => path.clone().prop_map(Step::Rmdir),
        2 => path.clone().prop_map(Step::Unlink),
        4 => two.clone().prop_map(|(from, to)| Step::Rename(from, to)),
        2 => two.clone().prop_map(|(from, to)| Step::Link(from, to)),
        2 => two.prop_map(|(from, to)| Step::LinkOver(from, to)),
        2 => (path.clone(), any::<bool>()).prop_map(|(path, follow)| Step::Stat(path, follow)),
        2 => path.clone().prop_map(Step::List),
        1 => (path.clone(), 1..1_000_000_u64).prop_map(|(path, seconds)| Step::SetTimes(path, seconds)),
    ];
    let linking = prop_oneof![
        3 => (plain_path(), path.clone()).prop_map(|(target, path)| Step::Symlink(target, path)),
        1 => path.prop_map(Step::Readlink),
    ];
    if links { prop_oneof![8 => steps, 2 => linking].boxed() } else { steps.boxed() }
}

fn by_guest(guest: &mut Guest, step: &Step) -> Outcome {
    let code = |failed: Failed| match failed {
        Failed::Code(code) => code,
        other => panic!("{other:?}"),
    };
    let done = |answer: Answer<()>| answer.map(|()| Told::Done);
    match step {
        Step::Write { path, create, exclusive, truncate, offset, bytes } => {
            let flag = |on: &bool, flag| if *on { flag } else { plain() };
            let open = flag(create, CREATE) | flag(exclusive, EXCLUSIVE) | flag(truncate, TRUNCATE);
            guest.open(path, open, WRITE).map(|fd| {
                guest.write_at(fd, *offset, bytes).unwrap();
                guest.close(fd);
                Told::Done
            })
        }
        Step::Append { path, bytes } => guest.open(path, CREATE, WRITE).map(|fd| {
            guest.output(fd, None).unwrap().write(bytes.clone().into()).unwrap();
            guest.close(fd);
            Told::Done
        }),
        Step::Read(path) => guest.read_file(path).map(Told::Bytes),
        Step::SetSize(path, size) => guest.open(path, plain(), WRITE).map(|fd| {
            guest.set_size(fd, *size).unwrap();
            guest.close(fd);
            Told::Done
        }),
        Step::Mkdir(path) => done(guest.mkdir(path)),
        Step::Rmdir(path) => done(guest.rmdir(path)),
        Step::Unlink(path) => done(guest.unlink(path)),
        Step::Rename(from, to) => done(guest.rename(from, to)),
        Step::Link(from, to) => done(guest.link(from, to)),
        Step::LinkOver(from, to) => done(guest.unlink(to).and_then(|()| guest.link(from, to))),
        Step::Symlink(target, path) => done(guest.symlink(target, path)),
        Step::Readlink(path) => guest.readlink(path).map(Told::Text),
        Step::Stat(path, follow) => guest.stat(if *follow { FOLLOW } else { keep() }, path).map(|stat| {
            use super::super::bindings::types::DescriptorType;
            let directory = stat.type_ == DescriptorType::Directory;
            let link = stat.type_ == DescriptorType::SymbolicLink;
            told(
                directory,
                link,
                stat.size,
                stat.link_count,
                stat.data_modification_timestamp.map_or(0, |time| time.seconds),
            )
        }),
        Step::List(path) => guest.names(path).map(Told::Names),
        Step::SetTimes(path, seconds) => {
            let time = NewTimestamp::Timestamp(Datetime { seconds: *seconds, nanoseconds: 0 });
            let root = guest.root();
            done(guest.call(root, |view, fd| view.set_times_at(fd, FOLLOW, path.clone(), time, time)))
        }
    }
    .map_err(code)
}

/// Sizes of directories are the file system's affair, and times are only told where a plan set them.
fn told(directory: bool, link: bool, size: u64, links: u64, modified: u64) -> Told {
    let modified = if modified < 1_000_000 { modified } else { 0 };
    if directory {
        return Told::Stat { directory, link, size: 0, links: 0, modified: 0 };
    }
    Told::Stat { directory, link, size, links, modified }
}

fn by_system(root: &Path, step: &Step) -> Outcome {
    // Joined as text: `Path` would drop what is odd about it.
    let at = |path: &str| format!("{}/{path}", root.display());
    let done = |result: io::Result<()>| result.map(|()| Told::Done);
    match step {
        Step::Write { path, create, exclusive, truncate, offset, bytes } => {
            let mut options = OpenOptions::new();
            options.write(true).create(*create).truncate(*truncate);
            options.create_new(*exclusive).open(at(path)).and_then(|file| done(file.write_all_at(bytes, *offset)))
        }
        Step::Append { path, bytes } => {
            OpenOptions::new().append(true).create(true).open(at(path)).and_then(|mut file| {
                use std::io::Write;
                done(file.write_all(bytes))
            })
        }
        Step::Read(path) => fs::read(at(path)).map(Told::Bytes),
        Step::SetSize(path, size) => {
            OpenOptions::new().write(true).open(at(path)).and_then(|file| done(file.set_len(*size)))
        }
        Step::Mkdir(path) => done(fs::create_dir(at(path))),
        Step::Rmdir(path) => done(rustix::fs::rmdir(at(path)).map_err(Into::into)),
        Step::Unlink(path) => done(rustix::fs::unlink(at(path)).map_err(Into::into)),
        Step::Rename(from, to) => done(rustix::fs::rename(at(from), at(to)).map_err(Into::into)),
        // The one intended difference: no second name for a link.
        Step::Link(from, _) if fs::symlink_metadata(at(from)).is_ok_and(|stat| stat.is_symlink()) => {
            return Err(ErrorCode::Access);
        }
        Step::Link(from, to) => done(rustix::fs::link(at(from), at(to)).map_err(Into::into)),
        Step::LinkOver(from, to) => match by_system(root, &Step::Unlink(to.clone())) {
            Ok(_) => return by_system(root, &Step::Link(from.clone(), to.clone())),
            failed => return failed,
        },
        Step::Symlink(target, path) => done(symlink(target, at(path))),
        Step::Readlink(path) => fs::read_link(at(path)).map(|target| Told::Text(target.to_str().unwrap().to_owned())),
        Step::Stat(path, follow) => {
            let stat = if *follow { fs::metadata(at(path)) } else { fs::symlink_metadata(at(path)) };
            stat.map(|stat| {
                told(stat.is_dir(), stat.is_symlink(), stat.len(), stat.nlink(), u64::try_from(stat.mtime()).unwrap())
            })
        }
        Step::List(path) => fs::read_dir(at(path)).map(|entries| {
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            Told::Names(names)
        }),
        Step::SetTimes(path, seconds) => {
            use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
            let time = Timespec { tv_sec: i64::try_from(*seconds).unwrap(), tv_nsec: 0 };
            let times = Timestamps { last_access: time, last_modification: time };
            done(utimensat(CWD, at(path), &times, AtFlags::empty()).map_err(Into::into))
        }
    }
    .map_err(|error| code_of(rustix::io::Errno::from_io_error(&error).unwrap()))
}

/// Everything below `root`: what it is and what is in it.
pub(super) fn snapshot(root: &Path) -> BTreeMap<String, String> {
    fn add(root: &Path, below: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(root.join(below)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = entry.file_type().unwrap();
            let what = if kind.is_dir() {
                add(root, &path, found);
                "directory".to_owned()
            } else if kind.is_symlink() {
                format!("link to {}", fs::read_link(root.join(&path)).unwrap().display())
            } else {
                format!("file {:?}", String::from_utf8_lossy(&fs::read(root.join(&path)).unwrap()))
            };
            found.insert(path, what);
        }
    }
    let mut found = BTreeMap::new();
    add(root, "", &mut found);
    found
}

/// A plan on both sides; `compare` judges the answers of each step.
fn run(
    steps: &[Step],
    symlinks: Symlinks,
    compare: impl Fn(&Step, &Outcome, &Outcome) -> bool,
) -> Result<(), TestCaseError> {
    let temp = tempfile::tempdir().unwrap();
    let (ours, plain) = (temp.path().join("ours"), temp.path().join("plain"));
    fs::create_dir(&ours).unwrap();
    fs::create_dir(&plain).unwrap();
    let mut guest = Guest::new(&[with_links(&ours, symlinks)]);
    for (number, step) in steps.iter().enumerate() {
        let by_guest = by_guest(&mut guest, step);
        let by_system = by_system(&plain, step);
        prop_assert!(
            compare(step, &by_guest, &by_system),
            "step {number} {step:?}: guest {by_guest:?}, system {by_system:?}"
        );
        prop_assert_eq!(snapshot(&ours), snapshot(&plain), "after step {} {:?}", number, step);
    }
    Ok(())
}

/// Some steps are done on disk by both; then the guest's are staged. The answers are the same, nothing changes on disk while
/// they are given, the commit makes the guest's directory what the system's is, and an undo what it was.
fn run_staged(
    before: &[Step],
    steps: &[Step],
    symlinks: Symlinks,
    compare: impl Fn(&Step, &Outcome, &Outcome) -> bool,
) -> Result<(), TestCaseError> {
    let temp = tempfile::tempdir().unwrap();
    let (ours, plain) = (temp.path().join("ours"), temp.path().join("plain"));
    fs::create_dir(&ours).unwrap();
    fs::create_dir(&plain).unwrap();
    for step in before {
        let _either = (by_system(&ours, step), by_system(&plain, step));
    }
    let at_first = (snapshot(&ours), links(&ours));
    let mut guest = Guest::staged(&[with_links(&ours, symlinks)]);
    for (number, step) in steps.iter().enumerate() {
        let by_guest = by_guest(&mut guest, step);
        let by_system = by_system(&plain, step);
        prop_assert!(
            compare(step, &by_guest, &by_system),
            "step {number} {step:?}: guest {by_guest:?}, system {by_system:?}"
        );
        prop_assert_eq!((snapshot(&ours), links(&ours)), at_first.clone(), "staged step {} {:?}", number, step);
    }
    let (staged, home) = guest.finish();
    let told = staged.changes(Detail::Full).0;
    let is_empty = staged.is_empty();
    let prepared = staged.prepare(Durable::No).unwrap();
    prop_assert_eq!(&snapshot(&ours), &at_first.0, "prepared");
    let plan = prepared.plan().clone();
    // What is removed and made again is no change, and is only found to be none by comparing.
    prop_assert!(plan.is_empty() || !is_empty, "taken for nothing: {:#?}", plan);
    let after = prepared.commit();
    let Ok(after) = after else {
        return Err(TestCaseError::fail(format!("{after:?} of {plan:#?}")));
    };
    prop_assert_eq!(snapshot(&ours), snapshot(&plain), "committed {:#?}", plan);
    prop_assert_eq!(links(&ours), links(&plain), "committed {:#?}", plan);
    prop_assert_eq!(told.is_empty(), plan.is_empty());
    let undone = plan.undo(&home.path().join("staging"), &after, Durable::No);
    prop_assert!(undone.is_ok(), "{:?} of {:#?}", undone, plan);
    prop_assert_eq!((snapshot(&ours), links(&ours)), at_first, "undone {:#?}", plan);
    Ok(())
}

/// A commit that is cut off after any of its steps is finished by the next host; an undo that is cut off is finished too.
fn run_cut_off(before: &[Step], steps: &[Step], symlinks: Symlinks) -> Result<(), TestCaseError> {
    let temp = tempfile::tempdir().unwrap();
    let plain = temp.path().join("plain");
    fs::create_dir(&plain).unwrap();
    for step in before.iter().chain(steps) {
        let _either = by_system(&plain, step);
    }
    for cut in 0.. {
        let ours = temp.path().join(format!("ours-{cut}"));
        fs::create_dir(&ours).unwrap();
        for step in before {
            let _either = by_system(&ours, step);
        }
        let at_first = snapshot(&ours);
        let mut guest = Guest::staged(&[with_links(&ours, symlinks)]);
        for step in steps {
            let _either = by_guest(&mut guest, step);
        }
        let (staged, home) = guest.finish();
        let staging = home.path().join("staging");
        let prepared = staged.prepare(Durable::No).unwrap();
        let text = serde_json::to_string(prepared.plan()).unwrap();
        prepared.cut_off_after(cut).unwrap();
        drop(staged);
        // All that a new process has is what was written down.
        let plan: Plan = serde_json::from_str(&text).unwrap();
        let after = plan.roll_forward(&staging, Durable::Yes);
        let Ok(after) = after else {
            return Err(TestCaseError::fail(format!("cut off after {cut}: {after:?} of {plan:#?}")));
        };
        prop_assert_eq!(snapshot(&ours), snapshot(&plain), "cut off after {} of {:#?}", cut, plan);
        let again = plan.roll_forward(&staging, Durable::No);
        let Ok(after) = again else { return Err(TestCaseError::fail(format!("{after:?}, finished twice: {again:?}"))) };
        prop_assert_eq!(snapshot(&ours), snapshot(&plain), "finished twice: {:?} of {:#?}", after, plan);
        plan.undo_cut_off(&staging, cut).unwrap();
        let finished = plan.finish_undo(&staging, Some(&after), Durable::No);
        prop_assert!(finished.is_ok(), "undo cut off after {}: {:?} of {:#?}", cut, finished, plan);
        prop_assert_eq!(snapshot(&ours), at_first, "undo cut off after {} of {:#?}", cut, plan);
        if cut >= plan.len() {
            return Ok(());
        }
    }
    Ok(())
}

/// Which names are the same file.
fn links(root: &Path) -> Vec<Vec<String>> {
    let mut files: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for path in snapshot(root).into_keys() {
        let stat = fs::symlink_metadata(root.join(&path)).unwrap();
        if stat.is_file() {
            files.entry(stat.ino()).or_default().push(path);
        }
    }
    let mut same: Vec<_> = files.into_values().filter(|names| names.len() > 1).collect();
    same.sort();
    same
}

/// Of two paths that are both wrong, either may be told of first.
fn same(step: &Step, guest: &Outcome, system: &Outcome) -> bool {
    let two = matches!(step, Step::Rename(..) | Step::Link(..) | Step::LinkOver(..));
    guest == system || (two && guest.is_err() && system.is_err())
}

/// How many plans are tried: `make crash` tries more.
fn cases() -> u32 {
    std::env::var("TOOLHOLD_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(128)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_paths_give_the_same_answers(steps in prop::collection::vec(step(plain_path(), false), 1..40)) {
        for symlinks in [Symlinks::Deny, Symlinks::Create] {
            run(&steps, symlinks, same)?;
        }
    }

    #[test]
    fn staged_steps_give_the_same_answers_and_land_as_a_whole(
        before in prop::collection::vec(step(plain_path(), false), 0..30),
        steps in prop::collection::vec(step(plain_path(), false), 1..30),
    ) {
        run_staged(&before, &steps, Symlinks::Deny, same)?;
    }

    #[test]
    fn what_is_cut_off_at_any_step_is_finished(
        before in prop::collection::vec(step(plain_path(), true), 0..25),
        steps in prop::collection::vec(step(plain_path(), true), 1..12),
    ) {
        run_cut_off(&before, &steps, Symlinks::Create)?;
    }

    #[test]
    fn staged_links_give_the_same_answers_and_land_as_a_whole(
        before in prop::collection::vec(step(plain_path(), true), 0..30),
        steps in prop::collection::vec(step(plain_path(), true), 1..30),
    ) {
        run_staged(&before, &steps, Symlinks::Create, same)?;
    }

    #[test]
    fn odd_spellings_have_the_same_effects(steps in prop::collection::vec(step(odd_path(), false), 1..40)) {
        // Which of two errors is told first may differ.
        run(&steps, Symlinks::Deny, |_, guest, system| guest == system || (guest.is_err() && system.is_err()))?;
    }

    #[test]
    fn links_within_the_grant_give_the_same_answers(steps in prop::collection::vec(step(plain_path(), true), 1..40)) {
        run(&steps, Symlinks::Create, same)?;
    }
}
