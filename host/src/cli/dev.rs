//! `toolhold dev`: builds and tests a tool whenever its files change, and shows what is different from the last time.
//!
//! It looks at the files instead of asking the system for events: a tool has a few dozen, it works on every file system, and what editors
//! do when they save (write, move, touch) needs no second thought.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::Args;
use toolhold_core::escape;
use toolhold_core::manifest::cases::Difference;
use toolhold_core::outcome::Outcome;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use super::{build, test};
use crate::authoring::Ran;
use crate::exit_code::ExitCode;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What is not the author's: what builds make, and what is installed.
const NOT_WATCHED: [&str; 6] = ["target", "node_modules", ".venv", ".git", ".toolhold", "__pycache__"];

/// Watch a tool: build it and run its cases whenever a file changes.
///
/// Shows the cases that do not hold, and what is different of each case's result from the last time. An error of the compiler
/// is shown, and the next change tried. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolhold dev\n  toolhold dev weather --only missing")]
pub(super) struct Dev {
    /// Folder of the tool.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Only the cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// What each file was like.
type Files = BTreeMap<PathBuf, (SystemTime, u64)>;

/// What came of each case, by its name.
type Results = BTreeMap<String, String>;

impl Dev {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let mut last = Results::new();
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            // Before the build: what changes meanwhile is built again.
            let seen = look(&self.folder).with_context(|| {
                format!("`{}` cannot be looked at; `toolhold new NAME` makes a tool", self.folder.display())
            });
            let seen = seen.code(ExitCode::BadInput)?;
            tokio::select! {
                biased;
                _ = &mut interrupted => return Ok(ExitCode::Success),
                round = self.round(&last, project, ui) => match round {
                    Ok(results) => last = results,
                    Err(failure) => ui.say_always(&failure.to_string()),
                },
            }
            ui.say(&paint(Tone::Faint, "waiting for a change; Ctrl-C ends"));
            tokio::select! {
                biased;
                _ = &mut interrupted => return Ok(ExitCode::Success),
                changed = self.change(&seen) => changed?,
            }
        }
    }

    /// Builds, runs the cases, and tells what there is to tell.
    async fn round(&self, last: &Results, project: &Project, ui: Ui) -> Result<Results, Failure> {
        let file = test::case_file(&self.folder);
        let cases = test::chosen(test::read(&file)?, self.only.as_deref())?;
        let component = build::build(&self.folder, &build::Options::default(), project, ui).await?;
        let workshop = test::workshop(&component, &file, project, ui).await?;
        let all = test::run(&workshop, &cases, ui).await?;
        let results: Results = all.iter().map(|(case, ran)| (case.name.clone(), result(ran))).collect();
        let mut lines = changes(last, &results);
        lines.push(test::told(&all));
        ui.print(&lines.join("\n"))?;
        Ok(results)
    }

    /// Returns when the files differ from `seen` and have stopped to change.
    async fn change(&self, seen: &Files) -> std::io::Result<()> {
        let mut before = seen.clone();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = look(&self.folder)?;
            // Editors write in several steps, and a checkout changes many files: it is over when two looks see the same.
            if now != *seen && now == before {
                return Ok(());
            }
            before = now;
        }
    }
}

/// The author's files below `folder`.
fn look(folder: &Path) -> std::io::Result<Files> {
    let is_watched = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !(NOT_WATCHED.contains(&name.as_ref()) || name.ends_with(".wasm") || name.starts_with(".toolhold-"))
    };
    let mut files = Files::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_entry(is_watched) {
        // What goes away while it is looked at is not there; the folder itself must be.
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => return Err(error.into()),
            Err(_) => continue,
        };
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() && entry.file_name() != "Cargo.lock" {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.insert(entry.into_path(), (modified, metadata.len()));
        }
    }
    Ok(files)
}

/// What a case came to, as a text that can be compared.
fn result(ran: &Ran) -> String {
    let outcome = match &ran.report.outcome {
        Outcome::Success(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        Outcome::Failure(failure) => format!("error `{}`: {}", failure.code, failure.message),
    };
    let changes = ran
        .report
        .effects
        .changes
        .iter()
        .map(|change| serde_json::to_string(&(&change.path, &change.kind, &change.content)));
    changes.flatten().fold(outcome, |text, change| format!("{text}\n{change}"))
}

/// What is different of cases that were there the last time.
fn changes(last: &Results, now: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, result) in now {
        let Some(before) = last.get(name).filter(|before| *before != result) else { continue };
        lines.push(format!("{}  {}", paint(Tone::Notice, "now differs"), escape::line(name)));
        let difference = Difference {
            of: "from the last time".into(),
            expected: Some(before.clone()),
            actual: Some(result.clone()),
        };
        lines.extend(test::difference(&difference, "- the last time, + now"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_make_is_not_a_change_and_what_the_author_writes_is() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/tool.c", "int a;");
        write("cases.toml", "");
        let before = look(folder.path()).unwrap();
        for made in
            ["target/core.wasm", "weather.wasm", "node_modules/a/b.js", ".venv/c", "src/__pycache__/d", "Cargo.lock"]
        {
            write(made, "made");
        }
        assert_eq!(look(folder.path()).unwrap(), before);
        write("src/tool.c", "int ab;");
        let changed = look(folder.path()).unwrap();
        assert_ne!(changed, before);
        write("src/more.c", "");
        let more = look(folder.path()).unwrap();
        assert_ne!(more, changed);
        std::fs::remove_file(folder.path().join("src/more.c")).unwrap();
        assert_eq!(look(folder.path()).unwrap(), changed);
        assert!(look(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn only_cases_that_were_there_and_came_to_something_else_are_told() {
        let results =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(name, result)| ((*name).into(), (*result).into())).collect();
        let last: Results = results(&[("same", "1"), ("other", "2"), ("gone", "3")]);
        let now: Results = results(&[("same", "1"), ("other", "4"), ("new", "5")]);
        let told = anstream::adapter::strip_str(&changes(&last, &now).join("\n")).to_string();
        assert!(told.starts_with("now differs  other\n") && told.contains("-2") && told.contains("+4"), "{told}");
        assert!(!told.contains("same") && !told.contains("gone") && !told.contains("new"), "{told}");
    }
}
