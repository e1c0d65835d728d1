//! `extract`: the second pass. It writes what the first has seen, below the target, never through a link that is there, and
//! never over a file unless asked.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use toolhold_sdk::prelude::*;

use crate::bounds::DEFAULT_MAX_BYTES;
use crate::entry::{Entry, Kind};
use crate::reader::Archive;
use crate::survey::{Surveyed, survey};

/// Problems named in an error.
const NAMED: usize = 5;
/// Bytes copied at once.
const CHUNK: usize = 64 * 1024;

/// What to extract, and where to.
#[args]
#[derive(Debug)]
pub(crate) struct ExtractArgs {
    /// Absolute path of the archive.
    path: String,
    /// Absolute path of the directory to extract into; it is created if it is not there.
    to: String,
    /// Only these entries, by their paths as `list` shows them; a directory with everything below it. All if left out.
    #[serde(default)]
    entries: Vec<String>,
    /// Leave out entries that are links or special files; otherwise one of them ends the call.
    #[serde(default)]
    skip_links: bool,
    /// Replace files that are there already.
    #[serde(default)]
    overwrite: bool,
    /// Bytes of all entries together, at most 268435456; 134217728 if left out.
    max_bytes: Option<u64>,
}

/// What was extracted.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    /// Files written.
    files: usize,
    /// Directories of the archive that are there now.
    directories: usize,
    /// Bytes written.
    bytes: u64,
    /// Links and special files that were left out.
    skipped: usize,
}

/// Extracts a zip, tar, tar.gz or gz into a directory. The whole archive is checked before anything is written: paths that lead
/// out, links, entries that collide, and archives that unpack to far too much are refused.
#[tool(
    title = "Extract an archive",
    hints(destructive, idempotent),
    needs(read("/**", "reads the archive it is asked to extract"), write("/**", "writes what it extracts"))
)]
pub(crate) fn extract(args: ExtractArgs) -> Result<Extracted> {
    let (path, to) = (granted::path::check(&args.path)?, granted::path::check(&args.to)?);
    let mut archive = Archive::open(path, args.max_bytes.unwrap_or(DEFAULT_MAX_BYTES))?;
    let plan: Vec<Option<Surveyed>> = plan(survey(&mut archive)?, &args)?;
    let mut extracted =
        Extracted { skipped: plan.iter().flatten().filter(|one| is_link(&one.entry)).count(), ..Extracted::default() };
    check_target(&plan, to, args.overwrite)?;
    create_directory(to)?;
    let mut planned = plan.into_iter();
    archive.each(&mut |entry, contents| match planned.next() {
        Some(Some(one)) if !is_link(&one.entry) => put(&one, &entry, contents, to, &mut extracted),
        Some(_) => Ok(()),
        None => Err(changed(&entry.name)),
    })?;
    Ok(extracted)
}

/// What is to be extracted of what was seen, in the same order; `None` for what was not asked for.
fn plan(all: Vec<Surveyed>, args: &ExtractArgs) -> Result<Vec<Option<Surveyed>>> {
    let wanted: Vec<&str> =
        args.entries.iter().map(|name| name.trim_end_matches('/').trim_start_matches("./")).collect();
    for name in &wanted {
        if !all.iter().any(|one| is_at_or_below(&one.path, name)) {
            return Err(Error::not_found(format!("the archive has no entry `{name}`; `list` shows what it has")));
        }
    }
    let chosen = |one: &Surveyed| wanted.is_empty() || wanted.iter().any(|name| is_at_or_below(&one.path, name));
    let plan: Vec<Option<Surveyed>> = all.into_iter().map(|one| chosen(&one).then_some(one)).collect();
    let mut problems = Vec::new();
    for one in plan.iter().flatten() {
        let name = one.entry.name.escape_debug();
        match &one.entry.problem {
            Some(problem) => problems.push(format!("`{name}`: {problem}")),
            None if is_link(&one.entry) && !args.skip_links => {
                problems.push(format!("`{name}` is a link or a special file; set `skip_links` to leave these out"));
            }
            None => {}
        }
    }
    if problems.is_empty() {
        return Ok(plan);
    }
    let more = problems.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    problems.truncate(NAMED);
    Err(Error::failed(format!("nothing was extracted: {}{more}", problems.join("; "))))
}

fn is_link(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Link | Kind::Special)
}

fn is_at_or_below(path: &str, name: &str) -> bool {
    path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
}

/// Refuses a target in which something is in the way, before anything is written.
fn check_target(plan: &[Option<Surveyed>], to: &Path, overwrite: bool) -> Result<()> {
    for one in plan.iter().flatten().filter(|one| !is_link(&one.entry)) {
        let target = to.join(&one.path);
        let mut below: Vec<&Path> = target.ancestors().take_while(|ancestor| *ancestor != to).collect();
        below.reverse();
        for step in below {
            let Ok(there) = fs::symlink_metadata(step) else { break };
            let wants_file = step == target && one.entry.kind == Kind::File;
            let shown = step.display();
            if there.is_symlink() {
                return Err(Error::failed(format!(
                    "nothing was extracted: `{shown}` is a link; nothing is written through it"
                )));
            }
            if there.is_dir() == wants_file {
                return Err(Error::failed(format!("nothing was extracted: `{shown}` is in the way")));
            }
            if wants_file && !overwrite {
                let message =
                    format!("nothing was extracted: `{shown}` exists already; set `overwrite`, or choose another `to`");
                return Err(Error::failed(message));
            }
        }
    }
    Ok(())
}

fn put(one: &Surveyed, now: &Entry, contents: &mut dyn Read, to: &Path, extracted: &mut Extracted) -> Result<()> {
    if now.name != one.entry.name || now.kind != one.entry.kind {
        return Err(changed(&now.name));
    }
    let target: PathBuf = if one.path.is_empty() { to.to_owned() } else { to.join(&one.path) };
    if now.kind == Kind::Directory {
        extracted.directories += 1;
        return create_directory(&target);
    }
    if let Some(parent) = target.parent() {
        create_directory(parent)?;
    }
    let explain = |error| granted::path::explain(&target, error);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&target).map_err(explain)?;
    let (mut buffer, mut bytes) = (vec![0; CHUNK], 0);
    loop {
        let count = contents.read(&mut buffer).map_err(|error| Error::failed(format!("`{}`: {error}", now.name)))?;
        bytes += count as u64;
        if bytes > one.entry.bytes || (count == 0 && bytes < one.entry.bytes) {
            return Err(changed(&now.name));
        }
        if count == 0 {
            break;
        }
        file.write_all(buffer.get(..count).unwrap_or_default()).map_err(explain)?;
    }
    extracted.files += 1;
    extracted.bytes += bytes;
    Ok(())
}

fn create_directory(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| granted::path::explain(path, error))
}

fn changed(name: &str) -> Error {
    Error::failed(format!("the archive changed while it was read, at `{name}`"))
}
