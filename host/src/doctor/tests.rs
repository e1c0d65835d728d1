//! Each check on a machine that is made up: good, in need of a note, and where nothing works.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_800_000_000_000_000;

struct Ward {
    folder: TempDir,
}

impl Ward {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn patient(&self) -> Patient {
        let mut config = HostConfig::beside(&self.path("toolhold.toml"));
        config.cache = Some(self.path("cache"));
        Patient { config, path: None, now: NOW, offline: true, root: self.path("root") }
    }

    fn kernel_says(&self, path: &str, text: &str) {
        let path = self.path("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

async fn examined(ward: &Ward) -> Vec<Check> {
    examine(&ward.patient()).await
}

fn named<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check `{name}`"))
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn everything_that_is_not_good_has_a_fix_and_nothing_is_left_behind() {
    let ward = Ward::new();
    let checks = examined(&ward).await;
    for check in &checks {
        assert_eq!(check.fix.is_none(), check.condition == Condition::Good, "{check:?}");
    }
    assert_eq!(named(&checks, "pooling").condition, Condition::Good);
    assert_eq!(named(&checks, "manifest").condition, Condition::Problem);
    assert_eq!(std::fs::read_dir(ward.folder.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn an_empty_project_that_is_locked_is_fit_to_work() {
    let ward = Ward::new();
    std::fs::write(ward.path("toolhold.toml"), "version = 1\n").unwrap();
    let unlocked = examined(&ward).await;
    assert_eq!(named(&unlocked, "components").condition, Condition::Problem);
    assert!(named(&unlocked, "components").fix.as_ref().unwrap().contains("toolhold lock"));
    std::fs::write(ward.path("toolhold.lock"), "version = 1\n").unwrap();
    let checks = examined(&ward).await;
    let problems: Vec<_> = checks.iter().filter(|check| check.condition == Condition::Problem).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn a_state_directory_that_others_can_write_is_a_problem_and_one_that_they_read_a_note() {
    let ward = Ward::new();
    let state = ward.path(".toolhold");
    std::fs::create_dir(&state).unwrap();
    for (bits, condition) in [(0o700, Condition::Good), (0o750, Condition::Note), (0o770, Condition::Problem)] {
        mode(&state, bits);
        let check = rights_of(&ward).await;
        assert_eq!(check.condition, condition, "{bits:o} {check:?}");
    }
    std::fs::remove_dir(&state).unwrap();
    std::fs::write(&state, "a file").unwrap();
    assert_eq!(rights_of(&ward).await.condition, Condition::Problem);
}

async fn rights_of(ward: &Ward) -> Check {
    named(&examined(ward).await, "state-directory").clone()
}

#[tokio::test]
async fn a_damaged_journal_is_a_problem_and_a_good_one_is_not() {
    let ward = Ward::new();
    let state = ward.path(".toolhold");
    let options = crate::journal::Options { now: NOW, ..Default::default() };
    let journal = crate::journal::Journal::open(&state, &options).unwrap();
    let run = "r".parse().unwrap();
    let begun = toolhold_core::event::Event::RunStarted { run, front: "test".into(), manifest: None };
    journal.record_blocking(NOW + 3_600_000_000, begun).unwrap();
    journal.flush_blocking().unwrap();
    let checks = examined(&ward).await;
    assert!(named(&checks, "journal").found.contains("a host is at work"), "{checks:?}");
    assert_eq!(named(&checks, "clock").condition, Condition::Note, "the journal knows a later time");
    drop(journal);
    let checks = examined(&ward).await;
    assert_eq!(named(&checks, "journal").found, "it can be read");
    std::fs::write(state.join("journal.db"), "no database").unwrap();
    assert_eq!(named(&examined(&ward).await, "journal").condition, Condition::Problem);
}

#[tokio::test]
async fn what_the_kernel_says_is_understood() {
    let ward = Ward::new();
    for (path, text, name, condition) in [
        ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n", "huge-pages", Condition::Good),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n", "huge-pages", Condition::Note),
        ("proc/sys/kernel/osrelease", "6.12.1-generic\n", "page-map-scan", Condition::Good),
        ("proc/sys/kernel/osrelease", "6.1.0\n", "page-map-scan", Condition::Note),
        ("sys/kernel/security/lsm", "capability,landlock,yama\n", "landlock", Condition::Good),
        ("sys/kernel/security/lsm", "capability,yama\n", "landlock", Condition::Note),
        ("proc/self/status", "Name:\tx\nSeccomp:\t2\n", "seccomp", Condition::Good),
        ("proc/self/status", "Name:\tx\nSeccomp:\t0\n", "seccomp", Condition::Note),
        ("sys/fs/cgroup/memory.max", "536870912\n", "memory", Condition::Note),
    ] {
        ward.kernel_says(path, text);
        let checks = examined(&ward).await;
        assert_eq!(named(&checks, name).condition, condition, "{path}: {text}");
    }
}

#[tokio::test]
async fn calls_may_hold_no_more_than_there_is() {
    let ward = Ward::new();
    std::fs::write(ward.path("toolhold.toml"), "version = 1\n[host]\nmax-memory = \"1GiB\"\n").unwrap();
    ward.kernel_says("proc/self/status", "VmRSS:\t  102400 kB\n");
    for (group, machine, fix) in [
        ("max", "2097152", None),
        ("max", "1048576", Some("693MiB")),
        ("2147483648", "16777216", None),
        ("536870912", "16777216", Some("309MiB")),
        ("536870912", "262144", Some("117MiB")),
        ("1048576", "262144", Some("1MiB")),
    ] {
        ward.kernel_says("sys/fs/cgroup/memory.max", group);
        ward.kernel_says("proc/meminfo", &format!("MemTotal:       {machine} kB\nMemFree: 1 kB\n"));
        let check = named(&examined(&ward).await, "memory").clone();
        assert!(check.found.contains("hold 1024 MiB") && check.found.contains("has 100 MiB in use"), "{check:?}");
        assert_eq!(check.fix.is_some(), fix.is_some(), "{group} {machine} {check:?}");
        assert!(check.fix.unwrap_or_default().contains(fix.unwrap_or_default()), "{group} {machine}");
    }
}

#[tokio::test]
async fn a_clock_that_is_years_behind_is_a_problem() {
    let ward = Ward::new();
    let checks = examine(&Patient { now: 1_000_000, ..ward.patient() }).await;
    assert_eq!(named(&checks, "clock").condition, Condition::Problem);
    assert_eq!(named(&examined(&ward).await, "clock").condition, Condition::Good);
}

#[tokio::test]
async fn a_cache_that_others_can_write_is_told_of() {
    let ward = Ward::new();
    std::fs::create_dir(ward.path("cache")).unwrap();
    mode(&ward.path("cache"), 0o777);
    assert_eq!(named(&examined(&ward).await, "cache").condition, Condition::Note);
    let mut without = ward.patient();
    without.config.cache = None;
    assert_eq!(named(&examine(&without).await, "cache").condition, Condition::Note);
}
