use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;

/// A host of a manifest without a tool, and where that is.
async fn opened() -> (TempDir, PathBuf, Current) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("toolhold.toml");
    std::fs::write(&manifest, "version = 1\n").unwrap();
    std::fs::write(folder.path().join("toolhold.lock"), "version = 1\n").unwrap();
    let config = HostConfig::beside(&manifest);
    let host = Host::open(&config, &|_| ()).await.unwrap();
    (folder, manifest, Current::new(host, config, |_| ()))
}

#[tokio::test]
async fn what_does_not_load_changes_nothing_and_what_does_is_in_force_at_once() {
    let (_folder, manifest, current) = opened().await;
    let before = current.host();
    for (text, code) in [("version = 1\nnonsense = 1\n", ExitCode::BadInput), ("version = 2\n", ExitCode::BadInput)] {
        std::fs::write(&manifest, text).unwrap();
        let error = current.reload().await.unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.report().contains("toolhold.toml"), "{}", error.report());
        assert!(current.host().is(&before) && !before.replaced().is_cancelled());
    }
    std::fs::write(&manifest, "version = 1\nmode = \"preview\"\n").unwrap();
    let done = current.reload().await.unwrap();
    assert!(!current.host().is(&before) && before.replaced().is_cancelled());
    assert_eq!(done.before, before.policy().manifest().digest());
    assert_eq!(done.manifest, current.host().policy().manifest().digest());
    assert_ne!(done.before, done.manifest);
}

#[tokio::test]
async fn a_host_that_nobody_uses_any_more_is_gone_and_the_journal_is_not() {
    let (_folder, _, current) = opened().await;
    let before = Arc::downgrade(&current.host().0);
    assert_eq!(before.strong_count(), 1);
    current.reload().await.unwrap();
    assert_eq!(before.strong_count(), 0);
    current.host().journal().flush().await.unwrap();
    current.host().journal().reader().unwrap().verify(None).unwrap();
}

#[tokio::test]
async fn those_who_ask_at_once_have_it_done_one_after_the_other() {
    let (_folder, manifest, current) = opened().await;
    std::fs::write(&manifest, "version = 1\nmode = \"preview\"\n").unwrap();
    let all = futures_util::future::join_all((0..4).map(|_| current.reload())).await;
    let all: Vec<Reloaded> = all.into_iter().collect::<Result<_, _>>().unwrap();
    let now = current.host().policy().manifest().digest();
    assert!(all.iter().all(|done| done.manifest == now));
    assert_eq!(all.iter().filter(|done| done.before != now).count(), 1, "one found the old one");
    // It is on record once: nothing else was taken up.
    current.host().journal().flush().await.unwrap();
    let entries = current.host().journal().reader().unwrap().verify(None).unwrap().entries;
    assert!(entries < 8, "{entries}");
}

#[tokio::test]
async fn a_process_that_works_on_one_thing_and_one_that_has_other_files_refuse() {
    let (folder, manifest, current) = opened().await;
    let fixed = Current::from(current.host());
    assert!(matches!(fixed.reload().await, Err(ReloadError::NotHere)));
    let (lock, other) = (folder.path().join("toolhold.lock"), folder.path().join("other.toml"));
    std::fs::write(&other, "version = 1\n").unwrap();
    current.is_of(&manifest, &lock).unwrap();
    // Whatever leads there.
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&manifest, &link).unwrap();
    current.is_of(&link, &lock).unwrap();
    for (manifest, lock) in [(&other, &lock), (&manifest, &other)] {
        let error = current.is_of(manifest, lock).unwrap_err().to_string();
        assert!(error.contains("other.toml") && error.contains("new start"), "{error}");
    }
}
