//! `toolhold test`: a tool's cases in the real sandbox.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use toolhold_core::escape;
use toolhold_core::manifest::cases::{Case, Cases, Difference};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use super::{build, pack, project};
use crate::authoring::{CaseError, Ran, Workshop};
use crate::exit_code::ExitCode;

/// Run a tool's cases in the sandbox: arguments and files in, result and effects out.
///
/// Builds the tool first. Each case is a dry run in a folder of its own, its requests are answered from the case file: nothing outside
/// changes, nothing leaves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold test                            build the tool in this folder and run its cases.toml
  toolhold test weather --only missing     the cases whose name contains `missing`
  toolhold test --component files.wasm     a component that is built already

docs/cases.md has every key of a case.")]
pub(super) struct Test {
    /// Folder of the tool.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The component, instead of building one.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// The case file [default: FOLDER/cases.toml].
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Only the cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

impl Test {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let file = self.cases.clone().unwrap_or_else(|| case_file(&self.folder));
        let cases = chosen(read(&file)?, self.only.as_deref())?;
        let component = match &self.component {
            Some(component) => component.clone(),
            None => build::build(&self.folder, &build::Options::default(), project, ui).await?,
        };
        let workshop = workshop(&component, &file, project, ui).await?;
        let all = run(&workshop, &cases, ui).await?;
        let failed = all.iter().filter(|(_, ran)| !ran.differences.is_empty()).count();
        ui.result(&json!({"failed": failed, "cases": all.iter().map(to_json).collect::<Vec<_>>()}), |_| told(&all))?;
        Ok(if failed == 0 { ExitCode::Success } else { ExitCode::Failure })
    }
}

/// The case file of the tool in `folder`.
pub(super) fn case_file(folder: &Path) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from("cases.toml") } else { folder.join("cases.toml") }
}

/// The cases of a file.
pub(super) fn read(file: &Path) -> Result<Cases, Failure> {
    let unreadable =
        |error| anyhow::anyhow!("`{}` cannot be read: {error}; it holds the cases, see docs/cases.md", file.display());
    let text = std::fs::read_to_string(file).map_err(unreadable).code(ExitCode::BadInput)?;
    Cases::parse(&text, &file.display().to_string()).map_err(|errors| Failure::diagnostics(ExitCode::BadInput, errors))
}

/// The cases whose name contains `only`.
pub(super) fn chosen(cases: Cases, only: Option<&str>) -> Result<Vec<Case>, Failure> {
    let Some(only) = only else { return Ok(cases.cases) };
    let chosen: Vec<_> = cases.cases.iter().filter(|case| case.name.contains(only)).cloned().collect();
    if chosen.is_empty() {
        let names: Vec<_> = cases.cases.iter().map(|case| format!("`{}`", escape::line(&case.name))).collect();
        let message = format!("no case's name contains `{}`; there are {}", escape::line(only), names.join(", "));
        return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!(message)));
    }
    Ok(chosen)
}

/// Loads the component once: it is compiled into the cache, and says what it needs.
pub(super) async fn workshop(component: &Path, cases: &Path, project: &Project, ui: Ui) -> Result<Workshop, Failure> {
    let unreadable = |error| anyhow::anyhow!("`{}` cannot be read: {error}", component.display());
    let component_file = component.canonicalize().map_err(unreadable).code(ExitCode::BadInput)?;
    let bytes = std::fs::read(&component_file).map_err(unreadable).code(ExitCode::BadInput)?;
    let loaded = pack::load(&pack::sandbox(project)?, bytes, ui).await?;
    let base = cases.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Workshop { component: component_file, description: loaded.description, base, cache: project.cache() })
}

/// Runs each case after the other.
pub(super) async fn run(workshop: &Workshop, cases: &[Case], ui: Ui) -> Result<Vec<(Case, Ran)>, Failure> {
    let mut all = Vec::new();
    for case in cases {
        let spinner = ui.spinner(escape::line(&case.name).into_owned());
        let ran = workshop.run(case).await;
        spinner.finish_and_clear();
        all.push((case.clone(), ran.map_err(|error| failure(case, error))?));
    }
    Ok(all)
}

fn failure(case: &Case, error: CaseError) -> Failure {
    let place = format!("{}: `{}`", case.line, escape::line(&case.name));
    match error {
        CaseError::Open(error) => project::failure(error),
        other => Failure::new(ExitCode::BadInput, anyhow::anyhow!("{place}: {other}")),
    }
}

fn to_json((case, ran): &(Case, Ran)) -> Value {
    json!({
        "name": case.name,
        "file": case.line.file,
        "line": case.line.line,
        "holds": ran.differences.is_empty(),
        "differences": ran.differences,
        "call": super::report::to_json(&ran.report),
    })
}

/// A line per case, and below it what is different.
pub(super) fn told(all: &[(Case, Ran)]) -> String {
    let mut lines = Vec::new();
    for (case, ran) in all {
        let name = escape::line(&case.name);
        if ran.differences.is_empty() {
            lines.push(format!("{}  {name}", paint(Tone::Good, "ok")));
            continue;
        }
        let line = paint(Tone::Faint, &escape::line(&case.line.to_string()));
        lines.push(format!("{}  {name}  {line}", paint(Tone::Bad, "FAILED")));
        let legend = "- expected, + what there is";
        ran.differences.iter().for_each(|each| lines.extend(difference(each, legend)));
        lines.extend(said(ran));
    }
    let failed = all.iter().filter(|(_, ran)| !ran.differences.is_empty()).count();
    let plural = if all.len() == 1 { "case" } else { "cases" };
    lines.push(match failed {
        0 => format!("{} {plural}: all hold", all.len()),
        _ => format!("{} {plural}: {failed} failed", all.len()),
    });
    lines.join("\n")
}

/// What was expected and what there is, as a diff where both are there. `legend` says what its signs mean.
pub(super) fn difference(difference: &Difference, legend: &str) -> Vec<String> {
    let mut lines = vec![format!("  {}", escape::line(&difference.of))];
    match (&difference.expected, &difference.actual) {
        (Some(expected), Some(actual)) => {
            let (expected, actual) = (format!("{expected}\n"), format!("{actual}\n"));
            let diff = similar::TextDiff::from_lines(&expected, &actual).unified_diff().context_radius(2).to_string();
            lines.push(format!("    {}", paint(Tone::Faint, legend)));
            super::effects::write_diff(&mut lines, &diff);
        }
        (Some(expected), None) => lines.push(format!("    expected, and not there: {}", escape::block(expected))),
        (None, Some(actual)) => lines.push(format!("    there, and not expected: {}", escape::block(actual))),
        (None, None) => {}
    }
    lines
}

/// What the tool said on the side, and what the host refused it: where a case fails, this mostly tells why.
fn said(ran: &Ran) -> Vec<String> {
    let log = ran.report.output.log.iter().take(20).map(|line| format!("  log: {}", escape::line(&line.message)));
    let stderr = ran.report.output.stderr.lines().take(20).map(|line| format!("  stderr: {}", escape::line(line)));
    log.chain(stderr).chain(super::report::refusals(&ran.report)).collect()
}
