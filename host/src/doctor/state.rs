//! The state directory and the file system below it, and whether the clock can be right.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Check, Patient, nearest};
use crate::journal::{self, Reader};

/// Free space with which a host should be looked after, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// Free space with which the journal can soon not be written.
const NO_SPACE: u64 = 64 << 20;

/// No clock that is right shows an earlier time, in microseconds since 1970: the beginning of 2026.
const EARLIEST: u64 = 1_767_225_600_000_000;

/// How far the clock may be behind the journal, in microseconds.
const BEHIND: u64 = 60_000_000;

/// How large a journal is before it is worth a word, in bytes.
const LARGE_JOURNAL: u64 = 1 << 30;

/// Where there is a manifest, `journal_age` is what it says.
pub(super) fn examine(patient: &Patient, journal_age: Option<u64>) -> Vec<Check> {
    let state = &patient.config.state;
    let mut checks = vec![rights(state)];
    checks.extend(record(state));
    checks.extend(size(state, journal_age));
    if let Some(folder) = nearest(state) {
        checks.push(space(&folder));
        checks.push(reflink(&folder));
    }
    checks.push(cache(patient.config.cache.as_deref()));
    checks
}

/// Whether the directory is this user's alone.
fn rights(state: &Path) -> Check {
    let (name, shown) = ("state-directory", state.display());
    let metadata = match state.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::good(name, format!("`{shown}` is made when it is needed"));
        }
        Err(error) => {
            let fix = "let this user reach it, or name another one with `--state`";
            return Check::problem(name, format!("`{shown}` cannot be looked at: {error}"), fix);
        }
    };
    let (own, foreign) = (rustix::process::geteuid().as_raw(), metadata.uid());
    if !metadata.is_dir() {
        return Check::problem(name, format!("`{shown}` is no directory"), "name another one with `--state`");
    }
    if foreign != own {
        let found = format!("`{shown}` belongs to user {foreign}, and this is user {own}");
        return Check::problem(name, found, format!("`chown -R {own} {shown}`, or work as that user"));
    }
    match metadata.mode() & 0o077 {
        0 => Check::good(name, format!("`{shown}` is this user's alone")),
        mode if mode & 0o022 != 0 => {
            Check::problem(name, format!("others can write into `{shown}`"), format!("`chmod 700 {shown}`"))
        }
        _ => Check::note(name, format!("others can read `{shown}`"), format!("`chmod 700 {shown}`")),
    }
}

/// Whether there is a journal, and whether it can be read.
fn record(state: &Path) -> Option<Check> {
    let name = "journal";
    match Reader::open_if_any(state).and_then(|reader| reader.map(|reader| reader.last_at()).transpose()) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Check::good(name, in_use(state))),
        Err(error @ journal::Error::Newer) => {
            Some(Check::problem(name, error.to_string(), "take the version of toolhold that wrote it, or a newer one"))
        }
        Err(error) => Some(Check::problem(
            name,
            error.to_string(),
            "`toolhold audit verify` says what is wrong; to begin anew, move the state directory away",
        )),
    }
}

/// How large the journal is, and whether anything bounds it.
fn size(state: &Path, journal_age: Option<u64>) -> Option<Check> {
    let reader = Reader::open_if_any(state).ok().flatten()?;
    let ((calls, since), free) = (reader.calls_since().ok()?, reader.free_bytes().ok()?);
    let bytes = |ending: &str| state.join(format!("journal.db{ending}")).metadata().map_or(0, |file| file.len());
    let (name, bytes) = ("journal-size", bytes("") + bytes("-wal"));
    let since = since.and_then(|at| jiff::Timestamp::from_microsecond(i64::try_from(at).ok()?).ok());
    let since = since.map_or_else(String::new, |at| format!(" since {}", at.strftime("%Y-%m-%d")));
    let says = format!("{} MiB, {} MiB of them free: {calls} calls{since}", bytes >> 20, free >> 20);
    let is_bounded = journal_age.is_some_and(|age| age > 0);
    Some(match bytes {
        bytes if bytes < LARGE_JOURNAL => Check::good(name, says),
        _ if free > bytes / 2 => Check::note(name, says, "`toolhold journal compact` gives back what is free"),
        _ if is_bounded => Check::good(name, says),
        _ => Check::note(
            name,
            format!("{says}; nothing is ever removed"),
            "say in `[host]` of the manifest for how long it is kept (`journal-age = \"365d\"`), or `toolhold journal prune --older-than 365d`",
        ),
    })
}

fn in_use(state: &Path) -> String {
    // Looked up and not taken: a lock that is held for a moment would turn a host away that starts in it.
    let held = std::fs::metadata(state.join("journal.lock")).is_ok_and(|file| {
        let inode = format!(":{} ", file.ino());
        std::fs::read_to_string("/proc/locks").is_ok_and(|locks| locks.lines().any(|line| line.contains(&inode)))
    });
    if held { "it can be read; a host is at work on it".to_owned() } else { "it can be read".to_owned() }
}

fn space(folder: &Path) -> Check {
    let (name, fix) = ("disk-space", "make room, or name a state directory elsewhere with `--state`");
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let says = format!("{} MiB are free for the journal and staged changes", free >> 20);
            match free {
                free if free < NO_SPACE => Check::problem(name, says, fix),
                free if free < LITTLE_SPACE => Check::note(name, says, fix),
                _ => Check::good(name, says),
            }
        }
        Err(error) => Check::note(name, format!("the file system does not tell: {error}"), fix),
    }
}

/// Whether large files are staged without being copied.
fn reflink(folder: &Path) -> Check {
    let name = "reflink";
    let shared = || -> std::io::Result<bool> {
        let (from, to) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
        std::os::unix::fs::FileExt::write_all_at(&from, &[7; 8192], 0)?;
        Ok(rustix::fs::ioctl_ficlone(&to, &from).is_ok())
    };
    match shared() {
        Ok(true) => Check::good(name, "files that are changed are staged without being copied"),
        Ok(false) => Check::note(
            name,
            "the file system cannot share what files have in common: a file that is changed is copied first",
            "a state directory on btrfs or XFS, beside the granted directories, makes changes of large files cheap",
        ),
        Err(error) => Check::problem(
            name,
            format!("no file can be made in `{}`: {error}", folder.display()),
            "let this user write there, or name another state directory with `--state`",
        ),
    }
}

/// Whether compiled components are kept.
fn cache(cache: Option<&Path>) -> Check {
    let name = "cache";
    let Some(cache) = cache else {
        let fix = "set `HOME` or `XDG_CACHE_HOME`, or name a folder with `--cache`";
        return Check::note(name, "there is none: components are compiled in every process", fix);
    };
    let shown = cache.display();
    match cache.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::good(name, format!("`{shown}` is made when it is needed"))
        }
        Err(error) => Check::note(
            name,
            format!("`{shown}` cannot be looked at: {error}"),
            "let this user reach it, or name another one with `--cache`",
        ),
        Ok(metadata) if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 => {
            Check::note(
                name,
                format!("`{shown}` is not used: others can write into it"),
                format!("`chmod 700 {shown}`, as the user that it belongs to"),
            )
        }
        Ok(_) => Check::good(name, format!("compiled components are kept in `{shown}`")),
    }
}

/// Whether the clock can be right: certificates, breakers, quotas and the undo go by it.
pub(super) fn clock(patient: &Patient) -> Check {
    let (name, fix) = ("clock", "set it, and have it kept right: `timedatectl set-ntp true`");
    let last = Reader::open_if_any(&patient.config.state).ok().flatten().and_then(|reader| reader.last_at().ok()?);
    if patient.now < EARLIEST {
        return Check::problem(name, "it is years behind: no certificate holds at such a time", fix);
    }
    match last {
        Some(last) if last > patient.now.saturating_add(BEHIND) => {
            let seconds = (last - patient.now) / 1_000_000;
            Check::note(name, format!("the journal was last written {seconds} seconds from now"), fix)
        }
        _ => Check::good(name, "it shows a time that can be right"),
    }
}
